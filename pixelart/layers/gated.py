"""The layer of Gated PixelCNN (Conditional Image Generation with PixelCNN Decoders, 1606.05328, section 2, figure 2).

Two stacks. The vertical feature at (r, c) sees rows strictly above r; the horizontal one also sees pixels to the left.
Together they have no blind spot. In every layer the paper shifts the vertical map down by one row before it enters the
horizontal stack; here only the first layer excludes the pixel's row, which computes the same with one shift.
Differences from the paper: the vertical stack is residual too, and kernels may be dilated for a larger receptive field.
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
    """tanh(a) * sigmoid(b), (a, b) = halves of x (B, 2p, ...); both halves have the same colour groups."""
    a, b = x.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


class RowsConv2d(MaskedConv2d):
    """A convolution on whole rows: either its inputs depend only on rows above, or its kernel ends above the row."""

    def prefill(self, x: Tensor, state: DecodeState | None) -> Tensor:
        """Outputs (B, O, h, W) of inputs x (B, I, h, W) of whole rows from the top. A decode state caches the
        inputs."""
        if state is not None:
            left, _, top, _ = self.padding
            self._held(x, state)[:, top : top + x.shape[2], left : left + state.width] = x.permute(0, 2, 3, 1)
        return self(x)

    def row(self, x: Tensor, state: DecodeState) -> Tensor:
        """Outputs (B, W, O) of the state's row from its inputs x (B, W, I).

        If the kernel ends above the row, x is the row before.
        """
        left, _, top, bottom = self.padding
        held, row = self._held(x.mT[:, :, None], state), state.row
        held[:, top + row + bottom, left : left + state.width] = x
        matrix = state.constant(self, "matrix", self.matrix)
        (dy, dx), (tall, wide) = self.dilation, self.weight.shape[2:]
        taps = [held[:, row + i * dy, j * dx : j * dx + state.width] for i in range(tall) for j in range(wide)]
        window = torch.cat(taps, dim=-1).flatten(0, 1)
        return torch.addmm(self.bias, window, matrix).unflatten(0, (len(x), state.width))

    def _held(self, x: Tensor, state: DecodeState) -> Tensor:  # (B, top + H, left + W + right, I)
        left, right, top, _ = self.padding
        shape = (len(x), top + state.height, left + state.width + right, x.shape[1])
        return state.keep(self, "inputs", lambda: x.new_zeros(shape))


class GatedLayer(nn.Module):
    """(v, h, context map) -> (v, h, skip), each (B, features, H, W).

    `rows`: rows read by the vertical kernel. In a first layer (mask A) these are the rows strictly above; in later
    layers the input already excludes the pixel's row, so the kernel ends on it. `dropout` drops gated features in
    training (as in PixelCNN++, 1701.05517, section 2.5); the trainer sets its rate.
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
        """(v, h, skip) of whole pictures. In a first layer, h is the picture and `embed` its embedding."""
        v, before = self.rows(v, context_map, None)
        here = self.first_pixels(h, embed, before, None) if self.mask_type == "A" else self.pixels(h, before, None)
        return v, *here

    def rows(self, v: Tensor, context_map: Tensor, state: DecodeState | None) -> tuple[Tensor, Tensor]:
        """(v, pre-activations of the horizontal stack), (B, ..., h, W), of whole rows from the top, from all that is
        known before the row. context_map (B, F, H, W) is whole."""
        bias_v, bias_h = self.context(cut(context_map, state)).chunk(2, dim=1)
        above = self.vertical.prefill(v, state)
        return self._residual(v, self.dropout(gate(above + bias_v))), self.link(above) + bias_h

    def row(self, v: Tensor, given: Tensor, state: DecodeState) -> tuple[Tensor, Tensor]:
        """`rows` for the state's row, (B, W, ...). v is (B, W, I), in a first layer of the row before; `given` (B, W,
        4p) is the bias from the context map."""
        link = state.constant(self, "link", lambda: self.link.weight.detach()[:, :, 0, 0].mT.contiguous())
        above, size = self.vertical.row(v, state), 2 * self.split[0]
        a, b = (above + given[..., :size]).chunk(2, dim=-1)
        return self._residual(v, torch.tanh(a) * torch.sigmoid(b)), torch.matmul(above, link) + given[..., size:]

    def pixels(self, h: Tensor, before: Tensor, state: DecodeState | None) -> tuple[Tensor, Tensor]:
        """(h, skip), (B, ..., h, w), of the state's region, given its pre-activations `before`."""
        return self._gated(h, self.horizontal(h, state) + before, state)

    def first_pixels(
        self, x: Tensor, embed: Callable[[Tensor], Tensor], before: Tensor, state: DecodeState | None
    ) -> tuple[Tensor, Tensor]:
        """`pixels` for the first layer, which reads the whole picture x int64 (B, C, H, W)."""
        assert isinstance(self.horizontal, FirstConv)
        return self._gated(x, self.horizontal.of_picture(x, embed, state) + before, state)

    def _gated(self, h: Tensor, gates: Tensor, state: DecodeState | None) -> tuple[Tensor, Tensor]:
        h_out, skip = self.out(self.dropout(gate(gates)), state).split(self.split, dim=1)
        return self._residual(h, h_out), skip

    def emit(self, program: Program, h: Slot | None, gates: Slot, total: Slot) -> Slot:
        """Write `pixels` into a program and return the output features.

        gates: state with the pre-activations; in a first layer it already includes the products of the pixels. h: the
        features from the layer before, None in a first layer. The skip is added to `total`.
        """
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
        return change if self.mask_type == "A" else x + change  # the first layer's input is a picture, not features
