"""The layer of Gated PixelCNN (Conditional Image Generation with PixelCNN Decoders, 1606.05328, section 2, figure 2).

Two stacks. The vertical feature at (r, c) sees rows strictly above r, the horizontal one the pixels to the left too;
together they have no blind spot. The paper shifts the vertical map down by one row on its way to the horizontal
stack in every layer; here the first layer alone excludes the row itself, which is the same function with one shift.
Differences from the paper: the vertical stack is residual too, and kernels may be dilated (larger field, same cost).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pixelart.layers.causal import CausalConv2d, FirstConv, pointwise, row_conv
from pixelart.layers.decode_state import DecodeState, cut
from pixelart.layers.masked import Groups, MaskedConv2d, MaskType
from pixelart.layers.program import Program, Slot


def gate(x: Tensor) -> Tensor:
    """tanh(a) * sigmoid(b), (a, b) = halves of x (B, 2p, ...); colour groups repeat in both halves."""
    a, b = x.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


class RowsConv2d(MaskedConv2d):
    """A convolution for whole rows: its inputs at a row know the rows above alone, or its kernel ends above the row."""

    def prefill(self, x: Tensor, cursor: DecodeState | None) -> Tensor:
        """Outputs (B, O, h, W) of inputs x (B, I, h, W) of whole rows from the top; a cursor keeps the inputs."""
        if cursor is not None:
            left, _, top, _ = self.padding
            self._held(x, cursor)[:, top : top + x.shape[2], left : left + cursor.width] = x.permute(0, 2, 3, 1)
        return self(x)

    def row(self, x: Tensor, cursor: DecodeState) -> Tensor:
        """Outputs (B, W, O) of the cursor's row, of its inputs x (B, W, I), or, where the kernel ends above the row,
        those of the row before."""
        left, _, top, bottom = self.padding
        held, row = self._held(x.mT[:, :, None], cursor), cursor.row
        held[:, top + row + bottom, left : left + cursor.width] = x
        matrix = cursor.constant(self, "matrix", self.matrix)
        (dy, dx), (tall, wide) = self.dilation, self.weight.shape[2:]
        taps = [held[:, row + i * dy, j * dx : j * dx + cursor.width] for i in range(tall) for j in range(wide)]
        window = torch.cat(taps, dim=-1).flatten(0, 1)
        return torch.addmm(self.bias, window, matrix).unflatten(0, (len(x), cursor.width))

    def _held(self, x: Tensor, cursor: DecodeState) -> Tensor:  # (B, top + H, left + W + right, I)
        left, right, top, _ = self.padding
        shape = (len(x), top + cursor.height, left + cursor.width + right, x.shape[1])
        return cursor.keep(self, "inputs", lambda: x.new_zeros(shape))


class GatedLayer(nn.Module):
    """(v, h, context map) -> (v, h, skip), each (B, features, H, W).

    `rows`: rows read by the vertical kernel. In a first layer (mask A) these are the rows strictly above; afterwards
    its input already excludes the row itself, so the kernel ends on it. `dropout` leaves out gated features while
    training (as PixelCNN++ does, 1701.05517, section 2.5); how many of them the training says.
    """

    def __init__(
        self,
        groups_in: Groups,
        groups: Groups,
        skip_groups: Groups,
        *,
        context: int,
        mask_type: MaskType,
        rows: int = 2,
        taps: int = 2,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.mask_type: MaskType = mask_type
        self.split = [len(groups), len(skip_groups)]
        side = dilation * (rows - 1) if mask_type == "B" else rows
        bottom = 0 if mask_type == "B" else -1
        self.vertical = RowsConv2d(
            groups_in,
            groups * 2,
            mask=torch.ones(1, 1, rows, 2 * rows - 1 if mask_type == "B" else 2 * rows + 1, dtype=torch.bool),
            dilation=(dilation, dilation),
            padding=(side, side, side, bottom),
        )
        self.link = nn.Conv2d(2 * len(groups), 2 * len(groups), 1, bias=False)
        self.horizontal: CausalConv2d = row_conv(
            groups_in,
            groups * 2,
            taps=taps,
            mask_type=mask_type,
            dilation=dilation,
            kind=FirstConv if mask_type == "A" else CausalConv2d,
        )
        self.context = nn.Conv2d(context, 4 * len(groups), 1, bias=False)
        self.out = pointwise(groups, groups + skip_groups)
        self.dropout = nn.Dropout2d(0.0)

    def forward(
        self, v: Tensor, h: Tensor, context_map: Tensor, embed: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(v, h, skip) of whole pictures; of a first layer h is the picture, and `embed` its embedding."""
        v, before = self.rows(v, context_map, None)
        here = self.first_pixels(h, embed, before, None) if self.mask_type == "A" else self.pixels(h, before, None)
        return v, *here

    def rows(self, v: Tensor, context_map: Tensor, cursor: DecodeState | None) -> tuple[Tensor, Tensor]:
        """(v, pre-activations of the horizontal stack), (B, ..., h, W), of whole rows from the top: all that is known
        before a pixel of them is. context_map (B, F, H, W) is whole."""
        bias_v, bias_h = self.context(cut(context_map, cursor)).chunk(2, dim=1)
        above = self.vertical.prefill(v, cursor)
        return self._residual(v, self.dropout(gate(above + bias_v))), self.link(above) + bias_h

    def row(self, v: Tensor, given: Tensor, cursor: DecodeState) -> tuple[Tensor, Tensor]:
        """The same of the cursor's row, (B, W, ...): v (B, W, I), in a first layer of the row before, and `given`
        (B, W, 4p), what the layer takes from the context map."""
        link = cursor.constant(self, "link", lambda: self.link.weight.detach()[:, :, 0, 0].mT.contiguous())
        above, size = self.vertical.row(v, cursor), 2 * self.split[0]
        a, b = (above + given[..., :size]).chunk(2, dim=-1)
        return self._residual(v, torch.tanh(a) * torch.sigmoid(b)), torch.matmul(above, link) + given[..., size:]

    def pixels(self, h: Tensor, before: Tensor, cursor: DecodeState | None) -> tuple[Tensor, Tensor]:
        """(h, skip), (B, ..., h, w), of the cursor's region, whose pre-activations `before` are given."""
        return self._gated(h, self.horizontal(h, cursor) + before, cursor)

    def first_pixels(
        self, x: Tensor, embed: Callable[[Tensor], Tensor], before: Tensor, cursor: DecodeState | None
    ) -> tuple[Tensor, Tensor]:
        """The same of the first layer, which reads the picture x int64 (B, C, H, W), given whole."""
        assert isinstance(self.horizontal, FirstConv)
        return self._gated(x, self.horizontal.of_picture(x, embed, cursor) + before, cursor)

    def _gated(self, h: Tensor, gates: Tensor, cursor: DecodeState | None) -> tuple[Tensor, Tensor]:
        h_out, skip = self.out(self.dropout(gate(gates)), cursor).split(self.split, dim=1)
        return self._residual(h, h_out), skip

    def emit(self, program: Program, h: Slot | None, gates: Slot, total: Slot) -> Slot:
        """Write `pixels` into a program: the features that come out. `gates`: state that holds the pre-activations; in
        a first layer with the products of the pixels, else `h` is what the layer before gave. The skip is added to
        `total`."""
        if h is not None:
            left = program.state.take(h.size)
            program.load_past(program.store(h), left, back=self.horizontal.dilation[1])
            matrix = self.horizontal.matrix()
            program.product(gates, left, matrix[: h.size])
            program.product(gates, h, matrix[h.size :])
        result = program.bias(self.out.bias)
        gated = program.gate(gates)
        program.product(result, gated, self.out.matrix())
        features, skip = (result.part(start, size) for start, size in zip((0, self.split[0]), self.split, strict=True))
        if h is not None:
            program.add(features, h)
        program.add(total, skip)
        return features

    def _residual(self, x: Tensor, change: Tensor) -> Tensor:
        return change if self.mask_type == "A" else x + change  # embeddings are no features: nothing to add to
