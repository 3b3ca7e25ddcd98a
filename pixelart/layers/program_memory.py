"""The memory of a pixel program while it draws pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from torch import Tensor

from pixelart.layers.interpreter import fill_rows
from pixelart.layers.kernels import Floats
from pixelart.layers.machine import Machine
from pixelart.layers.program import Attention, Program, RowInput, aligned
from pixelart.layers.tracing import recompute


class Memory:
    """What a program reads and writes while it draws B pictures.

    state (B, W + 2, n): of each pixel of the row, and of one beyond each border. rows (B, W, n), or (1, W, n) if all
    pictures share them; grid (B, reach, W, n); kept (B, n): keys and values. `machine` holds addresses, so it is valid
    only as long as this object lives.
    """

    def __init__(self, program: Program, batch: int, given: Mapping[str, Tensor], *, passes: int) -> None:
        width = program.width
        self.maps = [
            (one, program.array(recompute(one.features, given).permute(0, 2, 3, 1)))
            for one in program.inputs
            if one.features is not None
        ]
        self.of_network = [one for one in program.inputs if one.features is None]
        shared = not self.of_network and all(len(features) == 1 for _, features in self.maps)
        self.weights, self.tables = program.weights, program.picture_tables(given)
        memory = partial(aligned, dtype=program.dtype)
        self.state = memory(batch, width + 2, program.state.size)
        self.rows = memory(1 if shared else batch, width, program.rows.size)
        self.grid = memory(batch, program.reach, width, program.grid.size)
        self.kept = memory(batch, program.kept)
        for slot, values, column in program.starts:
            self.state[:, column + 1, slot.start : slot.start + slot.size] = values.detach().numpy()
        for slot, values in program.above:
            self.grid[:, -1, :, slot.start : slot.start + slot.size] = values.detach().numpy()
        self.machine = self._machine(program, passes)

    def begin_row(self, row: int, outputs: Callable[[int], Tensor]) -> None:
        """Compute the inputs of a row that all pictures share, and `outputs` (B, W, n) of a row, by the network."""
        for one in self.of_network:
            self.rows[:, :, one.slot.start : one.slot.start + one.slot.size] = outputs(row).numpy()
        if len(self.rows) == 1:
            fill_rows(self.machine, row, 0, 1)

    def _machine(self, program: Program, passes: int) -> Machine:
        return Machine(
            *program.parts,
            np.array(program.attentions, np.int64).reshape(-1, len(Attention._fields)),
            np.array([_map_fields(*one) for one in self.maps], np.int64).reshape(-1, 10),
            width=program.width,
            reach=program.reach,
            outputs=program.outputs.start,
            passes=passes,
            weights=self.weights.ctypes.data,
            state=self.state.ctypes.data,
            state_of_pixel=program.state.size,
            rows=self.rows.ctypes.data,
            rows_of_pixel=program.rows.size,
            rows_of_picture=program.rows.size * program.width if len(self.rows) > 1 else 0,
            grid=self.grid.ctypes.data,
            grid_of_pixel=program.grid.size,
            kept=self.kept.ctypes.data,
            kept_of_picture=program.kept,
            tables=self.tables.ctypes.data,
            tables_of_picture=self.tables.shape[1] if len(self.tables) > 1 else 0,
            zero=program.dtype.type(0),
        )


def _map_fields(one: RowInput, features: Floats) -> tuple[int, ...]:
    """A row of `Machine.maps`."""
    count, height, width, size = features.shape
    by_picture = height * width * size if count > 1 else 0
    shape = (features.ctypes.data, by_picture, size, height, width)
    return (*shape, one.dy, one.step, one.weights, one.slot.size, one.slot.start)
