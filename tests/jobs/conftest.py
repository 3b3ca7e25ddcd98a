"""Folders of jobs for tests, and servers that run them with a child of the test's choice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixelart.jobs import Jobs
from tests.jobs import stub
from tests.jobs.real_children import cutter as cutter
from tests.jobs.real_children import data as data
from tests.jobs.real_children import plain_priority as plain_priority
from tests.jobs.real_children import warm_program as warm_program
from tests.jobs.real_children import whole as whole
from tests.jobs.survival import ONE_THREAD

STUB = (sys.executable, stub.__file__)
Open = Callable[..., Jobs]


@pytest.fixture
def open_jobs(tmp_path: Path) -> Iterator[Open]:
    """open_jobs(program=..., max_queued_jobs=..., ...): a server of tmp_path/jobs, closed at the end of the test."""
    opened: list[Jobs] = []

    def open_(
        program: tuple[str, ...] = STUB, checkpoints: Path | None = None, by_owner: bool = False, **settings: Any
    ) -> Jobs:
        limits, checkpoints = replace(ONE_THREAD, **settings), checkpoints or tmp_path / "checkpoints"
        jobs = Jobs(tmp_path / "jobs", checkpoints=checkpoints, by_owner=by_owner, settings=limits, program=program)
        opened.append(jobs)
        return jobs

    yield open_
    for jobs in opened:
        jobs.close()
