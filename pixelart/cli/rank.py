"""`python -m pixelart classify`, `rank` and `outliers`: a folder of pictures, judged by the likelihood."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pixelart.cli.arguments import add_command, checkpoint_option, class_option
from pixelart.cli.common import Json, check_not_read, check_out_file, find, progress_bar, say
from pixelart.cli.folders import FoundPicture, find_pictures
from pixelart.engine import Engine
from pixelart.engine.outliers import Judged, judge_picture, with_surprise
from pixelart.storage import write_file


def classify(options: argparse.Namespace) -> list[Json]:
    """p(class | picture) of every picture, as CSV: name, most probable class, then a column for each class."""
    engine, name, found = _found(options)
    classes, rows = engine.info(name).classes, list[Json]()
    with progress_bar("judging") as show:
        for number, one in enumerate(found):
            chances = engine.inspect(name, one.picture).class_probabilities
            rows.append({"name": one.name, "class": next(iter(chances), ""), "probabilities": dict(chances)})
            show(number + 1, len(found))
    table = [[row["name"], row["class"], *(f"{row['probabilities'].get(c, 0):.6f}" for c in classes)] for row in rows]
    _tell(options, ["name", "class", *classes], table)
    return rows


def rank(options: argparse.Namespace) -> list[Json]:
    """The pictures by the bits of their visible pixels, per pixel, fewest first."""
    return _ordered(options, "bits_per_pixel", descending=False)


def outliers(options: argparse.Namespace) -> list[Json]:
    """The pictures by how unusual their bits are for their class, most unusual first."""
    return _ordered(options, "surprise", descending=True)


def _ordered(options: argparse.Namespace, key: str, *, descending: bool) -> list[Json]:
    engine, name, found = _found(options)
    judged = sorted(_judged(engine, name, found), key=lambda one: getattr(one, key), reverse=descending)
    fields = ["name", "class", "bits", "bits_per_pixel", "surprise"]
    rows = [[one.name, one.class_name or "", *(f"{value:.4f}" for value in one[2:])] for one in judged]
    _tell(options, fields, rows)
    return [dict(zip(fields, one, strict=True)) for one in judged]


def _judged(engine: Engine, name: str, found: Sequence[FoundPicture]) -> list[Judged]:
    """Every picture with its bits, and with its surprise among the others of its class."""
    judged = list[Judged]()
    with progress_bar("judging") as show:
        for number, one in enumerate(found):
            judged.append(judge_picture(engine, name, one.picture, one.name, one.class_name))
            show(number + 1, len(found))
    return with_surprise(judged)


def _found(options: argparse.Namespace) -> tuple[Engine, str, list[FoundPicture]]:
    if options.out:
        check_not_read(options, options.out)
        check_out_file(options.out)
    engine, name = find(options.checkpoints, options.checkpoint)
    info = engine.info(name)
    class_name = getattr(options, "class_name", None)
    found = find_pictures(options.path, classes=info.classes, class_name=class_name)
    for one in found:
        info.check_size(*one.picture.shape[:2], what=one.name)
    return engine, name, found


def _tell(options: argparse.Namespace, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print the table as CSV, or write it to --out."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows(rows)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_file(options.out, text.getvalue().encode())
        say(options, f"{options.out}: {len(rows)} pictures")
    else:
        say(options, text.getvalue().rstrip("\n"))


def add_commands(add: Any) -> None:
    """Add classify, rank and outliers."""
    for name, run in (("classify", classify), ("rank", rank), ("outliers", outliers)):
        command = add_command(add, name, run, f"sprites/ --checkpoint dungeon-gated --out {name}.csv")
        command.add_argument("path", type=Path, help="a picture, or a folder of pictures; sub-folder = class")
        checkpoint_option(command)
        if run is not classify:
            class_option(command)
        command.add_argument("--out", type=Path, help="write the table to this CSV file instead")
