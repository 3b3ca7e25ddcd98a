"""HTML of what a training has reached: verdict, samples beside those of its base, nearest pictures, all sheets."""

from __future__ import annotations

import struct
from html import escape
from pathlib import Path

from pixelart.errors import ImageRejected
from pixelart.images.codec import Picture
from pixelart.images.io import decode_picture, encode_png
from pixelart.jobs import JobFolder
from pixelart.settings import SETTINGS
from pixelart.training.sample_sheets import read_rows
from pixelart.ui.train.nearest import nearest_html
from pixelart.ui.train.report import picture_html
from pixelart.ui.train.verdict import verdict_html

SHOWN_SAMPLES = 8
SAMPLES_SIDE, ROW_SIDE = 320, 280
"""Largest shown sides of a sheet, and of the row of a class."""
MAX_SHEET = (8 * SETTINGS.max_side) ** 2
"""Most pixels of a sample sheet."""


def samples_html(folder: JobFolder) -> str:
    """What a training has reached: the verdict, the samples of the base and of this training by class from the same
    seeds, the training pictures nearest to samples, and the latest sheets with their steps."""
    sheets = folder.samples()
    strip = f'<div class="samples">{"".join(_sheet(path) for path in reversed(sheets[-SHOWN_SAMPLES:]))}</div>'
    table = _side_by_side(folder, sheets)
    saves = f'<details class="all-samples"><summary>All saves</summary>{strip}</details>' if table else strip
    return verdict_html(folder) + table + nearest_html(folder) + (saves if sheets else "")


def _side_by_side(folder: JobFolder, sheets: list[Path]) -> str:
    """The table of the base's samples (step 0) and those of the save that Use takes, or the last with samples; "" if
    the run has no row names."""
    rows = read_rows(folder.run)
    if not rows or not sheets:
        return ""
    base = [path for path in sheets if _number(path) == 0]
    trained = [path for path in sheets if path not in base]
    kept = folder.kept_step
    chosen = base + [next((path for path in trained if _number(path) == kept), path) for path in trained[-1:]]
    names = ["Base model"] * len(base) + ["This training"] * len(chosen[len(base) :])
    try:
        cut = [_rows(path, len(rows)) for path in chosen]
    except (OSError, ImageRejected):  # gone meanwhile, or cut
        return ""
    heads = "".join(
        f"<th>{name}<span>{_step(path) if path not in base else ''}</span></th>"
        for name, path in zip(names, chosen, strict=True)
    )
    lines = ""
    for number, row in enumerate(rows):
        shown = [
            picture_html(encode_png(one[number]), alt=f"{row}, {name}, {_step(path)}", side=ROW_SIDE)
            for one, name, path in zip(cut, names, chosen, strict=True)
        ]
        cells = "".join(f'<td data-of="{name}">{html}</td>' for name, html in zip(names, shown, strict=True))
        lines += f'<tr><th scope="row">{escape(row)}</th>{cells}</tr>'
    return f'<table class="before-after"><thead><tr><th>Class</th>{heads}</tr></thead><tbody>{lines}</tbody></table>'


def _rows(path: Path, count: int) -> list[Picture]:
    """The rows of a sheet drawn at scale 2, with a line between rows."""
    sheet = decode_picture(path.read_bytes(), name=path.name, max_pixels=MAX_SHEET)[::2, ::2]
    height = (len(sheet) + 1) // count
    return [sheet[top : top + height - 1] for top in range(0, height * count, height)]


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _step(path: Path) -> str:
    return f"step {_number(path)}"


def _sheet(path: Path) -> str:
    caption = _step(path)
    try:
        shown = picture_html(path.read_bytes(), alt=f"Samples at {caption}", side=SAMPLES_SIDE)
    except (OSError, struct.error):  # gone meanwhile, or cut
        return ""
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"
