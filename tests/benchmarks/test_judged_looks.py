"""How often a judge recognises pictures of other looks."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.judged_looks import FEWEST, lines, recognised
from benchmarks.looks import LOOK_OF_TILES
from pixelart.training.data.pictures import PictureSet


class OfLightness:
    """A judge that calls dark pictures crosses, and light ones stripes."""

    classes = ("cross", "stripe")

    def snap(self, pictures: Any) -> Any:
        return pictures

    def recognises(self, pictures: Any, class_names: tuple[str, ...]) -> Any:
        called = np.where(pictures[:, 0, 0, 0] < 128, "cross", "stripe")
        return called == np.array(class_names)


def test_each_class_and_look_has_its_share_and_the_mean_leaves_out_the_judges_own() -> None:
    levels = [0] * FEWEST + [0] * (FEWEST // 2) + [255] * (FEWEST // 2) + [255] * FEWEST + [0] * 3
    pictures = np.array(levels, np.uint8)[:, None, None, None].repeat(4, axis=3)
    names = ("cross",) * (2 * FEWEST) + ("stripe",) * FEWEST + ("cross",) * 3
    looks = (LOOK_OF_TILES,) * FEWEST + ("odd",) * (2 * FEWEST) + ("rare",) * 3
    hashes = tuple(map(str, range(len(levels))))
    found = recognised(OfLightness(), PictureSet(pictures, names, hashes, look_names=looks))  # pyright: ignore[reportArgumentType]
    assert {name: {look: one["recognised"] for look, one in of.items()} for name, of in found.items()} == {
        "cross": {LOOK_OF_TILES: 1.0, "odd": 0.5},
        "stripe": {"odd": 1.0},
    }
    told = lines(found)
    assert told[-1] == "Other looks, mean over classes: 75%" and f"odd 50% of {FEWEST}" in told[2]


def test_without_other_looks_there_is_no_mean() -> None:
    assert lines({"cross": {LOOK_OF_TILES: {"pictures": 9, "recognised": 1.0}}})[-1].endswith("none")
