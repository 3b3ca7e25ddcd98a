"""Integer probability tables that two machines compute alike, and the range coder that writes levels by them.

Two machines compute a network with kernels that round differently, and one wrong table makes everything after it wrong.
So tables are integers, by a rule that leaves no room for rounding:
- The network computes in double precision on both sides. Its log p then agree to some 1e-13 nats between kernels,
  numbers of threads, devices, and between one pass over a picture and pixel after pixel. In single precision they
  differ so much that every picture would have many values of which nobody can say on which side of a step they lie.
- A log p becomes the integer floor(STEPS_A_NAT * log p + offset / OFFSETS - 1/2), not below -LOWEST_STEP. The encoder
  takes the first offset with which no value of the chunk lies within STEP_MARGIN of a step, and writes it down. A
  value that is off by less than STEP_MARGIN then gives the same integer everywhere.
- A decoder that finds a value within half the margin of a step computes too differently, and refuses. A checksum of
  the pixels guards against everything else.
- From the integers on, nothing is rounded differently anywhere: weights are integers of exact decimal arithmetic,
  their sums are exact in float64, and the range coder (constriction) adds the least possible weight to each, so that
  every level can be written. Steps of 1 / STEPS_A_NAT nat cost some 0.0002 bits a level.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.errors import DataRejected, RequestRejected

STEPS_A_NAT = 16
"""Steps per nat."""
LOWEST_STEP = 15 * STEPS_A_NAT
"""A log p lower than this many steps counts as this: 3e-7."""
OFFSETS = 256
STEP_MARGIN = 2.0**-24
"""In steps: 4e-9 nats."""


def _weights() -> NDArray[np.float64]:
    with localcontext() as context:
        context.prec = 40
        return np.array([int((-Decimal(i) / STEPS_A_NAT).exp() * 2**24) for i in range(LOWEST_STEP + 1)], np.float64)


WEIGHTS = _weights()
"""Integers in proportion to exp(-i / STEPS_A_NAT)."""


class TooDifferent(DataRejected):
    """This machine's probabilities are not those of the machine that compressed."""


class LevelRecorder:
    """Collects the tables and the true levels of a chunk, then writes them: the encoder's `Pick`."""

    def __init__(self) -> None:
        self._tables: list[NDArray[np.float64]] = []
        self._levels: list[NDArray[np.int32]] = []

    def __call__(self, log_p: Tensor, true: Tensor) -> Tensor:
        """Note tables (n, K) and levels (n,). Returns the levels."""
        self._tables.append(log_p.numpy())
        self._levels.append(true.numpy().astype(np.int32))
        return true

    def offset(self) -> int:
        """The first offset with which no value is close to a step.

        Raises:
            RequestRejected: there is none, or a value is not finite.
        """
        values = np.concatenate([table.reshape(-1) for table in self._tables] or [np.zeros(0)])
        if not np.isfinite(values).all():
            raise RequestRejected("the model's probabilities are not finite: its weights are damaged")
        for offset in range(OFFSETS):
            if _distance(values, offset) >= STEP_MARGIN:
                return offset
        raise RequestRejected("the model's probabilities are too regular to be told apart on every machine")

    def write(self, encoder: Any, offset: int) -> None:
        """Append all levels to a range encoder."""
        family = _family()
        for log_p, levels in zip(self._tables, self._levels, strict=True):
            encoder.encode(levels, family, WEIGHTS[_steps(log_p, offset)])


class Reader:
    """Reads levels from a range decoder: the decoder's `Pick`."""

    def __init__(self, decoder: Any, offset: int) -> None:
        self._decoder, self._offset, self._family = decoder, offset, _family()

    def __call__(self, log_p: Tensor, true: Tensor) -> Tensor:
        """The levels (n,) for tables (n, K).

        Raises:
            DataRejected: the data do not fit the tables.
            TooDifferent: a value is too close to a step.
        """
        table = log_p.numpy()
        if not np.isfinite(table).all() or _distance(table, self._offset) < STEP_MARGIN / 2:
            raise TooDifferent("this machine computes probabilities that differ from those of the file")
        return torch.from_numpy(read(self._decoder, WEIGHTS[_steps(table, self._offset)])).long()


def read(decoder: Any, weights: NDArray[np.float64]) -> NDArray[np.int32]:
    """The next levels (n,) by integer weights (n, K). Raises DataRejected if the data do not fit them."""
    try:
        return decoder.decode(_family(), weights)
    except AssertionError as error:  # what constriction raises
        raise DataRejected("the compressed data are damaged") from error


def write(encoder: Any, levels: NDArray[np.int32], weights: NDArray[np.float64]) -> None:
    """Append levels (n,) by integer weights (n, K)."""
    encoder.encode(levels, _family(), weights)


def new_encoder() -> Any:
    """An empty range encoder. Raises RequestRejected if the package is missing."""
    return _constriction().stream.queue.RangeEncoder()


def new_decoder(words: NDArray[np.uint32]) -> Any:
    """A range decoder of compressed words. Raises RequestRejected if the package is missing."""
    return _constriction().stream.queue.RangeDecoder(words)


def _steps(log_p: NDArray[np.float64], offset: int) -> NDArray[np.int64]:
    """Each log p as a number of steps below zero, 0 to LOWEST_STEP."""
    return np.clip(-np.floor(_scaled(log_p, offset)), 0, LOWEST_STEP).astype(np.int64)


def _distance(log_p: NDArray[np.float64], offset: int) -> float:
    """How close the closest value that matters comes to a step, in steps."""
    scaled = _scaled(log_p, offset)
    inside = scaled[scaled > -LOWEST_STEP - 1]
    return float(np.abs(inside - np.rint(inside)).min(initial=1.0))


def _scaled(log_p: NDArray[np.float64], offset: int) -> NDArray[np.float64]:
    # A half more, so that a certain level (log p 0) is not on a step with offset 0.
    return log_p * STEPS_A_NAT + (offset / OFFSETS - 0.5)


def _family() -> Any:
    return _constriction().stream.model.Categorical(perfect=False)


def _constriction() -> Any:
    try:
        import constriction
    except ImportError as error:
        text = "compression needs the package constriction: pip install 'constriction>=0.5,<0.6'"
        raise RequestRejected(text) from error
    return constriction
