"""Jobs that have saved something that can be drawn with, without a training."""

from __future__ import annotations

import shutil
from pathlib import Path

from pixelart.jobs import Job, Jobs
from tests.jobs.waiting import ended

FIRST, SECOND = 40, 60
"""The steps of the saves of `tiny_run`."""


def saved_job(jobs: Jobs, data: Path, run: Path, *, owner: str = "ann", name: str = "mine") -> Job:
    """A job that has ended; its run is `run`, up to its FIRST save."""
    job = jobs.submit(owner, name, {"steps": 2}, data)
    ended(jobs, job)
    give_run(jobs, job, run)
    shutil.rmtree(jobs.folder(owner, job.id).run / f"step-{SECOND:08d}")
    return job


def give_run(jobs: Jobs, job: Job, run: Path) -> None:
    """All saves of `run` are the job's."""
    mine = jobs.folder(job.owner, job.id).run
    shutil.rmtree(mine)
    shutil.copytree(run, mine)
