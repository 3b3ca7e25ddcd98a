"""Jobs whose child is the stub, at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pixelart.jobs import Job, Jobs
from tests.jobs.bystanders import LONG
from tests.jobs.waiting import until


def steps_of(jobs: Jobs, job: Job) -> int:
    """How many steps the stub has taken."""
    saved = jobs.folder(job.owner, job.id).run / "steps"
    return int(saved.read_text() or 0) if saved.exists() else 0


def running(jobs: Jobs, data: Path, **options: Any) -> Job:
    """A job of "ann" that has taken a step."""
    job = jobs.submit("ann", "mine", {**LONG, **options}, data)
    until(lambda: steps_of(jobs, job) > 0)
    return job
