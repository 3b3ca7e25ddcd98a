"""The layer of Gated PixelCNN (Conditional Image Generation with PixelCNN Decoders, 1606.05328, section 2, figure 2).

Two stacks. The vertical feature at (r, c) sees rows strictly above r, the horizontal one the pixels to the left too;
together they have no blind spot. The paper shifts the vertical map down by one row on its way to the horizontal
stack in every layer; here the first layer alone excludes the row itself, which is the same function with one shift.
Differences from the paper: the vertical stack is residual too, and kernels may be dilated (larger field, same cost).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import pointwise, row_conv
from pixelart.layers.masked import Groups, MaskedConv2d, MaskType


def gate(x: Tensor) -> Tensor:
    """tanh(a) * sigmoid(b), (a, b) = halves of x (B, 2p, ...); colour groups repeat in both halves."""
    a, b = x.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


class GatedLayer(nn.Module):
    """(v, h, context map) -> (v, h, skip), each (B, features, H, W).

    `rows`: rows read by the vertical kernel. In a first layer (mask A) these are the rows strictly above; afterwards
    its input already excludes the row itself, so the kernel ends on it.
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
        self.vertical = MaskedConv2d(
            groups_in,
            groups * 2,
            mask=torch.ones(1, 1, rows, 2 * rows - 1 if mask_type == "B" else 2 * rows + 1, dtype=torch.bool),
            dilation=(dilation, dilation),
            padding=(side, side, side, bottom),
        )
        self.link = nn.Conv2d(2 * len(groups), 2 * len(groups), 1, bias=False)
        self.horizontal = row_conv(groups_in, groups * 2, taps=taps, mask_type=mask_type, dilation=dilation)
        self.context = nn.Conv2d(context, 4 * len(groups), 1, bias=False)
        self.out = pointwise(groups, groups + skip_groups)

    def forward(self, v: Tensor, h: Tensor, context_map: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        bias_v, bias_h = self.context(context_map).chunk(2, dim=1)
        above = self.vertical(v)
        h_out, skip = self.out(gate(self.horizontal(h) + self.link(above) + bias_h)).split(self.split, dim=1)
        return self._residual(v, gate(above + bias_v)), self._residual(h, h_out), skip

    def vertical_only(self, v: Tensor, context_map: Tensor) -> Tensor:
        """The first result of `forward`: all that later rows need of the rows in `v`."""
        bias_v = F.conv2d(context_map, self.context.weight.chunk(2)[0])
        return self._residual(v, gate(self.vertical(v) + bias_v))

    def _residual(self, x: Tensor, change: Tensor) -> Tensor:
        return change if self.mask_type == "A" else x + change  # embeddings are no features: nothing to add to
