"""Holes: their shapes, their randomness, and the seam by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelart.images.masks import (
    HOLES,
    brush,
    centre,
    everything,
    half,
    named_hole,
    rectangle,
    scattered,
    seam,
    training_mask,
)

SIZES = [(8, 8), (32, 32), (1, 1), (1, 9), (9, 1), (7, 31)]
RANDOM = {"brush": brush, "scattered": scattered, "rectangle": rectangle, "half": half, "training": training_mask}


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("name", RANDOM)
def test_random_holes_have_the_size_and_follow_their_generator(name: str, height: int, width: int) -> None:
    masks = [RANDOM[name](height, width, random=np.random.default_rng(seed)) for seed in range(30)]
    again = [RANDOM[name](height, width, random=np.random.default_rng(seed)) for seed in range(30)]
    assert all(m.shape == (height, width) and m.dtype == np.bool_ for m in masks)
    assert all(np.array_equal(a, b) for a, b in zip(masks, again, strict=True))
    if height * width >= 64:
        assert len({m.tobytes() for m in masks}) > 10


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_training_mask_always_hides_something(height: int, width: int) -> None:
    random = np.random.default_rng(0)
    assert all(training_mask(height, width, random=random).any() for _ in range(300))


def test_training_masks_teach_plain_generation_and_completion() -> None:
    random = np.random.default_rng(0)
    whole = sum(bool(training_mask(16, 16, random=random).all()) for _ in range(1000))
    assert 150 < whole < 500


def test_everything_hides_everything() -> None:
    assert everything(3, 5).shape == (3, 5) and everything(3, 5).all()


def test_centre_is_in_the_middle_and_no_larger_than_the_picture() -> None:
    mask = centre(8, 10, size=4)
    expected = np.zeros((8, 10), np.bool_)
    expected[2:6, 3:7] = True
    assert np.array_equal(mask, expected)
    assert centre(5, 3, size=8).all()


def _is_a_box(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> bool:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return bool(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all())


def test_rectangles_are_boxes_of_two_pixels_or_more_everywhere() -> None:
    random = np.random.default_rng(0)
    masks = [rectangle(6, 7, random=random) for _ in range(400)]
    assert all(_is_a_box(m) and m.any(1).sum() >= 2 and m.any(0).sum() >= 2 for m in masks)
    assert np.mean(masks, axis=0).min() > 0.05
    assert any(m.all() for m in masks)


def test_a_half_is_one_side_up_to_a_line_in_the_middle() -> None:
    random = np.random.default_rng(0)
    masks = [half(16, 16, random=random) for _ in range(200)]
    assert all(_is_a_box(m) and (m.all(0).any() != m.all(1).any()) for m in masks)
    assert all(0.2 <= m.mean() <= 0.8 for m in masks)
    corners = np.mean([[m[0, 0], m[0, -1], m[-1, 0], m[-1, -1]] for m in masks], axis=0)
    assert corners.min() > 0.3


def test_scattered_hides_15_to_85_percent_in_blocks() -> None:
    random = np.random.default_rng(0)
    shares = [scattered(48, 48, random=random).mean() for _ in range(200)]
    assert 0.1 < min(shares) < 0.25 and 0.75 < max(shares) < 0.9


def test_a_brush_paints_a_part_in_strokes() -> None:
    random = np.random.default_rng(0)
    masks = [brush(32, 32, random=random) for _ in range(100)]
    assert all(m.any() and not m.all() for m in masks)
    assert 0.03 < np.mean(masks) < 0.4
    assert np.mean(masks, axis=0).min() > 0


@pytest.mark.parametrize("name", HOLES)
def test_named_holes_are_the_same_at_every_call(name: str) -> None:
    assert np.array_equal(named_hole(name, 32, 32, seed=5), named_hole(name, 32, 32, seed=5))
    assert named_hole(name, 32, 32, seed=5).any()


def test_named_holes_are_what_they_are_called() -> None:
    assert named_hole("centre8", 32, 32, seed=0).sum() == 64
    assert named_hole("centre16", 32, 32, seed=0).sum() == 256
    assert len({named_hole("brush", 32, 32, seed=seed).tobytes() for seed in range(20)}) == 20


def test_seam_by_hand() -> None:
    mask = torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1], [0, 1, 1, 1], [1, 0, 1, 1]], dtype=torch.bool)
    expected = torch.tensor([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)
    assert torch.equal(seam(mask), expected)
    assert torch.equal(seam(mask[None].expand(3, -1, -1)), expected[None].expand(3, -1, -1))


def test_seam_follows_its_definition_everywhere() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        mask = training_mask(6, 5, random=random)
        for row, column in np.ndindex(mask.shape):
            below = row + 1 < 6 and not mask[row + 1, column]
            right = column + 1 < 5 and not mask[row, column + 1]
            assert bool(seam(torch.from_numpy(mask))[row, column]) == bool(mask[row, column] and (below or right))


def test_a_hole_with_nothing_known_has_no_seam() -> None:
    assert not seam(torch.ones(2, 4, 4, dtype=torch.bool)).any()
    assert not seam(torch.zeros(4, 4, dtype=torch.bool)).any()
