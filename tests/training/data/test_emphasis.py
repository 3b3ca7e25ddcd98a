"""Classes and looks that are drawn more often than others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from pixelart.errors import RequestRejected
from pixelart.images.class_names import Labels
from pixelart.images.codec import Indexed
from pixelart.training.config import Schedule
from pixelart.training.data.batches import Batches
from pixelart.training.data.emphasis import check_emphasis
from pixelart.training.data.encoded import CodedPictures, code_pictures

CLASSES = ("hero", "wall", "item")
COUNTS = (10, 10, 40)


def _set(side: int, counts: Sequence[int]) -> CodedPictures:
    """So many pictures of each class, of one size; the pixels of a picture are its number in binary."""
    classes = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
    bits = (np.arange(len(classes))[:, None] >> np.arange(side * side)) & 1
    pictures = np.repeat(255 * bits.reshape(-1, side, side, 1).astype(np.uint8), 4, axis=3)
    return code_pictures(Indexed(np.full((1, 3), 255, np.uint8)), pictures, classes)


def _share(schedule: Schedule, *sets: CodedPictures) -> list[float]:
    """The share of each class in the pictures of 300 steps."""
    batches = Batches(sets or [_set(4, COUNTS)], labels=Labels(CLASSES), schedule=schedule)
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


TWO_SIZES = ((4, (20, 0, 5)), (8, (0, 20, 20)))
"""The side of each set, and how many pictures of each class it has."""


@pytest.mark.parametrize(
    ("balance", "emphasis", "weights"),
    [
        (0.0, "", ((20, 0, 5), (0, 20, 20))),
        (0.0, "wall=9", ((20, 0, 5), (0, 180, 20))),
        (0.0, "wall=0.01", ((20, 0, 5), (0, 0.2, 20))),
        (0.0, "item=4", ((20, 0, 20), (0, 20, 80))),
        (1.0, "", ((1, 0, 0.2), (0, 1, 0.8))),
        (1.0, "wall=3", ((1, 0, 0.2), (0, 3, 0.8))),
    ],
)
def test_classes_count_over_all_sizes(balance: float, emphasis: str, weights: tuple[tuple[float, ...], ...]) -> None:
    schedule = Schedule(steps=300, batch_size=16, balance=balance, emphasis=emphasis, class_dropout=0.0)
    small, large = (np.array(some) for some in weights)
    wanted = small / 4 * 4 + large / 8 * 4  # steps are as the side, pictures of a step as one over the area
    shares = _share(schedule, *(_set(*one) for one in TWO_SIZES))
    assert shares == pytest.approx(wanted / wanted.sum(), abs=0.08)  # three standard errors of the size of 300 steps


def test_without_emphasis_two_sizes_are_drawn_as_before_there_was_any() -> None:
    sets = [_set(*one) for one in TWO_SIZES]
    schedule = Schedule(steps=300, batch_size=16, seed=5)
    batches = Batches(sets, labels=Labels(CLASSES), schedule=schedule)
    shares = np.array([25, 40]) * np.sqrt(np.array([16.0, 64.0]))
    for step in range(100):
        size = np.random.default_rng([5, 3, step]).choice(2, p=shares / shares.sum())
        count, drawn = (25, 40)[size], (16, 4)[size]
        rows = np.random.default_rng([5, 2, step]).choice(count, drawn, p=np.ones(count) / count)
        x = batches.draw(step)[0].flatten(1)
        assert ((x[:, :6] << torch.arange(6)).sum(1) == torch.from_numpy(rows)).all() and x.shape[1] == (16, 64)[size]


@pytest.mark.parametrize(
    ("looks", "emphasis", "of_class", "of_quarter"),
    [
        (("old", "new"), "old=4,hero=2", (2, 1, 1), (4, 1, 1, 1)),
        (("hero", "new"), "hero=2", (2, 1, 1), (2, 1, 1, 1)),  # both a class and a look
    ],
)
def test_the_emphasis_of_a_look_multiplies_that_of_the_class(
    looks: tuple[str, str], emphasis: str, of_class: tuple[int, ...], of_quarter: tuple[int, ...]
) -> None:
    quarters = torch.tensor([[3, -1], [4, -1], [-1, -1], [-1, -1]]).repeat(
        15, 1
    )  # a quarter of each class in each look, half in none
    pictures = dataclasses.replace(_set(4, (20, 20, 20)), inner=quarters)
    schedule = Schedule(steps=300, batch_size=16, emphasis=emphasis, class_dropout=0.0)
    batches = Batches([pictures], labels=Labels(CLASSES, looks), schedule=schedule)
    weights = np.outer(of_class, of_quarter)
    wanted, seen = weights / weights.sum(), np.zeros((3, 4))
    for step in range(300):
        x, context = batches.draw(step)
        numbers = (x.flatten(1)[:, :6].long() << torch.arange(6)).sum(1)
        assert (context.class_weights[:, :3].argmax(1) == numbers // 20).all()
        np.add.at(seen, (numbers // 20, numbers % 4), 1)
    assert seen / seen.sum() == pytest.approx(wanted, abs=0.02)


def test_names_without_pictures_are_refused() -> None:
    check_emphasis("hero=2, old=3", {"hero", "wall", "old"})
    with pytest.raises(RequestRejected, match=r"emphasis: no picture of 'dragon', only of hero, old, wall$"):
        check_emphasis("hero=2, dragon=3", {"wall", "old", "hero"})


@pytest.mark.parametrize("text", ["hero", "hero=", "=2", "hero=-1", "hero=nan", "hero=1e9"])
def test_text_that_is_no_emphasis_is_refused(text: str) -> None:
    with pytest.raises(RequestRejected, match=r"must be NAME=TIMES, such as hero=3"):
        Schedule(steps=1, emphasis=text).check()


@pytest.mark.parametrize("text", ["hero=0", "hero=0.001", "hero=101"])
def test_times_outside_the_limits_are_refused(text: str) -> None:
    with pytest.raises(RequestRejected, match=r"must be from 0.01 to 100 times"):
        Schedule(steps=1, emphasis=text).check()
