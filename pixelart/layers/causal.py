"""Causal masked convolutions that run on whole pictures (training) or on a region (incremental decoding)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.decode_state import DecodeState, cut
from pixelart.layers.masked import Groups, MaskedConv2d, MaskType, group_mask
from pixelart.layers.tracing import Drawn, Term, Traced


class CausalConv2d(MaskedConv2d):
    """A masked convolution whose kernel ends on the output's row. Taps right of the output pixel are masked, unless it
    is only used on whole rows.
    """

    def __init__(
        self,
        groups_in: Groups,
        groups_out: Groups,
        *,
        mask: Tensor,
        own_taps: int,
        dilation: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    ) -> None:
        """`own_taps`: number of taps in the kernel's last row, from the left, that may be unmasked."""
        super().__init__(groups_in, groups_out, mask=mask, dilation=dilation, padding=padding)
        self.own_taps, self.reads_others = own_taps, any(padding)

    def forward(self, x: Tensor, state: DecodeState | None = None) -> Tensor:
        """Outputs (B, O, h, w) of inputs x (B, I, h, w): of the whole picture, or of the decode state's region."""
        if isinstance(x, Traced):
            return self._traced(x)
        if state is None:
            return super().forward(x)
        self.remember(x, state, start=state.columns.start)
        return super().forward(x) if state.is_prefill else self.region(x, state)

    def _traced(self, x: Traced) -> Any:
        left, _, top, _ = self.padding
        weight, terms = self.masked_weight().detach(), list[Term]()
        for i in range(weight.shape[2]):
            for j in range(weight.shape[3]):
                dy, dx = i * self.dilation[0] - top, j * self.dilation[1] - left
                if self.mask[:, :, i, j].any():
                    terms.append(Term(x, dy * x.step, dx * x.step, weight[:, :, i, j].T))
        return x.sum(terms, self.bias, size=len(weight))

    def remember(self, x: Tensor, state: DecodeState, *, start: int) -> None:
        """Store the inputs x (B, I, h, n) of the state's rows, from column `start` on."""
        if self.reads_others:
            left, _, top, _ = self.padding
            place = (slice(None), slice(top + state.rows.start, top + state.rows.stop))
            place += (slice(left + start, left + start + x.shape[3]),)
            self._held(x, state)[place] = x.permute(0, 2, 3, 1)

    def region(self, x: Tensor, state: DecodeState) -> Tensor:
        """Outputs (B, O, 1, n) of the state's region in one row; its inputs x are already stored."""
        own, bias = state.constant(self, "own", self._own)
        if not self.reads_others:  # the region may be empty
            return (bias + x.permute(0, 2, 3, 1) @ own).permute(0, 3, 1, 2)
        top, columns, step = self.padding[2], state.columns, self.dilation[1]
        if top and state.begins_row:
            state.put(self, "row above", self._from_above(self._held(x, state), state))
        held, row, start = self._held(x, state), top + state.row, columns.start
        base, size = state.keep(self, "row above", lambda: bias) if top else bias, x.shape[3]
        near = [start + j * step for j in range(self.own_taps)]
        taps = torch.cat([held[:, row, j : j + size] for j in near], dim=-1)
        return ((base[:, columns] if top else base) + taps @ own).mT[:, :, None]

    def _own(self) -> tuple[Tensor, Tensor]:  # the last row's weights (taps*I, O), and the bias (1, 1, O)
        return _as_matrix(self.masked_weight()[:, :, -1:, : self.own_taps]), self.bias.detach()[None, None]

    def _from_above(
        self, held: Tensor, state: DecodeState
    ) -> Tensor:  # (B, W, O): the part from the rows above, with the bias
        matrix = state.constant(self, "above", lambda: _as_matrix(self.masked_weight()[:, :, :-1]))
        (dy, dx), last = self.dilation, state.row + self.padding[2]
        wide = [j * dx for j in range(self.weight.shape[3])]
        taps = [held[:, r, j : j + state.width] for r in range(state.row, last, dy) for j in wide]
        return picture_by_picture(torch.cat(taps, dim=-1), matrix, self.bias)

    def _held(self, x: Tensor, state: DecodeState) -> Tensor:  # (B, top + H, left + W + right, I)
        left, right, top, _ = self.padding
        shape = (len(x), top + state.height, left + state.width + right, self.weight.shape[1])
        return state.keep(self, "inputs", lambda: x.new_zeros(shape))


class FirstConv(CausalConv2d):
    """The first causal convolution, which reads the picture itself through a colour embedding."""

    def of_picture(self, x: Tensor, embed: Callable[[Tensor], Tensor], state: DecodeState | None) -> Tensor:
        """Outputs (B, O, h, w) of a picture x int64 (B, C, H, W). x is always the whole picture, also for a region."""
        if state is None or state.is_prefill:
            return self(embed(x if state is None else x[:, :, state.rows]), state)
        if state.is_traced:
            return self(embed(x), state)
        start = max(0, state.columns.start - 1)  # the pixel to the left got its last channel since it was read
        features = embed(x[:, :, state.rows, start : state.columns.stop])
        self.remember(features, state, start=start)
        return self.region(features[..., state.columns.start - start :], state)


