"""A training on a rented machine, with the real client: submit, watch, lose the machine, resume, cancel, fetch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pixelart.hub.remote.record import read_record
from pixelart.hub.remote.training import RemoteTraining, delete_pictures
from pixelart.training.export import export_run
from pixelart.training.progress_file import CURVE_FILE, read_curve
from pixelart.training.snapshots import last_checkpoint
from tests.hub.conftest import SECRET
from tests.hub.remote.conftest import OPTIONS
from tests.hub.remote.watched import Watched
from tests.hub_jobs import JobsHub


def step_of(run: Path) -> int:
    """The step of the newest save; 0 without one."""
    found = last_checkpoint(run)
    return found[0] if found else 0


def everything(hub: JobsHub, place: Path) -> bytes:
    """All that was written to the disk or to the Hub, and all commands, but not the secrets of jobs."""
    files = [path.read_bytes() for path in place.rglob("*") if path.is_file()]
    pushed = [data for repo in hub.repos.values() for commit in repo.commits for data in commit.files.values()]
    told = [repr({**machine.spec, "secrets": ""}).encode() for machine in hub.machines]
    return b"\n".join([*files, *pushed, *told])


@pytest.mark.slow
def test_a_training_survives_its_machine_and_its_set_is_deleted_by_one_call(
    hub: JobsHub, training: RemoteTraining, pictures: Path, tmp_path: Path, tiny_checkpoints: Path
) -> None:
    run, base = tmp_path / "run", tiny_checkpoints / "tiny"
    first = Watched(training, run, "mine", pictures, [*OPTIONS, "--steps=100000"], base)
    first.until(lambda: step_of(run) and read_curve(run / CURVE_FILE) and list((run / "samples").glob("*.png")))
    hub.machines[0].kill()
    assert first.end() == ("interrupted", "the machine failed or was taken back [RESUME]")
    kept = step_of(run)
    steps = kept + 20
    again = Watched(training, run, "mine", pictures, [*OPTIONS, f"--steps={steps}"], base)
    assert again.end() == ("done", ""), again.lines
    assert step_of(run) == steps and len(hub.machines) == 2
    measured = [int(line.split(",")[0]) for line in (run / "log.csv").read_text().splitlines()[1:]]
    assert measured == sorted(set(measured)) and kept in measured
    assert export_run(run, tmp_path / "checkpoints" / "mine").is_dir()

    record = read_record(run)
    assert record and record.account == "art" and not record.is_under_way
    pushed, secret = hub.repos[f"datasets/{record.pictures}"], SECRET.encode()
    assert pushed.private and hub.repos[record.run].private and len(pushed.commits) == 2  # its first one is empty
    assert SECRET in hub.machines[0].spec["secrets"].values()
    assert secret not in everything(hub, tmp_path) and secret not in "".join(first.lines + again.lines).encode()
    assert delete_pictures(run, token=SECRET, say=print) == record.pictures
    assert f"datasets/{record.pictures}" not in hub.repos and record.run in hub.repos
    assert delete_pictures(run, token=SECRET, say=print) == ""


@pytest.mark.slow
def test_a_stopped_training_saves_first_and_one_that_is_left_goes_on(
    hub: JobsHub, training: RemoteTraining, pictures: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    work = ("mine", pictures, [*OPTIONS, "--preset=debug", "--colours=8", "--steps=100000"], None)
    first = Watched(training, run, *work)
    first.until(lambda: step_of(run))
    first.leave.set()
    ending = first.end()
    assert ending.state == "interrupted" and "goes on there, and is paid for" in ending.reason
    (machine,) = hub.machines
    assert machine.stage == "RUNNING"
    record = read_record(run)
    assert record and record.job
    replace(record, job="").write(run)  # as if the answer to its start had been lost
    again = Watched(training, run, *work)
    again.until(lambda: any("trains in" in line for line in again.lines) or step_of(run) > 10)
    before = step_of(run)
    again.stop.set()
    assert again.end() == ("cancelled", "stopped")
    assert hub.machines == [machine] and machine.stage == "CANCELED"
    assert (step_of(run) > before and step_of(run) % 10 != 0) or step_of(run) >= before
