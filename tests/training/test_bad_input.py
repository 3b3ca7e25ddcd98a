"""Schedules, models, pictures and folders that cannot be trained with are refused, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelart.errors import DataRejected, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import is_validation, read_pictures
from pixelart.training.runs import start_run
from tests.training.conftest import StartRun

BAD_SCHEDULES: list[dict[str, Any]] = [
    {},
    {"steps": 5, "minutes": 1.0},
    {"steps": -1},
    {"minutes": float("nan")},
    {"minutes": float("inf")},
    {"steps": 5, "batch_size": 0},
    {"steps": 5, "batch_size": 5000},
    {"steps": 5, "learning_rate": 0.0},
    {"steps": 5, "learning_rate": float("nan")},
    {"steps": 5, "learning_rate": 2.0},
    {"steps": 5, "ema": 1.0},
    {"steps": 5, "validation_share": 1.0},
    {"steps": 5, "validation_share": -0.1},
    {"steps": 5, "class_dropout": 1.1},
    {"steps": 5, "seed": -1},
    {"steps": 5, "save_every": 0},
    {"steps": 5, "threads": -1},
    {"steps": 5, "precision": "fp16"},
]


@pytest.mark.parametrize("values", BAD_SCHEDULES, ids=str)
def test_bad_schedules_are_refused_and_leave_nothing(tmp_path: Path, tiny_data: Path, values: dict[str, Any]) -> None:
    refused = start_run(tmp_path / "run", tiny_data, preset="debug", codec="rgb", schedule=Schedule(**values))
    with pytest.raises(RequestRejected), refused:
        pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "values",
    [{"model": "vae"}, {"preset": "huge"}, {"codec": "cmyk"}, {"colours": 1}, {"colours": 257}, {"colours": -1}],
    ids=str,
)
def test_bad_choices_are_refused_and_leave_nothing(begin: StartRun, tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(RequestRejected):
        begin(**values)
    assert not (tmp_path / "run").exists()


def test_pictures_of_other_sizes_than_the_base_are_told(sketch_checkpoints: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for i in range(12):
        picture = np.full((6, 6, 4), 255, np.uint8)
        picture[0, 0, 0] = i
        (tmp_path / "data" / f"{i}.png").write_bytes(encode_png(picture))
    how: dict[str, Any] = {"base": sketch_checkpoints / "any", "fit": "keep", "schedule": Schedule(steps=1)}
    with pytest.raises(
        DataRejected, match="data: holds no picture of 8 x 8 pixels to train on, the size of the network"
    ):
        start_run(tmp_path / "run", tmp_path / "data", **how).__enter__()


def test_sizes_that_could_not_be_drawn_afterwards_are_refused_before(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for i, side in enumerate([96] * 8 + [8] * 4):
        picture = random.integers(0, 256, (side, side, 4), np.uint8) | np.array([0, 0, 0, 255], np.uint8)
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{i}.png").write_bytes(encode_png(picture))
    how: dict[str, Any] = {"model": "sketch_pixelcnn", "preset": "debug", "fit": "keep", "colours": 9}
    schedule = Schedule(steps=1, validation_share=0.0)
    told = "data: the main size is 96 x 96; a network that learns several sizes draws 4 to 64 pixels a side"
    with pytest.raises(RequestRejected, match=told):
        start_run(tmp_path / "run", tmp_path / "data", schedule=schedule, **how).__enter__()
    assert not (tmp_path / "run").exists()


def _one_picture(folder: Path, picture: Picture) -> Path:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.png").write_bytes(encode_png(picture))
    return folder


@pytest.mark.slow
def test_one_picture_is_enough_and_none_left_is_refused(begin: StartRun, tmp_path: Path) -> None:
    colour = np.full((8, 8, 4), 255, np.uint8)
    begin("one", data=_one_picture(tmp_path / "data", colour), validation_share=0.0, steps=2).train()
    for i in range(100):  # a picture that falls into the validation part
        colour[..., 0] = i
        content = read_pictures(_one_picture(tmp_path / f"data{i}", colour)).hashes[0]
        if is_validation(content, share=0.9):
            with pytest.raises(DataRejected):
                begin("none", data=tmp_path / f"data{i}", validation_share=0.9)
            return
    raise AssertionError("no picture fell into the validation part")


def test_pictures_without_a_colour_are_refused(begin: StartRun, tmp_path: Path) -> None:
    data = _one_picture(tmp_path / "data", np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(DataRejected, match="wholly transparent"):
        begin(data=data, validation_share=0.0)


@pytest.mark.slow
def test_a_folder_that_holds_a_run_is_refused(begin: StartRun) -> None:
    begin()
    with pytest.raises(RequestRejected, match="already holds a run"):
        begin()
