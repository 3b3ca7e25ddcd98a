"""Checkpoints that are made of jobs: under which name, and how a better save takes the place of an older one."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart import storage
from pixelart.checkpoint.library import Library
from pixelart.checkpoint.weights import pack_weights
from pixelart.errors import RequestRejected
from pixelart.jobs import Job, Jobs, read_jobs
from pixelart.jobs.store import DATABASE, JobStore
from pixelart.storage import Files
from pixelart.training import runs as setup
from pixelart.training.export import export_run
from pixelart.training.snapshots import load_checkpoint
from tests.jobs.bystanders import LONG
from tests.jobs.saved import FIRST, SECOND, give_run, saved_job
from tests.jobs.waiting import ended

Open = Callable[..., Jobs]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the checkpoints lie."""
    return tmp_path / "checkpoints"


@pytest.fixture
def library(place: Path) -> Library:
    return Library(place, device=torch.device("cpu"), memory_bytes=2**30)


def weights_of(run: Path, step: int) -> bytes:
    return load_checkpoint(run / f"step-{step:08d}")["average.safetensors"]


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


# --- the same job again -------------------------------------------------------------------------------------------


def test_what_is_exported_already_is_chosen(
    open_jobs: Open, data: Path, tiny_run: Path, tmp_path: Path, place: Path
) -> None:
    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    assert jobs.export("ann", job.id) == "mine"
    before = {path.name: path.stat().st_mtime_ns for path in (place / "mine").iterdir()}
    assert jobs.export("ann", job.id) == "mine" and names(place) == ["mine"]
    assert before == {path.name: path.stat().st_mtime_ns for path in (place / "mine").iterdir()}
    assert read_jobs(tmp_path / "jobs")[0].exported == "mine"


def test_a_better_save_takes_the_place_of_the_export(
    open_jobs: Open, data: Path, tiny_run: Path, place: Path, library: Library
) -> None:
    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    jobs.export("ann", job.id)
    assert pack_weights(library.load("mine").model) == weights_of(tiny_run, FIRST)
    give_run(jobs, job, tiny_run)
    jobs.close()
    assert open_jobs().export("ann", job.id) == "mine" and names(place) == ["mine"]
    assert pack_weights(library.load("mine").model) == weights_of(tiny_run, SECOND)
    assert library.info("mine").training["trained_steps"] == SECOND
    assert names(place / "mine") == ["config.json", "model.safetensors", "training_images.txt", "training_log.csv"]


