"""Sprite sheets cut into tiles, and pictures that are small ones enlarged reduced to their true grid, both exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture, normalise
from pixelart.settings import SETTINGS

MIN_EDGES = 4
"""So many lines of a grid that does not start at the corner must be seen along both axes; fewer may be chance."""


@dataclass(frozen=True)
class Slicing:
    """Tiles of `height` x `width` pixels, `spacing` apart, the first `margin` from the top and the left."""

    height: int
    width: int
    margin: int = 0
    spacing: int = 0

    def check(self) -> None:
        """Raises RequestRejected when a value is outside its limits."""
        for name, value, least in (
            ("tile height", self.height, 1),
            ("tile width", self.width, 1),
            ("margin", self.margin, 0),
            ("spacing", self.spacing, 0),
        ):
            if not least <= value <= SETTINGS.max_side:
                raise RequestRejected(f"{name} {value}: must lie in {least} to {SETTINGS.max_side}")

    def count(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(rows, columns) of whole tiles in a sheet of `shape` (H, W, 4)."""
        height, width = shape[:2]
        rows = (height - self.margin + self.spacing) // (self.height + self.spacing)
        columns = (width - self.margin + self.spacing) // (self.width + self.spacing)
        return max(0, rows), max(0, columns)

    def tiles(self, sheet: Picture) -> Iterator[tuple[int, int, Picture]]:
        """(row, column, tile) of each whole tile of `sheet` (H, W, 4), which the tiles share their pixels with."""
        rows, columns = self.count(sheet.shape)
        for row in range(rows):
            for column in range(columns):
                top, left = self._corner(row, column)
                yield row, column, sheet[top : top + self.height, left : left + self.width]

    def leaves_out(self, sheet: Picture) -> bool:
        """Whether something is seen right of or below the last whole tile and the margin or spacing after it."""
        bottom, right = self._corner(*self.count(sheet.shape))
        after = max(self.margin, self.spacing) - self.spacing
        return not (is_empty(sheet[bottom + after :]) and is_empty(sheet[:, right + after :]))

    def _corner(self, row: int, column: int) -> tuple[int, int]:
        return self.margin + row * (self.height + self.spacing), self.margin + column * (self.width + self.spacing)


def is_empty(picture: Picture) -> bool:
    """Whether nothing is seen of it: every pixel is transparent."""
    return not normalise(picture).any()


@dataclass(frozen=True)
class Grid:
    """Pixels `factor` wide and high; the first whole one starts `top` and `left` from the corner, each below `factor`.

    `factor` is 0 where every one fits: the picture is of one colour."""

    factor: int
    top: int
    left: int

    def fits(self, factor: int) -> bool:
        """Whether pixels of `factor`, which may be finer than these, are a grid of the same picture."""
        return self.factor % factor == 0


def true_grid(picture: Picture) -> Grid:
    """The coarsest grid by which `picture` (H, W, 4) is a small one with every pixel repeated; factor 1 where none is.

    Cut ones count: where the lines do not start at the corner, or end at the other side, there are MIN_EDGES of them.
    """
    seen = normalise(picture).view(np.uint32)[..., 0]
    height, width = seen.shape
    rows, columns = _edges(seen), _edges(seen.T)
    whole = math.gcd(height, width, *rows, *columns) if rows or columns else 0
    cut = math.gcd(*np.diff(rows).tolist(), *np.diff(columns).tolist())
    if cut != whole and min(len(rows), len(columns)) >= MIN_EDGES:
        return Grid(cut, rows[0] % cut, columns[0] % cut)
    return Grid(whole, 0, 0)


def common_factor(grids: Sequence[Grid]) -> int:
    """The largest factor that fits more than half of the pictures of several colours, 1 when none does: one picture of
    few details may look enlarged by chance, and most of a set may not."""
    factors = [grid.factor for grid in grids if grid.factor]
    divisors = {d for factor in set(factors) for d in range(2, factor + 1) if factor % d == 0}
    return max((d for d in divisors if 2 * sum(f % d == 0 for f in factors) > len(factors)), default=1)


def reduce(picture: Picture, grid: Grid, factor: int) -> Picture:
    """One pixel of each cell of `picture` (H, W, 4), for a `factor` that `grid` fits; a cut cell counts as one."""
    return picture[_cells(picture.shape[0], grid.top, factor)][:, _cells(picture.shape[1], grid.left, factor)]


def _cells(side: int, start: int, factor: int) -> NDArray[np.int64]:
    """A place inside each cell along one axis."""
    first = start % factor
    return np.arange(first, side, factor) if not first else np.concatenate([[0], np.arange(first, side, factor)])


def _edges(seen: NDArray[np.uint32]) -> list[int]:
    """The rows of (H, W) that differ from the one above."""
    return (1 + np.flatnonzero((seen[1:] != seen[:-1]).any(axis=1))).tolist()
