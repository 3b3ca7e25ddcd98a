"""`python -m pixelart check`: survey a set of pictures before training on it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixelart.cli.arguments import add_command, fit_options, sides
from pixelart.cli.common import Json, check_not_read, check_out_file, progress_bar, say
from pixelart.cli.words import CLI_HINTS
from pixelart.errors import RequestRejected, with_hint
from pixelart.hub import fetch_dataset, local_token
from pixelart.images.io import encode_rgba_png
from pixelart.images.sprite_sheets import Slicing
from pixelart.storage import write_file
from pixelart.training.config import OPTIONS
from pixelart.training.data.report import Survey, prepare
from pixelart.training.data.survey import Options, survey

MAX_PLACES = 100


def check(options: argparse.Namespace) -> Json:
    """Report classes and problems of a folder, a .zip or a Hub dataset; write its good pictures to --out."""
    for name, path in (("out", options.out), ("sheet", options.sheet)):
        if path:
            check_not_read(options, path, option=name)
            check_out_file(path, option=name)
    if not options.tile and (options.margin or options.spacing):
        raise RequestRejected("margin and spacing need --tile")
    wanted = Options(
        to_true_grid=options.true_grid,
        slicing=Slicing(*options.tile, margin=options.margin, spacing=options.spacing) if options.tile else None,
        size=options.size,
        fit=options.fit,
        keep_copies=options.keep_copies,
        frames=options.frames,
        with_looks=options.looks,
        with_kinds=options.kinds,
    )
    wanted.check()
    with _source(options) as source, progress_bar("reading") as show:
        found = survey(source, wanted, on_progress=show)
    say(options, *_lines(found))
    if options.sheet:
        options.sheet.parent.mkdir(parents=True, exist_ok=True)
        write_file(options.sheet, encode_rgba_png(found.contact_sheet()))
        say(options, f"wrote {options.sheet}")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        say(options, f"wrote {prepare(found, options.out)}")
    return _json(found)


@contextmanager
def _source(options: argparse.Namespace) -> Iterator[Path]:
    if options.data:
        yield options.data
        return
    with tempfile.TemporaryDirectory() as folder:
        with progress_bar("fetching") as show:
            fetched = fetch_dataset(options.hub, Path(folder) / "dataset", token=local_token(), on_progress=show)
        yield fetched


def _lines(found: Survey) -> Iterator[str]:
    for row in found.classes:
        sizes = ", ".join(f"{width} x {height} ({count})" for (width, height), count in row.sizes.most_common())
        yield f"class {row.name}  {row.pictures} good  sizes: {sizes}  {row.colours} colours"
    for problem in found.problems:
        yield f"{'needed' if problem.blocks else 'note'}: {problem.line(CLI_HINTS)}"
    height, width = found.size
    state = "ready to train on" if found.ready else "not ready to train on"
    yield f"good pictures: {len(found.pictures)} of {width} x {height} pixels, {found.colours} colours; {state}"


def _json(found: Survey) -> Json:
    """The survey as JSON, with at most MAX_PLACES places per problem."""
    return {
        "ready": found.ready,
        "images": len(found.pictures),
        "size": list(reversed(found.size)),
        "colours": found.colours,
        "fingerprint": found.pictures.fingerprint(),
        "classes": [
            {
                "name": row.name,
                "images": row.pictures,
                "colours": row.colours,
                "sizes": [{"size": list(size), "images": count} for size, count in row.sizes.most_common()],
            }
            for row in found.classes
        ],
        "problems": [
            {
                "what": with_hint(problem.what, problem.hint, CLI_HINTS),
                "count": len(problem.places),
                "places": problem.places[:MAX_PLACES],
                "blocks": problem.blocks,
            }
            for problem in found.problems
        ],
    }


def add_commands(add: Any) -> None:
    """Add check."""
    example = "--data sheets.zip --true-grid --tile 16 --spacing 1 --out prepared.zip"
    command = add_command(add, "check", check, example)
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="a folder or .zip; sub-folder = class")
    source.add_argument("--hub", metavar="USER/NAME", help="or a dataset of image files on the Hugging Face Hub")
    command.add_argument("--true-grid", action="store_true", help="undo exact enlargement (2 x 2, 3 x 3 ... pixels)")
    command.add_argument("--tile", type=sides, metavar="SIZE", help="cut sprite sheets into tiles: 16, or 16x24")
    command.add_argument("--margin", type=int, default=0, help="pixels left of and above the first tile (0)")
    command.add_argument("--spacing", type=int, default=0, help="pixels between tiles (0)")
    command.add_argument("--size", type=sides, metavar="SIZE", help="32, or width x height: 32x48 (the most frequent)")
    fit_options(command, fits=("refuse", "nearest"))
    for name in ("looks", "kinds"):
        command.add_argument(f"--{name}", action="store_true", help=OPTIONS[name].text)
    command.add_argument("--keep-copies", action="store_true", help="keep duplicates")
    command.add_argument("--out", type=Path, help="write the good pictures to this .zip, to train on")
    command.add_argument("--sheet", type=Path, help="write a contact sheet to this PNG")
