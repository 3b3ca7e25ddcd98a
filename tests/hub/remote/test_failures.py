"""What goes wrong with a rented machine: each failure is one plain line, and nothing is lost or paid for twice."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixelart.errors import HubFailure, RequestRejected
from pixelart.hub.remote import delete_pictures, find_flavor, list_flavors, read_record, run_repo
from pixelart.hub.remote.following import GOES_ON, LEFT
from pixelart.hub.remote.hardware import price_text
from pixelart.hub.remote.jobs_api import Look
from pixelart.hub.remote.outcome import OUTCOME_FILE, Outcome, outcome_of, read_outcome
from pixelart.hub.remote.record import REMOTE_FILE, new_record
from pixelart.hub.remote.run_repo import pull_run, push_run
from pixelart.hub.remote.training import NOT_RENTED, RemoteTraining
from pixelart.training import snapshots
from pixelart.training.failures import too_short
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from tests.hub.conftest import SECRET
from tests.hub.remote.conftest import GPU, asleep
from tests.hub.remote.watched import at_looks, finish, train
from tests.hub_jobs import JobsHub
from tests.hub_server import Answer

ECHO = SECRET.encode()


@pytest.fixture(autouse=True)
def sleeping(hub: JobsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machines of these tests run nothing."""
    asleep(hub, monkeypatch)


def test_the_machines_are_listed_with_their_prices_cheapest_first(hub: JobsHub) -> None:
    cpu, gpu = list_flavors(SECRET)  # the one with four GPUs is left out
    assert (cpu.name, cpu.has_gpu, cpu.hourly) == ("cpu-upgrade", False, 0.03)
    assert (gpu.name, gpu.has_gpu, round(gpu.hourly, 2)) == ("a10g-small", True, 1.0)
    told = price_text(GPU, limit=60, minutes=25)
    assert "$1.00 an hour" in told and "about $0.50" in told and "at most $1.00" in told
    assert "at most $1.00" in price_text(GPU, limit=60) and "about $0.75" in price_text(GPU, limit=60, here=40)
    with pytest.raises(RequestRejected, match="Jobs offers cpu-upgrade, a10g-small"):
        find_flavor("h9000", SECRET)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "refuses this machine"),
        (401, "not valid or has expired"),
        (402, "no credit for Jobs"),
        (403, "permission to run Jobs"),
        (404, "may not use Jobs"),
        (429, "too many requests"),
        (503, "the Hub answers 503"),
    ],
)
def test_a_job_that_is_refused_is_one_line_and_is_started_again_later(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, status: int, told: str
) -> None:
    hub.faults["submit"] = Answer(status, {"X-Error-Message": SECRET}, ECHO)
    with pytest.raises(HubFailure, match=told) as failed:
        train(training, run, pictures)
    assert ("may have started, and is then paid for" in str(failed.value)) == (status == 503)
    assert SECRET not in str(failed.value) and "\n" not in str(failed.value) and failed.value.__cause__ is None
    record = read_record(run)
    assert record and record.pictures and not hub.machines
    hub.faults.clear()
    assert train(training, run, pictures, leave=lambda: bool(hub.machines)) == ("interrupted", LEFT)
    again = read_record(run)
    assert again and again.pictures == record.pictures and len(hub.machines) == 1
    assert len(hub.repos[f"datasets/{record.pictures}"].commits) == 2  # the set was not uploaded again


@pytest.mark.parametrize("stage", ["login", "create", "preupload", "commit"])
def test_an_upload_that_fails_rents_nothing(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, stage: str
) -> None:
    hub.faults[stage] = Answer(403, {"X-Error-Message": "Private repository storage limit reached"}, ECHO)
    with pytest.raises(HubFailure):
        train(training, run, pictures)
    assert not hub.machines


def test_a_network_that_fails_meanwhile_ends_nothing(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, tiny_run: Path, tmp_path: Path
) -> None:
    lines = list[str]()

    def recover() -> None:
        hub.faults.clear()
        finish(hub, run, tiny_run, tmp_path / "there")

    at_looks(hub, {2: lambda: hub.faults.update(inspect=Answer(503, {}, ECHO)), 5: recover})
    assert train(training, run, pictures, say=lines.append) == ("done", "")
    assert len([line for line in lines if "503" in line and "(trying again)" in line]) == 1  # and not once for each try
    assert last_checkpoint(run) and SECRET not in "".join(lines)


def test_a_sign_in_that_ends_meanwhile_leaves_the_training_alone(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, tiny_run: Path, tmp_path: Path
) -> None:
    hub.on_request = lambda stage, when: hub.faults.update(inspect=Answer(401)) if stage == "submit" else None
    ending = train(training, run, pictures)
    assert ending.state == "interrupted" and ending.reason.endswith(GOES_ON)
    hub.on_request = lambda stage, when: None
    hub.faults.clear()
    finish(hub, run, tiny_run, tmp_path / "there")
    assert train(training, run, pictures) == ("done", "")  # its result is fetched, and nothing is rented
    assert len(hub.machines) == 1 and [path.name for path in list_checkpoints(run)][-1] == "step-00000060"


