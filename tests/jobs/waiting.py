"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pixelart.jobs import ENDED, Job, Jobs

PATIENCE = 60.0
"""Seconds after which a test gives up, so that a fault ends it."""


def until(event: Callable[[], Any], *, patience: float = PATIENCE) -> Any:
    """The first answer of `event` that is true."""
    end = time.monotonic() + patience
    while not (answer := event()):
        assert time.monotonic() < end, "it does not come to pass"
        time.sleep(0.005)
    return answer


def ended(jobs: Jobs, job: Job) -> Job:
    """The job once it has ended."""
    until(lambda: jobs.get(job.owner, job.id).state in ENDED)
    return jobs.get(job.owner, job.id)
