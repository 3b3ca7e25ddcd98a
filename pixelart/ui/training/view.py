"""What the tab Train shows, as HTML: a survey of pictures, how far a job is, its samples and its log."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from pixelart.errors import PixelArtError
from pixelart.images import encode_png
from pixelart.jobs import Job, JobFolder
from pixelart.near_copies import read_counted
from pixelart.settings import SETTINGS
from pixelart.training.dataset import ClassRow, Survey
from pixelart.training.endings import NO_MEMORY
from pixelart.ui.status import status_progress, status_text

NO_JOB = "Nothing is being trained. Drop pictures, look at the settings, and press Start."
SHOWN_SAMPLES = 8
SHOWN_PICTURES = 96
PICTURE_SIDE, SAMPLES_SIDE = 48, 320
"""Of a picture of a survey, and of a sheet of samples, as they are shown."""
POINTS = 200
"""Of a curve that are drawn; more are only slower."""
SMOOTHED = 20
"""A training curve is a mean over so large a part of it: batches differ more than learning moves."""
COLUMNS = ("step", "bits", "of")
TRAINING, HELD_OUT = "training", "held out"
_STATES = {
    "queued": "Waiting", "running": "Training", "stopping": "Saving, then it stops", "done": "Done",
    "cancelled": "Stopped", "interrupted": "Interrupted", "failed": "Failed",
}  # fmt: skip
_PAGE_WORDS = (
    ("--fit nearest resizes", '"Resize the others" resizes'),
    ("--frames all takes all", '"All frames" takes all'),
    ("take the true grid to reduce it", '"Undo enlargement" reduces it'),
    (NO_MEMORY, "not enough memory; a smaller batch size needs less"),
)
"""(what a message of the engine says for the command line, what the page has for it)."""


def survey_html(found: Survey) -> str:
    """The table of classes, what is wrong, and some of the good pictures."""
    head = "".join(f"<th>{name}</th>" for name in ("Class", "Pictures", "Sizes", "Colours"))
    rows = "".join(_class_row(row) for row in found.classes)
    problems = "".join(
        f'<li class="{"blocks" if each.blocks else "warns"}">{escape(in_page_words(str(each)))}</li>'
        for each in found.problems
    )
    told = f'<ul class="problems">{problems}</ul>' if problems else ""
    table = f'<div class="classes"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f'<div class="survey">{told}{table}{_some_html(found)}</div>'


def _some_html(found: Survey) -> str:
    """As many of each class as its share, each enlarged a whole number of times: no pixel is lost or blurred."""
    if not len(found.pictures):
        return ""
    most = min(SHOWN_PICTURES, max(1, SETTINGS.max_side**2 // (found.size[0] * found.size[1])))
    some = np.linspace(0, len(found.pictures) - 1, min(len(found.pictures), most)).round().astype(int)
    shown = "".join(
        _picture(encode_png(found.pictures.pictures[i]), alt=found.pictures.class_names[i], side=PICTURE_SIDE)
        for i in some
    )
    return f'<div class="sheet">{shown}</div>'


def _class_row(row: ClassRow) -> str:
    sizes = [f"{width}\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}{height}" for (width, height), _ in row.sizes.most_common(3)]
    more = f" and {len(row.sizes) - 3} more" if len(row.sizes) > 3 else ""
    cells = (row.name, str(row.pictures), ", ".join(sizes) + more, str(row.colours))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def plain(error: Exception) -> str:
    """One line of what went wrong: ours in words of the page, of the disk what the system says, without where."""
    if isinstance(error, PixelArtError):
        return in_page_words(str(error))
    return f"The disk: {getattr(error, 'strerror', None) or error}."


def in_page_words(text: str) -> str:
    """A message of the engine with what the page has for the options of the command line."""
    for said, here in _PAGE_WORDS:
        text = text.replace(said, here)
    return text


def job_label(job: Job) -> str:
    """Such as "knights (done)"."""
    return f"{job.name} ({_STATES[job.state].lower().split(',')[0]})"


def job_status(job: Job, folder: JobFolder, *, ahead: int) -> str:
    """One line: the state, how far it is, how long it may take, or why it ended."""
    state, progress = _STATES[job.state], folder.progress()
    if job.state == "queued":
        return status_text(f"{state}: {ahead} before it.")
    if job.state in ("running", "stopping"):
        if progress is None:
            return status_progress(f"{state}: reading the pictures", done=0, rows=0)
        return status_progress(
            " · ".join([state, *_told(progress.phase, progress.step, progress.steps, progress.bits)])
            + (f" · about {duration(progress.seconds_left)} left" if progress.seconds_left is not None else ""),
            done=round(1000 * progress.progress),
            rows=1000,
        )
    said = [f"{state}: {in_page_words(job.reason)}" if job.reason else state]
    if progress:
        said += [f"step {progress.step}", duration(progress.seconds)]
    bits = [row["validation_bits"] for row in folder.measures() if "validation_bits" in row]
    if bits:
        said.append(f"held out {bits[0]:.3f} at the first save, {min(bits):.3f} bits/dim at the best")
    if counted := read_counted(folder.run):
        said.append(f"near copies of your pictures: {counted.copies} of {counted.samples} samples")
    return status_text(" · ".join(said) + ".")


def _told(phase: str, step: int, steps: int, bits: float | None) -> list[str]:
    said = [f"step {step} of {steps}" if steps else f"step {step}"]
    if phase == "measuring":
        said.append("measuring and saving")
    elif bits is not None:
        said.append(f"{bits:.2f} bits/dim")
    return said


def duration(seconds: float) -> str:
    """Such as "40 s", "6 min" or "2 h 5 min"."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def loss_curve(folder: JobFolder) -> pd.DataFrame:
    """Rows of (step, bits per dimension, "training" or "held out"); the first of hidden pixels, smoothed."""
    curve = folder.curve()
    bits = pd.Series([bits for _, bits in curve], dtype=float).rolling(1 + len(curve) // SMOOTHED, min_periods=1).mean()
    shown = range(len(curve) - 1, -1, -(1 + len(curve) // POINTS))
    means = [(curve[i][0], bits[i], TRAINING) for i in reversed(shown)]
    measured = [
        (int(row["step"]), row["validation_bits"], HELD_OUT) for row in folder.measures() if "validation_bits" in row
    ]
    nothing = [(1, math.nan, HELD_OUT)]  # a line that is not there when a plot is first drawn is never drawn by it
    return pd.DataFrame([*means, *nothing, *measured], columns=list(COLUMNS))


def samples_html(folder: JobFolder) -> str:
    """The newest sheets of samples, the newest first, each under its step."""
    figures = [_sample(path) for path in reversed(folder.samples()[-SHOWN_SAMPLES:])]
    return f'<div class="samples">{"".join(figures)}</div>' if figures else ""


def _sample(path: Path) -> str:
    caption = f"step {int(path.stem.removeprefix('step-'))}"
    try:
        shown = _picture(path.read_bytes(), alt=f"Samples at {caption}", side=SAMPLES_SIDE)
    except (OSError, struct.error):  # gone meanwhile, or cut
        return ""
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def log_html(lines: Sequence[str]) -> str:
    """The last lines of a job's log."""
    return f'<pre class="log">{escape(chr(10).join(lines)) or "Nothing yet."}</pre>'


def _picture(png: bytes, *, alt: str, side: int) -> str:
    """Enlarged as many whole times as it stays within `side` pixels."""
    width, height = struct.unpack(">2I", png[16:24])  # which is where every PNG has them
    times = max(1, side // max(width, height))
    src = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{escape(alt)}" width="{width * times}" height="{height * times}" src="{src}">'
