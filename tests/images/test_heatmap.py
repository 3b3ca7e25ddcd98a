"""Heat maps: more bits are brighter, evenly so to the eye, between a black and a white that can be told."""

from __future__ import annotations

import numpy as np
import pytest

from pixelart.images.heatmap import RAMP, heat_map
from pixelart.images.io import decode_picture, encode_png
from pixelart.images.palettes import oklab


def test_brightness_rises_evenly_from_black_to_white() -> None:
    lightness = oklab(RAMP)[:, 0]
    assert RAMP.shape == (256, 3) and RAMP[0].max() <= 4 and RAMP[-1].tolist() == [255, 255, 255]
    assert (np.diff(lightness) >= 0).all() and len(np.unique(RAMP, axis=0)) >= 250  # near black, bytes are coarse
    assert lightness == pytest.approx(np.linspace(lightness[0], 1, 256), abs=0.01)


def test_more_bits_are_brighter() -> None:
    bits = np.array([[0.0, 3.0, 1.0], [9.0, 2.0, 4.5]])
    picture = heat_map(bits)
    assert picture.shape == (2, 3, 4) and picture.dtype == np.uint8 and (picture[..., 3] == 255).all()
    lightness = oklab(picture[..., :3].reshape(-1, 3))[:, 0]
    assert np.array_equal(np.argsort(lightness), np.argsort(bits.ravel()))
    assert picture[0, 0, :3].tolist() == RAMP[0].tolist() and picture[1, 0].tolist() == [255, 255, 255, 255]
    assert picture[1, 2, :3].tolist() == RAMP[128].tolist()


def test_pictures_are_compared_by_a_given_white() -> None:
    bits = np.array([[0.0, 2.0, 4.0, 40.0, -1e-9]])
    assert np.array_equal(heat_map(bits, white_bits=4.0)[0, :, :3], RAMP[[0, 128, 255, 255, 0]])


def test_nothing_surprising_is_black() -> None:
    assert (heat_map(np.zeros((2, 2)))[..., :3] == RAMP[0]).all()


@pytest.mark.parametrize("scale", [1, 3])
def test_a_scaled_map_is_the_map_in_larger_pixels(scale: int) -> None:
    bits = np.arange(12.0).reshape(3, 4)
    large = heat_map(bits, scale=scale)
    assert large.shape == (3 * scale, 4 * scale, 4)
    assert np.array_equal(large[::scale, ::scale], heat_map(bits))
    assert np.array_equal(large, np.kron(heat_map(bits), np.ones((scale, scale, 1), np.uint8)))
    assert np.array_equal(decode_picture(encode_png(large), name="heat.png"), large)
