"""HTML of the tab Train: the survey of pictures, the curve of a job and its log."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from pixelart.errors import Hint, PixelArtError, Words, untag_hint, with_hint
from pixelart.images.io import encode_png
from pixelart.jobs import JobFolder
from pixelart.settings import SETTINGS
from pixelart.training.data.report import ClassRow, Survey

NO_JOB = "Nothing is being trained. Drop pictures, check the settings, and press Start."
SHOWN_PICTURES = 96
PICTURE_SIDE = 48
"""Largest side of a picture in the survey, in screen pixels."""
POINTS = 200
"""Most points of a drawn curve; more would only be slower."""
SMOOTHED = 20
"""The training curve is a moving mean over 1/SMOOTHED of its points, because single batches vary a lot."""
CURVE_COLUMNS = ("step", "bits", "of")
TRAINING, HELD_OUT = "your pictures", "pictures kept aside"
"""Names of the training curve and the validation curve."""
PAGE_HINTS: Words = {
    Hint.RESIZE: '"Resize the others" resizes',
    Hint.ALL_FRAMES: '"All frames" uses all',
    Hint.TRUE_GRID: '"Undo enlargement" reduces it',
    Hint.LESS_MEMORY: "a smaller batch size needs less",
    Hint.RESUME: "Resume continues from the last save",
    Hint.FOLLOW: "Resume follows it again",
    Hint.FETCH: "Resume fetches what it has made",
    Hint.OTHER_NAME: "choose another name",
    Hint.SAME_PICTURES: "check the same pictures in step 1, then continue",
}


def survey_html(found: Survey) -> str:
    """HTML of the problems, the table of classes, and some of the good pictures."""
    head = "".join(f"<th>{name}</th>" for name in ("Class", "Pictures", "Sizes", "Colours"))
    rows = "".join(_class_row(row) for row in found.classes)
    problems = "".join(
        f'<li class="{"blocks" if each.blocks else "warns"}">{escape(each.line(PAGE_HINTS))}</li>'
        for each in found.problems
    )
    listed = f'<ul class="problems">{problems}</ul>' if problems else ""
    table = f'<div class="classes"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f'<div class="survey">{listed}{table}{_some_html(found)}</div>'


def _some_html(found: Survey) -> str:
    """HTML of evenly chosen pictures, each enlarged by a whole factor, so that no pixel is blurred."""
    if not len(found.pictures):
        return ""
    most = min(SHOWN_PICTURES, max(1, SETTINGS.max_side**2 // (found.size[0] * found.size[1])))
    some = np.linspace(0, len(found.pictures) - 1, min(len(found.pictures), most)).round().astype(int)
    shown = "".join(
        picture_html(encode_png(found.pictures.pictures[i]), alt=found.pictures.class_names[i], side=PICTURE_SIDE)
        for i in some
    )
    return f'<div class="sheet">{shown}</div>'


def _class_row(row: ClassRow) -> str:
    sizes = [f"{width}\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}{height}" for (width, height), _ in row.sizes.most_common(3)]
    more = f" and {len(row.sizes) - 3} more" if len(row.sizes) > 3 else ""
    cells = (row.name, str(row.pictures), ", ".join(sizes) + more, str(row.colours))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def plain(error: Exception, words: Words = PAGE_HINTS) -> str:
    """One line about an error: a PixelArtError with the hint in `words`, or an OSError without its path."""
    if isinstance(error, PixelArtError):
        return with_hint(str(error), error.hint, words)
    return f"The disk: {getattr(error, 'strerror', None) or error}."


def loss_curve(folder: JobFolder) -> pd.DataFrame:
    """Rows of (step, bits per dimension, TRAINING or HELD_OUT). TRAINING is of hidden pixels, smoothed."""
    curve = folder.curve()
    bits = pd.Series([bits for _, bits in curve], dtype=float).rolling(1 + len(curve) // SMOOTHED, min_periods=1).mean()
    shown = range(len(curve) - 1, -1, -(1 + len(curve) // POINTS))
    means = [(curve[i][0], bits[i], TRAINING) for i in reversed(shown)]
    measured = [
        (int(row["step"]), row["validation_bits"], HELD_OUT) for row in folder.measures() if "validation_bits" in row
    ]
    nothing = [(1, math.nan, HELD_OUT)]  # gradio never draws a line that the first data lacks
    return pd.DataFrame([*means, *nothing, *measured], columns=list(CURVE_COLUMNS))


def log_html(lines: Sequence[str]) -> str:
    """The last lines of a job's log."""
    text = "\n".join(untag_hint(line, PAGE_HINTS) for line in lines)
    return f'<pre class="log">{escape(text) or "Nothing yet."}</pre>'


def picture_html(png: bytes, *, alt: str, side: int) -> str:
    """An image, enlarged by the largest whole factor that fits in `side` pixels."""
    width, height = struct.unpack(">2I", png[16:24])  # every PNG has its size here
    times = max(1, side // max(width, height))
    src = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{escape(alt)}" width="{width * times}" height="{height * times}" src="{src}">'
