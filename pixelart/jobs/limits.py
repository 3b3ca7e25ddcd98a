"""The limits of a server of jobs: places in the queue, kept trainings, and disk space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pixelart.checkpoint.ownership import OWNER_FILE
from pixelart.errors import RequestRejected
from pixelart.jobs.folder import folder_bytes
from pixelart.jobs.job import Job
from pixelart.settings import Settings


class Limits:
    """Checks the limits of one owner and of all owners together. Each check raises RequestRejected."""

    def __init__(self, settings: Settings, *, jobs: Path, incoming: Path, checkpoints: Path) -> None:
        """`jobs`: the folder of jobs; `incoming`, in it, does not count. `checkpoints`: where models are exported."""
        self._settings, self._jobs, self._incoming, self._checkpoints = settings, jobs, incoming, checkpoints

    def check_place(self, live: Sequence[Job], job: Job) -> None:
        """Check that there is a place for `job`. `live`: the running and queued jobs, all here or all on rented
        machines, as this one."""
        running, waiting = self._settings.max_running_jobs, self._settings.max_queued_jobs
        own, most = sum(each.owner == job.owner for each in live), self._settings.max_jobs_per_owner
        if job.place and len(live) >= self._settings.max_remote_jobs:
            raise RequestRejected(f"{len(live)} trainings on rented machines are the limit; try again later")
        if not job.place and len(live) >= running + waiting:
            raise RequestRejected(f"{running} running and {waiting} queued trainings are the limit; try again later")
        if own >= most:
            raise RequestRejected(f"you have {own} trainings running or queued, the limit is {most}; try again later")

    def check_kept(self, own: Sequence[Job]) -> None:
        """Check that an owner may have one more job than `own`."""
        kept, most = len(own), self._settings.max_kept_jobs
        if kept >= most:
            raise RequestRejected(f"you have {kept} trainings, the limit is {most}; delete one first")

    def check_disk(self, more: int) -> None:
        """Check the disk space of all jobs, with `more` bytes."""
        most, folders = self._settings.max_kept_bytes, [path for path in self._jobs.iterdir() if path != self._incoming]
        if more + sum(map(folder_bytes, folders)) > most:
            full = f"training storage is full ({most >> 20} MiB)"
            raise RequestRejected(f"{full}; delete one of yours, or try again later")

    def check_models(self) -> None:
        """Check the disk space of exported models: they outlive their trainings, and visitors cannot delete them."""
        most = self._settings.max_kept_bytes
        if sum(folder_bytes(path.parent) for path in self._checkpoints.glob(f"*/{OWNER_FILE}")) > most:
            full = f"storage for models of visitors is full ({most >> 20} MiB)"
            raise RequestRejected(f"{full}; download yours instead")
