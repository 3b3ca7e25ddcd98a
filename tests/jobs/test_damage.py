"""Records that are damaged or held by another program, disks that are full, and who may read what lies there."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Jobs, read_jobs, server
from pixelart.jobs.store import DATABASE, JobStore
from pixelart.storage import Busy, exclusive
from pixelart.ui.train.progress import job_label, job_status
from tests.jobs.conftest import STUB, Open
from tests.jobs.running import running
from tests.jobs.survival import ONE_THREAD
from tests.jobs.waiting import ended
from tests.modes import readable_by_others

DAMAGES = {
    "options that are no JSON": ("options", "{"),
    "options that are a list": ("options", "[1]"),
    "an option that is a list": ("options", '{"steps": [1]}'),
    "deep options": ("options", "[" * 100_000),
    "a state of another version": ("state", "paused"),
    "the state of damage itself": ("state", "damaged"),
    "a state that is a number": ("state", 7),
    "a time that is a word": ("created", "soon"),
    "an end that is a word": ("ended", "never"),
    "a process that is a word": ("pid", "x"),
    "a name that is no text": ("name", b"\xff\xfe"),
    "a reason that is no text": ("reason", b"\xff"),
}


def damage(folder: Path, job_id: str, column: str, value: object) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        text = isinstance(value, bytes)
        database.execute(
            f"UPDATE jobs SET {column} = {'CAST(? AS TEXT)' if text else '?'} WHERE id = ?", [value, job_id]
        )


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_record_is_shown_as_such_and_can_be_deleted(
    open_jobs: Open, data: Path, tmp_path: Path, kind: str
) -> None:
    first = open_jobs()
    bad, good = (first.submit("ann", name, {"steps": 3}, data) for name in ("bad", "good"))
    ended(first, good)
    first.close()
    damage(tmp_path / "jobs", bad.id, *DAMAGES[kind])
    jobs = open_jobs()
    shown = jobs.get("ann", bad.id)
    assert shown.state == "damaged" and shown.reason.startswith("the record is damaged (")
    assert jobs.get("ann", good.id).state == "done" and {job.id for job in jobs.list("ann")} == {bad.id, good.id}
    assert job_label(shown).endswith(" (damaged)")
    assert "Damaged: the record is damaged" in job_status(shown, jobs.folder("ann", bad.id), ahead=0)
    assert {job.state for job in read_jobs(tmp_path / "jobs")} == {"damaged", "done"}
    with pytest.raises(RequestRejected, match="is damaged: there is nothing to resume"):
        jobs.resume("ann", bad.id)
    jobs.delete("ann", bad.id)
    assert [job.id for job in jobs.list("ann")] == [good.id] and not (tmp_path / "jobs" / bad.id).exists()
    ended(jobs, jobs.submit("ann", "next", {"steps": 3}, data))


# --- records that are held --------------------------------------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "AGAIN", 0.05)
    monkeypatch.setattr("pixelart.jobs.store.LOCK_TIMEOUT", 0.05)


def patient(folder: Path) -> Jobs:
    return Jobs(folder / "jobs", checkpoints=folder, settings=ONE_THREAD, program=STUB, patient=True)


def until_open(jobs: Jobs) -> None:
    for _ in range(400):
        if jobs.is_open:
            return
        time.sleep(0.05)
    raise AssertionError(jobs._server.why_not)


@pytest.mark.usefixtures("soon")
def test_locked_records_are_tried_again(data: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    with closing(JobStore(tmp_path / "jobs" / DATABASE)):
        pass
    with closing(sqlite3.connect(tmp_path / "jobs" / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="locked"):
            Jobs(tmp_path / "jobs", checkpoints=tmp_path, program=STUB)
        with patient(tmp_path) as jobs:
            told = r"^trainings are not ready: records of jobs: database is locked; trying again$"
            for act in (lambda: jobs.list("ann"), lambda: jobs.submit("ann", "mine", {"steps": 3}, data)):
                with pytest.raises(RequestRejected, match=told):
                    act()
            jobs.pause_for_drawing(True)
            jobs.pause_for_drawing(False)
            other.execute("ROLLBACK")
            until_open(jobs)
            assert ended(jobs, jobs.submit("ann", "mine", {"steps": 3}, data)).state == "done"


@pytest.mark.usefixtures("soon")
def test_a_folder_that_another_server_leaves_is_taken_then(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    with exclusive(tmp_path / "jobs"):
        with pytest.raises(Busy):
            Jobs(tmp_path / "jobs", checkpoints=tmp_path, program=STUB)
        jobs = patient(tmp_path)
        with pytest.raises(RequestRejected, match="another server runs the jobs of this folder") as told:
            jobs.list("ann")
        assert str(tmp_path) not in str(told.value)
    until_open(jobs)
    jobs.close()
    with pytest.raises(RequestRejected, match="the job queue is closed"):
        jobs.list("ann")


@pytest.mark.usefixtures("soon")
def test_one_that_waits_can_be_closed(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    with exclusive(tmp_path / "jobs"):
        jobs = patient(tmp_path)
        jobs.close()
    time.sleep(0.3)
    assert not jobs.is_open


# --- a full disk ------------------------------------------------------------------------------------------------------


def test_a_job_can_be_deleted_on_a_full_disk(
    open_jobs: Open, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = open_jobs()
    job = jobs.submit("ann", "mine", {"steps": 3}, data)
    ended(jobs, job)
    place, delete = tmp_path / "jobs", JobStore.delete

    def needs_room(self: JobStore, job_id: str) -> None:
        if any(path.is_file() for path in (place / f".{job_id}.deleted").rglob("*")):
            raise OSError(errno.ENOSPC, "records of jobs: database or disk is full")
        delete(self, job_id)

    monkeypatch.setattr(JobStore, "delete", needs_room)
    jobs.delete("ann", job.id)
    assert jobs.list("ann") == [] and not [path for path in place.iterdir() if path.is_dir()]


# --- modes ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.usefixtures("no_umask")
def test_nobody_else_may_read_what_is_trained(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir(mode=0o777)
    (tmp_path / "jobs" / DATABASE).touch(0o666)
    jobs = open_jobs()
    job = running(jobs, data)
    jobs.stop("ann", job.id)
    ended(jobs, job)
    found = {path.name for path in (tmp_path / "jobs").rglob("*")}
    assert found >= {DATABASE, f"{DATABASE}-wal", "lock", "data.zip", "job.log", "run"}
    assert readable_by_others(tmp_path / "jobs") == {}
