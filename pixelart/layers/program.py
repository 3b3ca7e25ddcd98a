"""Pixel programs: the computation of a pixel as a table of small operations (run by layers/interpreter.py).

Decoding a pixel is a fixed chain of small dense operations on vectors. When decoding begins, this chain is written into
tables (by layers/lowering.py); the interpreter then runs them for whole rows without returning to Python. What depends
only on the rows above and on the context is computed for all pixels of a row at once when the row begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from pixelart.layers.kernels import I64, Floats
from pixelart.layers.tracing import Deferred, recompute
from pixelart.layers.vector_code import VECTOR_BYTES, packed, padded

FILL, COPY, ADD, SUM, MUL, NEG, RELU, ELU, SIGMOID, TANH, EXP = range(11)
PRODUCT, TABLE_PRODUCT, GRID_PRODUCT, GROW, EMBED, TABLE_EMBED = range(11, 17)
ADD_ROWS, ADD_GRID, STORE, KEEP, ATTEND = range(17, 22)
UNARY = {"neg": NEG, "relu": RELU, "elu": ELU, "sigmoid": SIGMOID, "tanh": TANH}

BEGIN, BEFORE_CHOICE, AFTER_CHOICE, KNOWN_PIXELS = np.arange(4)
"""Parts of a program: what runs when a row begins, for each pixel before it is drawn, once it is drawn, and for known
pixels. Not int: numba would compile a function for each value."""
ROW, SCAN, PIXEL, AFTER = range(4)
"""When an operation runs: for all pixels of a row when it begins; then, but pixel by pixel from the right; for each
pixel before it is drawn; once it is drawn."""


ALL_AT_ONCE, FROM_LEFT, FROM_RIGHT = range(3)
"""The order in which operations run for several pixels of a row: one after another for all, or pixel by pixel."""


class Slot(NamedTuple):
    """`size` consecutive numbers from `start` on, in a memory of each pixel."""

    start: int
    size: int

    def part(self, start: int, size: int) -> Slot:
        """A part of the slot."""
        return Slot(self.start + start, size)


@dataclass
class SlotAllocator:
    """An allocator for a memory of each pixel; `size` is what is allocated so far."""

    size: int = 0

    def take(self, size: int) -> Slot:
        """Allocate `size` numbers, at the start of a vector."""
        start = self.size
        self.size += padded(size)
        return Slot(start, size)


class Operation(NamedTuple):
    """A row of the table. It applies to every `step`-th row and column. dst: in the state of the pixel.

    src: in the state of the pixel `dx` columns to the right, in the grid also `dy` rows below, or in `rows`. weights:
    where they begin. other: a second source, a channel, or the number of an attention.
    """

    code: int
    step: int = 1
    dst: int = 0
    src: int = 0
    outputs: int = 0
    inputs: int = 0
    weights: int = 0
    dy: int = 0
    dx: int = 0
    other: int = 0


class Entry(NamedTuple):
    """An operation and when it runs. looped: it needs its own result at the pixel to the left."""

    stage: int
    looped: bool
    operation: Operation

    @property
    def order(self) -> int:
        """The order in which it runs for several pixels."""
        return FROM_RIGHT if self.stage == SCAN else FROM_LEFT if self.looped else ALL_AT_ONCE

    def at(self, *, src: int) -> Entry:
        """The entry with another source."""
        return self._replace(operation=self.operation._replace(src=src))


class Attention(NamedTuple):
    """Sizes of an attention, and where its keys and values begin in a picture's memory."""

    heads: int
    keys: int
    values: int
    step: int
    zero_key: int
    places: int
    start: int


class RowInput(NamedTuple):
    """Inputs of the pixels of a row, computed when it begins, at every `step`-th row and column.

    features: a map (B or 1, F, H, W), of which the row, or that `dy` rows below, times the matrix at `weights`, goes to
    `slot` of `rows`; None = what the network computes for the row.
    """

    features: Tensor | None
    weights: int
    dy: int
    step: int
    slot: Slot


