"""What is said of a training in one line, in words for artists: what it does, how fast, what it waits for, and whether
it gets better."""

from __future__ import annotations

from pixelart.jobs import Job, JobFolder
from pixelart.jobs.folder import JobProgress
from pixelart.training.near_copies import read_counted
from pixelart.ui.status import counted, status_progress, status_text
from pixelart.ui.train.report import in_page_words

STARVED = 0.5
"""Of one core: a training that gets less is held up by other programs, and says so."""
LONG_STEP = 10.0
"""Seconds after which it is said how long the present step takes."""
ENOUGH_POINTS = 20
"""Of a curve, below which its two ends say nothing yet."""
_STATES = {
    "queued": "Waiting", "running": "Training", "stopping": "Saving, then it stops", "done": "Done",
    "cancelled": "Stopped", "interrupted": "Interrupted", "failed": "Failed", "damaged": "Damaged",
}  # fmt: skip
SHORT = "Too short"


def job_label(job: Job) -> str:
    """Such as "knights (done)"."""
    state = SHORT if job.is_short else _STATES[job.state]
    return f"{job.name} ({state.lower().split(',')[0]})"


def job_status(job: Job, folder: JobFolder, *, ahead: int) -> str:
    """HTML: the state, how far it is, how fast, what it waits for, how long it may take, or why it ended."""
    state, progress = _STATES[job.state], folder.progress()
    if job.state == "queued":
        return status_text(f"{state}: {counted(ahead, 'training')} before it." if ahead else f"{state}: it is next.")
    if job.state in ("running", "stopping"):
        if progress is None or progress.written < (job.started or 0.0):  # of an earlier, interrupted process
            return status_progress(f"{state} · starting the program", done=0, rows=0)
        return _at_work(state, progress, folder)
    return status_text(" · ".join(_ended(job, progress, folder)) + ".")


def _at_work(state: str, progress: JobProgress, folder: JobFolder) -> str:
    if progress.phase == "reading":
        text = f"{state} · reading the pictures, {progress.done:,} of {progress.total:,}"
        return status_progress(text, done=progress.done, rows=progress.total)
    if progress.phase in ("starting", "preparing"):
        what = "starting the program" if progress.phase == "starting" else "preparing the network"
        return status_progress(" · ".join([state, what, *_held_up(progress)]), done=0, rows=0)
    said = [state, f"step {progress.step} of {progress.steps}" if progress.steps else f"step {progress.step}"]
    if progress.phase == "measuring":
        said.append("measuring and saving")
    said += [*_held_up(progress), *_speed(progress)]
    if fit := fit_told(folder):
        said.append(fit)
    if progress.seconds_left is not None:
        said.append(f"about {duration(progress.seconds_left)} left")
    return status_progress(" · ".join(said), done=round(1000 * progress.progress), rows=1000)


def _held_up(progress: JobProgress) -> list[str]:
    """What it waits for, if it does."""
    if progress.waits:
        return ["waits while a picture is drawn"]
    if progress.cpu is not None and progress.cpu < STARVED:
        return [f"other programs keep the processor busy: it gets {progress.cpu:.0%} of a core"]
    return []


def _speed(progress: JobProgress) -> list[str]:
    seconds = progress.step_seconds
    said = [] if seconds is None else [pace(seconds)]
    if progress.since > max(LONG_STEP, 2 * (seconds or 0)) and not progress.waits and progress.phase == "training":
        said.append(f"the present step since {duration(progress.since)}")
    return said


def pace(seconds: float) -> str:
    """Such as "12 steps a second", "5 steps a minute" or "3 min a step"."""
    if seconds <= 0.5:
        return f"{1 / max(seconds, 0.001):.0f} steps a second"
    return f"{60 / seconds:.0f} steps a minute" if seconds <= 30 else f"{duration(seconds)} a step"


def _ended(job: Job, progress: JobProgress | None, folder: JobFolder) -> list[str]:
    reason = in_page_words(job.reason)
    if job.is_short:
        said = [reason[0].upper() + reason[1:], "Go on trains as long again"]
    elif job.state == "cancelled" and (saved := folder.saved_step) is not None:
        said = [f"Stopped and saved at step {saved}"] + ([reason] if reason != "stopped" else [])
    else:
        said = [f"{_STATES[job.state]}: {reason}" if reason else _STATES[job.state]]
    if progress:
        if not job.is_short and job.state != "cancelled":
            said.append(f"step {progress.step}")
        said.append(duration(progress.seconds))
    if fit := fit_told(folder):
        said.append(fit)
    if near := read_counted(folder.run):
        said.append(f"near copies of your pictures: {near.copies} of {near.samples} samples")
    return said


def fit_told(folder: JobFolder) -> str:
    """How much less the network is surprised by pictures that were kept aside than at the first save, or, before there
    are two saves, by those that it learns from than in the beginning; nothing where that cannot be told yet."""
    measured = [row["validation_bits"] for row in folder.measures() if "validation_bits" in row]
    if len(measured) > 1:
        return _better(measured[0], min(measured))
    points = [bits for _, bits in folder.curve()]
    part = len(points) // 5
    return _better(sum(points[:part]), sum(points[-part:])) if len(points) >= ENOUGH_POINTS else ""


def _better(before: float, after: float) -> str:
    if before <= 0:
        return ""
    gained = round(100 * (before - after) / before)
    return (
        "Fit: as at the start"
        if gained == 0
        else (f"Fit: {'better' if gained > 0 else 'worse'} than at the start by {abs(gained)} %")
    )


def duration(seconds: float) -> str:
    """Such as "40 s", "6 min" or "2 h 5 min"."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
