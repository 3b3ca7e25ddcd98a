"""The records of jobs: whole, durable, of this version, and what is told where they cannot be read or written."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Job, Jobs, read_jobs
from pixelart.jobs.store import DATABASE, JobStore
from tests.jobs.bystanders import LONG
from tests.jobs.running import running
from tests.jobs.waiting import ended

Open = Callable[..., Jobs]
FIRST_VERSION = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, options TEXT NOT NULL, created REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled')), reason TEXT NOT NULL,
    pid INTEGER, started REAL, ended REAL, turn INTEGER NOT NULL
);
INSERT INTO jobs
VALUES ('000000000000000a', 'ann', 'mine', '{"steps": 9}', 1.0, 'cancelled', 'stopped', 7, 2.0, 3.0, 1);
PRAGMA user_version = 1;
"""
SECOND_VERSION = f"""{FIRST_VERSION}
ALTER TABLE jobs ADD COLUMN exported TEXT NOT NULL DEFAULT '';
PRAGMA user_version = 2;
"""


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(84)], ids=["text", "zeros"])
def test_records_that_cannot_be_read_are_told_and_kept(open_jobs: Open, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "jobs" / DATABASE
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(RequestRejected, match=r"jobs\.db: the job records cannot be read"):
        open_jobs()
    assert path.read_bytes() == content


def test_records_of_a_newer_version_are_refused(open_jobs: Open, tmp_path: Path) -> None:
    open_jobs().close()
    database = sqlite3.connect(tmp_path / "jobs" / DATABASE)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(RequestRejected, match=r"records of version 9; this program reads 3"):
        open_jobs()


@pytest.mark.parametrize("version", [FIRST_VERSION, SECOND_VERSION], ids=["1", "2"])
def test_records_of_the_first_version_are_listed_and_brought_to_this_one(tmp_path: Path, version: str) -> None:
    path = tmp_path / DATABASE
    with closing(sqlite3.connect(path)) as database:
        database.executescript(version)
    old = Job("000000000000000a", "ann", "mine", {"steps": 9}, 1.0, "cancelled", "stopped", 7, 2.0, 3.0)
    assert read_jobs(tmp_path) == [old] and old.exported == old.place == ""
    for _ in range(2):
        with closing(JobStore(path)) as store:
            assert store.list("ann")[0].options == {"steps": 9}
            store.change(old.id, was=["cancelled"], exported="mine-2", place="a10g-small")
    assert (found := read_jobs(tmp_path)[0]).exported == "mine-2" and found.place == "a10g-small"


def test_a_record_is_durable_when_its_call_returns(tmp_path: Path) -> None:
    with closing(JobStore(tmp_path / "jobs.db")) as store:
        assert tuple(store._database.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL
        assert tuple(store._database.execute("PRAGMA journal_mode").fetchone()) == ("wal",)


# --- a disk that is full, locked, read-only; a program that ends ----------------------------------------------------


def test_a_full_disk_is_told_as_such_and_what_was_there_stays(tmp_path: Path) -> None:
    with closing(JobStore(tmp_path / DATABASE)) as store:
        job = Job("a" * 16, "ann", "mine", LONG, 1.0)
        store.add(job)
        (pages,) = store._database.execute("PRAGMA page_count").fetchone()
        store._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OSError, match="records of jobs: database or disk is full") as raised:
            store.add(Job("b" * 16, "ann", "other", LONG, 2.0, reason="x" * 100_000))
        assert raised.value.errno == errno.ENOSPC
        store._database.execute("PRAGMA max_page_count = 1000")
        assert store.change(job.id, was=["queued"], state="running") and read_jobs(tmp_path) == store.list("ann")


def test_what_cannot_be_committed_is_taken_back_and_holds_nothing_up(tmp_path: Path) -> None:
    class Full:
        """A database whose first COMMIT fails and leaves its transaction open, as SQLite does."""

        def __init__(self, database: sqlite3.Connection) -> None:
            self.database, self.failures = database, 1

        def execute(self, words: str, *values: Any) -> Any:
            if words == "COMMIT" and self.failures:
                self.failures -= 1
                raise sqlite3.OperationalError("database or disk is full")
            return self.database.execute(words, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.database, name)

    with closing(JobStore(tmp_path / DATABASE)) as store:
        store._database = Full(store._database)  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(OSError, match="disk is full"):
            store.add(Job("a" * 16, "ann", "mine", LONG, 1.0))
        assert read_jobs(tmp_path) == []
        store.add(Job("b" * 16, "ann", "other", LONG, 2.0))
        assert [job.name for job in read_jobs(tmp_path)] == ["other"]


@pytest.mark.parametrize(("fault", "number"), [("read-only", errno.EROFS), ("locked", errno.EBUSY)])
def test_a_change_that_cannot_be_recorded_is_of_the_disk_and_leaves_all_as_it_was(
    open_jobs: Open, data: Path, tmp_path: Path, fault: str, number: int
) -> None:
    jobs = open_jobs()
    job = running(jobs, data)
    jobs.stop("ann", job.id)
    ended(jobs, job)
    database, place = jobs._store._database, tmp_path / "jobs"
    folders = sorted(path.name for path in place.iterdir() if path.is_dir())
    with closing(sqlite3.connect(place / DATABASE, isolation_level=None)) as other:
        if fault == "locked":
            database.execute("PRAGMA busy_timeout = 0")
            other.execute("BEGIN IMMEDIATE")
        else:
            database.execute("PRAGMA query_only = ON")
        for act in (
            lambda: jobs.submit("ann", "other", LONG, data),
            lambda: jobs.resume("ann", job.id),
            lambda: jobs.delete("ann", job.id),
        ):
            with pytest.raises(OSError, match="records of jobs: ") as raised:
                act()
            assert raised.value.errno == number
        if fault == "locked":
            other.execute("ROLLBACK")
    database.execute("PRAGMA query_only = OFF")
    assert folders == sorted(path.name for path in place.iterdir() if path.is_dir())
    assert [(each.id, each.state) for each in jobs.list("ann")] == [(job.id, "cancelled")]
    jobs.resume("ann", job.id)
    jobs.stop("ann", job.id)


def test_records_that_are_damaged_meanwhile_are_told(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    with closing(JobStore(tmp_path / DATABASE)) as store:
        store.add(Job("a" * 16, "ann", "mine", LONG, 1.0))
    path = tmp_path / DATABASE
    whole = path.read_bytes()
    with closing(JobStore(path)) as store:
        path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
        store._database.execute("PRAGMA shrink_memory")
        with pytest.raises(RequestRejected, match=r"jobs\.db: the job records cannot be read"):
            store.list("ann")


def test_after_the_end_of_the_program_all_is_refused_plainly(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data)
    jobs.close()
    for act in (
        lambda: jobs.submit("ann", "other", LONG, data),
        lambda: jobs.list("ann"),
        lambda: jobs.stop("ann", job.id),
        lambda: jobs.delete("ann", job.id),
        jobs.wait_until_idle,
    ):
        with pytest.raises(RequestRejected, match="the job queue is closed"):
            act()
    assert [path.name for path in (tmp_path / "jobs").iterdir() if path.is_dir()] == [job.id]


def test_a_deletion_that_was_cut_short_is_ended_by_the_next_server(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data)
    jobs.close()
    (tmp_path / "jobs" / job.id).rename(tmp_path / "jobs" / f".{job.id}.deleted")
    assert open_jobs().list("ann") == [] and not [path for path in (tmp_path / "jobs").iterdir() if path.is_dir()]
