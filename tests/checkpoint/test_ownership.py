"""A checkpoint that a visitor made is there for that visitor alone, where others reach the program."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.checkpoint.ownership import OWNER_FILE, current_owner, may_see, owner_digest, request_owner
from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected
from pixelart.hub.publish import preview_card, push_checkpoint
from pixelart.jobs import Jobs
from pixelart.jobs import process as child
from pixelart.settings import SETTINGS
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import survey
from pixelart.training.export import export_run
from tests.jobs.conftest import STUB
from tests.jobs.saved import give_run, saved_job
from tests.modes import readable_by_others

ANN, BOB = "a" * 32, "b" * 32
PICTURE = np.zeros((8, 8, 4), np.uint8)


@pytest.fixture
def engine(own_checkpoints: Path, tiny_run: Path) -> Engine:
    """A server's, with "tiny", which is everybody's, and Ann's "mine"."""
    export_run(tiny_run, own_checkpoints / "mine", owner=ANN)
    return Engine(own_checkpoints, device=torch.device("cpu"), by_owner=True)


@pytest.mark.slow
def test_models_of_visitors_take_up_a_bounded_part_of_the_disk(
    own_checkpoints: Path, tiny_run: Path, tiny_data: Path, tmp_path: Path
) -> None:
    pictures = prepare(survey(tiny_data), tmp_path / "pictures.zip")
    size = sum(path.stat().st_size for path in tiny_run.rglob("*") if path.is_file())
    settings = replace(SETTINGS, max_kept_bytes=4 * size)
    with Jobs(tmp_path / "jobs", checkpoints=own_checkpoints, by_owner=True, settings=settings, program=STUB) as jobs:
        (own_checkpoints / "tiny" / "training_log.csv").write_bytes(bytes(5 * size))  # one of the program's own
        job = saved_job(jobs, pictures, tiny_run, owner=ANN)
        name = jobs.export(ANN, job.id)
        (own_checkpoints / name / "training_log.csv").write_bytes(bytes(5 * size))
        jobs.delete(ANN, job.id)
        other = saved_job(jobs, pictures, tiny_run, owner=BOB, name="bobs")  # a training needs no model
        with pytest.raises(RequestRejected, match=r"models of visitors is full .*; download yours"):
            jobs.export(BOB, other.id)
        assert not (own_checkpoints / "bobs").exists() and jobs.archive(BOB, other.id)


def names(engine: Engine) -> list[str]:
    return [info.name for info in engine.list_checkpoints()]


