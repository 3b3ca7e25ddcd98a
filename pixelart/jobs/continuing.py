"""Continuing a training: what its record becomes, and the pictures of a finished one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pixelart.errors import Hint, RequestRejected
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.job import Job
from pixelart.jobs.limits import Limits
from pixelart.jobs.options import longer
from pixelart.training.runs import check_same_pictures


def resumed_values(job: Job, place: str, *, most: float) -> dict[str, Any]:
    """The new values of the record of a job that is resumed at `place`.

    A job that is done or was too short gets the same time again, at most `most` minutes."""
    values: dict[str, Any] = {"state": "queued", "reason": "", "ended": None}
    if place:
        values |= {"state": "running", "started": time.time(), "place": place}
    if job.is_short or job.state == "done":
        values["options"] = longer(job.options, most=most)
    return values


def check_data(folder: JobFolder, data: Path | None) -> None:
    """Check that a done job has its pictures, or that the .zip `data` has the same ones, which takes a while.

    Raises:
        RequestRejected: they were deleted and there is no `data`, or it has other pictures.
    """
    if folder.data.exists():
        return
    if data is None:
        raise RequestRejected("its pictures were deleted when it was done", hint=Hint.SAME_PICTURES)
    check_same_pictures(folder.run, data)


def restore_data(folder: JobFolder, data: Path | None, limits: Limits) -> bool:
    """Copy the pictures of a done job from the .zip `data`, see `check_data`; returns whether they were missing.

    Raises:
        RequestRejected: there is no room for them.
        OSError: the disk is full.
    """
    if data is None or folder.data.exists():
        return False
    limits.check_disk(data.stat().st_size)
    folder.copy_data(data)
    return True
