"""What is called a near copy."""

from __future__ import annotations

import numpy as np
import pytest

from pixelart.images.codec import Picture
from pixelart.training.near_copies import (
    LIMIT,
    are_near_copies,
    near_copies,
    nearest_difference,
    nearest_pictures,
)


def picture_of(seed: int, *, size: int = 12) -> Picture:
    """Random colours; a border of three pixels is transparent."""
    picture = np.zeros((size, size, 4), np.uint8)
    inner = np.random.default_rng(seed).integers(0, 255, (size - 6, size - 6, 3))
    picture[3:-3, 3:-3, :3], picture[3:-3, 3:-3, 3] = inner, 255
    return picture


def test_a_copy_is_near_however_it_is_mirrored_or_moved_a_little() -> None:
    original, other = picture_of(0), picture_of(1)
    changed = original.copy()
    changed[3, 3:6, :3] = 1  # 3 of 36 pixels
    much = original.copy()
    much[3, 3:9, :3] = 1  # 6 of 36
    moved = np.roll(original, (2, -1), (0, 1))
    far = np.roll(original, 3, 0)
    found = nearest_difference(
        np.stack([original, original[:, ::-1], moved, changed, much, far, other]), original[None]
    )
    assert found[:3].tolist() == [0, 0, 0]
    assert found[3:5] == pytest.approx([3 / 36, 6 / 36])
    assert (found[5:] > 0.3).all()
    assert near_copies(np.stack([original, changed, much, other]), np.stack([other[::-1], original])) == 0.5


def test_empty_pictures_are_copies_of_each_other_alone() -> None:
    empty = np.zeros((1, 12, 12, 4), np.uint8)
    assert near_copies(empty, empty) == 1.0 and near_copies(empty, picture_of(0)[None]) == 0.0


def test_the_quick_answer_is_that_of_comparing_every_pair() -> None:
    random = np.random.default_rng(3)
    colours = random.integers(0, 255, (5, 4), dtype=np.uint8)
    colours[:, 3] = 255, 255, 255, 0, 255
    learned = colours[random.integers(0, 5, (12, 16, 16))]
    learned[9:, :, 4:] = 0  # some with little to see, one with nothing
    learned[11] = 0
    drawn = learned[random.integers(0, 12, 60)]
    for picture in drawn:
        changed = random.random((16, 16)) < random.uniform(0, 0.25)
        picture[changed] = colours[random.integers(0, 5, int(changed.sum()))]
    drawn[::3] = np.roll(drawn[::3], (2, -2), (1, 2))
    drawn[1::3] = drawn[1::3, :, ::-1]
    drawn[:2] = 0
    expected = nearest_difference(drawn, learned) <= LIMIT
    assert 5 < expected.sum() < 55
    assert are_near_copies(drawn, learned).tolist() == expected.tolist()


def test_the_nearest_are_those_of_comparing_every_pair() -> None:
    random = np.random.default_rng(5)
    colours = random.integers(0, 255, (6, 4), dtype=np.uint8) | np.uint8(128)
    learned = colours[random.integers(0, 6, (200, 10, 10))]
    learned[:5, :4] = 0
    drawn = np.concatenate([learned[[3, 150]], colours[random.integers(0, 6, (4, 10, 10))], learned[:1] * 0])
    drawn[1] = np.roll(drawn[1, :, ::-1], 1, 0)
    places, differences = nearest_pictures(drawn, learned, count=3)
    every = np.stack([nearest_difference(drawn, one[None]) for one in learned], axis=1)
    assert differences == pytest.approx(np.sort(every, axis=1)[:, :3])
    assert np.take_along_axis(every, places, axis=1) == pytest.approx(differences)
    assert places[:2, 0].tolist() == [3, 150] and differences[0, 0] == 0
    assert nearest_pictures(drawn, learned[:2], count=3)[0].shape == (7, 2)