WAYS: dict[str, Callable[[Engine], Any]] = {
    "inform": lambda e: e.info("mine"),
    "load": lambda e: e.library.load("mine"),
    "path": lambda e: e.library.path("mine"),
    "seen": lambda e: e.library.seen_in_training("mine"),
    "generate": lambda e: e.generate(Request("mine")),
    "complete": lambda e: e.complete(Request("mine"), PICTURE, np.eye(8, dtype=np.bool_)),
    "enlarge": lambda e: e.enlarge(Request("mine"), PICTURE),
    "mend": lambda e: e.mend_seam(Request("mine", seamless="x"), PICTURE),
    "snap": lambda e: e.snap("mine", PICTURE),
    "judge": lambda e: e.log_likelihood("mine", PICTURE),
    "inspect": lambda e: e.inspect("mine", PICTURE),
    "colours": lambda e: e.colours_at("mine", PICTURE, row=0, column=0),
    "warm": lambda e: e.warm_up("mine"),
    "card": lambda e: preview_card(e, "mine", "bob/mine", licence="cc0-1.0"),
    "push": lambda e: push_checkpoint(e, "mine", "bob/mine", licence="cc0-1.0", token="hf_bobs"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("asker", [BOB, "", None, ANN[:-1], hashlib.sha256(ANN.encode()).hexdigest()])
def test_another_does_not_find_it_also_when_it_is_loaded(engine: Engine, way: str, asker: str | None) -> None:
    with request_owner(ANN):
        engine.library.load("mine")
    if asker is None:  # nobody told who asks
        with pytest.raises(RequestRejected, match=r"'mine' not found; checkpoints/ holds: tiny$"):
            WAYS[way](engine)
        return
    with request_owner(asker), pytest.raises(RequestRejected, match=r"'mine' not found; checkpoints/ holds: tiny$"):
        WAYS[way](engine)


def test_its_owner_draws_with_it_and_it_is_listed_for_its_owner_alone(engine: Engine) -> None:
    with request_owner(ANN):
        assert names(engine) == ["mine", "tiny"] and len(engine.generate(Request("mine"))) == 1
    for asker in (BOB, ""):
        with request_owner(asker):
            assert names(engine) == ["tiny"] and engine.info("tiny")
    assert names(engine) == ["tiny"]


def test_on_a_desktop_everything_is_everybodys(engine: Engine) -> None:
    desktop = Engine(engine.library.folder)
    assert names(desktop) == ["mine", "tiny"] and desktop.info("mine")


def test_the_record_holds_nothing_that_could_be_asked_with(engine: Engine) -> None:
    record = (engine.library.folder / "mine" / OWNER_FILE).read_text()
    assert record == hashlib.sha256(ANN.encode()).hexdigest() and ANN not in record
    assert not may_see(engine.library.folder / "mine", record)


@pytest.mark.parametrize("record", [b"", b"\0", owner_digest(BOB), owner_digest(ANN)[:-1], owner_digest(ANN) + b"\n"])
def test_a_damaged_record_is_nobodys(engine: Engine, record: bytes) -> None:
    (engine.library.folder / "mine" / OWNER_FILE).write_bytes(record)
    assert not may_see(engine.library.folder / "mine", ANN) and not may_see(engine.library.folder / "mine", "")


def test_a_record_that_cannot_be_read_is_nobodys(engine: Engine) -> None:
    path = engine.library.folder / "mine" / OWNER_FILE
    path.unlink()
    path.mkdir()
    assert not may_see(path.parent, ANN)


def test_visitors_on_threads_see_their_own(engine: Engine) -> None:
    folder = engine.library.folder
    visitors = [f"{number:032x}" for number in range(10)]
    for number, visitor in enumerate(visitors):
        shutil.copytree(folder / "tiny", folder / f"of-{number}")
        (folder / f"of-{number}" / OWNER_FILE).write_bytes(owner_digest(visitor))
    seen: dict[int, list[str]] = {}

    def visit(number: int) -> None:
        seen[number] = [name for name in names(engine) if name.startswith("of-")]

    threads = []
    for number, visitor in enumerate(visitors):
        with request_owner(visitor):
            threads.append(threading.Thread(target=copy_context().run, args=(visit, number)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {number: [f"of-{number}"] for number in range(10)} and current_owner() is None


@pytest.fixture
def jobs(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setattr(child, "LOWEST", 0)
    with Jobs(tmp_path / "jobs", checkpoints=engine.library.folder, by_owner=True, program=STUB) as jobs:
        yield jobs


def test_another_cannot_train_from_it(jobs: Jobs, tmp_path: Path) -> None:
    data = tmp_path / "data.zip"
    data.write_bytes(b"PK")
    with pytest.raises(RequestRejected, match=r"^checkpoint 'mine' not found; checkpoints/ holds: tiny$"):
        jobs.submit(BOB, "theirs", {"base": "mine", "steps": 1}, data)
    with pytest.raises(RequestRejected, match=r"^checkpoint 'gone' not found; checkpoints/ holds: tiny$"):
        jobs.submit(BOB, "theirs", {"base": "gone", "steps": 1}, data)
    assert jobs.submit(ANN, "more", {"base": "mine", "steps": 1}, data).state == "queued"


def test_what_a_job_exports_is_its_owners(jobs: Jobs, engine: Engine, tiny_run: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.zip"
    data.write_bytes(b"PK")
    job = jobs.submit(BOB, "bobs", {"model": "row_rnn", "steps": 1}, data)
    jobs.stop(BOB, job.id)
    jobs.wait_until_idle()
    shutil.rmtree(jobs.folder(BOB, job.id).run, ignore_errors=True)
    shutil.copytree(tiny_run, jobs.folder(BOB, job.id).run)
    assert jobs.export(BOB, job.id) == "bobs"
    with request_owner(ANN):
        assert "bobs" not in names(engine)
    with request_owner(BOB):
        assert names(engine) == ["bobs", "tiny"]
    assert OWNER_FILE.encode() not in jobs.archive(BOB, job.id)


def test_ones_own_are_those_of_ones_record_alone_and_nothing_that_was_pulled(engine: Engine, tiny_run: Path) -> None:
    export_run(tiny_run, engine.library.folder / "pulled", owner=ANN)
    origin = {"repo": "eve/heroes", "commit": "0" * 40}
    (engine.library.folder / "pulled" / "hub.json").write_text(json.dumps(origin))
    for asker, own in ((ANN, ["mine"]), (BOB, []), ("", [])):
        with request_owner(asker):
            assert [info.name for info in engine.own_checkpoints()] == own
    desktop = Engine(engine.library.folder, device=torch.device("cpu"))
    assert [info.name for info in desktop.own_checkpoints()] == ["mine", "tiny"]


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.usefixtures("no_umask")
def test_no_other_user_of_the_machine_may_read_what_a_visitor_made(
    own_checkpoints: Path, tiny_run: Path, tiny_data: Path, tmp_path: Path
) -> None:
    pictures = prepare(survey(tiny_data), tmp_path / "pictures.zip")
    with Jobs(tmp_path / "jobs", checkpoints=own_checkpoints, by_owner=True, program=STUB) as jobs:
        job = saved_job(jobs, pictures, tiny_run, owner=ANN)
        made = own_checkpoints / jobs.export(ANN, job.id)
        assert (made / OWNER_FILE).is_file() and readable_by_others(made) == {}
        before = (made / "model.safetensors").read_bytes()
        give_run(jobs, job, tiny_run)
        assert own_checkpoints / jobs.export(ANN, job.id) == made  # its newest save takes the place of the older one
        assert (made / "model.safetensors").read_bytes() != before and readable_by_others(made) == {}
