"""From features to the logits of every level of every channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import CausalConv2d, pointwise
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.masked import Groups, spread_groups
from pixelart.layers.precision import in_float32
from pixelart.layers.resizable import resizable


class Head(nn.Module):
    """Twice ReLU and a 1x1 convolution, then a 1x1 to the logits, all mask B (Pixel Recurrent Neural Networks,
    1601.06759, table 1); a ReLU stands before the last too, or two linear maps would be one."""

    def __init__(self, groups: Groups, hidden: int, *, channels: int, levels: int) -> None:
        super().__init__()
        inner = spread_groups(hidden, channels)
        self.first, self.second = pointwise(groups, inner), pointwise(inner, inner)
        self.logits = logits_of_levels(inner, channels=channels, levels=levels)

    def forward(self, x: Tensor, cursor: DecodeState | None) -> Tensor:
        """Logits (B, C*K, h, w), channel-major, of features (B, I, h, w)."""
        for layer in (self.first, self.second, self.logits):
            x = layer(torch.relu(x), cursor)
        return x


def logits_of_levels(groups: Groups, *, channels: int, levels: int) -> CausalConv2d:
    """1x1 with mask B to the logits (B, C*K, h, w) of every level of every channel, channel-major."""
    return resizable(pointwise(groups, tuple(c for c in range(channels) for _ in range(levels))), "level")


class ContextHead(nn.Conv2d):
    """The context map alone to parameter maps: 1x1, in single precision."""

    def forward(self, input: Tensor) -> Tensor:
        return in_float32(lambda x: F.conv2d(x, self.weight, self.bias), input)
