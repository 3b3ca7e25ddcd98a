"""Imported pictures find their own grid and keep their proportions."""

from __future__ import annotations

import numpy as np
import pytest

from pixelart.images.codec import Picture
from pixelart.ui.create.fit import fit_mask, fit_to_canvas


def noise(height: int, width: int) -> Picture:
    picture = np.random.default_rng(height * width).integers(0, 256, (height, width, 4), np.uint8)
    picture[..., 3] = 255
    return picture


def test_a_picture_of_the_size_is_untouched() -> None:
    flat = np.full((8, 8, 4), 255, np.uint8)
    assert np.array_equal(fit_to_canvas(flat, 8, 8), flat)
    assert np.array_equal(fit_to_canvas(noise(8, 8), 8, 8), noise(8, 8))


def test_an_upscale_comes_back_pixel_for_pixel() -> None:
    sprite = noise(8, 8)
    assert np.array_equal(fit_to_canvas(sprite.repeat(5, 0).repeat(5, 1), 8, 8), sprite)


def test_a_cut_upscale_comes_back_with_the_mask_on_the_same_pixels() -> None:
    sprite, hidden = noise(8, 8), np.zeros((8, 8), np.bool_)
    hidden[0, 7] = hidden[4, 2] = True
    enlarged = sprite.repeat(5, 0).repeat(5, 1)[3:, :-2]
    mask = hidden.repeat(5, 0).repeat(5, 1)[3:, :-2]
    assert np.array_equal(fit_to_canvas(enlarged, 8, 8), sprite)
    assert np.array_equal(fit_mask(mask, enlarged, 8, 8), hidden)


def test_one_masked_pixel_masks_its_cell() -> None:
    sprite, mask = noise(8, 8).repeat(4, 0).repeat(4, 1), np.zeros((32, 32), np.bool_)
    mask[13, 30] = True
    assert np.argwhere(fit_mask(mask, sprite, 8, 8)).tolist() == [[3, 7]]


def test_a_smaller_picture_is_enlarged_by_a_whole_number_and_centred() -> None:
    sprite = noise(3, 2)
    fitted = fit_to_canvas(sprite, 8, 8)
    assert np.array_equal(fitted[1:7, 2:6], sprite.repeat(2, 0).repeat(2, 1))
    assert not fitted[0].any() and not fitted[:, :2].any() and not fitted[:, 6:].any()


def test_the_longer_side_of_any_larger_picture_fills_the_canvas() -> None:
    for side in range(33, 1025):
        picture = np.full((side, 33, 4), 255, np.uint8)
        picture[0, 0] = 7  # its own grid
        assert fit_to_canvas(picture, 32, 32)[..., 3].any(1).all(), side
        assert fit_to_canvas(picture.transpose(1, 0, 2), 32, 32)[..., 3].any(0).all(), side


@pytest.mark.parametrize("size", [(100, 60), (1, 1), (1, 300), (33, 31)])
def test_any_size_fits(size: tuple[int, int]) -> None:
    fitted = fit_to_canvas(noise(*size), 32, 32)
    assert fitted.shape == (32, 32, 4) and fitted[..., 3].any()
