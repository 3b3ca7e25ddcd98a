"""The status line of a training, in words for artists: its phase, speed, time left, and whether it improves."""

from __future__ import annotations

from pixelart.errors import untag_hint
from pixelart.jobs import Job, JobFolder
from pixelart.jobs.folder import JobProgress
from pixelart.progress import duration
from pixelart.training.near_copies import read_counted
from pixelart.ui.status import counted, status_progress, status_text
from pixelart.ui.train.report import PAGE_HINTS

STARVED = 0.5
"""Share of a core below which the status reports that other programs slow the training down."""
LONG_STEP = 10.0
"""Seconds after which the status tells how long the current step has taken."""
ENOUGH_POINTS = 20
"""Fewest points of a curve to compare its start and end."""
_STATES = {
    "queued": "Waiting", "running": "Training", "stopping": "Saving and stopping", "done": "Done",
    "cancelled": "Stopped", "interrupted": "Interrupted", "failed": "Failed", "damaged": "Damaged",
}  # fmt: skip
SHORT = "Too short"


def job_label(job: Job) -> str:
    """The label of a job, such as "knights (done)"."""
    state = SHORT if job.is_short else _STATES[job.state]
    return f"{job.name} ({state.lower().split(',')[0]})"


def job_status(job: Job, folder: JobFolder, *, ahead: int) -> str:
    """HTML: the state, progress, speed, what it waits for, the time left, or why it ended."""
    state, progress = _STATES[job.state], folder.progress()
    if job.state == "queued":
        return status_text(f"{state}: {counted(ahead, 'training')} before it." if ahead else f"{state}: it is next.")
    if job.state in ("running", "stopping"):
        if job.place:
            state = f"{state} on {job.place}"
        if progress is None or progress.written < (job.started or 0.0):  # progress from before an interruption
            if job.place:
                return status_progress(f"{state} · uploading, and starting the machine; see the log", done=0, rows=0)
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
    parts = [state, f"step {progress.step} of {progress.steps}" if progress.steps else f"step {progress.step}"]
    if progress.phase == "measuring":
        parts.append("validating and saving")
    parts += [*_held_up(progress), *_speed(progress)]
    if fit := fit_text(folder):
        parts.append(fit)
    if progress.seconds_left is not None:
        parts.append(f"about {duration(progress.seconds_left)} left")
    return status_progress(" · ".join(parts), done=round(1000 * progress.progress), rows=1000)


def _held_up(progress: JobProgress) -> list[str]:
    """Why the training is slow or paused, if it is."""
    if progress.waits:
        return ["paused while a picture is drawn"]
    if progress.cpu is not None and progress.cpu < STARVED:
        return [f"other programs keep the processor busy: it gets {progress.cpu:.0%} of a core"]
    return []


def _speed(progress: JobProgress) -> list[str]:
    seconds = progress.step_seconds
    parts = [] if seconds is None else [pace(seconds)]
    if progress.since > max(LONG_STEP, 2 * (seconds or 0)) and not progress.waits and progress.phase == "training":
        parts.append(f"the current step has taken {duration(progress.since)}")
    return parts


def pace(seconds: float) -> str:
    """A speed, such as "12 steps a second", "5 steps a minute" or "3 min a step"."""
    if seconds <= 0.5:
        return f"{1 / max(seconds, 0.001):.0f} steps a second"
    return f"{60 / seconds:.0f} steps a minute" if seconds <= 30 else f"{duration(seconds)} a step"


def _ended(job: Job, progress: JobProgress | None, folder: JobFolder) -> list[str]:
    reason = untag_hint(job.reason, PAGE_HINTS)
    if job.is_short:
        parts = [reason[0].upper() + reason[1:], "Train longer continues for the same time again"]
    elif job.state == "cancelled" and (saved := folder.saved_step) is not None:
        parts = [f"Stopped and saved at step {saved}"] + ([reason] if reason != "stopped" else [])
    else:
        parts = [f"{_STATES[job.state]}: {reason}" if reason else _STATES[job.state]]
    if progress:
        if not job.is_short and job.state != "cancelled":
            parts.append(f"step {progress.step}")
        parts.append(duration(progress.seconds))
    if fit := fit_text(folder):
        parts.append(fit)
    if near := read_counted(folder.run):
        parts.append(f"near copies of your pictures: {near.copies} of {near.samples} samples")
    return parts


def fit_text(folder: JobFolder) -> str:
    """How much the validation loss fell since the first save; or, before the second save, the training loss since the
    start. "" if it is too early to tell."""
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
        "Fit: unchanged since the start"
        if gained == 0
        else (f"Fit: {abs(gained)} % {'better' if gained > 0 else 'worse'} than at the start")
    )
