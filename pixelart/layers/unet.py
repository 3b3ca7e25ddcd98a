"""The U-shaped stream of PixelCNN++ (Salimans et al. 2017, 1701.05517, sections 2.3 and 2.4): gated residual layers at
full size, half size and so on, with skip connections from the down path to the up path.

A down-sampled map keeps every other row and column. On the way up, pixels in between copy the value up-left of them,
which depends on fewer pixels than they may read, so the stream stays causal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import CausalConv2d, pointwise
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.gated_residual import GatedResidual
from pixelart.layers.masked import Groups

Conv = Callable[[Groups, Groups], CausalConv2d]


class UStream(nn.Module):
    """`layers` gated residual layers on each path at this size, and the stream of half the size between them.

    Each layer may also read a feature map of another stream, `beside`, at its own pixel.
    """

    def __init__(self, groups: Groups, *, context: int, conv: Conv, layers: int, scales: int, beside: Groups) -> None:
        super().__init__()

        def layer(given: Groups) -> GatedResidual:
            return GatedResidual(groups, context=context, conv=conv, beside=given)

        self.down = nn.ModuleList(layer(beside) for _ in range(layers))
        self.inner = None
        if scales > 1:
            self.shrink = conv(groups, groups)
            self.inner = UStream(groups, context=context, conv=conv, layers=layers, scales=scales - 1, beside=beside)
            self.grow = pointwise(groups, groups * 4)
        self.up = nn.ModuleList(layer(groups + beside) for _ in range(layers + (scales > 1)))

    def forward(
        self, x: Tensor, given: list[Tensor], besides: Iterator[Tensor] | None, state: DecodeState | None
    ) -> tuple[Tensor, list[Tensor]]:
        """(x, the output of every layer in order) of x (B, F, h, w) of the state's region.

        given: the whole context map at each size. besides: one map per layer, in the same order, of the state's rows in
        full width.
        """
        skips, outputs = [x], []

        def next_beside() -> list[Tensor]:
            if besides is None:
                return []
            beside = next(besides)
            return [beside if state is None or state.is_traced else beside[..., state.columns]]

        for layer in self.down:
            x = layer(x, given[0], state, *next_beside())
            skips.append(x)
            outputs.append(x)
        if self.inner is None:
            skips.pop()
        else:
            x, inside = self._inside(x, given, besides, state)
            outputs += inside
        for layer in self.up:
            x = layer(x, given[0], state, torch.cat([skips.pop(), *next_beside()], dim=1))
            outputs.append(x)
        return x, outputs

    def _inside(
        self, x: Tensor, given: list[Tensor], besides: Iterator[Tensor] | None, state: DecodeState | None
    ) -> tuple[Tensor, list[Tensor]]:
        assert self.inner is not None
        small = self.shrink(x, state)
        if state is not None and state.is_traced:
            return self._traced(small, given, besides, state)
        if state is None:
            result, outputs = self.inner(small[:, :, ::2, ::2], given[1:], besides, None)
            return self._grown(result, None)[:, :, : x.shape[2], : x.shape[3]], outputs
        half = state.halved()
        small = small[:, :, state.rows.start % 2 :: 2, state.columns.start % 2 :: 2]
        kept = half.keep(self, "result", lambda: x.new_zeros(*x.shape[:2], half.height, half.width))
        if half.is_empty:
            outputs = self._pass_by(besides, small)
        else:
            result, outputs = self.inner(small, given[1:], besides, half)
            kept[:, :, half.rows, half.columns] = result
        near = [slice(part.start // 2, -(-part.stop // 2)) for part in (state.rows, state.columns)]
        grown = self._grown(kept[:, :, near[0], near[1]], state)
        top, left = state.rows.start % 2, state.columns.start % 2
        return grown[:, :, top : top + x.shape[2], left : left + x.shape[3]], outputs

    def _traced(
        self, small: Any, given: list[Tensor], besides: Iterator[Tensor] | None, state: DecodeState
    ) -> tuple[Any, list[Tensor]]:
        assert self.inner is not None
        result: Any
        result, outputs = self.inner(small.at_step(2 * small.step), given[1:], besides, state.halved())
        weight = self.grow.masked_weight().detach()[:, :, 0, 0]
        matrices = weight.unflatten(0, (-1, 4)).permute(1, 2, 0)  # (4, I, O), in the order of a pixel shuffle
        return result.grown(matrices, self.grow.bias.detach().unflatten(0, (-1, 4)).T), outputs

    def _grown(self, x: Tensor, state: DecodeState | None) -> Tensor:  # (B, F, 2h, 2w)
        return F.pixel_shuffle(self.grow(x, state), 2)

    def _pass_by(self, besides: Iterator[Tensor] | None, empty: Tensor) -> list[Tensor]:
        """Skip the half-size stream when its region is empty: placeholders for the outputs of its layers."""
        assert self.inner is not None
        count = self.inner.size
        for _ in range(count if besides else 0):
            next(besides)  # pyright: ignore[reportArgumentType]
        return [empty] * count

    @property
    def size(self) -> int:
        """Number of layers, inner ones included."""
        return len(self.down) + len(self.up) + (self.inner.size if self.inner else 0)
