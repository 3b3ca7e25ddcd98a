"""Pictures whose edges meet: where the seam is, and how to roll a picture so that it lies inside.

Axes are "", "x", "y" or "xy": along x the right edge meets the left one, along y the bottom the top.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

AXES = ("", "x", "y", "xy")
BAND_SHARE = 10  # of a side, on each side of the seam: room for what is there to come together
Shift: TypeAlias = tuple[int, int]
Array = TypeVar("Array", bound=NDArray[Any])


class Repair(NamedTuple):
    """What is to be drawn anew: `mask` (H, W), True = repaint, while the picture is rolled by `shift`."""

    mask: NDArray[np.bool_]
    shift: Shift


def rolled(array: Array, shift: Shift) -> Array:
    """`array` (H, W, ...) rolled down and right by `shift`; what leaves it comes back on the other side."""
    return np.roll(array, shift, axis=(0, 1))  # pyright: ignore[reportReturnType]


def back(shift: Shift) -> Shift:
    """The shift that undoes another."""
    return -shift[0], -shift[1]


def seam_band(height: int, width: int, axes: str) -> NDArray[np.bool_]:
    """The pixels (H, W) beside the edges that are to meet."""
    rows, columns = np.zeros(height, np.bool_), np.zeros(width, np.bool_)
    for axis, line in (("y", rows), ("x", columns)):
        if axis in axes:
            _mark(line, 0)
    return rows[:, None] | columns


def seam_repairs(height: int, width: int, axes: str) -> list[Repair]:
    """How the seam of a picture goes away: the band is drawn anew while it lies in the middle, seen from both sides.

    Along both axes it is a cross, whose arms end at the edges of the rolled picture, where opposite ends do not see
    each other. So these are drawn a second time, the picture being rolled by a quarter.
    """
    band = seam_band(height, width, axes)
    repairs = [Repair(band, (height // 2 if "y" in axes else 0, width // 2 if "x" in axes else 0))]
    if axes == "xy":
        rows, columns = np.zeros(height, np.bool_), np.zeros(width, np.bool_)
        _mark(rows, height - height // 2)
        _mark(columns, width - width // 2)
        ends = seam_band(height, width, "x") & rows[:, None] | seam_band(height, width, "y") & columns
        repairs.append(Repair(ends, (height // 4, width // 4)))
    return repairs


def shift_to_join(mask: NDArray[np.bool_], axes: str) -> Shift:
    """The shift that brings a mask (H, W) away from the edges that meet: none where it does not touch them, else the
    one that puts the edge where the fewest masked pixels lie beside it."""
    down, right = (
        _cut(mask.sum(1 - axis)) if name in axes else 0 for axis, name in enumerate("yx")
    )  # pixels masked a row, and a column
    return -down, -right


def _cut(masked: NDArray[np.int64]) -> int:
    beside = masked + np.roll(masked, 1)
    middle = len(masked) / 2
    return min(range(len(masked)), key=lambda place: (beside[place], place != 0, abs(place - middle)))


def _mark(line: NDArray[np.bool_], place: int) -> None:
    """The pixels of a line on both sides of the edge before `place`, round the end."""
    band = max(1, len(line) // BAND_SHARE)
    line[np.arange(place - band, place + band) % len(line)] = True
