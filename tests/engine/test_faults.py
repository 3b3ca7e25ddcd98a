"""Faults are the pixels that are least probable given all others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.repair import dusted
from pixelart.cli.evaluate import held_out
from pixelart.engine import Engine
from pixelart.engine.faults import GRID, MAX_FAULTS
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.palette_choice import as_learned
from pixelart.training.data.pictures import read_pictures

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny(tiny_checkpoints: Path) -> Engine:
    torch.set_num_threads(1)
    return Engine(tiny_checkpoints, device=torch.device("cpu"))


def test_the_probability_is_that_of_a_completion_of_the_pixel(tiny: Engine, tiny_pictures: dict[str, Picture]) -> None:
    picture = tiny_pictures["cross"][0]
    faults = tiny.faults("tiny", picture, count=3, class_weights="cross")
    assert len(faults) == 3 and [f.bits for f in faults] == sorted((f.bits for f in faults), reverse=True)
    work = picture.copy()
    alone = {}
    for row, column in np.ndindex(8, 8):
        at = tiny.colours_at("tiny", work, row=row, column=column, class_weights="cross")
        alone[row, column] = -np.log2(at.current.probability), at.likely[0]
    assert any(f.bits == pytest.approx(alone[f.row, f.column][0]) for f in faults), "the first is looked at as it is"
    assert all(fault.likely.colour != fault.current.colour for fault in faults)


def test_it_reports_and_can_be_cancelled(tiny: Engine, tiny_pictures: dict[str, Picture]) -> None:
    done: list[tuple[int, int]] = []
    tiny.faults("tiny", tiny_pictures["cross"][0], count=1, on_progress=lambda *at: done.append(at))
    assert [at for at, _ in done[: GRID * GRID]] == list(range(GRID * GRID)) and done[-1][0] == done[-1][1]
    with pytest.raises(Cancelled):
        tiny.faults("tiny", tiny_pictures["cross"][0], cancel=lambda: True)
    for count in (0, MAX_FAULTS + 1, 1.5):
        with pytest.raises(RequestRejected, match="count"):
            tiny.faults("tiny", tiny_pictures["cross"][0], count=count)  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
def test_dust_in_a_tile_that_was_not_learned_is_found() -> None:
    torch.set_num_threads(1)
    engine, random = Engine(ROOT / "checkpoints", device=torch.device("cpu")), np.random.default_rng(3)
    loaded, seen = engine.library.load("dungeon-gated"), engine.library.seen_in_training("dungeon-gated")
    data = ROOT / "examples/dungeon.zip"
    tiles = held_out(read_pictures(data, size=(32, 32)), seen, data)
    found = total = 0
    for clean in as_learned(loaded.codec, tiles.pictures[:4]):
        picture, places = dusted(clean, 2, random)
        faults = {(fault.row, fault.column) for fault in engine.faults("dungeon-gated", picture)}
        found, total = found + len(faults & set(places)), total + len(places)
    assert found >= total / 4, f"{found} of {total}"
