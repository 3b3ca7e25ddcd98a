"""Processes whose numbers the records of a dead server happen to name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pixelart.jobs import Job, Jobs, State
from pixelart.jobs.outcome import SERVER_GONE
from pixelart.jobs.store import DATABASE, JobStore

LONG = {"steps": 100_000}
"""Of a job that goes on until it is stopped: eight minutes of the stub."""


def record_of_a_dead_server(folder: Path, pid: int, state: State = "running") -> Job:
    """A job at work, of a server that is gone."""
    folder.mkdir(exist_ok=True)
    job = Job(f"{pid:016x}", "ann", "mine", LONG, time.time(), state=state, pid=pid, started=1.0)
    store = JobStore(folder / DATABASE)
    store.add(job)
    store.close()
    (folder / job.id / "run").mkdir(parents=True)
    return job


def leave_alone(place: Path, monkeypatch: pytest.MonkeyPatch, *, count: int) -> None:
    """`count` records name a process that lives and is another's: it is not signalled, whatever is asked of the job."""
    signalled: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: signalled.append(pid))
    monkeypatch.setattr(os, "killpg", lambda pid, _: signalled.append(pid))
    sleeper = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
    others = [subprocess.Popen(sleeper, start_new_session=True) for _ in range(count)]
    try:
        for other in others:
            job = record_of_a_dead_server(place / "jobs", other.pid)
            with Jobs(place / "jobs", checkpoints=place) as jobs:
                end = jobs.get("ann", job.id)
                assert (end.state, end.reason, end.pid) == ("interrupted", SERVER_GONE, other.pid)
                jobs.stop("ann", job.id)
                jobs.delete("ann", job.id)
            shutil.rmtree(place / "jobs")
        assert [other.poll() for other in others] == [None] * count and signalled == []
    finally:
        monkeypatch.undo()
        for other in others:
            other.kill()
            other.wait()
