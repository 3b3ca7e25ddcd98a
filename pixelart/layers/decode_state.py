"""Decode state: what the layers of a network cache during incremental decoding.

Decoding calls the same `trunk` as training, on one region after another in raster order: first all known rows
(prefill), then single pixels. A layer that reads other pixels than its own caches what it needs in the decode state, so
nothing is computed twice. Pointwise layers need no changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

import torch
from torch import Tensor, nn

Made = TypeVar("Made")


class DecodeState:
    """The requested region (`rows`, `columns`) and the cached tensors of the layers.

    A region is whole rows from the top (prefill), or neighbouring pixels in one row. Regions follow in raster order.
    Pixels may be requested again until the next row begins, as more of their channels, or of those left of them, become
    known.
    """

    is_traced = False
    """Whether the region is a symbolic pixel: see layers/tracing.py."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.move(slice(0, 0), slice(0, width))
        self._kept: dict[tuple[nn.Module, str], Tensor] = {}
        self._constants: dict[tuple[nn.Module, str], Any] = {}
        self._derived: dict[str, DecodeState] = {}
        self.numbers: dict[nn.Module, int] = {}
        """A number that a layer keeps; it is the same for all pictures."""

    def move(self, rows: slice, columns: slice) -> None:
        """Set the requested region."""
        self.rows, self.columns = rows, columns
        # Whether the region begins at the left edge: then all rows above are final.
        self.begins_row = columns.start == 0
        # Whether it is whole rows from the top: then layers run in parallel, as in training.
        self.is_prefill = rows.start == 0 and self.begins_row and columns.stop == self.width

    @property
    def row(self) -> int:
        """The row of a one-row region."""
        return self.rows.start

    def keep(self, layer: nn.Module, name: str, make: Callable[[], Tensor]) -> Tensor:
        """The tensor (batch first) that `layer` cached under `name`; the first time, `make` creates it."""
        if (layer, name) not in self._kept:
            self._kept[layer, name] = make()
        return self._kept[layer, name]

    def constant(self, layer: nn.Module, name: str, make: Callable[[], Made]) -> Made:
        """A value that does not depend on the pictures, such as transposed weights of `layer`; created once."""
        if (layer, name) not in self._constants:
            self._constants[layer, name] = make()
        return self._constants[layer, name]

    def put(self, layer: nn.Module, name: str, value: Tensor) -> None:
        """Replace the tensor that `layer` cached under `name`."""
        self._kept[layer, name] = value

    def halved(self) -> DecodeState:
        """The decode state of the half-size map (every other row and column); its region may be empty."""
        half = self._derive("half", -(-self.height // 2), -(-self.width // 2))
        half.move(*(slice(-(-part.start // 2), -(-part.stop // 2)) for part in (self.rows, self.columns)))
        return half

    def whole_rows(self) -> DecodeState:
        """The decode state of the same rows in full width, for layers that depend only on the rows above."""
        wide = self._derive("wide", self.height, self.width)
        wide.move(self.rows, slice(0, self.width))
        return wide

    @property
    def is_empty(self) -> bool:
        """Whether the region is empty."""
        return self.rows.start >= self.rows.stop or self.columns.start >= self.columns.stop

    def cut(self, x: Tensor) -> Tensor:
        """The region of a map (B, F, H, W)."""
        return x[:, :, self.rows, self.columns]

    def _derive(self, name: str, height: int, width: int) -> DecodeState:
        return self._derived.setdefault(name, DecodeState(height, width))

    @classmethod
    def joined(cls, states: list[DecodeState]) -> DecodeState:
        """Concatenate the decode states of several batches, all at the same region."""
        first = states[0]
        result = cls(first.height, first.width)
        result.move(first.rows, first.columns)
        result._constants, result.numbers = first._constants, first.numbers
        result._derived = {name: cls.joined([c._derived[name] for c in states]) for name in first._derived}
        result._kept = {key: torch.cat([state._kept[key] for state in states]) for key in first._kept}
        return result


@overload
def cut(x: Tensor, state: DecodeState | None) -> Tensor: ...
@overload
def cut(x: None, state: DecodeState | None) -> None: ...
def cut(x: Tensor | None, state: DecodeState | None) -> Tensor | None:
    """The region of a map (B, F, H, W); the whole map without a decode state."""
    return x if x is None or state is None else state.cut(x)
