"""The benchmark of fine-tuning: the class it makes, and that it runs whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import finetune
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import PictureSet, is_validation, picture_hash, read_pictures
from pixelart.training.near_copies import near_copies
from tests.training.test_near_copies import picture_of


def test_a_tile_is_turned_in_place_and_in_hue() -> None:
    tile = np.zeros((4, 4, 4), np.uint8)
    tile[0, 1], tile[2, 2] = (200, 40, 40, 255), (90, 90, 90, 255)
    turned = finetune.turned(tile)
    assert turned[2, 0, 3] == turned[1, 2, 3] == 255 and int((turned[..., 3] > 0).sum()) == 2
    red, green, blue = turned[2, 0, :3].tolist()
    assert red < green and red < blue, "red becomes a green or a blue"
    assert np.ptp(turned[1, 2, :3].astype(int)) <= 2, "grey has no hue to turn"


def test_the_class_is_made_of_what_the_base_has_not_learned_from() -> None:
    tiles = np.stack([picture_of(seed) for seed in range(40)])
    hashes = tuple(picture_hash(tile) for tile in tiles)
    pictures = PictureSet(tiles, ("hero",) * 10 + ("item",) * 30, hashes)
    made = finetune.held_back_class(pictures, frozenset(hashes[10:25]))
    expected = sorted(hashes[25:])
    assert len(made) == 15
    for tile, content in zip(made, expected, strict=True):
        assert np.array_equal(tile, finetune.turned(tiles[hashes.index(content)]))


@pytest.mark.slow
@pytest.mark.parametrize(("base", "folder"), [("tiny", "tiny_checkpoints"), ("any", "sketch_checkpoints")])
def test_it_runs_whole_and_tells_before_and_after(
    base: str, folder: str, tiny_data: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tiles = [finetune.turned(picture) for picture in read_pictures(tiny_data).pictures]
    finetune.write_tiles(finetune.class_places(tiles), tmp_path / "class.zip")
    assert read_pictures(tmp_path / "class.zip").classes == (finetune.CLASS,)
    schedule = Schedule(
        steps=12, batch_size=8, learning_rate=5e-3, validation_share=0.3, save_every=6, threads=1, keep="best"
    )
    figures = finetune.finetune(
        request.getfixturevalue(folder) / base,
        tmp_path / "class.zip",
        tmp_path / "out",
        further=np.stack(tiles[:3]),
        schedule=schedule,
        palette="keep",
    )
    assert figures["learned_from"] + figures["validation"] == 40 and figures["validation"] > 4
    assert figures["after"] < figures["before_any_class"] and figures["steps"] == 12
    assert figures["lower_by"] == pytest.approx(1 - figures["after"] / figures["before_any_class"])
    best = min(figures["rows"], key=lambda row: row["validation_bits"])
    assert figures["kept_step"] == best["step"] and figures["after"] == pytest.approx(best["validation_bits"], abs=1e-3)
    assert figures["further"] == 3 and figures["further_after"] < figures["further_before"]
    if base == "any":  # it takes palettes, so pictures are compared in their own colours
        parts = [[t for t in tiles if is_validation(picture_hash(t), share=0.3) == held] for held in (True, False)]
        assert figures["near_copies_validation"] == near_copies(*(np.stack(part) for part in parts))
    assert json.dumps(figures)
    text = finetune.report(figures, "python -m benchmarks.finetune --steps 12")
    assert f"**{figures['after']:.3f} bits/dim**" in text and "The best\nsave is chosen by it" in text
