"""What the Hub does not tell, or tells too late: no machine is paid for twice, and what one has made is fetched."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixelart.hub.guard import MAX_ANSWER
from pixelart.hub.remote import read_record
from pixelart.hub.remote.following import LEFT, NOTHING_THERE
from pixelart.hub.remote.outcome import Outcome, read_outcome
from pixelart.hub.remote.run_repo import pull_run, push_run
from pixelart.hub.remote.training import RemoteTraining
from pixelart.training.nearest import write_nearest
from pixelart.training.snapshots import list_checkpoints
from tests.hub.conftest import SECRET
from tests.hub.remote.conftest import asleep
from tests.hub.remote.watched import at_looks, finish, train
from tests.hub_jobs import JobsHub
from tests.hub_server import Answer


@pytest.fixture(autouse=True)
def sleeping(hub: JobsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machines of these tests run nothing."""
    asleep(hub, monkeypatch)


def test_a_job_that_the_hub_does_not_know_at_first_is_not_taken_for_ended(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, tiny_run: Path, tmp_path: Path
) -> None:
    lines = list[str]()

    def appear() -> None:
        hub.faults.clear()
        finish(hub, run, tiny_run, tmp_path / "there")

    at_looks(hub, {1: lambda: hub.faults.update(inspect=Answer(404)), 3: appear})
    assert train(training, run, pictures, say=lines.append) == ("done", "")
    assert len([line for line in lines if "does not know job" in line]) == 1 and len(hub.machines) == 1


def test_a_job_that_counts_as_gone_by_mistake_is_found_and_not_rented_twice(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelart.hub.remote.following.UNKNOWN_PATIENCE", 0.0)
    hub.faults["inspect"] = Answer(404)
    assert "cancelled on the Hub" in train(training, run, pictures).reason
    hub.faults.clear()
    looked = list[str]()
    hub.on_request = lambda stage, when: looked.append(stage)
    assert train(training, run, pictures, leave=lambda: "inspect" in looked) == ("interrupted", LEFT)
    assert len(hub.machines) == 1 and hub.machines[0].stage == "RUNNING" and read_record(run).is_followed  # pyright: ignore


def test_a_job_that_is_gone_can_be_stopped(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelart.hub.remote.following.UNKNOWN_PATIENCE", 0.5)

    def on_request(stage: str, when: str) -> None:
        if stage == "inspect" and hub.machines:
            hub.machines.pop().kill()

    hub.on_request = on_request
    lines = list[str]()

    def is_stopped() -> bool:
        return any("does not know" in line for line in lines)

    def is_asked_too_often() -> bool:
        return [stage for stage, _ in hub.asked].count("cancel") > 10

    ending = train(training, run, pictures, say=lines.append, stop=is_stopped, leave=is_asked_too_often)
    assert ending == ("cancelled", "stopped")


@pytest.mark.parametrize("log", [Answer(404), Answer(200, {}, b":" + b"x" * MAX_ANSWER)])
def test_a_log_that_cannot_be_read_is_reported_once_and_the_run_is_fetched(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, tiny_run: Path, tmp_path: Path, log: Answer
) -> None:
    lines, looks = list[str](), at_looks(hub, {3: lambda: finish(hub, run, tiny_run, tmp_path / "there")})
    hub.faults["log"] = log
    assert train(training, run, pictures, say=lines.append) == ("done", "")
    assert len([line for line in lines if "the log is skipped" in line]) == 1 and looks == [1, 2, 3]


def test_a_run_whose_repository_was_deleted_ends_and_can_be_resumed(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    train(training, run, pictures, leave=lambda: bool(hub.machines))
    record = read_record(run)
    assert record
    del hub.repos[record.run]
    hub.machines[0].end("COMPLETED")
    quick = replace(training, pace=training.pace._replace(look=0.01))
    assert train(quick, run, pictures) == ("interrupted", NOTHING_THERE)
    assert train(quick, run, pictures, leave=lambda: len(hub.machines) > 1) == ("interrupted", LEFT)


def test_a_run_whose_repository_became_public_tells_that_its_result_was_not_pushed(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    lines = list[str]()

    def publish() -> None:
        record = read_record(run)
        assert record
        hub.repos[record.run].private = False

    at_looks(hub, {1: publish, 3: lambda: hub.machines[-1].end("ERROR")})
    ending = train(training, run, pictures, say=lines.append)
    assert ending.state == "interrupted" and "is public, so nothing is pushed to it; make it private" in ending.reason
    assert sum("is public" in line for line in lines) == 1, "it is told while the machine can still push"


def test_a_run_that_went_on_here_is_not_replaced_by_an_older_one(hub: JobsHub, tiny_run: Path, run: Path) -> None:
    there = shutil.copytree(tiny_run, run.with_name("there"))
    shutil.rmtree(list_checkpoints(there)[-1])
    (there / "run.json").write_text("{}")
    Outcome(1, 0).write(there)
    push_run(there, "art/saves", token=SECRET, with_save=True)
    shutil.copytree(tiny_run, run)
    assert pull_run(run, "art/saves", token=SECRET, with_save=True)
    assert (run / "run.json").read_bytes() == (tiny_run / "run.json").read_bytes()
    assert read_outcome(run) == Outcome(1, 0)
    shutil.rmtree(list_checkpoints(run)[-1])
    pull_run(run, "art/saves", token=SECRET, with_save=True)
    assert json.loads((run / "run.json").read_bytes()) == {}
    assert not pull_run(run, "art/others", token=SECRET, with_save=True)


def test_no_training_picture_gets_among_the_saves(hub: JobsHub, tiny_run: Path, tmp_path: Path) -> None:
    run, learned = shutil.copytree(tiny_run, tmp_path / "there"), np.zeros((4, 8, 8, 4), np.uint8)
    write_nearest(run, 60, learned[:1], ["wall"], learned, cancel=lambda: False)
    of_pictures = {path.name: path.read_bytes() for path in run.glob("nearest.*")}
    push_run(run, "art/saves", token=SECRET, with_save=True)
    repository = hub.repos["art/saves"]
    assert len(of_pictures) == 2 and not of_pictures.keys() & repository.files.keys()
    hub.commit(repository, {**repository.files, **of_pictures})  # by an older version
    push_run(run, "art/saves", token=SECRET, with_save=False)
    assert not of_pictures.keys() & repository.files.keys() and list_checkpoints(run)[-1].name in str(repository.files)
