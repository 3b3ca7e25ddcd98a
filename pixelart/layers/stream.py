"""The incremental face of a causal network: drawing sees one pixel at a time and must not recompute what it knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from pixelart.layers.cursor import Cursor
from pixelart.layers.kernels import Choice

RowKernel = Callable[[Tensor, int, Tensor, Tensor, Tensor, Tensor, Choice], None]
"""kernel(x, row, mask, noise, temperature, log_prob, choice): draws one begun row in place; shapes as in `Stream`."""


class Stream(ABC):
    """Abstract: parameter maps of one pixel after another, for B pictures x int64 (B, C, H, W) that grow in place."""

    @abstractmethod
    def prefill(self, x: Tensor, rows: int) -> None:
        """Take in the first `rows` rows of x in one parallel pass; called once, first."""

    @abstractmethod
    def begin_row(self, x: Tensor, row: int) -> None:
        """Compute what depends only on rows above `row`, all of which are final; rows come in order."""

    @abstractmethod
    def pixel(self, x: Tensor, row: int, column: int) -> Tensor:
        """Parameters (B, P) of one pixel given all before it, and the channels set so far; columns come in order.

        Called once a channel: the last call of a pixel must see all channels but the last.
        """

    def row_kernel(self) -> RowKernel | None:
        """A compiled function that draws a whole row, where there is one for this device."""
        return None


class TrunkStream(Stream):
    """The incremental face of a `trunk` whose layers take a cursor; `vote` maps the context to parameters too."""

    def __init__(self, trunk: Callable[[Tensor, Tensor, Cursor], Tensor], vote: nn.Module, context_map: Tensor) -> None:
        self.trunk, self.context_map, self.votes = trunk, context_map, vote(context_map)
        self.cursor = Cursor(*context_map.shape[2:])
        self.last: int | None = None  # the last column that was asked for in the row

    def prefill(self, x: Tensor, rows: int) -> None:
        if rows:
            # On a CPU one picture at a time, which is as fast, and keeps rounding the same at any batch size.
            size = 1 if x.device.type == "cpu" else len(x)
            parts = [slice(start, start + size) for start in range(0, len(x), size)]
            cursors = [Cursor(self.cursor.height, self.cursor.width) for _ in parts]
            for some, cursor in zip(parts, cursors, strict=True):
                cursor.move(slice(0, rows), slice(0, cursor.width))
                self.trunk(x[some], self.context_map[some], cursor)
            self.cursor = Cursor.joined(cursors)
            self.last = None

    def begin_row(self, x: Tensor, row: int) -> None:
        if row and self.last is not None:  # rows below need the whole of the one above, not drawn pixels alone
            self._ask(x, row - 1, self.last, self.cursor.width)
        self.last = 0

    def pixel(self, x: Tensor, row: int, column: int) -> Tensor:
        self.last = column
        return self._ask(x, row, column, column + 1)[:, :, 0, 0] + self.votes[:, :, row, column]

    def _ask(self, x: Tensor, row: int, start: int, stop: int) -> Tensor:
        self.cursor.move(slice(row, row + 1), slice(start, stop))
        return self.trunk(x, self.context_map, self.cursor)
