"""Counts drawn pictures that are near copies of training pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    mine, theirs = _values(pictures), _values(np.concatenate([learned, learned[:, :, ::-1]]))
    least = np.ones(len(mine))
    for moved in _moved(theirs):
        for index, picture in enumerate(mine):
            if cancel():
                raise Cancelled
            there = (picture != 0) | (moved != 0)
            differs = ((picture != moved) & there).sum((1, 2)) / np.maximum(1, there.sum((1, 2)))
            least[index] = min(least[index], differs.min())
    return least


def are_near_copies(
    pictures: Picture, learned: Picture, *, cancel: Callable[[], bool] = lambda: False
) -> NDArray[np.bool_]:
    """Whether each of `pictures` (N, H, W, 4) is a near copy of one of `learned` (M, H, W, 4): bool (N,). Raises
    Cancelled.

    Colour counts rule out most pairs: two pictures can agree in at most as many pixels as they share per colour.
    """
    mine, theirs = _values(pictures), _values(learned)
    ours, counts = _colour_counts(mine), _colour_counts(theirs)
    inner = (theirs[:, REACH:-REACH, REACH:-REACH] != 0).sum((1, 2))  # pixels that no shift moves out
    result = np.zeros(len(pictures), np.bool_)
    for index, own in enumerate(ours):
        if cancel():
            raise Cancelled
        equal = np.minimum(counts, own).sum(1)
        possible = equal >= (1 - LIMIT) * np.maximum(own.sum(), inner) - 1e-6
        if possible.any():
            nearest = nearest_difference(pictures[index : index + 1], learned[possible], cancel=cancel)
            result[index] = nearest[0] <= LIMIT
    return result


def near_copies(pictures: Picture, learned: Picture, *, cancel: Callable[[], bool] = lambda: False) -> float:
    """The share of `pictures` (N, H, W, 4) that are near copies of one of `learned` (M, H, W, 4). Raises Cancelled."""
    return float(are_near_copies(pictures, learned, cancel=cancel).mean())


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
