"""The folder of a run: its log, saves and samples, and run.json, which describes the whole run."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.io import read_picture
from pixelart.training import trainer
from pixelart.training.data.pictures import read_pictures
from pixelart.training.export import export_run
from pixelart.training.run_config import read_run
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from pixelart.training.trainer import LOG_FIELDS, Trainer
from tests.training.conftest import StartRun
from tests.training.runs import resumed


@pytest.mark.slow
def test_a_run_logs_measures_and_keeps_samples(begin: StartRun) -> None:
    run = begin(steps=9, save_every=4, validation_share=0.3)
    run.train()
    rows = list(csv.DictReader((run.run / "log.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == [4, 8, 9] and tuple(rows[0]) == LOG_FIELDS
    assert all(float(row[field]) > 0 for row in rows for field in LOG_FIELDS if field not in ("step", "minutes"))
    assert [f.name for f in list_checkpoints(run.run)] == ["step-00000008", "step-00000009"]
    samples = [read_picture(run.run / "samples" / f"step-{step:08d}.png") for step in (4, 8, 9)]
    assert {s.shape for s in samples} == {(2 * (2 * 9 - 1), 2 * (4 * 9 - 1), 4)}
    assert {p.name for p in run.run.iterdir()} - {"lock"} == {
        "log.csv", "run.json", "samples", "sample_rows.json", "training_images.txt", "step-00000008", "step-00000009",
        "defect_limits.json",
    }  # fmt: skip


@pytest.mark.slow
def test_a_run_without_validation_pictures_trains(begin: StartRun) -> None:
    run = begin(steps=3, validation_share=0.0)
    run.train()
    assert len(run.validation_rows) == 0 and "validation_bits" not in run.rows[-1]


@pytest.mark.slow
def test_a_save_that_failed_is_made_up_for(begin: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(steps=2)

    def full(*_: Any, **__: Any) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    def spoil(_: Trainer) -> None:
        monkeypatch.setattr(trainer, "save_checkpoint", full)

    with pytest.raises(OSError, match="No space"):
        run.train(report=spoil)
    monkeypatch.undo()
    found = last_checkpoint(run.run)
    assert found is not None and found[0] == 0, "what was saved before the first step"
    run.save()
    found = last_checkpoint(run.run)
    assert found is not None and found[0] == 2
    assert [row["step"] for row in json.loads(found[1]["state.json"])["rows"]] == [2]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_weights(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=6, save_every=2)

    def spoil(state: Trainer) -> None:
        if state.step == 3:
            with torch.no_grad():
                next(state.model.parameters()).fill_(float("nan"))

    with pytest.raises(RequestRejected, match="loss is not finite; lower the learning rate"):
        run.train(report=spoil)
    assert [f.name for f in list_checkpoints(run.run)] == ["step-00000000", "step-00000002"]
    resumed(run.run, tiny_data).train()


@pytest.mark.slow
@pytest.mark.parametrize("part", ["optimizer.safetensors", "best.safetensors"])
def test_a_checkpoint_that_lacks_a_part_is_an_error(begin: StartRun, tiny_data: Path, part: str) -> None:
    run = begin(steps=2, keep="best", validation_share=0.3)
    run.train()
    folder = list_checkpoints(run.run)[-1]
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest[part]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsRejected, match="incomplete checkpoint"):
        resumed(run.run, tiny_data)


# --- run.json -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_run_is_described_whole(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=12, flip=0.5)
    described = json.loads((run.run / "run.json").read_text())
    assert described == json.loads(json.dumps(dataclasses.asdict(run.config)))
    assert read_run(run.run) == dataclasses.replace(run.config, model_config=described["model_config"])
    assert resumed(run.run, tiny_data).model.config == run.model.config
    assert run.config.classes == ("cross", "stripe") and run.config.size == (8, 8)
    assert run.config.data_fingerprint == read_pictures(tiny_data).fingerprint()


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"size": 3}'], ids=repr)
def test_an_unreadable_run_is_refused(begin: StartRun, tiny_data: Path, text: str) -> None:
    run = begin().run
    (run / "run.json").write_text(text)
    with pytest.raises(RequestRejected, match="not readable"):
        resumed(run, tiny_data)


@pytest.mark.parametrize("missing", ["size", "classes", "schedule"])
def test_a_run_that_lacks_a_setting_is_refused(begin: StartRun, tiny_data: Path, missing: str) -> None:
    run = begin().run
    values = json.loads((run / "run.json").read_text())
    del values[missing]
    (run / "run.json").write_text(json.dumps(values))
    with pytest.raises(RequestRejected, match="not readable"):
        resumed(run, tiny_data)


def test_a_folder_without_a_run_is_refused(tmp_path: Path, tiny_data: Path) -> None:
    for ask in (lambda: resumed(tmp_path, tiny_data), lambda: export_run(tmp_path, tmp_path / "c" / "x")):
        with pytest.raises(RequestRejected, match="not a run folder"):
            ask()
