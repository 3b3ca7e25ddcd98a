"""A run that goes on from a checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.models.weights import SEEN_FILE, load_weights, read_config, read_seen
from pixelart.training.data import is_validation, read_pictures
from pixelart.training.run import Schedule, read_run
from pixelart.training.setup import export_run, start_run
from pixelart.training.trainer import Trainer
from tests.training.runs import resumed


def begin_from(base: Path, data: Path, run: Path, **schedule: Any) -> Trainer:
    values = {"steps": 6, "batch_size": 4, "save_every": 3, "threads": 1, "seed": 9, **schedule}
    with start_run(run, data, schedule=Schedule(**values), base=base) as trainer:
        return trainer


def test_it_starts_with_the_weights_palette_and_classes_of_the_base(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    base = tiny_checkpoints / "tiny"
    config = read_config(base)
    trainer = begin_from(base, tiny_data, tmp_path / "run")
    weights = load_weights(base, config).state_dict()
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, weights[name])
    assert (trainer.config.codec, trainer.config.classes) == (config.codec, config.classes)
    trainer.train()
    assert not torch.equal(trainer.model.state_dict()["logits.weight"], weights["logits.weight"])
    exported = export_run(tmp_path / "run", tmp_path / "mine")
    assert read_config(exported).training["base"] == "tiny"
    assert read_seen(exported) >= read_seen(base)


def test_it_resumes_before_and_after_its_first_save(tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    base = tiny_checkpoints / "tiny"
    whole = begin_from(base, tiny_data, tmp_path / "whole")
    whole.train()
    begin_from(base, tiny_data, tmp_path / "cut")
    resumed(tmp_path / "cut", tiny_data).train(stop=iter([False] * 4 + [True] * 9).__next__)
    rest = resumed(tmp_path / "cut", tiny_data, base=base)
    assert rest.step == 4
    rest.train()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, rest.model.state_dict()[name])
    with pytest.raises(RequestRejected, match="base"):
        resumed(tmp_path / "cut", tiny_data, base=tmp_path)
    with pytest.raises(RequestRejected, match="colours 8: cannot be said beside a base"):
        resumed(tmp_path / "cut", tiny_data, colours=8)


def test_a_base_is_found_from_elsewhere_and_not_needed_after_the_first_save(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_checkpoints)
    run = begin_from(Path("tiny"), tiny_data, tmp_path / "run").run
    monkeypatch.chdir(tmp_path)
    resumed(run, tiny_data, base=Path("checkpoints") / "tiny").train(stop=iter([False] * 4 + [True] * 9).__next__)
    shutil.rmtree(own_checkpoints)
    learned = read_seen(run)
    rest = resumed(run, tiny_data)
    rest.train()
    assert rest.step == 6 and read_seen(run) == learned


def test_nothing_that_the_base_learned_from_is_measured_on(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    base = tiny_checkpoints / "tiny"
    trainer = begin_from(base, tiny_data, tmp_path / "run", validation_share=0.6)
    hashes = read_pictures(tiny_data).hashes
    held_out = {hashes[i] for i in trainer.validation_rows.tolist()}
    assert held_out == {h for h in hashes if is_validation(h, share=0.6)} - read_seen(base) != set()
    assert resumed(tmp_path / "run", tiny_data).validation_rows.tolist() == trainer.validation_rows.tolist()


def test_what_the_base_decides_is_not_said_to_be_decided_by_the_run(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    begin_from(tiny_checkpoints / "tiny", tiny_data, tmp_path / "run")
    config = read_run(tmp_path / "run")
    assert (config.preset, config.colours, config.model, config.codec["name"]) == ("", 0, "gated_pixelcnn", "indexed")
    options = {"model": "pixelcnn", "preset": "debug", "codec": "rgb", "colours": 3}
    for name, value in options.items():
        asked = start_run(
            tmp_path / name, tiny_data, schedule=Schedule(steps=1), base=tiny_checkpoints / "tiny", **{name: value}
        )
        with pytest.raises(RequestRejected, match=f"{name} {value}: cannot be said beside a base"), asked:
            pass
        assert not (tmp_path / name).exists()


def test_what_a_base_cannot_do_is_said(tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_checkpoints / "tiny", tmp_path / "base")
    other = tmp_path / "data"
    shutil.copytree(tiny_data / "cross", other / "cross")
    shutil.copytree(tiny_data / "stripe", other / "dragon")
    with pytest.raises(DataRejected, match="no class dragon"):
        begin_from(base, other, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (base / SEEN_FILE).unlink()
    with pytest.raises(WeightsRejected, match="does not record"):
        begin_from(base, tiny_data, tmp_path / "run")
