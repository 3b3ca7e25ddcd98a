"""What is refused, and what is left of it; the child is a stub that trains nothing."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import JOB_OPTIONS, Jobs, supervisor
from pixelart.jobs.store import DATABASE, JobStore
from tests.jobs.bystanders import LONG
from tests.jobs.running import running
from tests.jobs.waiting import ended

Open = Callable[..., Jobs]


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no length": ("mine", {}, "either how many steps or how many minutes"),
    "a name with a path": ("../x", LONG, "name '../x': use 1 to 64 letters"),
    "a name that is taken": ("taken", LONG, "name taken: there is a checkpoint of this name already"),
    "an option of no job": ("mine", {**LONG, "out": "/tmp"}, "option 'out': a job may say base, "),
    "an option of the machine": ("mine", {**LONG, "threads": 64}, "option 'threads': a job may say"),
    "a word for a number": ("mine", {"steps": "9"}, "steps '9': must be a whole number"),
    "a truth for a number": ("mine", {"steps": True}, "steps True: must be a whole number"),
    "outside its limits": ("mine", {**LONG, "flip": 2.0}, "flip 2.0: must lie in 0 to 0.9"),
    "a number for a truth": ("mine", {**LONG, "gradient_checkpointing": 1}, "must be a truth value"),
    "not a number": ("mine", {**LONG, "learning_rate": float("nan")}, "learning_rate nan: must lie in"),
    "too long": ("mine", {"minutes": 31}, "minutes 31: a job has at most 30"),
    "no such model": ("mine", {**LONG, "model": "vae"}, "vae"),
    "no such base": ("mine", {**LONG, "base": "gone"}, "base gone: no such checkpoint"),
    "a base with a path": ("mine", {**LONG, "base": "../taken"}, "name '../taken': use 1 to 64"),
}


@pytest.mark.parametrize(("name", "options", "message"), BAD.values(), ids=BAD)
def test_bad_jobs_are_refused_and_leave_nothing(
    open_jobs: Open, data: Path, tmp_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "checkpoints" / "taken").mkdir(parents=True)
    jobs = open_jobs()
    with pytest.raises(RequestRejected) as refused:
        jobs.submit("ann", name, options, data)
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert jobs.list("ann") == [] and not [p for p in (tmp_path / "jobs").iterdir() if p.is_dir()]


def test_a_value_that_looks_like_an_option_is_none(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data, preset="--out=/tmp", gradient_checkpointing=True)
    words = json.loads((jobs.folder("ann", job.id).run / "seen.json").read_text())["words"]
    assert "--preset=--out=/tmp" in words and "--out=/tmp" not in words and "--gradient-checkpointing" in words


def test_too_large_a_file_is_refused(open_jobs: Open, data: Path) -> None:
    with pytest.raises(RequestRejected, match=r"pictures\.zip: larger than 0 MiB"):
        open_jobs(max_archive_bytes=9).submit("ann", "mine", LONG, data)


@pytest.mark.parametrize("call", ["copyfile", "fsync", "rename"])
def test_a_full_disk_leaves_nothing_of_a_new_job(
    open_jobs: Open, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    jobs = open_jobs()
    with monkeypatch.context() as patch:
        place = {"copyfile": supervisor.shutil, "fsync": supervisor.os, "rename": Path}[call]
        patch.setattr(place, call, full)
        with pytest.raises(OSError, match="No space left"):
            jobs.submit("ann", "mine", LONG, data)
    assert jobs.list("ann") == [] and not [p for p in (tmp_path / "jobs").iterdir() if p.is_dir()]


def test_a_deleted_job_is_gone_and_a_running_one_is_not_deleted(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data)
    folder = jobs.folder("ann", job.id)
    with pytest.raises(RequestRejected, match="is running: stop it first"):
        jobs.delete("ann", job.id)
    jobs.stop("ann", job.id)
    ended(jobs, job)
    jobs.delete("ann", job.id)
    assert not folder.path.exists() and jobs.list("ann") == [] and folder.progress() is None


def test_what_was_cut_short_is_swept_and_what_was_trained_is_not(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    open_jobs().close()
    place = tmp_path / "jobs"
    half = [place / f".{'a' * 16}.new", place / f".{'b' * 16}.deleted", place / ("c" * 16)]
    kept = [place / ("d" * 16) / "run", place / "mine", place / ".mine.new"]
    for path in (*half, *kept):
        path.mkdir(parents=True)
    open_jobs()
    assert not any(path.exists() for path in half) and all(path.exists() for path in kept)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(84)], ids=["text", "zeros"])
def test_records_that_cannot_be_read_are_told_and_kept(open_jobs: Open, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "jobs" / DATABASE
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(RequestRejected, match=r"jobs\.db: no readable records of jobs"):
        open_jobs()
    assert path.read_bytes() == content


def test_records_of_another_version_are_refused(open_jobs: Open, tmp_path: Path) -> None:
    open_jobs().close()
    database = sqlite3.connect(tmp_path / "jobs" / DATABASE)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(RequestRejected, match=r"records of version 9; this program reads 1"):
        open_jobs()


def test_a_record_is_durable_when_its_call_returns(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.db")
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_job_may_say_all_that_is_of_the_training_and_nothing_of_the_machine() -> None:
    from pixelart.cli import parse

    ours = "command run json data out resume attended checkpoints threads compile fit tensorboard"
    assert {*JOB_OPTIONS, *ours.split()} == set(vars(parse(["train", "--data", "x", "--out", "y"])))
