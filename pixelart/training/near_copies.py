"""Counts drawn pictures that are near copies of training pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import Cancelled
from pixelart.images.codec import Picture, normalise

REACH = 2
"""Largest shift of a copy, in pixels, in each direction."""
LIMIT = 0.1
"""Largest share of differing pixels in a near copy, of the pixels that are opaque in either picture."""
BUCKETS = 128
"""Groups of colours, a power of two, for a quick test that rules out most pairs."""
COMPARED_AT_ONCE = 64
"""Pictures compared at a time in a search for the nearest."""
ROUNDING = 1e-9


COPIES_FILE = "near_copies.json"
"""Result file of a finished run, with the fields of `Counted`."""


@dataclass(frozen=True)
class Counted:
    """Of `samples` drawings at `step`, `copies` are near copies of one of the `learned` training pictures."""

    step: int
    copies: int
    samples: int
    learned: int

    @property
    def is_sound(self) -> bool:
        """Whether the values are possible; a file can hold anything."""
        return all(type(n) is int and n >= 0 for n in astuple(self)) and self.copies <= self.samples > 0 < self.learned


def read_counted(run: Path) -> Counted | None:
    """The count stored in a run; None without one."""
    try:
        return parse_counted(json.loads((run / COPIES_FILE).read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def parse_counted(values: Any) -> Counted | None:
    """A count from its fields by name; None if they are not valid."""
    try:
        counted = Counted(**values)
    except TypeError:
        return None
    return counted if counted.is_sound else None


def nearest_difference(
    pictures: Picture, learned: Picture, *, cancel: Callable[[], bool] = lambda: False
) -> NDArray[np.float64]:
    """For each of `pictures` (N, H, W, 4), the difference to the nearest of `learned` (M, H, W, 4): (N,) of 0..1.

    The difference is the share of differing pixels among those opaque in either picture; the least over mirroring and
    shifts of up to REACH pixels.

    Raises:
        Cancelled: `cancel` returned True.
    """
    theirs = _values(learned)
    return np.array([_differences(picture, theirs, cancel).min() for picture in _values(pictures)])


def are_near_copies(
    pictures: Picture, learned: Picture, *, cancel: Callable[[], bool] = lambda: False
) -> NDArray[np.bool_]:
    """Whether each of `pictures` (N, H, W, 4) is a near copy of one of `learned` (M, H, W, 4): bool (N,). Raises
    Cancelled."""
    mine, theirs = _values(pictures), _values(learned)
    result = np.zeros(len(pictures), np.bool_)
    for index, bounds in enumerate(_lower_bounds(mine, theirs)):
        if cancel():
            raise Cancelled
        possible = bounds <= LIMIT
        if possible.any():
            result[index] = _differences(mine[index], theirs[possible], cancel).min() <= LIMIT
    return result


def nearest_pictures(
    pictures: Picture, learned: Picture, *, count: int, cancel: Callable[[], bool] = lambda: False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `count` nearest of `learned` (M, H, W, 4) for each of `pictures` (N, H, W, 4), nearest first.

    Returns their positions in `learned` and their differences as in `nearest_difference`, both (N, min(count, M)).
    Raises Cancelled.
    """
    mine, theirs = _values(pictures), _values(learned)
    count = min(count, len(theirs))
    found = [
        _nearest(picture, theirs, bounds, count, cancel)
        for picture, bounds in zip(mine, _lower_bounds(mine, theirs), strict=True)
    ]
    return np.stack([places for places, _ in found]), np.stack([differences for _, differences in found])


def _nearest(
    picture: NDArray[np.uint32],
    theirs: NDArray[np.uint32],
    bounds: NDArray[np.float64],
    count: int,
    cancel: Callable[[], bool],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compares in the order of the lower bounds, until no other picture can be nearer than those found."""
    order = np.argsort(bounds, kind="stable")
    best, least = np.empty(0, np.int64), np.empty(0)
    for start in range(0, len(order), COMPARED_AT_ONCE):
        part = order[start : start + COMPARED_AT_ONCE]
        if len(least) == count and bounds[part[0]] > least[-1]:
            break
        best, least = np.append(best, part), np.append(least, _differences(picture, theirs[part], cancel))
        nearest = np.lexsort((best, least))[:count]
        best, least = best[nearest], least[nearest]
    return best, least


def near_copies(pictures: Picture, learned: Picture, *, cancel: Callable[[], bool] = lambda: False) -> float:
    """The share of `pictures` (N, H, W, 4) that are near copies of one of `learned` (M, H, W, 4). Raises Cancelled."""
    return float(are_near_copies(pictures, learned, cancel=cancel).mean())


def _lower_bounds(mine: NDArray[np.uint32], theirs: NDArray[np.uint32]) -> Iterator[NDArray[np.float64]]:
    """For each picture of `mine`, the least possible difference to each of `theirs`, (M,): two pictures agree in at
    most as many pixels as they share per colour."""
    counts = _colour_counts(theirs)
    inner = (theirs[:, REACH:-REACH, REACH:-REACH] != 0).sum((1, 2))  # pixels that no shift moves out
    for own in _colour_counts(mine):
        shared, opaque = np.minimum(counts, own).sum(1), np.maximum(own.sum(), inner)
        yield 1 - np.maximum(shared, opaque == 0) / np.maximum(opaque, 1) - ROUNDING


def _differences(
    picture: NDArray[np.uint32], theirs: NDArray[np.uint32], cancel: Callable[[], bool]
) -> NDArray[np.float64]:
    """The difference of a picture (H, W) to each of `theirs` (M, H, W): (M,). Raises Cancelled."""
    least = np.ones(2 * len(theirs))
    for moved in _moved(np.concatenate([theirs, theirs[:, :, ::-1]])):
        if cancel():
            raise Cancelled
        there = (picture != 0) | (moved != 0)
        differs = ((picture != moved) & there).sum((1, 2)) / np.maximum(1, there.sum((1, 2)))
        least = np.minimum(least, differs)
    return least.reshape(2, -1).min(0)


def _colour_counts(values: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Opaque pixels per group of colours, (N, BUCKETS)."""
    groups = (values * np.uint32(2654435761)) >> np.uint32(32 - BUCKETS.bit_length() + 1)  # Knuth's hash
    return np.stack([np.bincount(g[v != 0], minlength=BUCKETS) for g, v in zip(groups, values, strict=True)])


def _values(pictures: Picture) -> NDArray[np.uint32]:
    """One number per colour, (N, H, W); 0 is transparent."""
    return np.ascontiguousarray(normalise(pictures)).view(np.uint32)[..., 0]


def _moved(values: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
    height, width = values.shape[1:]
    wide = np.pad(values, ((0, 0), (REACH, REACH), (REACH, REACH)))
    steps = range(2 * REACH + 1)
    return [wide[:, row : row + height, column : column + width] for row in steps for column in steps]
