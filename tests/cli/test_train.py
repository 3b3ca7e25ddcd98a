"""`python -m pixelart train` and `export`: a run becomes a checkpoint, is continued, and stops on Ctrl-C."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from pixelart.cli import train as train_command
from tests.cli.conftest import TRAIN, Run


@pytest.mark.slow
def test_train_export_and_generate(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "try"
    result = run(TRAIN, "--json --seed 1 --data", tiny_data, "--out", out).json
    assert result["run"] == str(out) and result["finished"] is True and result["step"] == 4
    assert result["train_bits"] > 0
    exported = run("export --name mine --json --checkpoints", tmp_path / "checkpoints", out).json
    assert exported == {"checkpoint": str(tmp_path / "checkpoints" / "mine")}
    assert run(
        "generate --checkpoint mine --json --checkpoints", tmp_path / "checkpoints", "--out", tmp_path / "o"
    ).json
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["mine"]


@pytest.mark.slow
def test_kinds_from_the_folders_to_a_picture(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    for name, kind in (("cross", "thin"), ("stripe", "wide")):
        shutil.copytree(tiny_data / name, tmp_path / "set" / name / "mine" / kind)
    checked, out, folder = tmp_path / "set.zip", tmp_path / "run", tmp_path / "checkpoints"
    run("check --looks --kinds --data", tmp_path / "set", "--out", checked)
    refused = run(TRAIN, "--kinds --data", tiny_data, "--out", out)
    assert refused.code == 2 and "no kinds; they are the folders inside those of the classes" in refused.err
    run(TRAIN, "--looks --kinds --data", checked, "--out", out)
    run("export --name mine --checkpoints", folder, out)
    assert "looks: mine  kinds of cross: thin  kinds of stripe: wide" in run("models --checkpoints", folder).out
    how = ("generate --checkpoint mine --class cross --json --checkpoints", folder, "--out", tmp_path / "o")
    assert run(*how, "--kind thin").json["images"]
    assert "kind 'wide' is not one of thin" in run(*how, "--kind wide").err


@pytest.mark.slow
def test_resume_without_a_run_starts_one(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    assert run(TRAIN, "--json --resume --data", tiny_data, "--out", tmp_path / "run").json["step"] == 4
    assert run(TRAIN, "--json --resume --data", tiny_data, "--out", tmp_path / "run").json["step"] == 4


@pytest.mark.slow
def test_ctrl_c_saves_and_stops(run: Run, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = train_command.Trainer._train_step

    def step(trainer: Any) -> float:
        if trainer.step == 2:
            signal.raise_signal(signal.SIGINT)
        return original(trainer)

    monkeypatch.setattr(train_command.Trainer, "_train_step", step)
    before = signal.getsignal(signal.SIGINT)
    result = run(TRAIN, "--json --data", tiny_data, "--out", tmp_path / "run").json
    assert result["finished"] is False and result["step"] == 2, "the step in which it was told is given up"
    assert (tmp_path / "run" / "step-00000002").is_dir() and signal.getsignal(signal.SIGINT) is before
