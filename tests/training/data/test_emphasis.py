"""Classes that are drawn more often than others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelart.errors import RequestRejected
from pixelart.images.codec import Indexed
from pixelart.training.config import Schedule
from pixelart.training.data.batches import Batches
from pixelart.training.data.encoded import code_pictures

CLASSES = ("hero", "wall", "item")
COUNTS = (10, 10, 40)


def _share(schedule: Schedule) -> list[float]:
    """The share of each class in the pictures of 300 steps."""
    classes = torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))
    pictures = np.zeros((len(classes), 4, 4, 4), np.uint8)
    sets = [code_pictures(Indexed(np.zeros((1, 3), np.uint8)), pictures, classes)]
    batches = Batches(sets, classes=CLASSES, schedule=schedule)
    drawn = torch.cat([batches.draw(step)[1].class_weights.argmax(1) for step in range(300)])
    return (torch.bincount(drawn, minlength=3) / len(drawn)).tolist()


@pytest.mark.parametrize(
    ("balance", "emphasis", "wanted"),
    [
        (0.0, "", (1 / 6, 1 / 6, 4 / 6)),
        (0.0, "hero=3", (3 / 8, 1 / 8, 4 / 8)),
        (0.0, "hero=3, item=0.25", (3 / 5, 1 / 5, 1 / 5)),
        (1.0, "hero=2", (2 / 4, 1 / 4, 1 / 4)),
    ],
)
def test_the_pictures_of_a_class_are_drawn_as_often_as_its_emphasis_says(
    balance: float, emphasis: str, wanted: tuple[float, ...]
) -> None:
    schedule = Schedule(steps=300, batch_size=8, balance=balance, emphasis=emphasis, class_dropout=0.0)
    assert _share(schedule) == pytest.approx(wanted, abs=0.04)  # 2,400 pictures: four standard errors


def test_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RequestRejected, match=r"emphasis: no class 'dragon' \(classes: hero, wall, item\)"):
        _share(Schedule(steps=1, emphasis="dragon=2"))


@pytest.mark.parametrize("text", ["hero", "hero=", "=2", "hero=-1", "hero=nan", "hero=1e9"])
def test_text_that_is_no_emphasis_is_refused(text: str) -> None:
    with pytest.raises(RequestRejected, match=r"must be CLASS=TIMES, such as hero=3"):
        Schedule(steps=1, emphasis=text).check()


@pytest.mark.parametrize("text", ["hero=0", "hero=0.001", "hero=101"])
def test_times_outside_the_limits_are_refused(text: str) -> None:
    with pytest.raises(RequestRejected, match=r"must be from 0.01 to 100 times"):
        Schedule(steps=1, emphasis=text).check()
