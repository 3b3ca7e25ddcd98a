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

from pixelart.layers.causal import CausalConv2d, ContextBias, FirstConv, pointwise, row_conv
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.masked import Groups, MaskType


def gate(x: Tensor) -> Tensor:
    """tanh(a) * sigmoid(b), (a, b) = halves of x (B, 2p, ...); both halves have the same colour groups."""
    a, b = x.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


class GatedLayer(nn.Module):
    """A layer of both stacks: `rows` of the vertical one, `pixels` of the horizontal one.

    `rows`: rows read by the vertical kernel; its input excludes the pixel's row, so it ends on it. A first layer (mask
    A) reads the picture itself. `dropout` drops gated features in training, each in the whole picture (PixelCNN++,
    1701.05517, section 2.5, drops single numbers, which is slow on a CPU); the trainer sets its rate."""

    recomputed = ("rows", "pixels", "first_pixels")
    """Methods whose activations gradient checkpointing recomputes."""

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
        is_first = mask_type == "A"
        side = rows if is_first else dilation * (rows - 1)
        wide = 2 * rows + 1 if is_first else 2 * rows - 1
        self.vertical = CausalConv2d(
            groups_in,
            groups * 2,
            mask=torch.ones(1, 1, rows, wide, dtype=torch.bool),
            own_taps=wide,
            dilation=(dilation, dilation),
            padding=(side, side, dilation * (rows - 1), 0),
        )
        self.link = nn.Conv2d(2 * len(groups), 2 * len(groups), 1, bias=False)
        self.horizontal: CausalConv2d = row_conv(
            groups_in,
            groups * 2,
            taps=taps,
            mask_type=mask_type,
            dilation=dilation,
            kind=FirstConv if is_first else CausalConv2d,
        )
        self.context = ContextBias(context, 4 * len(groups))
        self.out = pointwise(groups, groups + skip_groups)
        self.dropout = nn.Dropout2d(0.0)

    def rows(self, v: Tensor, context_map: Tensor, state: DecodeState | None) -> tuple[Tensor, Tensor]:
        """(v, pre-activations of the horizontal stack), (B, ..., h, W), of whole rows, from v (B, I, h, W). context_map
        (B, F, H, W) is whole."""
        bias_v, bias_h = self.context(context_map, state).chunk(2, dim=1)
        above = self.vertical(v, state)
        return self._residual(v, self.dropout(gate(above + bias_v))), self.link(above) + bias_h

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

    def _residual(self, x: Tensor, change: Tensor) -> Tensor:
        return change if self.mask_type == "A" else x + change  # the first layer's input is a picture, not features
