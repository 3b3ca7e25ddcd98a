"""`python -m pixelart evaluate`: the likelihood of pictures that the checkpoint was not trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelart.engine import Engine
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import is_validation, read_pictures
from pixelart.training.export import export_run
from pixelart.training.runs import start_run
from tests.cli.conftest import Run


@pytest.fixture(scope="session")
def split_checkpoints(tiny_data: Path) -> Path:
    """Checkpoint "half", trained on about half of the tiny pictures."""
    threads, run = torch.get_num_threads(), tiny_data.parent / "half-run"
    schedule = Schedule(steps=10, batch_size=4, validation_share=0.5, threads=1, learning_rate=5e-3, ema=0.5)
    with start_run(run, tiny_data, preset="debug", colours=8, schedule=schedule) as trainer:
        trainer.train()
    torch.set_num_threads(threads)
    return export_run(run, tiny_data.parent / "half-checkpoints" / "half").parent


@pytest.mark.slow
def test_evaluate_leaves_out_training_pictures(run: Run, split_checkpoints: Path, tiny_data: Path) -> None:
    options = ("evaluate --checkpoint half --json --checkpoints", split_checkpoints, "--data", tiny_data)
    pictures = read_pictures(tiny_data)
    held_out = [is_validation(h, share=0.5) for h in pictures.hashes]
    assert 5 < sum(held_out) < 35
    result, everything = run(*options).json, run(*options, "--include-training").json
    assert result["images"] == sum(held_out) and everything["images"] == 40
    engine = Engine(split_checkpoints, device=torch.device("cpu"))
    nats = [
        -engine.log_likelihood("half", p, class_weights={c: 1.0})
        for p, c, held in zip(pictures.pictures, pictures.class_names, held_out, strict=True)
        if held
    ]
    assert result["nats_per_image"] == pytest.approx(np.mean(nats), rel=1e-4)
    assert result["bits_per_dim"] == pytest.approx(np.mean(nats) / (64 * np.log(2)), rel=1e-4)
    assert everything["bits_per_dim"] != result["bits_per_dim"]


@pytest.mark.slow
def test_evaluate_of_an_archive_is_the_same(run: Run, split_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "data"), "zip", tiny_data)
    options = ("evaluate --checkpoint half --json --checkpoints", split_checkpoints, "--data")
    assert run(*options, Path(archive)).json == run(*options, tiny_data).json


@pytest.mark.parametrize("holes", ["centre8", "centre16", "brush"])
def test_evaluate_measures_holes(run: Run, split_checkpoints: Path, tiny_data: Path, holes: str) -> None:
    options = f"evaluate --checkpoint half --holes {holes} --json --checkpoints"
    result = run(options, split_checkpoints, "--data", tiny_data).json
    seam = ("seam_bits", "seam_bits_without_context", "seam_ratio")
    measured = {"checkpoint", "bits_per_dim", "nats_per_image", "images", "holes"}
    assert set(result) == measured | {"hole_bits", "hole_bits_without_context", *seam}
    assert result["holes"] == holes and result["hole_bits"] > 0
    if holes == "brush":
        assert result["seam_bits"] != result["seam_bits_without_context"] and result["seam_bits"] > 0
        assert result["seam_ratio"] == pytest.approx(result["seam_bits"] / result["seam_bits_without_context"])
    else:  # nothing of an 8 x 8 picture is known, so there is no seam
        assert [result[key] for key in seam] == [None, None, None]
        assert result["hole_bits"] == pytest.approx(result["bits_per_dim"], rel=1e-4)
        assert result["hole_bits"] == result["hole_bits_without_context"]


def test_evaluate_tells_each_class(run: Run, split_checkpoints: Path, tiny_data: Path) -> None:
    options = ("evaluate --checkpoint half --per-class --include-training --json --checkpoints", split_checkpoints)
    result = run(*options, "--data", tiny_data).json
    assert set(result["per_class"]) == {"cross", "stripe"}
    assert np.mean([*result["per_class"].values()]) == pytest.approx(result["bits_per_dim"], rel=1e-6)


def test_a_folder_without_classes_is_judged_for_any_class(
    run: Run, split_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    for file in (tiny_data / "cross").iterdir():
        shutil.copy(file, tmp_path)
    options = "evaluate --checkpoint half --include-training --json --checkpoints"
    result = run(options, split_checkpoints, "--data", tmp_path).json
    engine = Engine(split_checkpoints, device=torch.device("cpu"))
    nats = [-engine.log_likelihood("half", p) for p in read_pictures(tmp_path).pictures]
    assert result["nats_per_image"] == pytest.approx(np.mean(nats), rel=1e-4)
