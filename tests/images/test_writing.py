"""Pictures are written to PNG exactly: indexed or RGBA, enlarged, with text, or many on one sheet."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pixelart.images.io import contact_sheet, decode_picture, encode_png
from tests.images.made_files import few_colours


def _open(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("colours", [1, 2, 5, 17, 255, 256])
def test_png_of_few_colours_is_indexed_and_exact(colours: int) -> None:
    palette = np.random.default_rng(0).integers(0, 256, (colours, 4)).astype(np.uint8)
    palette[:, 0] = np.arange(colours)
    palette[:, 3] = 255
    if colours > 1:
        palette[0] = 0
    picture = palette[np.arange(20 * 20).reshape(20, 20) % colours]
    data = encode_png(picture)
    assert _open(data).mode == "P"
    assert np.array_equal(decode_picture(data, name="a"), picture)
    assert np.array_equal(np.asarray(_open(data).convert("RGBA")), picture)


def test_png_of_many_colours_is_rgba_and_exact() -> None:
    picture = np.zeros((20, 20, 4), np.uint8)
    picture[..., 3] = 255
    picture.reshape(-1, 4)[:257, :2] = np.stack(np.divmod(np.arange(257), 256), 1)
    data = encode_png(picture)
    assert _open(data).mode == "RGBA"
    assert np.array_equal(decode_picture(data, name="a"), picture)


def test_png_with_soft_alpha_is_rgba_and_exact() -> None:
    picture = few_colours()
    picture[0, 0] = (9, 8, 7, 100)
    data = encode_png(picture)
    assert _open(data).mode == "RGBA"
    assert np.array_equal(decode_picture(data, name="a"), picture)


def test_png_keeps_the_colours_under_transparent_pixels() -> None:
    picture = few_colours()
    picture[0] = [(i, 2 * i, 200, 0) for i in range(9)]
    picture[1] = (0, 0, 0, 255)
    data = encode_png(picture)
    assert _open(data).mode == "P"
    assert np.array_equal(decode_picture(data, name="a"), picture)


def test_png_of_random_pictures_comes_back() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        shape = (*random.integers(1, 12, 2), 4)
        levels = random.choice([2, 4, 256])
        picture = (random.integers(0, levels, shape) * (255 // (levels - 1))).astype(np.uint8)
        assert np.array_equal(decode_picture(encode_png(picture), name="a"), picture)


@pytest.mark.parametrize("scale", [1, 2, 7])
def test_scale_repeats_every_pixel(scale: int) -> None:
    picture = few_colours()
    large = decode_picture(encode_png(picture, scale=scale), name="a")
    assert np.array_equal(large, np.kron(picture, np.ones((scale, scale, 1), np.uint8)))


def test_text_becomes_text_chunks() -> None:
    text = {"parameters": "class: héros, 漢字", "pixelart": '{"seed": 1}'}
    assert getattr(_open(encode_png(few_colours(), text=text)), "text") == text  # noqa: B009
    assert getattr(_open(encode_png(few_colours())), "text") == {}  # noqa: B009


def test_equal_pictures_give_equal_bytes() -> None:
    assert encode_png(few_colours()) == encode_png(few_colours().copy())


def test_contact_sheet_sets_pictures_in_rows() -> None:
    pictures = np.stack([np.full((2, 3, 4), 10 * (i + 1), np.uint8) for i in range(3)])
    sheet = contact_sheet(pictures, columns=2, gap=1)
    assert sheet.shape == (5, 7, 4)
    assert np.array_equal(sheet[:2, :3], pictures[0]) and np.array_equal(sheet[:2, 4:], pictures[1])
    assert np.array_equal(sheet[3:, :3], pictures[2])
    assert not sheet[2].any() and not sheet[:, 3].any() and not sheet[3:, 4:].any()
    assert contact_sheet(pictures, columns=3, gap=0).shape == (2, 9, 4)
