"""A training measures what its pictures usually have, so that blank results and confetti are drawn again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.checkpoint.format import CONFIG_FILE, LIMITS_KEY, read_config
from pixelart.images.codec import Indexed, Picture
from pixelart.images.defects import DefectLimits, limits_of
from pixelart.training.config import Schedule
from pixelart.training.data.encoded import code_pictures
from pixelart.training.defect_limits import LIMITS_FILE, MOST_PIXELS, read_limits, write_limits
from pixelart.training.export import export_again, export_run
from pixelart.training.runs import start_run

PALETTE = np.array([[0, 0, 0, 0], [200, 30, 30, 255], [30, 30, 200, 255]], np.uint8)
CLASSES = ("solid", "few", "older")


def solid(count: int) -> Picture:
    """Distinct pictures (count, 8, 8, 4) of large areas, and some lone pixels in every third one."""
    made = np.zeros((count, 8, 8), np.int64)
    for i in range(count):
        made[i, : 3 + i % 5, : 2 + i // 5] = 1
        made[i, 7, 0 : 8 if i % 3 == 0 else 1 : 2] = 2
    return PALETTE[made]


def write_base(folder: Path, like: Path) -> Path:
    """A checkpoint's config.json with limits of two classes."""
    folder.mkdir()
    values = json.loads((like / CONFIG_FILE).read_bytes())
    values["training"][LIMITS_KEY] = {name: asdict(DefectLimits(0.03, 0.4)) for name in ("few", "older")}
    (folder / CONFIG_FILE).write_text(json.dumps(values))
    return folder


def test_limits_are_of_the_own_pictures_and_else_of_the_base(tmp_path: Path, tiny_checkpoints: Path) -> None:
    codec, pictures = Indexed(PALETTE[1:, :3]), solid(30)
    classes = torch.tensor([0] * 25 + [1] * 5)
    sets, base = [code_pictures(codec, pictures, classes)], write_base(tmp_path / "base", tiny_checkpoints / "tiny")
    write_limits(tmp_path, sets, codec, CLASSES, base=str(base))
    found = read_limits(tmp_path)
    assert found == {"solid": asdict(limits_of([pictures[:25]])), "older": {"visible": 0.03, "lone": 0.4}}, (
        "five own pictures are too few to measure, and the base's limits are not theirs"
    )
    write_limits(tmp_path, sets, codec, ("other",), base="")
    assert read_limits(tmp_path) == found, "measured once"


def test_large_sets_are_measured_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec, pictures = Indexed(PALETTE[1:, :3]), solid(30)
    monkeypatch.setattr("pixelart.training.defect_limits.MOST_PIXELS", 21 * 64)
    write_limits(tmp_path, [code_pictures(codec, pictures, torch.zeros(30).long())], codec, ("solid",), base="")
    chosen = np.linspace(0, 29, 21).round().astype(int)
    assert read_limits(tmp_path) == {"solid": asdict(limits_of([pictures[chosen]]))} and MOST_PIXELS > 21 * 64


def test_a_damaged_file_has_no_limits(tmp_path: Path) -> None:
    assert read_limits(tmp_path) == {}
    for text in ("{", "[]", '{"a": {"visible": 2, "lone": 0}}', '{"a": 1}'):
        (tmp_path / LIMITS_FILE).write_text(text)
        assert read_limits(tmp_path) == {}


def test_the_checkpoint_of_a_training_has_them(tmp_path: Path) -> None:
    data, threads = tmp_path / "data" / "solid", torch.get_num_threads()
    data.mkdir(parents=True)
    for i, picture in enumerate(solid(30)):
        Image.fromarray(picture).save(data / f"{i:02}.png")
    schedule = Schedule(steps=1, batch_size=4, validation_share=0, threads=1)
    with start_run(tmp_path / "run", data.parent, preset="debug", colours=4, schedule=schedule) as trainer:
        trainer.train()
    torch.set_num_threads(threads)
    target = export_run(tmp_path / "run", tmp_path / "mine")
    limits = read_config(target).defect_limits
    assert set(limits) == {"solid"} and 0 < limits["solid"].visible <= 0.05 and 0.25 <= limits["solid"].lone < 1
    values = json.loads((target / CONFIG_FILE).read_bytes())
    del values["training"][LIMITS_KEY]
    (target / CONFIG_FILE).write_text(json.dumps(values))
    assert export_again(tmp_path / "run", target), "an export of an older version is of this run"
    assert read_config(target).defect_limits == limits
