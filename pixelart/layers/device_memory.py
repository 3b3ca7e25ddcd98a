"""The memory of a pixel program on a device, for B pictures: tensors that are filled again for each drawing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pixelart.layers.program import GROW, Operation, Program
from pixelart.layers.tracing import recompute
from pixelart.layers.vector_code import padded, unpacked


class DeviceMemory:
    """What a program reads and writes on a device; `Memory` is its twin on the CPU.

    margin: pixels beyond each border of a row. state (B, W + 2 * margin, n); grid (B, reach, W + 2 * margin, n); rows
    (B or 1, W, n); kept (B, n); tables (B or 1, n); weights (n,), packed.
    """

    def __init__(self, program: Program, batch: int, given: Mapping[str, Tensor]) -> None:
        device, width = next(iter(given.values())).device, program.width
        self.program, self.device = program, device
        self.margin = margin = max([1, *(abs(entry.operation.dx) for entry in program.operations)])
        inputs = [(one, _channels_last(one.features, given)) for one in program.inputs if one.features is not None]
        shared = len(inputs) == len(program.inputs) and all(len(features) == 1 for _, features in inputs)

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, device=device)

        self.state = zeros(batch, width + 2 * margin, program.state.size)
        self.grid = zeros(batch, program.reach, width + 2 * margin, program.grid.size)
        self.rows = zeros(1 if shared else batch, width, program.rows.size)
        self.kept = zeros(batch, program.kept)
        self.tables = torch.from_numpy(program.picture_tables(given)).to(device)
        self.weights = torch.from_numpy(program.weights).to(device)
        self.maps = [(one, features.clone()) for one, features in inputs]
        self._starts = [(slot, values.detach().to(device), column + margin) for slot, values, column in program.starts]
        self._above = [(slot, values.detach().to(device)) for slot, values in program.above]
        self._matrices: dict[tuple[int, int, int], Tensor] = {}
        self.reset()

    def load(self, given: Mapping[str, Tensor]) -> None:
        """Begin another drawing, of pictures whose context has the same shapes."""
        for one, features in self.maps:
            features.copy_(_channels_last(one.features, given))
        if self.program.tables.size:
            self.tables.copy_(torch.from_numpy(self.program.picture_tables(given)))
        self.reset()

    def reset(self) -> None:
        """Set what lies beyond the borders of the pictures."""
        self.state.zero_()
        self.grid.zero_()
        margin, width = self.margin, self.program.width
        for slot, values, column in self._starts:
            self.state[:, column, slot.start : slot.start + slot.size] = values
        for slot, values in self._above:
            self.grid[:, -1, margin : margin + width, slot.start : slot.start + slot.size] = values

    def put_rows(self, outputs: Tensor) -> None:
        """Set the inputs (B, W, n) of the pixels of a row that the network itself computes."""
        for one in self.program.inputs:
            if one.features is None:
                self.rows[..., one.slot.start : one.slot.start + one.slot.size] = outputs

    def matrix(self, operation: Operation) -> Tensor:
        """The matrix (I, O) of a product, or the matrices (4, I, O) of GROW."""
        key = (operation.weights, operation.inputs, operation.outputs)
        if key not in self._matrices:
            size = operation.inputs * padded(operation.outputs)
            found = [
                unpacked(self.weights, start, inputs=operation.inputs, outputs=operation.outputs)
                for start in range(
                    operation.weights, operation.weights + (4 if operation.code == GROW else 1) * size, size
                )
            ]
            self._matrices[key] = torch.stack(found) if operation.code == GROW else found[0].contiguous()
        return self._matrices[key]


def _channels_last(features: Tensor | None, given: Mapping[str, Tensor]) -> Tensor:
    return recompute(features, given).permute(0, 2, 3, 1)
