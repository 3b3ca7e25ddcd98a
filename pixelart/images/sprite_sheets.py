"""Cut sprite sheets into tiles, and reduce enlarged pixel art to its true grid. Both are exact."""

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
"""Grid lines needed along both axes to accept a grid that is cut off at an edge; fewer may be chance."""


@dataclass(frozen=True)
class Slicing:
    """Tiles of `height` x `width` pixels, `spacing` apart; the first is `margin` from the top and the left."""

    height: int
    width: int
    margin: int = 0
    spacing: int = 0

    def check(self) -> None:
        """Raises RequestRejected if a value is outside its limits."""
        for name, value, least in (
            ("tile height", self.height, 1),
            ("tile width", self.width, 1),
            ("margin", self.margin, 0),
            ("spacing", self.spacing, 0),
        ):
            if not least <= value <= SETTINGS.max_side:
                raise RequestRejected(f"{name} {value}: must be from {least} to {SETTINGS.max_side}")

    def count(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(rows, columns) of whole tiles in a sheet of `shape` (H, W, 4)."""
        height, width = shape[:2]
        rows = (height - self.margin + self.spacing) // (self.height + self.spacing)
        columns = (width - self.margin + self.spacing) // (self.width + self.spacing)
        return max(0, rows), max(0, columns)

    def tiles(self, sheet: Picture) -> Iterator[tuple[int, int, Picture]]:
        """(row, column, tile) of each whole tile of `sheet` (H, W, 4); tiles are views of the sheet."""
        rows, columns = self.count(sheet.shape)
        for row in range(rows):
            for column in range(columns):
                top, left = self._corner(row, column)
                yield row, column, sheet[top : top + self.height, left : left + self.width]

    def leaves_out(self, sheet: Picture) -> bool:
        """Whether there are visible pixels right of or below the last whole tile and the margin or spacing after it."""
        bottom, right = self._corner(*self.count(sheet.shape))
        after = max(self.margin, self.spacing) - self.spacing
        return not (is_empty(sheet[bottom + after :]) and is_empty(sheet[:, right + after :]))

    def _corner(self, row: int, column: int) -> tuple[int, int]:
        return self.margin + row * (self.height + self.spacing), self.margin + column * (self.width + self.spacing)


def is_empty(picture: Picture) -> bool:
    """Whether every pixel is transparent."""
    return not normalise(picture).any()


@dataclass(frozen=True)
class Grid:
    """A grid of `factor` x `factor` cells; the first whole cell starts at (`top`, `left`), both below `factor`.

    `factor` is 0 if every grid fits, because the picture has one colour.
    """

    factor: int
    top: int
    left: int

    def fits(self, factor: int) -> bool:
        """Whether the picture also fits a grid with cells of `factor`, which may be finer."""
        return self.factor % factor == 0


def true_grid(picture: Picture) -> Grid:
    """The coarsest grid for which `picture` (H, W, 4) is a small one with every pixel repeated; factor 1 if there is
    none.

    Cells may be cut off at the edges; then at least MIN_EDGES grid lines are required.
    """
    seen = normalise(picture).view(np.uint32)[..., 0]
    height, width = seen.shape
    rows, columns = _edges(seen), _edges(seen.T)
    whole = math.gcd(height, width, *rows, *columns) if rows or columns else 0
    cut = math.gcd(*np.diff(rows).tolist(), *np.diff(columns).tolist())
    if cut != whole and min(len(rows), len(columns)) >= MIN_EDGES:
        return Grid(cut, rows[0] % cut, columns[0] % cut)
    return Grid(whole, 0, 0)


def to_true_grid(picture: Picture) -> Picture:
    """`picture` (H, W, 4) with one pixel per cell of its true grid; a picture of one colour keeps its proportions."""
    grid = true_grid(picture)
    return reduce(picture, grid, _cell_side(grid, picture))


def mask_on_true_grid(mask: NDArray[np.bool_], picture: Picture) -> NDArray[np.bool_]:
    """A mask (H, W) on `to_true_grid(picture)`: a cell is masked if any of its pixels is."""
    grid = true_grid(picture)
    rows, columns = (
        _cells(side, start, _cell_side(grid, picture))
        for side, start in zip(mask.shape, (grid.top, grid.left), strict=True)
    )
    return np.logical_or.reduceat(np.logical_or.reduceat(mask, rows, axis=0), columns, axis=1)


def _cell_side(grid: Grid, picture: Picture) -> int:
    return grid.factor or math.gcd(*picture.shape[:2])


def common_factor(grids: Sequence[Grid]) -> int:
    """The largest factor that fits more than half of the pictures with several colours; 1 if there is none.

    A single picture with little detail may look enlarged by chance; most of a set will not.
    """
    factors = [grid.factor for grid in grids if grid.factor]
    divisors = {d for factor in set(factors) for d in range(2, factor + 1) if factor % d == 0}
    return max((d for d in divisors if 2 * sum(f % d == 0 for f in factors) > len(factors)), default=1)


def reduce(picture: Picture, grid: Grid, factor: int) -> Picture:
    """One pixel per cell of `picture` (H, W, 4), for a `factor` that fits `grid`; a cut-off cell gives one pixel."""
    return picture[_cells(picture.shape[0], grid.top, factor)][:, _cells(picture.shape[1], grid.left, factor)]


def _cells(side: int, start: int, factor: int) -> NDArray[np.int64]:
    """Where each cell starts along one axis."""
    first = start % factor
    return np.arange(first, side, factor) if not first else np.concatenate([[0], np.arange(first, side, factor)])


def _edges(seen: NDArray[np.uint32]) -> list[int]:
    """The rows of (H, W) that differ from the one above."""
    return (1 + np.flatnonzero((seen[1:] != seen[:-1]).any(axis=1))).tolist()