def test_a_result_that_cannot_be_fetched_is_fetched_later(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, tiny_run: Path, tmp_path: Path
) -> None:
    def on_request(stage: str, when: str) -> None:
        if stage == "inspect" and when == "before" and hub.machines[-1].stage == "RUNNING":
            finish(hub, run, tiny_run, tmp_path / "there")
            hub.faults["get"] = Answer(500)

    hub.on_request = on_request
    quick = replace(training, pace=training.pace._replace(look=0.01))
    ending = train(quick, run, pictures)
    assert ending.state == "interrupted" and ending.reason.endswith("the job has ended [FETCH]")
    hub.faults.clear()
    assert train(training, run, pictures) == ("done", "") and len(hub.machines) == 1


def test_a_stop_cancels_the_job(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("pixelart.hub.remote.following.CANCEL_PATIENCE", 0.0)
    ending = train(training, run, pictures, stop=lambda: bool(hub.machines))
    assert ending.state == "cancelled" and hub.machines[0].stage == "CANCELED"
    record = read_record(run)
    assert record and not record.is_under_way
    assert train(training, run, pictures, stop=lambda: True) == ("cancelled", NOT_RENTED)
    assert train(training, run, pictures, leave=lambda: True) == ("interrupted", NOT_RENTED)
    assert len(hub.machines) == 1


@pytest.mark.parametrize("status", [403, 409, 500])
def test_a_job_whose_cancel_is_refused_is_followed_to_its_end(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path, tiny_run: Path, tmp_path: Path, status: int
) -> None:
    lines = list[str]()
    at_looks(hub, {3: lambda: finish(hub, run, tiny_run, tmp_path / "there")})
    hub.faults["cancel"] = Answer(status)
    ending = train(training, run, pictures, say=lines.append, stop=lambda: bool(hub.machines))
    assert ending == ("done", "") and last_checkpoint(run), "it was at its end already"
    assert sum("the job is not cancelled; trying again" in line for line in lines) == 1


def test_another_account_does_not_go_on_and_a_public_repository_gets_nothing(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    record = new_record("bob", "mine")
    record.write(run)
    with pytest.raises(RequestRejected, match="belongs to bob"):
        train(training, run, pictures)
    record = new_record("art", "mine")
    record.write(run)
    hub.add(f"datasets/{record.run}-pictures", {"a": b""})
    with pytest.raises(RequestRejected, match="is public"):
        train(training, run, pictures)
    assert not hub.machines


def test_pictures_in_use_are_not_deleted(hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path) -> None:
    train(training, run, pictures, leave=lambda: bool(hub.machines))
    with pytest.raises(RequestRejected, match="a job is using it"):
        delete_pictures(run, token=SECRET, say=print)
    hub.faults["delete"] = Answer(403, {}, ECHO)
    hub.machines[0].end("ERROR")
    with pytest.raises(HubFailure, match="does not allow it"):
        delete_pictures(run, token=SECRET, say=print)
    hub.faults.clear()
    gone = delete_pictures(run, token=SECRET, say=print)
    assert gone and f"datasets/{gone}" not in hub.repos and read_record(run).pictures == ""  # pyright: ignore


def test_only_their_owner_deletes_pictures_also_when_the_job_is_gone(
    hub: JobsHub, training: RemoteTraining, run: Path, pictures: Path
) -> None:
    train(training, run, pictures, leave=lambda: bool(hub.machines))
    record = read_record(run)
    assert record
    hub.machines.pop().kill()
    hub.users["of bob"] = "bob"
    with pytest.raises(RequestRejected, match="belongs to art on the Hub; you are bob"):
        delete_pictures(run, token="of bob", say=print)
    assert read_record(run) == record and f"datasets/{record.pictures}" in hub.repos
    assert (
        delete_pictures(run, token=SECRET, say=print) == record.pictures
        and f"datasets/{record.pictures}" not in hub.repos
    )


@pytest.mark.parametrize(
    ("outcome", "look", "asked", "state", "reason"),
    [
        (None, Look("ERROR"), False, "failed", "did not start"),
        (None, Look("CANCELED"), False, "interrupted", "cancelled on the Hub"),
        (Outcome(1), Look("ERROR"), False, "failed", "did not start"),  # of an earlier attempt
        (Outcome(2), Look("ERROR"), False, "interrupted", "failed or was taken back"),
        (Outcome(2), Look("ERROR", True), False, "interrupted", "time limit of 30 minutes"),
        (Outcome(2), Look("DELETED"), False, "interrupted", "cancelled on the Hub"),
        (Outcome(2), Look("CANCELED"), True, "cancelled", "did not save in time"),
        (Outcome(2, 2, "too few pictures"), Look("ERROR"), False, "failed", "too few pictures"),
        (Outcome(2, -9, "trains in fp32"), Look("ERROR"), False, "failed", "out of memory; try a smaller batch size"),
        (Outcome(2, -9, "", "limit"), Look("ERROR"), False, "interrupted", "reached; it did not save in time"),
        (Outcome(2, -15), Look("ERROR"), False, "interrupted", "taken back"),
        (Outcome(2, -9, "", "signal"), Look("CANCELED"), True, "cancelled", "stopped; it did not save in time"),
        (Outcome(2, 1, "ZeroDivisionError"), Look("ERROR"), False, "failed", "ended with code 1: ZeroDivisionError"),
        (Outcome(2, 0), Look("CANCELED"), True, "cancelled", "stopped"),
        (Outcome(2, 0, "", "limit"), Look("COMPLETED"), False, "interrupted", "time limit of 30 minutes"),
        (Outcome(2, 0, "", "signal"), Look("COMPLETED"), False, "interrupted", "taken back"),
    ],
)
def test_every_end_has_its_words(
    tmp_path: Path, outcome: Outcome | None, look: Look, asked: bool, state: str, reason: str
) -> None:
    if outcome:
        outcome.write(tmp_path)
    ending = outcome_of(tmp_path, look, attempt=2, minutes=30, was_asked=asked)
    assert ending.state == state and reason in ending.reason


def test_a_save_that_is_deleted_meanwhile_is_pushed_whole(
    hub: JobsHub, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, load = Path(shutil.copytree(tiny_run, tmp_path / "run")), snapshots.load_checkpoint
    whole = {f"{path.parent.name}/{path.name}" for path in snapshots.list_checkpoints(run)[-1].iterdir()}

    def load_and_delete(folder: Path) -> dict[str, bytes]:
        parts = load(folder)
        (folder / "optimizer.safetensors").unlink()
        return parts

    monkeypatch.setattr(snapshots, "load_checkpoint", load_and_delete)
    push_run(run, "art/saves", token=SECRET, with_save=True)
    assert {name for name in hub.repos["art/saves"].files if name.startswith("step-")} == whole


@pytest.mark.parametrize(
    ("passes", "ending"), [("null", ("done", "")), ("2.0", ("done", "")), ("0.5", ("interrupted", too_short(3)))]
)
def test_a_training_is_too_short_only_if_its_epochs_are_known(
    tmp_path: Path, passes: str, ending: tuple[str, str]
) -> None:
    (tmp_path / "progress.json").write_text(f'{{"phase": "finished", "step": 3, "passes": {passes}}}')
    Outcome(1, 0).write(tmp_path)
    assert outcome_of(tmp_path, Look("COMPLETED"), attempt=1, minutes=30, was_asked=False) == ending


@pytest.mark.parametrize(
    "text", ["", "[]", '{"attempt": "2"}', '{"attempt": 2, "code": "0"}', '{"attempt": 2, "line": []}']
)
def test_a_damaged_outcome_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / OUTCOME_FILE).write_text(text)
    assert read_outcome(tmp_path) is None
    Outcome(2, 1, "two\nlines " + "x" * 1000).write(tmp_path)
    found = read_outcome(tmp_path)
    assert found and found.line.startswith("two lines x") and len(found.line) == 500


def test_a_damaged_record_or_save_is_refused_in_one_line(
    hub: JobsHub, run: Path, tiny_run: Path, tmp_path: Path
) -> None:
    run.mkdir()
    for text in ("", "[]", '{"account": 1}', '{"account": "a", "key": "x", "pictures": "", "run": "../x"}'):
        (run / REMOTE_FILE).write_text(text)
        with pytest.raises(RequestRejected, match="not readable"):
            read_record(run)
    push_run(tiny_run, "art/saves", token=SECRET, with_save=True)
    files = dict(hub.repos["art/saves"].files)
    save = next(name for name in files if name.endswith("state.json"))
    hub.commit(hub.repos["art/saves"], {**files, save: files[save] + b" "})
    fresh = tmp_path / "fresh"
    with pytest.raises(HubFailure, match="art/saves"):
        pull_run(fresh, "art/saves", token=SECRET, with_save=True)
    assert not list(fresh.glob("step-*"))


def test_a_repository_that_would_fill_the_disk_is_refused(
    hub: JobsHub, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_run(tiny_run, "art/saves", token=SECRET, with_save=True)
    monkeypatch.setattr(run_repo, "MAX_RUN_BYTES", 2**20)
    files = dict(hub.repos["art/saves"].files)
    assert sum(map(len, files.values())) < 2**20
    hub.commit(hub.repos["art/saves"], {**files, **{f"{name}.json": b" " * 2**18 for name in "abcd"}})
    with pytest.raises(HubFailure, match="art/saves: 1 MiB; the limit is 1"):
        pull_run(tmp_path / "fresh", "art/saves", token=SECRET, with_save=True)
    assert not list((tmp_path / "fresh").iterdir())
