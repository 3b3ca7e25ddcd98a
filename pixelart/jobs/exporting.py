"""Export the newest save of a job as a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pixelart.jobs.job import STATES, Job
from pixelart.jobs.limits import Limits
from pixelart.jobs.names import free_name, rivals
from pixelart.jobs.store import JobStore
from pixelart.training.export import export_again, export_run


def export_job(store: JobStore, job: Job, run: Path, checkpoints: Path, limits: Limits | Literal[False]) -> str:
    """Export the `run` of a job, or update its earlier export; returns the checkpoint's name. See `Jobs.export`.

    Call it for one job at a time. `limits`: if checkpoints have owners.

    Raises:
        RequestRejected: nothing is saved yet, or there is no room.
        OSError: the disk is full; the earlier export is unchanged.
    """
    if job.exported and export_again(run, checkpoints / job.exported):
        return job.exported
    name = free_name(job.claims, rivals(job, store.in_state(*STATES)), checkpoints=checkpoints)
    if limits:
        limits.check_models()
    store.change(job.id, was=STATES, exported=name)  # first, or a crash would export twice
    export_run(run, checkpoints / name, owner=job.owner if limits else "")
    return name