def test_whoever_reads_while_a_better_save_comes_has_one_of_the_two(
    open_jobs: Open, data: Path, tiny_run: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails at one moment after another; whatever was done till then can be drawn with."""
    jobs, moments = open_jobs(), list[int]()
    job = saved_job(jobs, data, tiny_run)
    jobs.export("ann", job.id)
    give_run(jobs, job, tiny_run)
    either = {weights_of(tiny_run, FIRST), weights_of(tiny_run, SECOND)}

    class Failing(Files):
        def _call(self) -> None:
            assert pack_weights(library.load("mine").model) in either
            assert [info.name for info in library.list()] == ["mine"]
            moments[-1] += 1
            if moments[-1] == len(moments):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def write(self, path: Path, data: bytes) -> None:
            super().write(path, data[: len(data) // 2])
            self._call()
            super().write(path, data)

        def rename(self, source: Path, target: Path) -> None:
            self._call()
            super().rename(source, target)
            self._call()

    monkeypatch.setattr(storage, "Files", Failing)
    for _ in range(20):
        moments.append(0)
        try:
            assert jobs.export("ann", job.id) == "mine"
        except OSError:
            assert pack_weights(library.load("mine").model) in either
        else:
            break
    assert len(moments) > 3 and pack_weights(library.load("mine").model) == weights_of(tiny_run, SECOND)
    assert not [path for path in library.folder.rglob("*.tmp")]


def test_a_checkpoint_that_another_put_in_its_place_is_left_alone(
    open_jobs: Open, data: Path, tiny_run: Path, place: Path
) -> None:
    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    jobs.export("ann", job.id)
    (place / "mine" / "training_images.txt").write_text("0123456789abcdef\n")
    before = (place / "mine" / "model.safetensors").stat().st_mtime_ns
    give_run(jobs, job, tiny_run)
    assert jobs.export("ann", job.id) == "mine-2" == jobs.export("ann", job.id)
    assert (place / "mine" / "model.safetensors").stat().st_mtime_ns == before


def test_a_checkpoint_that_is_gone_is_made_again(open_jobs: Open, data: Path, tiny_run: Path, place: Path) -> None:
    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    jobs.export("ann", job.id)
    shutil.rmtree(place / "mine")
    assert jobs.export("ann", job.id) == "mine" and names(place) == ["mine"]


def test_a_full_disk_at_an_export_is_told_and_the_next_one_has_the_name(
    open_jobs: Open, data: Path, tiny_run: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    with monkeypatch.context() as patch:
        patch.setattr(Files, "write", full)
        with pytest.raises(OSError, match="No space left"):
            jobs.export("ann", job.id)
    assert names(place) == []
    assert jobs.export("ann", job.id) == "mine" and names(place) == ["mine"]


# --- names --------------------------------------------------------------------------------------------------------


def test_a_name_belongs_to_the_job_that_was_given_it_first(open_jobs: Open, data: Path, place: Path) -> None:
    jobs = open_jobs()
    first = jobs.submit("ann", "mine", LONG, data)
    (place / "mine-2").mkdir(parents=True)
    with pytest.raises(RequestRejected, match="name mine: another model or training has it; mine-3 is free"):
        jobs.submit("bob", "mine", LONG, data)
    with pytest.raises(RequestRejected, match="name MINE: another model or training has it"):
        jobs.submit("bob", "MINE", LONG, data)
    jobs.stop("ann", first.id)
    ended(jobs, first)
    jobs.delete("ann", first.id)
    assert jobs.submit("bob", "mine", LONG, data).name == "mine"


def test_a_suggested_name_is_no_longer_than_a_name_may_be(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    jobs.submit("ann", "x" * 64, LONG, data)
    with pytest.raises(RequestRejected) as refused:
        jobs.submit("ann", "x" * 64, LONG, data)
    suggested = str(refused.value).rsplit("; ")[-1].removesuffix(" is free")
    assert suggested == "x" * 62 + "-2" and jobs.submit("ann", suggested, LONG, data)


def test_a_deleted_job_leaves_its_checkpoint_which_keeps_the_name(
    open_jobs: Open, data: Path, tiny_run: Path, library: Library
) -> None:
    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    jobs.export("ann", job.id)
    jobs.delete("ann", job.id)
    assert library.load("mine")
    with pytest.raises(RequestRejected, match="mine-2 is free"):
        jobs.submit("ann", "mine", LONG, data)


def _two_of_one_name(open_jobs: Open, data: Path, run: Path, tmp_path: Path) -> tuple[Jobs, list[Job]]:
    """As an older version took them in."""
    jobs = open_jobs()
    some = [saved_job(jobs, data, run), saved_job(jobs, data, run, owner="bob", name="other")]
    jobs.close()
    store = JobStore(tmp_path / "jobs" / DATABASE)
    store.change(some[1].id, was=["done"], name="mine")
    store.close()
    return open_jobs(), some


def test_of_two_jobs_of_one_name_the_second_export_gets_a_free_one(
    open_jobs: Open, data: Path, tiny_run: Path, tmp_path: Path, place: Path
) -> None:
    jobs, (first, second) = _two_of_one_name(open_jobs, data, tiny_run, tmp_path)
    assert jobs.export("bob", second.id) == "mine"
    assert [jobs.export("ann", first.id) for _ in range(2)] == ["mine-2"] * 2
    assert jobs.export("bob", second.id) == "mine" and names(place) == ["mine", "mine-2"]


def test_exports_at_one_instant_do_not_mix(
    open_jobs: Open, data: Path, tiny_run: Path, tmp_path: Path, library: Library
) -> None:
    jobs, (first, second) = _two_of_one_name(open_jobs, data, tiny_run, tmp_path)
    given, gate = list[str](), threading.Barrier(6)

    def export(job: Job) -> None:
        gate.wait()
        given.append(f"{job.owner} {jobs.export(job.owner, job.id)}")

    threads = [threading.Thread(target=export, args=(job,)) for job in (first, second) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(given)) in (["ann mine", "bob mine-2"], ["ann mine-2", "bob mine"]) and len(given) == 6
    assert [info.name for info in library.list()] == ["mine", "mine-2"] == names(library.folder)
    for name in ("mine", "mine-2"):
        assert pack_weights(library.load(name).model) == weights_of(tiny_run, FIRST)


# --- the same from a terminal, which holds no folder of jobs --------------------------------------------------------


def test_of_two_exports_under_one_name_one_is_refused_and_neither_is_a_mixture(
    tiny_run: Path, place: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, told = threading.Barrier(2), list[str]()

    class Slow(Files):
        """All have written everything before one renames it."""

        def rename(self, source: Path, target: Path) -> None:
            gate.wait(30)
            super().rename(source, target)

    def export() -> None:
        try:
            told.append(export_run(tiny_run, place / "mine").name)
        except RequestRejected as error:
            told.append(str(error))

    monkeypatch.setattr(setup, "Files", Slow)
    threads = [threading.Thread(target=export) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [f"{place / 'mine'}: exists already", "mine"]
    assert names(place) == ["mine"] and library.load("mine")


def test_what_killed_exports_left_is_swept_later_and_what_is_being_written_is_not(tiny_run: Path, place: Path) -> None:
    left, fresh, of_another = (place / name for name in (".mine.01234567.tmp", ".mine.89abcdef.tmp", ".our.mine.tmp"))
    for path in (left, fresh, of_another):
        path.mkdir(parents=True)
    os.utime(left, (1, 1))
    os.utime(of_another, (1, 1))
    export_run(tiny_run, place / "mine")
    assert names(place) == [".mine.89abcdef.tmp", ".our.mine.tmp", "mine"]


# --- what is told, and the archive ----------------------------------------------------------------------------------


def test_what_cannot_be_exported_does_not_say_where_it_lies(
    open_jobs: Open, data: Path, tiny_run: Path, tmp_path: Path
) -> None:
    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    run = jobs.folder("ann", job.id).run
    for damage, wanted in (
        (lambda: (run / "run.json").write_text("{"), r"run/run\.json: not readable"),
        (lambda: shutil.rmtree(run), f"job {job.id}: nothing is saved yet"),
    ):
        damage()
        for act in (jobs.export, jobs.archive):
            with pytest.raises(RequestRejected) as refused:
                act("ann", job.id)
            assert re.match(wanted, str(refused.value)) and str(tmp_path) not in str(refused.value)


def test_an_archive_holds_the_checkpoint(open_jobs: Open, data: Path, tiny_run: Path, place: Path) -> None:
    jobs = open_jobs()
    job = saved_job(jobs, data, tiny_run)
    with zipfile.ZipFile(io.BytesIO(jobs.archive("ann", job.id))) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    jobs.export("ann", job.id)
    assert packed == {f"mine/{path.name}": path.read_bytes() for path in (place / "mine").iterdir()}
