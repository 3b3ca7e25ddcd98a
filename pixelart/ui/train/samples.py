"""HTML of a training's samples: first and last samples of each class, then all sheets."""

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
from pixelart.ui.train.report import picture_html

SHOWN_SAMPLES = 8
SAMPLES_SIDE, ROW_SIDE = 320, 280
"""Largest shown sides of a sheet, and of the row of a class."""
MAX_SHEET = (8 * SETTINGS.max_side) ** 2
"""Most pixels of a sample sheet."""


def samples_html(folder: JobFolder) -> str:
    """A table of the first and the last samples of each class; then the latest sheets, newest first, with their
    steps."""
    sheets = folder.samples()
    if not sheets:
        return ""
    figures = "".join(_sheet(path) for path in reversed(sheets[-SHOWN_SAMPLES:]))
    strip, table = f'<div class="samples">{figures}</div>', _before_and_after(folder, sheets)
    return f'{table}<details class="all-samples"><summary>All saves</summary>{strip}</details>' if table else strip


def _before_and_after(folder: JobFolder, sheets: list[Path]) -> str:
    """The table of first and last samples; "" if the run has no row names."""
    rows, chosen = read_rows(folder.run), [sheets[0], sheets[-1]] if len(sheets) > 1 else sheets
    if not rows:
        return ""
    try:
        cut = [_rows(path, len(rows)) for path in chosen]
    except (OSError, ImageRejected):  # gone meanwhile, or cut
        return ""
    names = ["Before", "After"][: len(chosen)]
    heads = "".join(f"<th>{name}<span>{_step(path)}</span></th>" for name, path in zip(names, chosen, strict=True))
    lines = ""
    for number, row in enumerate(rows):
        shown = [
            picture_html(encode_png(one[number]), alt=f"{row}, {name.lower()}, {_step(path)}", side=ROW_SIDE)
            for one, name, path in zip(cut, names, chosen, strict=True)
        ]
        lines += f'<tr><th scope="row">{escape(row)}</th>' + "".join(f"<td>{html}</td>" for html in shown) + "</tr>"
    return f'<table class="before-after"><thead><tr><th>Class</th>{heads}</tr></thead><tbody>{lines}</tbody></table>'


def _rows(path: Path, count: int) -> list[Picture]:
    """The rows of a sheet drawn at scale 2, with a line between rows."""
    sheet = decode_picture(path.read_bytes(), name=path.name, max_pixels=MAX_SHEET)[::2, ::2]
    height = (len(sheet) + 1) // count
    return [sheet[top : top + height - 1] for top in range(0, height * count, height)]


def _step(path: Path) -> str:
    return f"step {int(path.stem.removeprefix('step-'))}"


def _sheet(path: Path) -> str:
    caption = _step(path)
    try:
        shown = picture_html(path.read_bytes(), alt=f"Samples at {caption}", side=SAMPLES_SIDE)
    except (OSError, struct.error):  # gone meanwhile, or cut
        return ""
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"
