"""Servers of jobs: one at a time, each of which takes up what the one before left; the child is a stub."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Jobs, read_jobs, runner
from pixelart.jobs.job import State
from pixelart.jobs.store import JobStore
from pixelart.storage import exclusive
from pixelart.ui.security.hosting import SERVER
from tests.jobs import stub
from tests.jobs.bystanders import LONG, leave_alone, record_of_a_dead_server
from tests.jobs.conftest import STUB
from tests.jobs.running import running, steps_of
from tests.jobs.waiting import ended, until
from tests.ui.serving import GRADIO_WARNINGS

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
    assert records[first.id].reason == "the server was stopped [RESUME]"
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


ENDED = {"done": "", "interrupted": "the machine was taken back"}
"""State -> the reason that a job ends with here."""


class Rented:
    """A trainer on a rented machine whose training has ended at once."""

    place = "gpu"

    def train(self, *_: object, **__: object) -> tuple[State, str]:
        return "interrupted", ENDED["interrupted"]


@pytest.mark.parametrize(("remote", "state"), [(None, "done"), (Rented(), "interrupted")])
def test_a_full_disk_does_not_lose_how_a_job_ended(
    open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch, remote: Rented | None, state: State
) -> None:
    jobs, faults = open_jobs(), list[str]()
    change = JobStore.change
    monkeypatch.setattr(runner, "_RETRY_SECONDS", 0.01)

    def full(store: JobStore, job_id: str, **values: Any) -> bool:
        if values.get("state") == state and len(faults) < 3:
            faults.append(job_id)
            raise OSError(errno.ENOSPC, "database or disk is full")
        return change(store, job_id, **values)

    monkeypatch.setattr(JobStore, "change", full)
    job = jobs.submit("ann", "mine", {"steps": 3}, data, remote=remote)
    end = ended(jobs, job)
    assert (end.state, end.reason) == (state, ENDED[state]) and faults == [job.id] * 3


def test_pictures_that_a_killed_server_did_not_remove_are_removed(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs(by_owner=True)
    job = jobs.submit("ann", "mine", {"steps": 3}, data)
    jobs.wait_until_idle()
    copy = jobs.folder("ann", job.id).data
    jobs.close()
    copy.touch()
    open_jobs(by_owner=True)
    assert not copy.exists()


# --- what fails beside a job: the next one runs all the same, and no child is left alone ------------------------------


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "Input/output error"), ZeroDivisionError("a fault of ours")])
def test_a_queue_outlives_what_fails_once(
    open_jobs: Open,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    claim, faults = JobStore.claim, [fault]
    monkeypatch.setattr(runner, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(JobStore, "claim", lambda store: _fail(faults.pop()) if faults else claim(store))
    jobs = open_jobs()
    assert ended(jobs, jobs.submit("ann", "mine", {"steps": 3}, data)).state == "done"
    assert str(fault) in caplog.text


def _fail(fault: Exception) -> Any:
    raise fault


def test_a_run_whose_lock_cannot_be_opened_does_not_end_the_queue(
    open_jobs: Open, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_of_a_dead_server(tmp_path / "jobs", os.getpid())
    monkeypatch.setattr(runner, "ORPHAN_PATIENCE", 0.2)
    monkeypatch.setattr(runner, "exclusive", lambda _: _fail(PermissionError(errno.EACCES, "Permission denied")))
    jobs = open_jobs()
    assert ended(jobs, jobs.submit("ann", "other", {"steps": 3}, data)).state == "done"


@pytest.mark.slow
def test_a_child_is_seen_to_its_end_while_the_records_cannot_be_used(
    open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, broken = open_jobs(max_process_minutes=1 / 60), [True]
    get, change = JobStore.get, JobStore.change

    def fails(*_: Any) -> bool:
        return broken[0] and threading.current_thread().name.startswith("jobs-") and bool(jobs._runner._children)

    full = OSError(errno.ENOSPC, "database or disk is full")
    monkeypatch.setattr(runner, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(JobStore, "get", lambda store, *given: _fail(full) if fails() else get(store, *given))
    monkeypatch.setattr(
        JobStore, "change", lambda store, *given, **values: _fail(full) if fails() else change(store, *given, **values)
    )
    job = jobs.submit("ann", "mine", LONG, data)
    until(lambda: steps_of(jobs, job) > 0)
    jobs.pause_for_drawing(True)  # which is seen to as well
    jobs.pause_for_drawing(False)
    before = steps_of(jobs, job)
    until(lambda: steps_of(jobs, job) > before + 3)
    end = ended(jobs, job)
    assert end.state == "interrupted" and "limit" in end.reason and end.pid


def test_a_stop_between_the_claim_and_the_child_is_heard(
    open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, claimed, make = open_jobs(), threading.Event(), runner.Child

    def late(*given: Any, **named: Any) -> Any:
        claimed.set()
        time.sleep(0.3)
        return make(*given, **named)

    monkeypatch.setattr(runner, "Child", late)
    job = jobs.submit("ann", "mine", LONG, data)
    assert claimed.wait(30)
    jobs.stop("ann", job.id)
    assert ended(jobs, job).state == "cancelled"


# --- T24: the end of a server ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_child_that_saves_since_long_has_as_long_as_any_when_the_server_ends(
    open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CLOSE_PATIENCE", 1.2)
    jobs = open_jobs()
    job = running(jobs, data, seed=stub.SLOW)
    jobs.stop("ann", job.id)
    time.sleep(stub.SAVE_SECONDS - 0.2)
    run = jobs.folder("ann", job.id).run
    jobs.close()
    end = read_jobs(jobs._path)[0]
    assert (run / "saved").exists() and (end.state, end.reason) == ("cancelled", "stopped")


def test_a_server_ends_in_time_whatever_its_child_does(
    open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runner.CLOSE_PATIENCE + runner.KILL_PATIENCE < 10
    monkeypatch.setattr(runner, "CLOSE_PATIENCE", 0.3)
    jobs = open_jobs()
    running(jobs, data, seed=stub.DEAF)
    began = time.monotonic()
    jobs.close()
    assert time.monotonic() - began < 2
    assert "it did not save in time" in read_jobs(jobs._path)[0].reason


@pytest.mark.filterwarnings(*GRADIO_WARNINGS)
def test_the_app_lets_trainings_be_saved_before_it_waits_for_pages(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app

    class WithStub(Jobs):
        def __init__(self, folder: Path, **given: Any) -> None:
            super().__init__(folder, **given, program=STUB)

    class Page:
        def __init__(self, _: Any, jobs: Jobs, **__: Any) -> None:
            running(jobs, data)

        def launch(self, *, prevent_thread_lock: bool = False, **_: Any) -> None:
            assert prevent_thread_lock  # or SIGTERM would be answered once all pages have left
            threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()

        def close(self, _: bool) -> None:
            left.wait(20)  # those who look at the page stay

    left = threading.Event()
    for name, value in {"Jobs": WithStub, "build": Page, "JOBS": tmp_path / "jobs", "CHECKPOINTS": tmp_path}.items():
        monkeypatch.setattr(app, name, value)
    before = signal.getsignal(signal.SIGTERM)
    try:
        app.interrupt_on_signals()
        with pytest.raises(KeyboardInterrupt), app.training(SERVER) as jobs:
            app.serve(SERVER, jobs)
    finally:
        left.set()
        signal.signal(signal.SIGTERM, before)
    end = read_jobs(tmp_path / "jobs")[0]
    assert (end.state, end.reason) == ("interrupted", "the server was stopped [RESUME]")


# --- T26: a number that is another's by now -------------------------------------------------------------------------


def test_a_process_whose_number_a_record_names_is_never_signalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_alone(tmp_path, monkeypatch, count=4)


def test_the_next_server_waits_for_a_child_that_still_saves(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    job = record_of_a_dead_server(tmp_path / "jobs", os.getpid(), state="stopping")
    with exclusive(tmp_path / "jobs" / job.id / "run"):
        jobs = open_jobs()
        other = jobs.submit("ann", "other", {"steps": 3}, data)
        time.sleep(0.3)
        assert jobs.get("ann", other.id).state == "queued"
    assert ended(jobs, other).state == "done"
