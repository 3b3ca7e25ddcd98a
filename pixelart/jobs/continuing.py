"""Continuing a finished training: its pictures must be there again."""

from __future__ import annotations

from pathlib import Path

from pixelart.errors import Hint, RequestRejected
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.limits import Limits
from pixelart.training.runs import check_same_pictures


def restore_data(folder: JobFolder, data: Path | None, limits: Limits) -> bool:
    """Make sure that a done job has its pictures; returns whether they were copied from the .zip `data`.

    Raises:
        RequestRejected: they were deleted and there is no `data`, it has other pictures, or there is no room for it.
        OSError: the disk is full.
    """
    if folder.data.exists():
        return False
    if data is None:
        raise RequestRejected("its pictures were deleted when it was done", hint=Hint.SAME_PICTURES)
    check_same_pictures(folder.run, data)
    limits.check_disk(data.stat().st_size)
    folder.copy_data(data)
    return True
