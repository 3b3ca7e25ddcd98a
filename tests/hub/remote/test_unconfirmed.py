"""A job whose start was not confirmed, since its answer was lost: it is looked for, and no second one is paid for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pixelart.errors import Hint, HubFailure, RequestRejected
from pixelart.hub.remote import delete_pictures, is_at_work, read_record
from pixelart.hub.remote.training import MAY_BE_AT_WORK, RemoteTraining
from tests.hub.conftest import SECRET
from tests.hub.remote.conftest import QUICK, asleep
from tests.hub.remote.watched import finish, train
from tests.hub_jobs import JobsHub
from tests.hub_server import Answer


@pytest.fixture(autouse=True)
def sleeping(hub: JobsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machines of these tests run nothing."""
    asleep(hub, monkeypatch)


def lose_start(hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path) -> None:
    """Start a job and lose the answer."""
    hub.faults["submit"] = Answer(500)
    hub.lost.add("submit")
    with pytest.raises(HubFailure, match="may have started, and is then paid for") as found:
        train(training, run, pictures)
    assert found.value.hint == Hint.FOLLOW
    hub.faults.clear()


def test_a_start_whose_answer_is_lost_is_found_by_its_label(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    lose_start(hub, training, run, pictures)
    assert len(hub.machines) == 1 and read_record(run) is not None
    hub.faults.clear()
    looked = list[str]()
    hub.on_request = lambda stage, when: looked.append(stage)
    assert train(training, run, pictures, leave=lambda: "inspect" in looked).state == "interrupted"
    assert len(hub.machines) == 1 and "jobs" in looked and "submit" not in looked


def test_a_job_that_the_list_does_not_show_yet_is_waited_for(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    lose_start(hub, training, run, pictures)
    hub.faults = {"jobs": Answer(200, {}, b"[]")}
    lists, lines = list[str](), list[str]()

    def on_request(stage: str, when: str) -> None:
        if stage == "jobs" and when == "before":
            lists.append(stage)
            if len(lists) == 3:
                hub.faults.clear()

    hub.on_request = on_request
    patient = replace(training, pace=QUICK._replace(settle=60.0))
    assert train(patient, run, pictures, say=lines.append, leave=lambda: len(lists) == 3).state == "interrupted"
    assert len(hub.machines) == 1 and any("not confirmed; looking for its machine" in line for line in lines)


def test_a_stop_while_an_unconfirmed_start_is_looked_for_uploads_and_rents_nothing(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    hub.faults["submit"] = Answer(500)  # not lost: the job was not started
    with pytest.raises(HubFailure):
        train(training, run, pictures)
    hub.faults.clear()
    record, stages = read_record(run), list[str]()
    assert record and is_at_work(record, token=SECRET), "nobody can know yet"
    hub.on_request = lambda stage, when: stages.append(stage)
    patient = replace(training, pace=QUICK._replace(settle=60.0))
    ending = train(patient, run, pictures, stop=lambda: stages.count("jobs") > 2)
    assert ending == ("interrupted", MAY_BE_AT_WORK) and not hub.machines
    assert not {"preupload", "commit", "submit"} & {*stages}


def test_a_job_whose_start_was_not_confirmed_is_fetched_also_after_its_end(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, tiny_run: Path, tmp_path: Path
) -> None:
    train(training, run, pictures, leave=lambda: bool(hub.machines))
    hub.machines[0].end("ERROR")  # an earlier attempt, which is not taken for the one that is looked for
    assert train(training, run, pictures).state == "failed"
    lose_start(hub, training, run, pictures)
    finish(hub, run, tiny_run, tmp_path / "there")
    assert train(training, run, pictures, leave=lambda: len(hub.machines) > 2) == ("done", "")
    assert [machine.spec["labels"]["attempt"] for machine in hub.machines] == ["1", "2"]


def test_pictures_of_a_training_whose_start_is_not_known_are_deleted_with_a_warning(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    lose_start(hub, training, run, pictures)
    said, record = list[str](), read_record(run)
    assert record and is_at_work(record, token=SECRET)
    with pytest.raises(RequestRejected, match="a job is using it"):
        delete_pictures(run, token=SECRET, say=said.append)
    hub.faults["jobs"] = Answer(503)
    assert said == [] and delete_pictures(run, token=SECRET, say=said.append) == record.pictures
    assert len(said) == 1 and "503" in said[0] and MAY_BE_AT_WORK in said[0]
