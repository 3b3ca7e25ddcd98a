"""Bad requests are refused in one line that names the value."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.settings import SETTINGS
from tests.engine.drawings import MAX_SEED, hole

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")  # tiny layers are fastest so


NAN, INF = float("nan"), float("inf")
BAD: dict[str, dict[str, Any]] = {
    "count 0": {"count": 0},
    "count -1": {"count": -1},
    "count 65": {"count": SETTINGS.max_count + 1},
    "count 10^30": {"count": 10**30},
    "seed -1": {"seed": -1},
    "seed too large": {"seed": MAX_SEED + 1},
    "seed 10^30": {"seed": 10**30},
    "unknown class": {"class_weights": {"dragon": 1.0}},
    "unknown class of weight 0": {"class_weights": {"dragon": 0.0}},
    "class with newlines": {"class_weights": {"a\nb": 1.0}},
    "negative weight": {"class_weights": {"cross": -0.1}},
    "NaN weight": {"class_weights": {"cross": NAN}},
    "infinite weight": {"class_weights": {"cross": INF}},
    "NaN temperature": {"temperature": NAN},
    "infinite temperature": {"temperature": INF},
    "temperature 0": {"temperature": 0.0},
    "negative temperature": {"temperature": -1.0},
    "temperature 11": {"temperature": 11.0},
    "temperature map of another size": {"temperature": np.ones((8, 9))},
    "temperature map with NaN": {"temperature": np.full((8, 8), NAN)},
    "temperature map in 3-D": {"temperature": np.ones((1, 8, 8))},
    "empty temperature map": {"temperature": np.ones((0, 8))},
    "top_k -1": {"top_k": -1},
    "top_k beyond the palette": {"top_k": 6},
    "top_p 0": {"top_p": 0.0},
    "top_p 1.1": {"top_p": 1.1},
    "NaN top_p": {"top_p": NAN},
    "guidance -1": {"guidance": -1.0},
    "guidance 10^400": {"guidance": 10**400},
    "NaN guidance": {"guidance": NAN},
    "infinite guidance": {"guidance": INF},
    "no allowed colour": {"allowed": ()},
    "allowed colour outside the palette": {"allowed": (5,)},
    "negative allowed colour": {"allowed": (-1,)},
}


@pytest.mark.parametrize("values", BAD.values(), ids=BAD)
def test_bad_requests_are_refused_in_one_line(engine: Engine, picture: Picture, values: dict[str, Any]) -> None:
    for ask in (
        lambda: engine.generate(Request("tiny", **values)),
        lambda: engine.complete(Request("tiny", **values), picture, hole()),
    ):
        with pytest.raises(RequestRejected) as refused:
            ask()
        assert str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 300


NAMES = [
    "",
    ".",
    "..",
    "../tiny",
    "./tiny",
    "tiny/",
    "tiny/.",
    "/etc",
    "nope",
    "TINY",
    "tiny\0",
    "tiny\n",
    "*",
    "a" * 5000,
    "\u00e9" * 200,  # 400 bytes, which no file system takes
]
NAMES += ["..\\tiny", "tiny/../tiny", "%2e%2e", "~", ".hidden", "tiny ", "\u202etiny"]


@pytest.mark.parametrize("name", NAMES, ids=[repr(n)[:20] for n in NAMES])
def test_only_the_names_of_the_folder_are_checkpoints(own_checkpoints: Path, name: str) -> None:
    """Though whole checkpoints lie where the paths lead: beside the folder, above it, and hidden within."""
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / ".hidden")
    for file in (own_checkpoints / "tiny").iterdir():
        shutil.copy(file, own_checkpoints.parent / file.name)
        shutil.copy(file, own_checkpoints / file.name)
    engine = Engine(own_checkpoints, device=CPU)
    picture = np.zeros((8, 8, 4), np.uint8)
    for ask in (
        lambda: engine.generate(Request(name)),
        lambda: engine.complete(Request(name), picture, hole()),
        lambda: engine.log_likelihood(name, picture),
        lambda: engine.snap(name, picture),
        lambda: engine.info(name),
        lambda: engine.library.seen_in_training(name),
    ):
        with pytest.raises(RequestRejected, match=r"not found; checkpoints/ holds: tiny$") as refused:
            ask()
        assert "\n" not in str(refused.value) and len(str(refused.value)) < 300
    assert [c.name for c in engine.list_checkpoints()] == ["tiny"]


@pytest.mark.parametrize("shape", [(8, 7, 4), (7, 8, 4), (8, 7, 3), (8, 8), (1, 8, 8, 4), (0, 8, 4)], ids=str)
def test_pictures_of_another_size_are_refused(engine: Engine, shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, np.uint8)
    for ask in (
        lambda: engine.complete(Request("tiny"), picture, np.ones(shape[:2], np.bool_)),
        lambda: engine.log_likelihood("tiny", picture),
    ):
        with pytest.raises(RequestRejected, match=r"tiny draws 8 x 8|needs"):
            ask()


def test_the_size_of_a_picture_is_told_as_width_by_height(engine: Engine) -> None:
    with pytest.raises(RequestRejected, match=r"^picture is 5 x 3; tiny draws 8 x 8$"):
        engine.log_likelihood("tiny", np.zeros((3, 5, 4), np.uint8))


def test_pictures_of_other_numbers_are_refused(engine: Engine) -> None:
    with pytest.raises(RequestRejected):
        engine.log_likelihood("tiny", np.full((8, 8, 4), 256.5, np.float32))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("shape", [(8, 9), (4, 4), (8,), (8, 8, 2), (1, 8, 8), (0, 0)], ids=str)
def test_masks_of_another_size_are_refused(engine: Engine, picture: Picture, shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestRejected, match=r"^mask (is .*the picture is 8 x 8$|of )"):
        engine.complete(Request("tiny"), picture, np.ones(shape, np.bool_))


def test_masks_that_are_empty_or_no_masks_are_refused(engine: Engine, picture: Picture) -> None:
    with pytest.raises(RequestRejected, match="mask is empty"):
        engine.complete(Request("tiny"), picture, np.zeros((8, 8), np.bool_))
    with pytest.raises(RequestRejected):
        engine.complete(Request("tiny"), picture, np.full((8, 8), 7))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("weights", [{"dragon": 1.0}, {"cross": NAN}, {"cross": -1.0}], ids=str)
def test_judging_refuses_bad_classes(engine: Engine, picture: Picture, weights: dict[str, float]) -> None:
    with pytest.raises(RequestRejected):
        engine.log_likelihood("tiny", picture, class_weights=weights)
