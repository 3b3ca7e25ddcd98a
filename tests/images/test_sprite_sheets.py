"""Sheets into tiles and enlarged pictures to their true grid: exactly, and not by chance."""

from __future__ import annotations

import numpy as np
import pytest

from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.sprite_sheets import Grid, Slicing, common_factor, reduce, to_true_grid, true_grid
from tests.training.files import noise


def _enlarged(picture: Picture, factor: int) -> Picture:
    return picture.repeat(factor, 0).repeat(factor, 1)


def _sheet(slicing: Slicing, rows: int, columns: int, *, after: int) -> tuple[Picture, list[Picture]]:
    """A sheet laid out tile by tile, with `after` pixels right and below, all between and around of one colour."""
    height = slicing.margin + rows * slicing.height + (rows - 1) * slicing.spacing + after
    width = slicing.margin + columns * slicing.width + (columns - 1) * slicing.spacing + after
    sheet, tiles = np.full((height, width, 4), 77, np.uint8), []
    for row in range(rows):
        for column in range(columns):
            tile = noise(row * columns + column, slicing.height, slicing.width)
            top = slicing.margin + row * (slicing.height + slicing.spacing)
            left = slicing.margin + column * (slicing.width + slicing.spacing)
            sheet[top : top + slicing.height, left : left + slicing.width] = tile
            tiles.append(tile)
    return sheet, tiles


@pytest.mark.parametrize("margin", [0, 1, 5])
@pytest.mark.parametrize("spacing", [0, 1, 3])
@pytest.mark.parametrize("has_margin_after", [True, False])
def test_a_sheet_is_cut_into_its_tiles(margin: int, spacing: int, has_margin_after: bool) -> None:
    slicing = Slicing(6, 8, margin=margin, spacing=spacing)
    sheet, tiles = _sheet(slicing, 3, 4, after=margin if has_margin_after else 0)
    found = list(slicing.tiles(sheet))
    assert [(row, column) for row, column, _ in found] == [(row, column) for row in range(3) for column in range(4)]
    assert all(np.array_equal(tile, cut) for tile, (_, _, cut) in zip(tiles, found, strict=True))
    assert not slicing.leaves_out(sheet)


def test_what_is_left_of_a_sheet_is_noticed_where_something_is_seen() -> None:
    slicing = Slicing(8, 8)
    sheet = np.zeros((8, 18, 4), np.uint8)
    sheet[:, :16] = noise(1, 8, 16)
    assert slicing.count(sheet.shape) == (1, 2) and not slicing.leaves_out(sheet)
    sheet[3, 17] = 255
    assert slicing.leaves_out(sheet) and slicing.leaves_out(sheet.swapaxes(0, 1))


def test_a_sheet_smaller_than_a_tile_has_none() -> None:
    for slicing in (Slicing(9, 4), Slicing(4, 9), Slicing(4, 4, margin=6), Slicing(4, 4, margin=100)):
        assert 0 in slicing.count(noise(1).shape) and list(slicing.tiles(noise(1))) == []


@pytest.mark.parametrize(
    ("slicing", "message"),
    [
        (Slicing(0, 8), r"^tile height 0: must be from 1 to 1024$"),
        (Slicing(8, 1025), r"^tile width 1025: must be from"),
        (Slicing(8, 8, margin=-1), r"^margin -1: must be from 0 to"),
        (Slicing(8, 8, spacing=9999), r"^spacing 9999: must be from"),
    ],
)
def test_values_outside_the_limits_are_refused(slicing: Slicing, message: str) -> None:
    with pytest.raises(RequestRejected, match=message):
        slicing.check()


@pytest.mark.parametrize("factor", [2, 3, 7, 16])
def test_an_enlarged_picture_is_reduced_exactly(factor: int) -> None:
    for seed in range(20):
        picture = noise(seed, 9, 11)
        grid = true_grid(_enlarged(picture, factor))
        assert grid == Grid(factor, 0, 0)
        assert np.array_equal(reduce(_enlarged(picture, factor), grid, factor), picture)


def test_the_true_grid_of_a_picture_that_is_none_is_its_own() -> None:
    uneven = noise(1, 4, 4).repeat(2, 0).repeat(3, 1)
    assert np.array_equal(to_true_grid(uneven), uneven)
    assert np.array_equal(to_true_grid(_enlarged(noise(0, 6, 9), 3)), noise(0, 6, 9))
    assert to_true_grid(np.full((8, 12, 4), 255, np.uint8)).shape == (2, 3, 4)


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_a_cut_enlarged_picture_is_reduced_to_every_pixel_that_is_left(factor: int) -> None:
    picture = noise(5, 12, 14)
    for top in range(factor):
        for right in range(factor):
            cut = _enlarged(picture, factor)[top:, : 14 * factor - right]
            grid = true_grid(cut)
            assert (grid.factor, grid.top, grid.left) == (factor, (factor - top) % factor, 0)
            assert np.array_equal(reduce(cut, grid, factor), picture)
    assert true_grid(_enlarged(picture, factor)[:, 1:]).left == factor - 1


def test_a_picture_of_single_pixels_has_no_other_grid() -> None:
    for seed in range(20):
        assert true_grid(noise(seed)) == Grid(1, 0, 0)


def test_a_few_lines_off_the_corner_are_no_grid() -> None:
    """A lone square of 4 x 4 could be a pixel of a cut picture; in a picture of 16 x 16 it could be anything."""
    picture = np.zeros((16, 16, 4), np.uint8)
    picture[5:9, 5:9] = 255
    assert true_grid(picture).factor == 1


def test_colours_of_clear_pixels_do_not_count() -> None:
    picture = _enlarged(noise(3), 4)
    picture[:4, :4] = np.random.default_rng(0).integers(0, 100, (4, 4, 4))
    assert true_grid(picture).factor == 4


def test_one_colour_fits_every_grid() -> None:
    grid = true_grid(np.full((8, 12, 4), 255, np.uint8))
    assert grid.factor == 0 and grid.fits(3) and grid.fits(4)
    assert reduce(np.full((8, 12, 4), 255, np.uint8), grid, 4).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("factors", "common"),
    [
        ([4], 4),
        ([4, 4, 4, 1], 4),
        ([4, 4, 8, 8], 4),
        ([8, 8, 8, 4], 8),
        ([4, 1, 1, 1], 1),
        ([4, 4, 1, 1], 1),
        ([2, 3], 1),
        ([4, 0, 0, 0, 1, 1], 1),
        ([0, 0], 1),
        ([], 1),
        ([6, 4, 10], 2),
    ],
)
def test_the_common_factor_is_that_of_most(factors: list[int], common: int) -> None:
    assert common_factor([Grid(factor, 0, 0) for factor in factors]) == common
