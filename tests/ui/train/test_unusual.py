"""Unusual pictures are looked for after a check, by the base model; Start does not wait for it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from numpy.typing import NDArray

from pixelart.engine.outliers import Judged
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.ui.train import unusual
from pixelart.ui.train.scratch import Scratch
from pixelart.ui.train.unusual import FEWEST_OF_CLASS, SHOWN_UNUSUAL, UnusualHandlers, most_unusual
from pixelart.ui.train.uploads import CheckTask, Images, PreparedDataset


class StubEngine:
    """Bits of a pixel are its red. `asked`: the classes of the pictures that were judged."""

    is_drawing = False

    def __init__(self) -> None:
        self.asked = list[str | None]()

    def info(self, name: str) -> Any:
        if name != "base":
            raise RequestRejected("checkpoint not found")
        return SimpleNamespace(classes=("cross",), check_size=lambda *_: None)

    def bits(self, name: str, picture: Picture, *, class_weights: str | None) -> NDArray[np.float64]:
        self.asked.append(class_weights)
        return picture[..., 0].astype(np.float64)


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """Twelve pictures of a class of the base and three of another class; one of the twelve stands out."""
    with zipfile.ZipFile(tmp_path / "ready.zip", "w") as archive:
        for number in range(15):
            picture = np.full((4, 4, 4), 255, np.uint8)
            picture[..., 0] = 90 if number == 7 else number % 3
            picture[..., 1] = number  # equal pictures are left out
            archive.writestr(f"{'cross' if number < 12 else 'other'}/{number}.png", encode_png(picture))
    images = Images(Scratch(tmp_path / "incoming"))
    spec: Any = None
    images.keep(CheckTask(1), PreparedDataset(tmp_path / "ready.zip", (4, 4), spec, "Ready."))
    return images


def handlers(engine: StubEngine) -> UnusualHandlers:
    given: Any = engine
    return UnusualHandlers(given)


def test_the_picture_that_stands_out_is_shown_with_its_bits(images: Images) -> None:
    engine = StubEngine()
    first, *_, last = handlers(engine).show_unusual(images, "base")
    assert "<progress>" in first and last.count("<img") == 1
    assert "cross: 90.0 bits a pixel; mean 8.4" in last
    assert sorted(map(str, engine.asked)) == ["None"] * 3 + ["cross"] * 12


@pytest.mark.parametrize("base", ["new:row_rnn", "", None, "missing"])
def test_without_a_base_nothing_is_looked_for(base: Any, images: Images) -> None:
    engine = StubEngine()
    assert [*handlers(engine).show_unusual(images, base)][-1] == "" and not engine.asked
    images.ready = None
    assert [*handlers(engine).show_unusual(images, "base")] == [""]


@pytest.mark.parametrize("by", ["cancel", "another search", "another check"])
def test_it_ends_by(by: str, images: Images) -> None:
    engine = StubEngine()
    engine.is_drawing = True  # it waits
    search = handlers(engine).show_unusual(images, "base")
    assert "<progress>" in next(search)
    if by == "cancel":
        handlers(engine).stop_search(images)
    elif by == "another search":
        next(handlers(engine).show_unusual(images, "new:row_rnn"))
    else:
        images.begin()
    assert [*search][-1] == (gr.skip() if by == "another search" else "") and not engine.asked


def test_its_time_is_bounded(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unusual, "SECONDS", 0.0)
    engine = StubEngine()
    assert [*handlers(engine).show_unusual(images, "base")][-1] == "" and not engine.asked


def test_small_classes_and_common_pictures_are_left_out() -> None:
    few = [Judged(str(i), "few", 0, bits) for i, bits in enumerate([1] * (FEWEST_OF_CLASS - 2) + [99])]
    even = [Judged(str(i), "even", 0, bits) for i, bits in enumerate([1.0, 2.0] * 20)]
    many = [Judged(str(i), "many", 0, bits) for i, bits in enumerate([1.0] * 200 + [50.0 + i for i in range(9)])]
    found = most_unusual([*few, *even, *many])
    assert len(found) == SHOWN_UNUSUAL and {one.class_name for one, _ in found} == {"many"}
    assert [one.bits_per_pixel for one, _ in found] == [58, 57, 56, 55, 54, 53]
