"""Servers of jobs: one at a time, each of which takes up what the one before left; the child is a stub."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Jobs, read_jobs, runner, supervisor
from pixelart.jobs.store import JobStore
from tests.jobs.bystanders import leave_alone, record_of_a_dead_server
from tests.jobs.running import running
from tests.jobs.waiting import ended

Open = Callable[..., Jobs]


def test_a_second_server_does_not_touch_the_folder_and_says_so(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data)
    with pytest.raises(RequestRejected, match="another server runs the jobs of this folder"):
        open_jobs()
    assert jobs.get("ann", job.id).state == "running"


def test_a_server_that_ends_interrupts_what_runs_and_the_next_takes_up_the_queue(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    first = running(jobs, data)
    second = jobs.submit("ann", "other", {"steps": 5}, data)
    began = time.monotonic()
    jobs.close()
    assert time.monotonic() - began < 5
    records = {job.id: job for job in read_jobs(jobs._path)}
    assert (records[first.id].state, records[second.id].state) == ("interrupted", "queued")
    assert records[first.id].reason == "the server was stopped; Resume goes on"
    again = open_jobs()
    assert ended(again, second).state == "done" and again.get("ann", first.id).state == "interrupted"


def test_what_pages_were_given_is_gone_when_a_server_ends_and_when_one_begins(open_jobs: Open, tmp_path: Path) -> None:
    for cut in (False, True):
        jobs = open_jobs()
        (jobs.incoming / "visitor").mkdir(parents=True)
        jobs.close()
        assert not jobs.incoming.exists()
        if cut:  # as a server leaves it that was killed
            (jobs.incoming / "visitor").mkdir(parents=True)
    assert not open_jobs().incoming.exists() and (tmp_path / "jobs").is_dir()


def test_a_full_disk_does_not_lose_how_a_job_ended(
    open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, faults = open_jobs(), list[str]()
    change = JobStore.change
    monkeypatch.setattr(runner, "_AGAIN", 0.01)

    def full(store: JobStore, job_id: str, **values: Any) -> bool:
        if values.get("state") == "done" and len(faults) < 3:
            faults.append(job_id)
            raise sqlite3.OperationalError("database or disk is full")
        return change(store, job_id, **values)

    monkeypatch.setattr(JobStore, "change", full)
    job = jobs.submit("ann", "mine", {"steps": 3}, data)
    assert ended(jobs, job).state == "done" and faults == [job.id] * 3


# --- T26: a number that is another's by now -------------------------------------------------------------------------


def test_a_process_whose_number_a_record_names_is_never_signalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_alone(tmp_path, monkeypatch, count=10)


def test_the_next_server_waits_for_a_child_that_still_saves(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    job = record_of_a_dead_server(tmp_path / "jobs", os.getpid(), state="stopping")
    with supervisor.exclusive(tmp_path / "jobs" / job.id / "run"):
        jobs = open_jobs()
        other = jobs.submit("ann", "other", {"steps": 3}, data)
        time.sleep(0.3)
        assert jobs.get("ann", other.id).state == "queued"
    assert ended(jobs, other).state == "done"
