"""The incremental face of a causal network: drawing sees one pixel at a time and must not recompute what it knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from pixelart.layers.context import Conditioning
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.kernels import Choice

RowKernel = Callable[[Tensor, int, Tensor, Tensor, Tensor, Tensor, Choice, slice], None]
"""kernel(x, row, mask, noise, temperature, log_prob, choice, columns): draws the columns of one begun row in
place, which follow those drawn before; shapes as in `IncrementalDecoder`."""

Unit = Literal["channel", "pixel", "row"]
"""What is asked for at once: the parameters of a pixel's channels may depend on its earlier channels; or on the pixels
before it alone; or on the rows above alone."""


class IncrementalDecoder(ABC):
    """Abstract: parameter maps of one `unit` after another, for B pictures x int64 (B, C, H, W) that grow in place."""

    unit: Unit = "channel"

    @abstractmethod
    def prefill(self, x: Tensor, rows: int) -> None:
        """Take in the first `rows` rows of x in one parallel pass; called once, first."""

    @abstractmethod
    def begin_row(self, x: Tensor, row: int) -> None:
        """Compute what depends only on rows above `row`, all of which are final; rows come in order."""

    @abstractmethod
    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        """Parameters (B, P, 1, n) of one pixel, or of a row, given all before it; columns come in order.

        Where the unit is a channel it is called once a channel, and given those set so far too: the last call of a
        pixel must see all channels but the last.
        """

    def row_kernel(self) -> RowKernel | None:
        """A compiled function that draws a whole row, where there is one for this device."""
        return None


class TrunkDecoder(IncrementalDecoder):
    """The incremental face of a `trunk` whose layers take a cursor; `vote` maps the context to answers too, and
    `readout(answers, given, rows, columns)` makes parameters of the answers of a region."""

    def __init__(
        self,
        trunk: Callable[[Tensor, Conditioning, DecodeState], Tensor],
        vote: nn.Module,
        readout: Callable[[Tensor, Conditioning, slice, slice], Tensor],
        given: Conditioning,
        *,
        unit: Unit,
    ) -> None:
        self.unit = unit
        self.trunk, self.readout, self.given = trunk, readout, given
        # One picture at a time, or one for all that share it: rounding must not depend on how many there are.
        maps = given.map if given.map.stride(0) else given.map[:1]
        self.votes = torch.cat([vote(one) for one in maps.split(1)])
        self.cursor = DecodeState(*given.map.shape[2:])
        self.last: int | None = None  # the last column that was asked for in the row

    def prefill(self, x: Tensor, rows: int) -> None:
        if rows:
            # On a CPU one picture at a time, which is as fast, and keeps rounding the same at any batch size.
            size = 1 if x.device.type == "cpu" else len(x)
            parts = [slice(start, start + size) for start in range(0, len(x), size)]
            cursors = [DecodeState(self.cursor.height, self.cursor.width) for _ in parts]
            for some, cursor in zip(parts, cursors, strict=True):
                cursor.move(slice(0, rows), slice(0, cursor.width))
                self.trunk(x[some], self.given.select(some), cursor)
            self.cursor = DecodeState.joined(cursors)
            self.last = None

    def begin_row(self, x: Tensor, row: int) -> None:
        # Rows below need the whole of the one above, not drawn pixels alone; where they are the unit, it was asked for.
        if row and self.last is not None and self.unit != "row":
            self._ask(x, row - 1, slice(self.last, self.cursor.width))
        self.last = 0

    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        self.last = columns.start
        rows = slice(row, row + 1)
        return self.readout(self._ask(x, row, columns) + self.votes[:, :, rows, columns], self.given, rows, columns)

    def _ask(self, x: Tensor, row: int, columns: slice) -> Tensor:
        self.cursor.move(slice(row, row + 1), columns)
        return self.trunk(x, self.given, self.cursor)
