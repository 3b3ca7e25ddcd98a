"""The incremental face of a causal network: drawing sees one pixel at a time and must not recompute what it knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

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
