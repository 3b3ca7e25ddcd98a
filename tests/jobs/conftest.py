"""Folders of jobs for tests, and servers that run them with a child of the test's choice."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixelart.jobs import Jobs, child
from pixelart.settings import SETTINGS
from tests.jobs import stub

STUB = (sys.executable, stub.__file__)
Open = Callable[..., Jobs]


@pytest.fixture(autouse=True)
def plain_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children are not put behind the other tests, beside which they would get hardly any time."""
    monkeypatch.setattr(child, "LOWEST", 0)


@pytest.fixture
def open_jobs(tmp_path: Path) -> Iterator[Open]:
    """open_jobs(program=..., max_queued_jobs=..., ...): a server of tmp_path/jobs, closed at the end of the test."""
    opened: list[Jobs] = []

    def open_(program: tuple[str, ...] = STUB, checkpoints: Path | None = None, **settings: Any) -> Jobs:
        checkpoints = checkpoints or tmp_path / "checkpoints"
        jobs = Jobs(tmp_path / "jobs", checkpoints=checkpoints, settings=replace(SETTINGS, **settings), program=program)
        opened.append(jobs)
        return jobs

    yield open_
    for jobs in opened:
        jobs.close()


@pytest.fixture
def data(tmp_path: Path, tiny_data: Path) -> Path:
    """A .zip of `tiny_data`."""
    return Path(shutil.make_archive(str(tmp_path / "pictures"), "zip", tiny_data))
