"""A set of 16 tiles in which each corner lies inside or outside a terrain (Wang tiles by corners).

    8 --- 1    A tile's number is the sum of its corners that lie inside: 0 is outside, 15 is inside, 6 has its lower
    |     |    half inside. Two tiles may lie side by side if the two corners of the shared edge agree.
    4 --- 2

Each edge has one of four types by its two corners. All tiles with an edge of one type have the same pixels there, in a
strip of `strip_of` pixels, and the two strips that meet were drawn together. So any two tiles that may lie side by side
meet. Corners are used and not edges, because edges that are open or closed would need the same pixels at all corners.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pixelart.images.codec import Picture
from pixelart.images.tiling import rolled

_TORUS = np.array([[1, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 0, 1]], np.bool_)
"""Corners of a 4 x 4 map that repeats: its 2 x 2 squares are all the 16 different ones."""
_WEIGHTS = ((8, 1), (4, 2))
WITHIN, OUTSIDE = 15, 0
DOWN, ACROSS = 0, 1
Sources = tuple[Picture, Picture]
"""The tile outside and the tile inside, each (H, W, 4)."""


class EdgeType(NamedTuple):
    """An edge between two tiles along `axis`: ACROSS = between a left and a right one, DOWN = between an upper and a
    lower one. `first` and `second`: whether its upper (left) and its lower (right) corner lie inside."""

    axis: int
    first: bool
    second: bool


class Strips(NamedTuple):
    """The pixels on both sides of an edge: of the tile before it (left, upper), and of the tile after it."""

    before: Picture
    after: Picture


class TileStart(NamedTuple):
    """A picture (H, W, 4) and the pixels (H, W) to draw in it."""

    picture: Picture
    mask: NDArray[np.bool_]


CHANGES = tuple(EdgeType(axis, first, not first) for axis in (ACROSS, DOWN) for first in (False, True))
"""The edge types that lead from outside to inside, which are drawn. The others are those of the two given tiles."""


def corners_of(number: int) -> NDArray[np.bool_]:
    """Which corners lie inside: [[upper left, upper right], [lower left, lower right]]."""
    return (number & np.array(_WEIGHTS)) > 0


def number_of(corners: NDArray[np.bool_]) -> int:
    """The number of a tile with these corners, see `corners_of`."""
    return int((corners * np.array(_WEIGHTS)).sum())


def sheet_order() -> NDArray[np.int64]:
    """Numbers (4, 4) of the tiles in a sheet in which all neighbours meet, also if it repeats."""
    wrapped = np.pad(_TORUS, (0, 1), mode="wrap")
    return np.array([[number_of(wrapped[r : r + 2, c : c + 2]) for c in range(4)] for r in range(4)])


def edges_of(number: int) -> dict[str, EdgeType]:
    """The types of a tile's edges: left, right, upper, lower."""
    inside = corners_of(number).tolist()
    return {
        "left": EdgeType(ACROSS, inside[0][0], inside[1][0]),
        "right": EdgeType(ACROSS, inside[0][1], inside[1][1]),
        "upper": EdgeType(DOWN, inside[0][0], inside[0][1]),
        "lower": EdgeType(DOWN, inside[1][0], inside[1][1]),
    }


def strip_of(side: int) -> int:
    """How many pixels along a side of `side` pixels are shared at each end."""
    return max(1, side // 16)


def edge_start(kind: EdgeType, sources: Sources) -> TileStart:
    """The surroundings of an edge that lies in the middle of the picture, with the change to be drawn."""
    height, width = sources[0].shape[:2]
    shift = (0, width // 2) if kind.axis == ACROSS else (height // 2, 0)
    corner = np.array([[kind.first], [kind.second]]) if kind.axis == ACROSS else np.array([[kind.first, kind.second]])
    inside = np.broadcast_to(corner, (2, 2))
    outer, inner = (rolled(source, shift) for source in sources)
    return TileStart(
        np.where(_quarters(inside, height, width)[..., None], inner, outer), _change(inside, height, width)
    )


def edge_strips(kind: EdgeType, picture: Picture) -> Strips:
    """The strips of the edge in the middle of `picture` (H, W, 4)."""
    side = picture.shape[kind.axis]
    middle, strip = side // 2, strip_of(side)
    before, after = range(middle - strip, middle), range(middle, middle + strip)
    return Strips(picture.take(before, kind.axis), picture.take(after, kind.axis))


def tile_start(number: int, sources: Sources, strips: Mapping[EdgeType, Strips]) -> TileStart:
    """Tile `number` with its four strips, and the change between inside and outside to be drawn."""
    height, width = sources[0].shape[:2]
    inside, edges = corners_of(number), edges_of(number)
    picture = np.where(_quarters(inside, height, width)[..., None], sources[1], sources[0])
    mask = _change(inside, height, width)
    rows, columns = strip_of(height), strip_of(width)
    for edge, place in (("left", np.s_[:, :columns]), ("right", np.s_[:, -columns:])):
        picture[place], mask[place] = _side(edge, edges[edge], sources, strips), False
    for edge, place in (("upper", np.s_[:rows]), ("lower", np.s_[-rows:])):
        picture[place], mask[place] = _side(edge, edges[edge], sources, strips), False
    return TileStart(picture, mask)


def _side(edge: str, kind: EdgeType, sources: Sources, strips: Mapping[EdgeType, Strips]) -> Picture:
    if kind.first == kind.second:
        source = sources[kind.first]
        shift = tuple(source.shape[axis] // 2 if axis == kind.axis else 0 for axis in (DOWN, ACROSS))
        both = edge_strips(kind, rolled(source, (shift[0], shift[1])))
    else:
        both = strips[kind]
    return both.after if edge in ("left", "upper") else both.before


def _quarters(inside: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """A value (2, 2) per quarter, as (height, width)."""
    rows, columns = np.arange(height) >= height // 2, np.arange(width) >= width // 2
    return inside[rows.astype(int)[:, None], columns.astype(int)]


def _change(inside: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """The pixels less than a quarter of a side from where inside and outside meet."""
    rows = (np.arange(height) >= height // 4) & (np.arange(height) < height - height // 4)
    columns = (np.arange(width) >= width // 4) & (np.arange(width) < width - width // 4)
    down, across = inside != inside[::-1], inside != inside[:, ::-1]
    changed = rows[:, None] & _quarters(down, height, width) | columns & _quarters(across, height, width)
    return changed | (rows[:, None] & columns & (inside.any() and not inside.all()))
