"""A run that goes on from a checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.models.weights import SEEN_FILE, load_weights, read_config, read_seen
from pixelart.training.run import Schedule
from pixelart.training.setup import export_run, resume_run, start_run
from pixelart.training.trainer import Trainer


def begin_from(base: Path, data: Path, run: Path, **schedule: int) -> Trainer:
    values = {"steps": 6, "batch_size": 4, "save_every": 3, "threads": 1, "seed": 9, **schedule}
    options = {"model": "gated_pixelcnn", "preset": "debug", "codec": "rgb", "colours": 3}
    return start_run(run, data, **options, schedule=Schedule(**values), base=base)  # pyright: ignore[reportArgumentType]


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
    resume_run(tmp_path / "cut", tiny_data).train(stop=iter([False] * 4 + [True] * 9).__next__)
    rest = resume_run(tmp_path / "cut", tiny_data, given={"base": base})
    assert rest.step == 4
    rest.train()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, rest.model.state_dict()[name])
    with pytest.raises(RequestRejected, match="base"):
        resume_run(tmp_path / "cut", tiny_data, given={"base": tmp_path})


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
