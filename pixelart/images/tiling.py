"""Pictures that tile: where the seam is, and how to roll a picture so that the seam lies inside.

Axes are "", "x", "y" or "xy": along x the right edge meets the left one, along y the bottom meets the top.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

AXES = ("", "x", "y", "xy")
BAND_SHARE = 10  # the band is 1/10 of the side, on each side of the seam: room to blend
Shift: TypeAlias = tuple[int, int]
Array = TypeVar("Array", bound=NDArray[Any])


class Repair(NamedTuple):
    """One repair step: `mask` (H, W), True = repaint, drawn while the picture is rolled by `shift`."""

    mask: NDArray[np.bool_]
    shift: Shift


def rolled(array: Array, shift: Shift) -> Array:
    """`array` (H, W, ...) rolled down and right by `shift`, wrapping around."""
    return np.roll(array, shift, axis=(0, 1))  # pyright: ignore[reportReturnType]


def back(shift: Shift) -> Shift:
    """The inverse shift."""
    return -shift[0], -shift[1]


def seam_band(height: int, width: int, axes: str) -> NDArray[np.bool_]:
    """The pixels (H, W) next to the edges that must meet."""
    rows, columns = np.zeros(height, np.bool_), np.zeros(width, np.bool_)
    for axis, line in (("y", rows), ("x", columns)):
        if axis in axes:
            _mark(line, 0)
    return rows[:, None] | columns


def seam_repairs(height: int, width: int, axes: str) -> list[Repair]:
    """The steps that remove a picture's seam: the band is repainted while it lies in the middle, seen from both sides.

    Along both axes the band is a cross. Its arms end at the edges of the rolled picture, where opposite ends cannot see
    each other, so the ends are repainted a second time with the picture rolled by a quarter.
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


def join_steps(mask: NDArray[np.bool_], axes: str) -> list[Repair]:
    """The steps that draw a mask (H, W) in a picture that tiles: all of it, rolled off the edges that meet; where it
    crosses every row or column, it is drawn anew beside the edges of the rolled picture, see `seam_repairs`."""
    shift = shift_to_join(mask, axes)
    there = rolled(mask, shift)
    crossed = "".join(name for name, axis in (("x", 1), ("y", 0)) if name in axes and there.take([0, -1], axis).any())
    steps = [Repair(mask, shift)]
    for band, further in seam_repairs(mask.shape[0], mask.shape[1], crossed) if crossed else []:
        again = rolled(band, back(shift)) & mask
        if again.any():
            steps.append(Repair(again, (shift[0] + further[0], shift[1] + further[1])))
    return steps


def shift_to_join(mask: NDArray[np.bool_], axes: str) -> Shift:
    """The shift that moves a mask (H, W) off the edges that meet: none if it does not touch them, else the one whose
    new edge has the fewest masked pixels beside it."""
    down, right = (
        _cut(mask.sum(1 - axis)) if name in axes else 0 for axis, name in enumerate("yx")
    )  # pixels masked a row, and a column
    return -down, -right


def _cut(masked: NDArray[np.int64]) -> int:
    beside = masked + np.roll(masked, 1)
    middle = len(masked) / 2
    return min(range(len(masked)), key=lambda place: (beside[place], place != 0, abs(place - middle)))


def _mark(line: NDArray[np.bool_], place: int) -> None:
    """Mark the pixels of a line on both sides of the edge before `place`, wrapping around."""
    band = max(1, len(line) // BAND_SHARE)
    line[np.arange(place - band, place + band) % len(line)] = True
