"""Find the pixels of a picture that are probably faults: single pixels that nothing around them explains.

A pixel's probability here is that of its colour given the class and ALL other pixels, before and after it: the one by
which a completion of that pixel alone draws (`inspection.colours_at`). One pass per pixel would take most of a minute,
so the search has two steps:
1. Screening: GRID * GRID passes. In each, every GRID-th pixel in both directions is masked at once, so each masked
   pixel is judged given nearly all others: all that are not masked, and the masked ones before it.
2. The LOOKS pixels with the most bits are looked at alone, worst first. A fault is replaced by its most probable colour
   before the next one is looked at, because a fault makes its neighbours improbable too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.engine.completion import context_of, finite
from pixelart.engine.inspection import MAX_BATCH, ColourChance, check_whole, colours_at
from pixelart.errors import Cancelled
from pixelart.images.codec import Codec, Picture
from pixelart.models import AutoregressiveModel
from pixelart.progress import Cancel, OnProgress, ignore_progress, never

GRID = 4
"""Distance of the pixels that are judged in one pass."""
LOOKS = 32
"""Pixels that are looked at alone."""
MAX_FAULTS = 64
FAULT_BITS = 10.0
"""By how many bits a fault exceeds the most probable colour there, which so is 1000 times as probable. What this finds
is measured by benchmarks/repair.py."""
SLACK = 4.0
"""By how many bits screening may be wrong."""


class Fault(NamedTuple):
    """A pixel, its colour as the codec represents it with -log2 p of it, and the most probable colour there."""

    row: int
    column: int
    bits: float
    current: ColourChance
    likely: ColourChance


def find_faults(
    model: AutoregressiveModel,
    codec: Codec,
    picture: Picture,
    class_weights: Tensor,
    *,
    count: int | None = None,
    at_once: int = MAX_BATCH,
    on_progress: OnProgress = ignore_progress,
    cancel: Cancel = never,
) -> list[Fault]:
    """The faults of `picture` (H, W, 4), worst first: see `Analyses.faults`.

    Raises:
        RequestRejected: `count` is not 1 to MAX_FAULTS.
        Cancelled: `cancel`, checked before every pass, returned True.
    """
    if count is not None:
        check_whole("count", count, 1, MAX_FAULTS)
    looks = max(LOOKS, 2 * (count or 0))
    steps = GRID * GRID + looks

    def report(done: int) -> None:
        if cancel():
            raise Cancelled
        on_progress(done, steps)

    bits = np.zeros(picture.shape[:2])
    for number in range(GRID * GRID):
        report(number)
        mask = np.zeros(bits.shape, np.bool_)
        mask[number // GRID :: GRID, number % GRID :: GRID] = True
        if mask.any():
            bits[mask] = _bits_given_others(model, codec, picture, mask, class_weights)[mask]
    least = 0.0 if count else FAULT_BITS
    worst = np.argsort(-bits, axis=None, kind="stable")[:looks]
    work, found = picture.copy(), list[Fault]()
    for number, (row, column) in enumerate(zip(*np.unravel_index(worst, bits.shape), strict=True)):
        report(GRID * GRID + number)
        if bits[row, column] < least - SLACK or len(found) == (count or MAX_FAULTS):
            break
        at = colours_at(model, codec, work, class_weights, row=int(row), column=int(column), top=1, at_once=at_once)
        surprise = -math.log2(at.current.probability) if at.current.probability else math.inf
        above = surprise + math.log2(at.likely[0].probability)
        if above >= least and at.likely[0].colour != at.current.colour:
            found.append(Fault(int(row), int(column), surprise, at.current, at.likely[0]))
            work[row, column] = at.likely[0].colour
    report(steps)
    return sorted(found, key=lambda fault: -fault.bits)


@torch.no_grad()
def _bits_given_others(
    model: AutoregressiveModel, codec: Codec, picture: Picture, mask: NDArray[np.bool_], class_weights: Tensor
) -> NDArray[np.float64]:
    """-log2 p (H, W) of the masked pixels (H, W), given the class, all others, and the masked ones before each."""
    context = context_of(codec, picture, mask, class_weights, count=1)
    log_prob = finite(model.log_prob(context.pixels, context)[0].cpu().double())
    return (-log_prob.sum(0) / math.log(2)).numpy()
