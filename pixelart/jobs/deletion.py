"""Delete a job: its folder and its record, so that an interruption at any moment leaves both or neither."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from pixelart.jobs.job import Job
from pixelart.jobs.server import DISK_FULL
from pixelart.jobs.store import JobStore
from pixelart.storage import Files


def delete_job(store: JobStore, job: Job, path: Path) -> Path:
    """Rename the folder `path` of a job and delete its record; returns the renamed folder, which the caller deletes.

    Raises:
        OSError: the record could not be deleted; the folder has its name again.
    """
    gone = path.with_name(f".{job.id}.deleted")
    with suppress(FileNotFoundError):
        path.rename(gone)  # from here on, the next server start would complete the deletion
    try:
        Files().sync_folder(path.parent)
        _forget(store, job, gone)
    except BaseException:
        with suppress(FileNotFoundError):
            gone.rename(path)
        raise
    return gone


def _forget(store: JobStore, job: Job, gone: Path) -> None:
    """Delete a record. If the disk is too full even for that, delete the job's files first."""
    try:
        store.delete(job.id)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        for path in list(gone.iterdir()) if gone.is_dir() else ():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        store.delete(job.id)
