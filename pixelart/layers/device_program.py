"""Pixel programs with PyTorch operations, on any device: the twin of layers/interpreter.py.

Where operations run is said by tensors of the device, never by numbers of the host. So what they launch can be recorded
once and launched again for other pixels (layers/recording.py), and the host waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.layers import program as op
from pixelart.layers.device_memory import DeviceMemory
from pixelart.layers.program import ALL_AT_ONCE, FROM_LEFT, Operation
from pixelart.layers.vector_code import padded, unpacked

_UNARY: Mapping[int, Callable[[Tensor], Tensor]] = {
    op.NEG: torch.neg,
    op.RELU: torch.relu,
    op.ELU: F.elu,
    op.SIGMOID: torch.sigmoid,
    op.TANH: torch.tanh,
}


class Pixels(NamedTuple):
    """Pixels of the row that operations run for: their columns, int64 (n,), and their state, here (B, n, S).

    row, first: the row and the first column, or numbers that stand for them: see `DeviceProgram`."""

    columns: Tensor
    here: Tensor
    row: int
    first: int

    def at_step(self, step: int) -> Pixels:
        """Those on every `step`-th column."""
        if step == 1:
            return self
        skip = -self.first % step
        return self._replace(columns=self.columns[skip::step], here=self.here[:, skip::step], first=self.first + skip)


class DeviceProgram:
    """A program with its memory. x int64 (B, C, H, W): the pictures, of `levels` levels. row int64 (1,): where
    operations run."""

    def __init__(self, memory: DeviceMemory, x: Tensor, levels: int) -> None:
        self.program, self.memory, self.x, self.levels = memory.program, memory, x, levels
        self.row = torch.zeros(1, dtype=torch.int64, device=memory.device)
        self._every = torch.arange(self.program.width, device=memory.device)
        self._step = max([1, *(entry.operation.step for entry in self.program.operations)])
        table, runs, starts = (array.tolist() for array in self.program.parts)
        operations = [Operation(*fields) for fields in table]
        self._parts = [
            [(order, operations[first:last]) for order, first, last in runs[start:stop]]
            for start, stop in pairwise(starts)
        ]
        self._calls: Mapping[int, Callable[[Operation, Tensor, Pixels], object]] = {
            op.FILL: lambda o, y, p: y.copy_(memory.weights[o.weights : o.weights + o.outputs]),
            op.COPY: lambda o, y, p: y.copy_(self._beside(o, p, o.outputs)),
            op.ADD: lambda o, y, p: y.add_(self._beside(o, p, o.outputs)),
            op.SUM: lambda o, y, p: torch.add(*_both(o, p), out=y),
            op.MUL: lambda o, y, p: torch.mul(*_both(o, p), out=y),
            op.PRODUCT: lambda o, y, p: _add_product(y, self._beside(o, p, o.inputs), memory.matrix(o)),
            op.TABLE_PRODUCT: self._table_product,
            op.GRID_PRODUCT: lambda o, y, p: _add_product(y, self._grid(o, p, o.inputs), memory.matrix(o)),
            op.GROW: self._grow,
            op.EMBED: lambda o, y, p: self._embed(o, y, p, memory.weights[None]),
            op.TABLE_EMBED: lambda o, y, p: self._embed(o, y, p, memory.tables),
            op.ADD_ROWS: lambda o, y, p: y.add_(memory.rows[..., o.src : o.src + o.outputs][:, p.columns]),
            op.ADD_GRID: lambda o, y, p: y.add_(self._grid(o, p, o.outputs)),
            op.STORE: self._store,
            op.KEEP: self._keep,
            op.ATTEND: self._attend,
        }

    def alike(self, row: int, column: int) -> tuple[int, int]:
        """Numbers that stand for a row and a column: they are equal where the same operations run for a pixel."""
        return row % self._step, column % self._step

    def row_alike(self, row: int) -> int:
        """A number that stands for a row when it begins, as the first one does otherwise than all others."""
        return min(row, 1 + (row - 1) % self._step)

    def span(self, row: int, start: int, stop: int) -> Pixels:
        """Columns that the host knows."""
        margin = self.memory.margin
        return Pixels(self._every[start:stop], self.memory.state[:, margin + start : margin + stop], row, start)

    def pixel(self, column: Tensor, row: int, first: int) -> Pixels:
        """A copy of the pixel at column (1,), which only the device knows; `put_back` writes it."""
        return Pixels(column, self.memory.state.index_select(1, column + self.memory.margin), row, first)

    def put_back(self, pixel: Pixels) -> None:
        """Write the state of a pixel."""
        self.memory.state.index_copy_(1, pixel.columns + self.memory.margin, pixel.here)

    def outputs(self, pixels: Pixels) -> Tensor:
        """Their outputs (B, n, size)."""
        slot = self.program.outputs
        return pixels.here[..., slot.start : slot.start + slot.size]

    def begin_row(self, row: int) -> None:
        """Compute what depends on the rows above alone, for the whole row."""
        memory = self.memory
        for one, features in memory.maps:
            if row % one.step == 0:
                size, slot = features.shape[3], one.slot
                line = (self.row // one.step + one.dy).clamp(0, features.shape[1] - 1)
                matrix = unpacked(memory.weights, one.weights, inputs=size, outputs=slot.size)
                made = features.index_select(1, line)[:, 0] @ matrix
                memory.rows[:, :: one.step, slot.start : slot.start + slot.size] = made
        self.run_part(int(op.BEGIN), self.span(row, 0, self.program.width))

    def run_part(self, part: int, pixels: Pixels) -> None:
        """Run a part of the program, each run of operations in its order."""
        for order, operations in self._parts[part]:
            columns = range(pixels.first, pixels.first + len(pixels.columns))
            if order == ALL_AT_ONCE or (order == FROM_LEFT and len(columns) == 1):
                self._run(operations, pixels)
            elif order == FROM_LEFT or pixels.row > 0:  # what runs from the right reads the row above
                for column in columns if order == FROM_LEFT else reversed(columns):
                    self._run(operations, self.span(pixels.row, column, column + 1))

    def _run(self, operations: list[Operation], pixels: Pixels) -> None:
        for one in operations:
            if pixels.row % one.step:
                continue
            some = pixels.at_step(one.step)
            if len(some.columns):
                y = some.here[..., one.dst : one.dst + one.outputs]
                if one.code in _UNARY:
                    y.copy_(_UNARY[one.code](self._beside(one, some, one.outputs)))
                else:
                    self._calls[one.code](one, y, some)

    def _beside(self, one: Operation, pixels: Pixels, size: int) -> Tensor:
        """(B, n, size): part of the state of the pixels, or of those beside them."""
        if one.dx == 0:
            return pixels.here[..., one.src : one.src + size]
        place = pixels.columns + (one.dx + self.memory.margin)
        return self.memory.state[..., one.src : one.src + size].index_select(1, place)

    def _grid(self, one: Operation, pixels: Pixels, size: int) -> Tensor:
        line, place = (self.row + one.dy) % self.program.reach, pixels.columns + (one.dx + self.memory.margin)
        return self.memory.grid[..., one.src : one.src + size][:, line, place]

    def _store(self, one: Operation, y: Tensor, pixels: Pixels) -> None:
        line, place = self.row % self.program.reach, pixels.columns + self.memory.margin
        target = self.memory.grid[..., one.dst : one.dst + one.outputs]
        target[:, line, place] = self._beside(one, pixels, one.outputs)

    def _table_product(self, one: Operation, y: Tensor, pixels: Pixels) -> None:
        matrix = unpacked(self.memory.tables, one.weights, inputs=one.inputs, outputs=one.outputs)
        y.add_(self._beside(one, pixels, one.inputs) @ matrix)

    def _grow(self, one: Operation, y: Tensor, pixels: Pixels) -> None:
        """The pixel up-left of twice the step, times the matrix of the place beside it."""
        down, across = self.row // one.step % 2, pixels.columns // one.step % 2
        line = (self.row - down * one.step) % self.program.reach
        column = pixels.columns - across * one.step + self.memory.margin
        given = self.memory.grid[..., one.src : one.src + one.inputs][:, line, column]
        place, wide = 2 * down + across, padded(one.outputs)
        biases = self.memory.weights[one.other : one.other + 4 * wide].view(4, wide)[:, : one.outputs]
        made = given.transpose(0, 1) @ self.memory.matrix(one)[place]
        torch.add(made.transpose(0, 1), biases[place], out=y)

    def _embed(self, one: Operation, y: Tensor, pixels: Pixels, tables: Tensor) -> None:
        """The embedded channel of a pixel beside each; zeros outside of the picture."""
        row, column, width = self.row + one.dy, pixels.columns + one.dx, self.program.width
        inside = (row >= 0) & (column >= 0) & (column < width)
        level = self.x[:, one.other][:, row.clamp(min=0), column.clamp(0, width - 1)]
        count = self.levels
        table = tables[:, one.weights : one.weights + count * one.outputs].unflatten(1, (count, one.outputs))
        if len(table) > 1:
            level = level + torch.arange(len(table), device=level.device)[:, None] * count
        torch.mul(F.embedding(level, table.flatten(0, 1)), inside[:, None], out=y)

    def _places_before(self, number: int, pixels: Pixels) -> Tensor:
        """(n,): how many pixels that keep something for an attention precede each in raster order."""
        step = self.program.attentions[number].step
        above = (self.row + (step - 1)) // step * -(-self.program.width // step)
        return above.expand(len(pixels.columns)) if pixels.row % step else above + (pixels.columns + (step - 1)) // step

    def _kept(self, number: int) -> tuple[Tensor, Tensor]:
        """The keys (B, heads, k, places) and values (B, heads, places, v) of an attention."""
        heads, keys, values, _, _, places, start = self.program.attentions[number]
        kept = self.memory.kept[:, start : start + heads * places * (keys + values)].unflatten(1, (heads, -1))
        some = keys * places
        return kept[..., :some].unflatten(2, (keys, places)), kept[..., some:].unflatten(2, (places, values))

    def _keep(self, one: Operation, y: Tensor, pixels: Pixels) -> None:
        (keys, values), place = self._kept(one.other), self._places_before(one.other, pixels)
        given, size = pixels.here[..., one.src :], keys.shape[1] * keys.shape[2]
        keys.index_copy_(3, place, given[..., :size].unflatten(2, keys.shape[1:3]).permute(0, 2, 3, 1))
        own = given[..., size : size + values.shape[1] * values.shape[3]]
        values.index_copy_(2, place, own.unflatten(2, (values.shape[1], -1)).transpose(1, 2))

    def _attend(self, one: Operation, y: Tensor, pixels: Pixels) -> None:
        """Softmax attention over what earlier pixels have kept, and over a zero if the attention has one."""
        keys, values = self._kept(one.other)
        heads, size, places = keys.shape[1:]
        query = pixels.here[..., one.src : one.src + heads * size].unflatten(2, (heads, size)).transpose(1, 2)
        earlier = torch.arange(places, device=y.device) < self._places_before(one.other, pixels)[:, None]
        scores = (query @ keys * size**-0.5).masked_fill(~earlier, -torch.inf)
        if self.program.attentions[one.other].zero_key:
            weights = torch.softmax(F.pad(scores, (0, 1)), dim=-1)[..., :-1]
        else:  # the first pixel has nothing to attend to
            weights = torch.softmax(scores, dim=-1).masked_fill(~earlier, 0.0)
        y.copy_((weights @ values).transpose(1, 2).flatten(2))


def _both(one: Operation, pixels: Pixels) -> tuple[Tensor, Tensor]:
    here = pixels.here
    return here[..., one.src : one.src + one.outputs], here[..., one.other : one.other + one.outputs]


def _add_product(y: Tensor, x: Tensor, matrix: Tensor) -> None:
    """y (B, n, O) += x (B, n, I) @ matrix (I, O)."""
    if y.shape[1] == 1:
        y[:, 0].addmm_(x[:, 0], matrix)
    else:
        y.add_(x @ matrix)
