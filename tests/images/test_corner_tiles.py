"""The 16 tiles by corners: numbers, edges, the sheet, and what is given to the model."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pixelart.images.codec import Picture
from pixelart.images.corner_tiles import (
    CHANGES,
    EdgeType,
    Sources,
    Strips,
    corners_of,
    edge_start,
    edge_strips,
    edges_of,
    number_of,
    sheet_order,
    strip_of,
    tile_start,
)

OPPOSITE = {"left": "right", "upper": "lower"}


def _sources(height: int, width: int) -> Sources:
    random = np.random.default_rng(height * width)
    outer, inner = random.integers(0, 256, (2, height, width, 4), np.uint8)
    return outer, inner


def _side(tile: Picture, edge: str) -> Picture:
    rows, columns = (strip_of(side) for side in tile.shape[:2])
    return {"left": tile[:, :columns], "right": tile[:, -columns:], "upper": tile[:rows], "lower": tile[-rows:]}[edge]


def test_numbers_are_sums_of_corners() -> None:
    assert [number_of(corners_of(number)) for number in range(16)] == list(range(16))
    assert corners_of(8).tolist() == [[True, False], [False, False]] and corners_of(1).tolist()[0] == [False, True]
    assert corners_of(6).tolist() == [[False, False], [True, True]]
    assert edges_of(6)["left"] == edges_of(6)["right"] == EdgeType(1, False, True)
    assert edges_of(6)["upper"] == EdgeType(0, False, False) and edges_of(6)["lower"] == EdgeType(0, True, True)


def test_all_neighbours_in_the_sheet_may_lie_side_by_side_also_around_its_edges() -> None:
    order = sheet_order()
    assert sorted(order.flatten().tolist()) == list(range(16))
    for row, column in product(range(4), range(4)):
        here = edges_of(int(order[row, column]))
        assert here["right"] == edges_of(int(order[row, (column + 1) % 4]))["left"]
        assert here["lower"] == edges_of(int(order[(row + 1) % 4, column]))["upper"]


@pytest.mark.parametrize("size", [(8, 8), (32, 32), (33, 17), (4, 5), (20, 64)])
def test_edges_of_one_type_are_the_same_and_are_known(size: tuple[int, int]) -> None:
    """Whatever is drawn: here noise in each mask, other noise for each tile."""
    random, sources = np.random.default_rng(0), _sources(*size)

    def drawn(picture: Picture, mask: np.ndarray) -> Picture:
        assert mask.any() and not mask.all()
        return np.where(mask[..., None], random.integers(0, 256, picture.shape, np.uint8), picture)

    strips: dict[EdgeType, Strips] = {kind: edge_strips(kind, drawn(*edge_start(kind, sources))) for kind in CHANGES}
    tiles = [sources[0], *(drawn(*tile_start(n, sources, strips)) for n in range(1, 15)), sources[1]]
    pairs = 0
    for first, second in product(range(16), range(16)):
        for before, after in (("right", "left"), ("lower", "upper")):
            kind = edges_of(first)[before]
            if kind == edges_of(second)[after]:
                pairs += 1
                both = strips.get(kind) or Strips(*(_side(sources[kind.first], edge) for edge in (before, after)))
                assert np.array_equal(_side(tiles[first], before), both.before)
                assert np.array_equal(_side(tiles[second], after), both.after)
    assert pairs == 2 * 4 * 16


def test_the_change_lies_between_inside_and_outside_and_the_rest_is_given() -> None:
    sources = _sources(32, 32)
    strips = {kind: edge_strips(kind, edge_start(kind, sources).picture) for kind in CHANGES}
    picture, mask = tile_start(6, sources, strips)
    expected = np.zeros((32, 32), np.bool_)
    expected[8:24, 2:-2] = True
    assert np.array_equal(mask, expected)
    assert np.array_equal(picture[2:8, 2:-2], sources[0][2:8, 2:-2])
    assert np.array_equal(picture[24:30, 2:-2], sources[1][24:30, 2:-2])
    for number, known in ((8, np.s_[24:, 24:]), (7, np.s_[24:, 24:]), (10, np.s_[2:8, 2:8])):
        assert not tile_start(number, sources, strips).mask[known].any()
        assert tile_start(number, sources, strips).mask[10:22, 10:22].all()
    edge = edge_start(EdgeType(1, False, True), sources)
    assert edge.mask[8:24].all() and not edge.mask[:8].any() and not edge.mask[24:].any()
    assert np.array_equal(edge.picture[:8], np.roll(sources[0], 16, 1)[:8])
