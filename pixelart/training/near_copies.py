"""How many drawn pictures are hardly more than a picture that was learned from."""

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
"""Pixels that a copy may be moved by, each way."""
LIMIT = 0.1
"""A near copy differs in at most this share of the pixels that are there in either picture."""
BUCKETS = 128
"""Groups of colours, a power of two, by which pictures that are no near copies are told apart quickly."""


COPIES_FILE = "near_copies.json"
"""Of a finished run: what was counted, as the fields of `Counted`."""


@dataclass(frozen=True)
class Counted:
    """Of so many `samples` of the weights of a `step`, how many are near copies (`copies`) of one of `learned` pictures
    that they learned from."""

    step: int
    copies: int
    samples: int
    learned: int

    @property
    def is_sound(self) -> bool:
        """Whether it can be true; files hold anything."""
        return all(type(n) is int and n >= 0 for n in astuple(self)) and self.copies <= self.samples > 0 < self.learned


def read_counted(run: Path) -> Counted | None:
    """What was counted of a run; None where nothing was."""
    try:
        return parse_counted(json.loads((run / COPIES_FILE).read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def parse_counted(values: Any) -> Counted | None:
    """From the fields by name; None where it is none, or cannot be true."""
    try:
        counted = Counted(**values)
    except TypeError:
        return None
    return counted if counted.is_sound else None


def nearest_difference(
    pictures: Picture, learned: Picture, *, cancel: Callable[[], bool] = lambda: False
) -> NDArray[np.float64]:
    """For each of `pictures` (N, H, W, 4) the least share of pixels, of those that are there in either, in which it
    differs from one of `learned` (M, H, W, 4), mirrored or not, moved by up to REACH pixels; (N,) of 0..1.

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
    """Whether each of `pictures` (N, H, W, 4) is a near copy of one of `learned` (M, H, W, 4), (N,). Raises Cancelled.

    Most pairs are told apart by how many pixels of each colour they have: of the pixels that are there in either, no
    more can be equal than both have of a colour.
    """
    mine, theirs = _values(pictures), _values(learned)
    ours, counts = _colour_counts(mine), _colour_counts(theirs)
    inner = (theirs[:, REACH:-REACH, REACH:-REACH] != 0).sum((1, 2))  # what no move pushes out
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
    """How many pixels of each of BUCKETS groups of colours, (N, BUCKETS); transparent pixels count for nothing."""
    groups = (values * np.uint32(2654435761)) >> np.uint32(32 - BUCKETS.bit_length() + 1)  # Knuth's hash
    return np.stack([np.bincount(g[v != 0], minlength=BUCKETS) for g, v in zip(groups, values, strict=True)])


def _values(pictures: Picture) -> NDArray[np.uint32]:
    """(N, H, W): a number a colour, 0 where transparent."""
    return np.ascontiguousarray(normalise(pictures)).view(np.uint32)[..., 0]


def _moved(values: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
    height, width = values.shape[1:]
    wide = np.pad(values, ((0, 0), (REACH, REACH), (REACH, REACH)))
    steps = range(2 * REACH + 1)
    return [wide[:, row : row + height, column : column + width] for row in steps for column in steps]
