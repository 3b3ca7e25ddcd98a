"""Continuing a finished training: its pictures must be there again."""

from __future__ import annotations

from pathlib import Path

from pixelart.errors import Hint, RequestRejected
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.limits import Limits
from pixelart.training.runs import check_same_pictures


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