@dataclass
class Program:
    """The operations of a pixel, and the weights they read. All numbers are of one type, float32 or float64.

    state: memory of each pixel of the row. grid: memory of each pixel of the last `reach` rows. rows: inputs of each
    pixel from `inputs`. tables: weights that depend on a picture's palette. starts: (slot of the state, values, column)
    and above: (slot of the grid, values) beyond the borders."""

    height: int
    width: int
    dtype: np.dtype[np.floating[Any]]
    state: SlotAllocator = field(default_factory=SlotAllocator)
    grid: SlotAllocator = field(default_factory=SlotAllocator)
    rows: SlotAllocator = field(default_factory=SlotAllocator)
    tables: SlotAllocator = field(default_factory=SlotAllocator)
    inputs: list[RowInput] = field(default_factory=list)
    operations: list[Entry] = field(default_factory=list)
    attentions: list[Attention] = field(default_factory=list)
    starts: list[tuple[Slot, Tensor, int]] = field(default_factory=list)
    above: list[tuple[Slot, Tensor]] = field(default_factory=list)
    kept: int = 0
    reach: int = 1
    outputs: Slot = field(default_factory=lambda: Slot(0, 0))

    def __post_init__(self) -> None:
        self._weights: list[tuple[Floats, int]] = []
        self._offset = 0
        self._tables: list[tuple[Tensor, bool, int]] = []

    def array(self, values: Tensor) -> Floats:
        """Values in the type of the program."""
        return values.detach().cpu().contiguous().numpy().astype(self.dtype, copy=False)

    def add(self, stage: int, code: int, *, at: int, looped: bool = False, **values: int) -> None:
        """Insert an operation as number `at`."""
        self.operations.insert(at, Entry(stage, looped, Operation(code, **values)))

    def vector(self, values: Tensor) -> int:
        """Keep a vector; returns where it begins in the weights."""
        return self._keep(self.array(_fixed(values)).reshape(-1))

    def matrix(self, matrix: Tensor) -> int:
        """Keep a matrix (I, O) for products."""
        return self._keep(packed(self.array(_fixed(matrix))))

    def matrices(self, matrices: Tensor) -> int:
        """Keep matrices (n, I, O), one after another; returns where the first begins."""
        starts = [self.matrix(matrix) for matrix in matrices.unbind(0)]
        return starts[0]

    def table(self, table: Tensor, *, is_matrix: bool) -> int:
        """Keep a table (B or 1, ...), or a matrix per picture; returns where it begins in `tables`."""
        for known, known_is_matrix, start in self._tables:
            if known is table and known_is_matrix == is_matrix:
                return start
        size = table.shape[-2] * padded(table.shape[-1]) if is_matrix else table[0].numel()
        slot = self.tables.take(size)
        self._tables.append((table, is_matrix, slot.start))
        return slot.start

    def attention(self, *, heads: int, keys: int, values: int, step: int, zero_key: bool) -> int:
        """Add an attention; returns its number."""
        places = -(-self.height // step) * -(-self.width // step)
        self.attentions.append(Attention(heads, keys, values, step, int(zero_key), places, self.kept))
        self.kept += heads * places * (keys + values)
        return len(self.attentions) - 1

    @cached_property
    def parts(self) -> tuple[I64, I64, I64]:
        """The operations of all parts, int64 (n, fields); their runs (order, first, end), int64 (m, 3); and where the
        runs of each part begin, int64 (5,)."""
        table, runs, starts = list[Operation](), list[tuple[int, int, int]](), [0]
        for stages in ((ROW, SCAN), (PIXEL,), (AFTER,), (PIXEL, AFTER)):
            entries = [entry for entry in self.operations if entry.stage in stages]
            for order, some in groupby(entries, key=lambda entry: entry.order):
                first = len(table)
                table += [entry.operation for entry in some]
                runs.append((order, first, len(table)))
            starts.append(len(runs))
        operations = np.array(table, np.int64).reshape(-1, len(Operation._fields))
        return operations, np.array(runs, np.int64).reshape(-1, 3), np.array(starts, np.int64)

    @cached_property
    def is_whole(self) -> bool:
        """Whether later rows read more of a row than its pixels."""
        return any(e.operation.code in (STORE, KEEP) for e in self.operations if e.stage in (PIXEL, AFTER))

    @cached_property
    def weights(self) -> Floats:
        """All weights, concatenated; they begin at the start of a cache line."""
        result = aligned(self._offset, dtype=self.dtype)
        for values, start in self._weights:
            result[start : start + values.size] = values.reshape(-1)
        return result

    def share_weights(self, others: Iterable[Program]) -> None:
        """Concatenate the weights, or take those of another program if they are equal, as they are at any picture
        size; and forget the parts."""
        alike = (one.weights for one in others if one.dtype == self.dtype)
        equal = (weights for weights in alike if np.array_equal(weights, self.weights))
        self.weights = next(equal, self.weights)
        self._weights.clear()

    def picture_tables(self, given: Mapping[str, Tensor]) -> Floats:
        """(B or 1, n): the weights per picture, for what is given."""
        parts = list[tuple[Floats, int]]()
        for table, is_matrix, start in self._tables:
            array = self.array(recompute(table, given))
            parts.append((packed(array) if is_matrix else array.reshape(len(array), -1), start))
        count = max((len(values) for values, _ in parts), default=1)
        result = np.zeros((count, self.tables.size), self.dtype)
        for values, start in parts:
            result[:, start : start + values.shape[1]] = values
        return result

    def _keep(self, values: Floats) -> int:
        self._weights.append((values, self._offset))
        self._offset += padded(values.size)
        return self._weights[-1][1]


def aligned(*shape: int, dtype: np.dtype[np.floating[Any]]) -> Floats:
    """Zeros that begin at the start of a cache line."""
    size, line = int(np.prod(shape)), VECTOR_BYTES // dtype.itemsize
    memory = np.zeros(size + line, dtype)
    start = -memory.ctypes.data // dtype.itemsize % line
    return memory[start : start + size].reshape(shape)


def _fixed(values: Tensor) -> Tensor:
    """Weights that are the same in every drawing."""
    if isinstance(values, Deferred):
        raise NotImplementedError("weights that depend on the context must be a table per picture")
    return values
