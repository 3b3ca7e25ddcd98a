"""Incremental decoding: compute a causal network pixel by pixel without recomputing what is cached."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from pixelart.layers.context import Conditioning
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.kernels import SamplingParams

RowKernel = Callable[[Tensor, int, Tensor, Tensor, Tensor, Tensor, SamplingParams, slice], None]
"""kernel(x, row, mask, noise, temperature, log_prob, params, columns): draws `columns` of one begun row in place. They
follow those already drawn. Shapes as in `IncrementalDecoder`."""

Unit = Literal["channel", "pixel", "row"]
"""What one call computes. "channel": a channel's parameters depend on the pixel's earlier channels; "pixel": only on
earlier pixels; "row": only on the rows above."""


class IncrementalDecoder(ABC):
    """Abstract: parameter maps, one `unit` after another, for B pictures x int64 (B, C, H, W) that are filled in
    place."""

    unit: Unit = "channel"

    @abstractmethod
    def prefill(self, x: Tensor, rows: int, pause: Callable[[], None] = lambda: None) -> None:
        """Process the first `rows` rows of x. Called once, before all else. `pause` is called now and then."""

    @abstractmethod
    def begin_row(self, x: Tensor, row: int) -> None:
        """Compute what depends only on the rows above `row`, which are final. Rows come in order."""

    @abstractmethod
    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        """Parameters (B, P, 1, n) of one pixel or row, given all before it. Columns come in order.

        If the unit is "channel", it is called once per channel, and x holds the channels drawn so far. The last call
        for a pixel must see all channels but the last.
        """

    def use_program(self) -> bool:
        """From now on compute with a compiled program; returns False if there is none for this device. Called before
        `prefill`."""
        return False

    def known_row(self, x: Tensor, row: int) -> Tensor:
        """Parameters (B, P, 1, W) of a begun row of which x holds every pixel; instead of `maps`."""
        parts = (slice(0, x.shape[3]),) if self.unit == "row" else (slice(i, i + 1) for i in range(x.shape[3]))
        return torch.cat([self.maps(x, row, columns) for columns in parts], dim=3)

    def row_kernel(self) -> RowKernel | None:
        """A compiled function that draws a whole row; None if there is none for this device. Called before
        `prefill`."""
        return None


class TrunkDecoder(IncrementalDecoder):
    """Incremental decoding of a `trunk` whose layers take a decode state.

    `head`: the context head, which maps the context map to outputs that are added to the trunk's.
    `readout(outputs, given, rows, columns)`: the parameters of a region from these outputs.
    """

    def __init__(
        self,
        trunk: Callable[[Tensor, Conditioning, DecodeState], Tensor],
        head: nn.Module,
        readout: Callable[[Tensor, Conditioning, slice, slice], Tensor],
        given: Conditioning,
        *,
        unit: Unit,
    ) -> None:
        self.unit = unit
        self.trunk, self.readout, self.given = trunk, readout, given
        self.head = head
        self.state = DecodeState(*given.map.shape[2:])
        self.last: int | None = None  # the last column requested in the row

    @cached_property
    def context_maps(self) -> Tensor:
        """The context head's outputs (B or 1, A, H, W)."""
        # One picture at a time, or one for all that share it: rounding must not depend on the batch size.
        maps = self.given.map if self.given.map.stride(0) else self.given.map[:1]
        return torch.cat([self.head(one) for one in maps.split(1)])

    def prefill(self, x: Tensor, rows: int, pause: Callable[[], None] = lambda: None) -> None:
        if rows:
            # On a CPU one picture at a time: as fast, and rounding does not depend on the batch size.
            size = 1 if x.device.type == "cpu" else len(x)
            parts = [slice(start, start + size) for start in range(0, len(x), size)]
            states = [DecodeState(self.state.height, self.state.width) for _ in parts]
            for some, state in zip(parts, states, strict=True):
                state.move(slice(0, rows), slice(0, state.width))
                self.trunk(x[some], self.given.select(some), state)
            self.state = DecodeState.joined(states)
            self.last = None

    def begin_row(self, x: Tensor, row: int) -> None:
        # The row below needs the whole row above, not only its drawn pixels. Unit "row" has requested all of it.
        if row and self.last is not None and self.unit != "row":
            self.trunk_outputs(x, row - 1, slice(self.last, self.state.width))
        self.last = 0

    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        self.last = columns.start
        rows = slice(row, row + 1)
        return self.readout(
            self.trunk_outputs(x, row, columns) + self.context_maps[:, :, rows, columns], self.given, rows, columns
        )

    def trunk_outputs(self, x: Tensor, row: int, columns: slice) -> Tensor:
        """Outputs (B, A, 1, n) of the trunk alone for columns of a row."""
        self.state.move(slice(row, row + 1), columns)
        return self.trunk(x, self.given, self.state)