def rows_above(x: Tensor, embed: Callable[[Tensor], Tensor], state: DecodeState | None) -> Tensor:
    """Features (B, E, h, W) of the row above each of the state's rows, which are whole, of a picture x int64 (B, C, H,
    W); zeros above the first."""
    if isinstance(x, Drawn):
        return embed(x.above())
    start, stop = (0, x.shape[2]) if state is None else (state.rows.start, state.rows.stop)
    features = embed(x[:, :, max(0, start - 1) : stop - 1])
    return features if start else F.pad(features, (0, 0, 1, 0))


def picture_by_picture(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """(B, n, O) = bias (O,) + x (B, n, I) @ matrix (I, O), one picture at a time, so rounding is independent of B."""
    if bias is None:
        return torch.stack([some @ matrix for some in x])
    return torch.stack([torch.addmm(bias, some, matrix) for some in x])


_Conv = TypeVar("_Conv", bound=CausalConv2d)


def causal_conv(
    groups_in: Groups,
    groups_out: Groups,
    *,
    above: int,
    left: int,
    right: int,
    mask_type: MaskType,
    dilation: int = 1,
    kind: type[_Conv] = CausalConv2d,
) -> _Conv:
    """A kernel of `above` rows over the pixel's row and `left` and `right` columns beside it, at distance `dilation`.

    The centre tap is masked by colour group; taps right of it in its row are masked.
    """
    mask = torch.ones(len(groups_out), len(groups_in), above + 1, left + 1 + right, dtype=torch.bool)
    mask[:, :, -1, left] = group_mask(mask_type, groups_in, groups_out)
    mask[:, :, -1, left + 1 :] = False
    padding = (dilation * left, dilation * right, dilation * above, 0)
    stride = (dilation, dilation)
    return kind(groups_in, groups_out, mask=mask, own_taps=left + 1, dilation=stride, padding=padding)


def raster_conv(
    groups_in: Groups, groups_out: Groups, *, size: int, mask_type: MaskType, kind: type[_Conv] = CausalConv2d
) -> _Conv:
    """The upper half of a `size` x `size` convolution (Pixel Recurrent Neural Networks, 1601.06759, section 3.4).

    Stacks of such kernels have the known blind spot.
    """
    side = size // 2
    return causal_conv(groups_in, groups_out, above=side, left=side, right=side, mask_type=mask_type, kind=kind)


def rows_conv(groups_in: Groups, groups_out: Groups) -> CausalConv2d:
    """2x3 over the pixel's row and the row above; its inputs depend only on rows above (down shifted, 1701.05517)."""
    mask = torch.ones(len(groups_out), len(groups_in), 2, 3, dtype=torch.bool)
    return CausalConv2d(groups_in, groups_out, mask=mask, own_taps=3, padding=(1, 1, 1, 0))


def corner_conv(groups_in: Groups, groups_out: Groups) -> CausalConv2d:
    """2x2 with mask B: the pixel, its left, upper and upper-left neighbours (down-right shifted, 1701.05517)."""
    return causal_conv(groups_in, groups_out, above=1, left=1, right=0, mask_type="B")


def row_conv(
    groups_in: Groups,
    groups_out: Groups,
    *,
    taps: int,
    mask_type: MaskType,
    dilation: int = 1,
    kind: type[_Conv] = CausalConv2d,
) -> _Conv:
    """1 x `taps` along the row: the pixel itself (masked A or B) and those to its left."""
    shape = {"above": 0, "left": taps - 1, "right": 0}
    return causal_conv(groups_in, groups_out, **shape, mask_type=mask_type, dilation=dilation, kind=kind)


def pointwise(groups_in: Groups, groups_out: Groups) -> CausalConv2d:
    """1x1 with mask B."""
    return causal_conv(groups_in, groups_out, above=0, left=0, right=0, mask_type="B")


def _as_matrix(weight: Tensor) -> Tensor:  # (O, I, h, w) -> (taps*I, O), row by row
    return weight.detach().permute(2, 3, 1, 0).flatten(0, 2).contiguous()


class ContextBias(nn.Conv2d):
    """A layer's bias from the context map: a 1x1 convolution, computed once per row while decoding."""

    def __init__(self, context: int, features: int, *, bias: bool = False) -> None:
        super().__init__(context, features, 1, bias=bias)

    def forward(self, input: Tensor, state: DecodeState | None = None) -> Tensor:
        """(B, features, h, w) of the state's region, or (1, features, h, w) if all pictures share one map; input (B, F,
        H, W) is the whole map."""
        if state is None or state.is_prefill or state.is_traced:
            return super().forward(cut(input, state))
        if state.begins_row:
            matrix = state.constant(self, "matrix", lambda: _as_matrix(self.weight))
            given = input if input.stride(0) else input[:1]
            state.put(self, "row", picture_by_picture(given[:, :, state.row].mT, matrix, self.bias))
        return state.keep(self, "row", lambda: input)[:, state.columns].mT[:, :, None]


def taps_matrix(conv: nn.Conv1d) -> Tensor:
    """The weight of a 1-D convolution as a matrix (taps * I, O), tap by tap."""
    return conv.weight.permute(2, 1, 0).flatten(0, 1).contiguous()
