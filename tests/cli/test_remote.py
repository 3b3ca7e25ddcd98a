"""`train --on hf-jobs` and `remote-delete`, with a Hub on this machine whose machines run nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pixelart.cli import remote as command
from pixelart.cli.main import main
from pixelart.hub.remote import RemoteTraining, read_record
from pixelart.hub.remote.record import new_record
from pixelart.storage import Busy, exclusive
from tests.hub.conftest import SECRET
from tests.hub.remote.conftest import QUICK, asleep
from tests.hub.remote.conftest import hub as hub
from tests.hub.remote.watched import finish
from tests.hub_jobs import JobsHub


@pytest.fixture(autouse=True)
def signed_in(hub: JobsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep(hub, monkeypatch)
    monkeypatch.setattr(command, "local_token", lambda: SECRET)
    monkeypatch.setattr(command, "RemoteTraining", partial(RemoteTraining, pace=QUICK))


def words(tiny_data: Path, run: Path, *more: str) -> list[str]:
    return ["train", f"--data={tiny_data}", f"--out={run}", "--minutes=10", "--preset=debug", "--on=hf-jobs", *more]


def test_it_shows_the_price_asks_and_fetches_the_run(
    hub: JobsHub, tiny_data: Path, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "runs" / "mine"
    assert main(words(tiny_data, run)) == 2 and "offers cpu-upgrade, a10g-small" in capsys.readouterr().err
    assert main(words(tiny_data, run, "--flavor=a10g-small")) == 2
    told = capsys.readouterr()
    assert "$1.00 an hour" in told.out and "about $0.25" in told.out and "at most $1.00" in told.out
    assert "give --yes" in told.err and "create" not in dict(hub.asked) and not run.exists()

    def on_request(stage: str, when: str) -> None:
        if stage == "inspect" and when == "before" and hub.machines[-1].stage == "RUNNING":
            finish(hub, run, tiny_run, tmp_path / "there")

    hub.on_request = on_request
    assert main(words(tiny_data, run, "--flavor=a10g-small", "--yes", "--json")) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["finished"] is True and "uploading the pictures" in told.err
    (machine,) = hub.machines
    line = machine.spec["command"][-1]
    assert "pip install" in line and "--gpu" in line and "--minutes=10.0 --preset=debug" not in line
    assert "--preset=debug" in line and "--minutes=10" in line and SECRET not in line
    record = read_record(run)
    assert record and main(["remote-delete", str(run)]) == 0
    assert f"deleted {record.pictures}" in capsys.readouterr().out
    assert main(["remote-delete", str(run)]) == 0 and "nothing is uploaded" in capsys.readouterr().out
    assert main(words(tiny_data, run, "--flavor=a10g-small", "--yes")) == 2
    assert "already holds a run" in capsys.readouterr().err
    other = shutil.copytree(tiny_data, tmp_path / "other")
    next(other.rglob("*.png")).unlink()
    assert main(words(other, run, "--resume", "--yes")) == 2 and len(hub.machines) == 1
    assert "not the pictures that this training was started with" in capsys.readouterr().err


def test_a_failure_there_has_its_hint_in_the_words_of_the_command_line(
    hub: JobsHub, tiny_data: Path, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, line = tmp_path / "run", "a.png: 9 x 9 pixels; must be 8 x 8 [RESIZE]"

    def on_request(stage: str, when: str) -> None:
        if stage == "inspect" and when == "before" and hub.machines[-1].stage == "RUNNING":
            (hub.machines[-1].place / "log").write_text(f"pixelart train: {line}\n")
            finish(hub, run, tiny_run, tmp_path / "there", code=2, line=line)

    hub.on_request = on_request
    assert main(words(tiny_data, run, "--flavor=a10g-small", "--yes")) == 2
    told = capsys.readouterr().err
    assert told.count("must be 8 x 8 (--fit nearest resizes)") == 2 and "[RESIZE]" not in told


def test_pictures_in_use_are_not_deleted(
    hub: JobsHub, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    record = replace(new_record("art", "mine"), pictures="art/pixelart-mine-pictures")
    record.write(run)
    with exclusive(run):
        assert main(["remote-delete", str(run)]) == 2
    assert "another process is training this run" in capsys.readouterr().err and read_record(run) == record
    assert not hub.asked


def test_ctrl_c_leaves_it_running_or_stops_it(
    hub: JobsHub, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"

    def on_request(stage: str, when: str) -> None:
        if stage == "inspect" and when == "after" and hub.machines[-1].stage == "RUNNING":
            os.kill(os.getpid(), signal.SIGINT)

    hub.on_request = on_request
    assert main(words(tiny_data, run, "--flavor=a10g-small", "--yes")) == 0
    assert "goes on there" in capsys.readouterr().out and hub.machines[0].stage == "RUNNING"
    monkeypatch.setattr(command, "_wants_to_stop", lambda number: True)
    monkeypatch.setattr("pixelart.hub.remote.following.CANCEL_PATIENCE", 0.0)
    assert main([*words(tiny_data, run), "--resume"]) == 0
    told = capsys.readouterr().out
    assert "--resume continues" in told and "remote-delete" in told
    assert len(hub.machines) == 1 and hub.machines[0].stage == "CANCELED"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_during_the_upload_rents_nothing(
    hub: JobsHub,
    tiny_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    asked = list[int]()
    monkeypatch.setattr(command, "_wants_to_stop", asked.append)
    hub.on_request = lambda stage, when: os.kill(os.getpid(), number) if (stage, when) == ("commit", "before") else None
    assert main(words(tiny_data, tmp_path / "run", "--flavor=a10g-small", "--yes")) == 0
    told = capsys.readouterr().out
    assert "stopped before a machine was rented; --resume continues" in told and "goes on there" not in told
    assert "remote-delete" in told and not hub.machines and not asked, "there is no job to ask about"


def test_a_run_is_followed_by_one_program_at_a_time(
    hub: JobsHub, tiny_data: Path, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, held = tmp_path / "run", list[str]()
    run.mkdir()
    with exclusive(run):
        assert main(words(tiny_data, run, "--flavor=a10g-small", "--yes")) == 2
    assert "another process is training this run" in capsys.readouterr().err and not hub.asked

    def on_request(stage: str, when: str) -> None:
        if stage == "inspect" and when == "before" and not held:
            with pytest.raises(Busy), exclusive(run):
                pass
            held.append(stage)
            finish(hub, run, tiny_run, tmp_path / "there")

    hub.on_request = on_request
    assert main(words(tiny_data, run, "--flavor=a10g-small", "--yes")) == 0 and held


def test_options_that_only_work_here_are_refused(
    hub: JobsHub, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flavor: tuple[Any, ...] = ("--flavor=a10g-small", "--yes")
    for more, told in (
        (("--tensorboard=x",), "only for a training on this machine"),
        (("--fit=keep",), "only for a training on this machine"),
        (("--limit=1",), "time limit 1"),
        (("--steps=5",), "either steps or minutes"),
        (("--model=nosuch",), "nosuch"),
        (("--colours=1000",), "colours 1000: must be from 2 to 256"),
        (("--palette=keep",), "palette keep: needs a base"),
    ):
        assert main(words(tiny_data, tmp_path / "run", *flavor, *more)) == 2
        assert told in capsys.readouterr().err
    for more, told in ((flavor[:1], "--flavor"), (("--limit=60",), "--limit"), (("--yes",), "--yes")):
        assert main([*words(tiny_data, tmp_path / "run")[:-1], *more]) == 2
        assert f"{told}: only for a rented machine; give --on hf-jobs too" in capsys.readouterr().err
    assert main(words(tiny_data, tmp_path / "run", "--flavor=a10g-small", "--minutes=1000")) == 2
    assert "its limit of 1440 minutes" in capsys.readouterr().out
    monkeypatch.setattr(command, "local_token", lambda: None)
    assert main(words(tiny_data, tmp_path / "run", *flavor)) == 2
    assert "hf auth login" in capsys.readouterr().err
    assert not hub.machines and not hub.repos
