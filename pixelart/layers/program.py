"""Pixel programs: the computation of one pixel as a table of small operations (run by layers/interpreter.py).

Decoding a pixel is a fixed chain of small dense operations on vectors. When decoding begins, the layers write this
chain into a table; the interpreter then runs it for each pixel of a row without returning to Python. The parts that
depend only on the rows above and on the context are computed per row by tensor operations, and read from `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pixelart.layers.kernels import F32, I64

# Operations. A row of the table is (operation, dst, src, outputs, inputs, weights, a). `dst` and `src` are offsets in
# a picture's state vector, unless the operation uses another memory.
LOAD_ROW, BIAS, PRODUCT, TABLE_PRODUCT, EMBED, TABLE_EMBED, LOAD_PAST, STORE = range(8)
GATE, ADD, RELU, SKIP_UNLESS, KEEP, ATTEND = range(8, 14)
WIDTH = 7


class Slot(NamedTuple):
    """`size` consecutive numbers from `start` on, in a memory of each picture."""

    start: int
    size: int

    def part(self, start: int, size: int) -> Slot:
        """A part of the slot."""
        return Slot(self.start + start, size)


@dataclass
class SlotAllocator:
    """An allocator for a memory of each picture; `size` is what is allocated so far."""

    size: int = 0

    def take(self, size: int) -> Slot:
        """Allocate `size` numbers."""
        self.size += size
        return Slot(self.size - size, size)


class Program:
    """The operations of one pixel, in order, and the weights they read.

    state: scratch memory of one pixel. rows: (W, n), inputs of each pixel computed when its row begins. past: (W, n),
    what earlier pixels of the row stored. tables: weights that depend on a picture's palette.
    """

    def __init__(self) -> None:
        self.state, self.rows = SlotAllocator(), SlotAllocator()
        self.past, self.tables = SlotAllocator(), SlotAllocator()
        self._operations: list[list[int]] = []
        self._weights: list[Tensor] = []
        self._tables: list[Tensor] = []
        self._offset = 0
        self.attentions: list[tuple[int, int, int]] = []  # heads, head size, stride
        self.logits = Slot(0, 0)

    def load_row(self, slot: Slot) -> Slot:
        """Load a slot of `rows` into the state."""
        state = self.state.take(slot.size)
        self._add(LOAD_ROW, state.start, slot.start, slot.size)
        return state

    def load_past(self, slot: Slot, into: Slot, *, back: int) -> None:
        """Load what the pixel `back` columns to the left stored; zeros beyond the left edge."""
        self._add(LOAD_PAST, into.start, slot.start, slot.size, a=back)

    def store(self, state: Slot) -> Slot:
        """Store `state` for pixels to the right."""
        slot = self.past.take(state.size)
        self._add(STORE, slot.start, state.start, state.size)
        return slot

    def bias(self, values: Tensor) -> Slot:
        """A new state slot with the initial values `values` (n,)."""
        state = self.state.take(len(values))
        self._add(BIAS, state.start, 0, state.size, weights=self._keep(values))
        return state

    def product(self, state: Slot, inputs: Slot, matrix: Tensor) -> None:
        """state += inputs @ matrix (I, O)."""
        assert matrix.shape == (inputs.size, state.size)
        self._add(PRODUCT, state.start, inputs.start, state.size, inputs.size, weights=self._keep(matrix))

    def table_product(self, state: Slot, inputs: Slot, matrices: Tensor) -> None:
        """state += inputs @ matrix, with a matrix per picture, (B or 1, I, O)."""
        slot = self._table(matrices)
        self._add(TABLE_PRODUCT, state.start, inputs.start, state.size, inputs.size, weights=slot.start)

    def table_bias(self, values: Tensor) -> Slot:
        """A new state slot with initial values per picture, `values` (B or 1, n)."""
        one = self.bias(torch.ones(1))
        state = self.bias(torch.zeros(values.shape[1]))
        self.table_product(state, one, values[:, None])
        return state

    def embed(self, table: Tensor, into: Slot, *, channel: int, levels: int, back: int) -> None:
        """Embed one channel of the pixel `back` columns to the left.

        table: (C * levels, E), or per picture (B or 1, levels, E).
        """
        if table.ndim == 3:
            slot = self._table(table)
            self._add(TABLE_EMBED, into.start, channel, into.size, weights=slot.start, a=back)
        else:
            offset = self._keep(table) + channel * levels * into.size
            self._add(EMBED, into.start, channel, into.size, weights=offset, a=back)

    def gate(self, state: Slot) -> Slot:
        """tanh(a) * sigmoid(b), (a, b) = halves of `state`."""
        gated = self.state.take(state.size // 2)
        self._add(GATE, gated.start, state.start, gated.size)
        return gated

    def add(self, state: Slot, other: Slot) -> None:
        """state += other."""
        self._add(ADD, state.start, other.start, state.size)

    def relu(self, state: Slot) -> Slot:
        """max(state, 0)."""
        result = self.state.take(state.size)
        self._add(RELU, result.start, state.start, state.size)
        return result

    def attention(
        self, query: Slot, features: Slot, key_value: Slot, matrix: Tensor, *, heads: int, stride: int
    ) -> Slot:
        """Attention over earlier pixels on every `stride`-th row and column.

        A pixel on this grid then stores its own key and value: the row's `key_value` + features @ matrix.
        """
        number, size = len(self.attentions), query.size // heads
        self.attentions.append((heads, size, stride))
        result = self.state.take(query.size)
        self._add(ATTEND, result.start, query.start, heads, size, weights=number, a=stride)
        self._add(SKIP_UNLESS, 0, 3, 0, a=stride)
        own = self.load_row(key_value)
        self.product(own, features, matrix)
        self._add(KEEP, 0, own.start, heads, size, weights=number, a=stride)
        return result

    def operations(self) -> I64:
        """The table of operations, int64 (n, WIDTH)."""
        return np.array(self._operations, np.int64).reshape(-1, WIDTH)

    def weights(self) -> F32:
        """All weights, concatenated."""
        return torch.cat([w.detach().float().flatten() for w in self._weights]).numpy()

    def picture_tables(self) -> F32:
        """(B or 1, n): the weights per picture."""
        if not self._tables:
            return np.zeros((1, 0), np.float32)
        count = max(len(table) for table in self._tables)
        rows = [table.detach().float().flatten(1).expand(count, -1) for table in self._tables]
        return torch.cat(rows, dim=1).contiguous().numpy()

    def _keep(self, values: Tensor) -> int:
        self._weights.append(values)
        self._offset += values.numel()
        return self._offset - values.numel()

    def _table(self, tables: Tensor) -> Slot:
        for slot, known in self._known_tables:
            if known is tables:
                return slot
        slot = self.tables.take(tables[0].numel())
        self._tables.append(tables)
        return slot

    @property
    def _known_tables(self) -> list[tuple[Slot, Tensor]]:
        slots, start = [], 0
        for table in self._tables:
            slots.append((Slot(start, table[0].numel()), table))
            start += table[0].numel()
        return slots

    def _add(
        self, code: int, dst: int, src: int, outputs: int, inputs: int = 0, *, weights: int = 0, a: int = 0
    ) -> None:
        self._operations.append([code, dst, src, outputs, inputs, weights, a])
