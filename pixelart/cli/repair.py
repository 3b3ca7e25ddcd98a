"""`python -m pixelart repair`: dust and single-pixel faults of a picture are found, shown, and drawn anew."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.cli.arguments import add_command, checkpoint_option, class_option
from pixelart.cli.common import Json, agrees, check_out_folder, class_weights, find, progress_bar, row_progress, say
from pixelart.engine import Fault
from pixelart.engine.faults import FAULT_BITS, MAX_FAULTS
from pixelart.images.codec import Picture, colour_word
from pixelart.images.io import encode_png, read_picture
from pixelart.storage import write_file

SCALE = 8
"""By how much the pictures before and after are enlarged where they are shown side by side."""
_MARK = np.array([255, 0, 255, 255], np.uint8)


def repair(options: argparse.Namespace) -> Json:
    """Find faults and, after a yes, write the picture without them, and both side by side."""
    check_out_folder(options.out)
    engine, name = find(options.checkpoints, options.checkpoint)
    picture, weights = read_picture(options.path), class_weights(options)
    request = engine.request(name, seed=options.seed, class_weights=weights)
    with progress_bar("looking") as show:
        faults = engine.faults(name, picture, count=options.count, class_weights=weights, on_progress=show)
    result: Json = {"checkpoint": name, "faults": [_described(fault) for fault in faults], "images": []}
    say(options, *_lines(faults))
    if not faults or not (options.yes or _agrees(options, len(faults))):
        return result
    mask = np.zeros(picture.shape[:2], np.bool_)
    mask[[fault.row for fault in faults], [fault.column for fault in faults]] = True
    with row_progress() as on_row:
        (drawn,) = engine.complete(request, options.path, mask, on_row=on_row)
    options.out.mkdir(parents=True, exist_ok=True)
    files = {
        options.out / f"{options.path.stem}-repaired.png": drawn.png(),
        options.out / f"{options.path.stem}-before-after.png": encode_png(side_by_side(picture, drawn.picture, mask)),
    }
    for path, data in files.items():
        write_file(path, data)
        say(options, str(path))
    return {**result, "images": [str(path) for path in files]}


def side_by_side(before: Picture, after: Picture, mask: NDArray[np.bool_]) -> Picture:
    """Both pictures (H, W, 4) enlarged, left and right, with a frame around each pixel of the mask."""
    half, gap = [], np.zeros((before.shape[0] * SCALE, SCALE, 4), np.uint8)
    for picture in (before, after):
        large = picture.repeat(SCALE, 0).repeat(SCALE, 1)
        for row, column in np.argwhere(mask).tolist():
            cell = large[row * SCALE : (row + 1) * SCALE, column * SCALE : (column + 1) * SCALE]
            cell[[0, -1]], cell[:, [0, -1]] = _MARK, _MARK
        half.append(large)
    return np.concatenate([half[0], gap, half[1]], axis=1)


def _agrees(options: argparse.Namespace, count: int) -> bool:
    """Whether the user says yes; no without a terminal and with --json."""
    if options.json or not sys.stdin.isatty():
        say(options, "nothing is changed; --yes draws them anew")
        return False
    return agrees(f"draw {count} {'pixel' if count == 1 else 'pixels'} anew?")


def _described(fault: Fault) -> Json:
    current, likely = fault.current, fault.likely
    return {
        "row": fault.row,
        "column": fault.column,
        "bits": fault.bits,
        "colour": colour_word(current.colour),
        "likely": colour_word(likely.colour),
        "probability": likely.probability,
    }


def _lines(faults: Sequence[Fault]) -> Iterator[str]:
    if not faults:
        yield "no faults found"
    for fault in faults:
        told = _described(fault)
        where = f"row {fault.row}, column {fault.column}: {told['colour']} takes {fault.bits:.1f} bits"
        yield f"{where}; most probable {told['likely']} ({fault.likely.probability:.0%})"


def add_commands(add: Any) -> None:
    """Add repair."""
    command = add_command(add, "repair", repair, "sprite.png --checkpoint studio --out repaired/")
    command.add_argument("path", type=Path, help="the picture")
    checkpoint_option(command)
    class_option(command)
    command.add_argument("--out", type=Path, required=True, help="folder for the results")
    least = f"those that take {FAULT_BITS:g} bits more than the most probable colour there"
    command.add_argument("--count", type=int, help=f"draw so many anew, at most {MAX_FAULTS} ({least})")
    command.add_argument("--seed", type=int, default=0, help="another seed draws them otherwise (0)")
    command.add_argument("--yes", action="store_true", help="do not ask")
