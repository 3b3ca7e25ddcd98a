"""Output layers: from features to logits."""

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
    """ReLU and 1x1 convolution, three times, to the logits, all with mask B (Pixel Recurrent Neural Networks,
    1601.06759, table 1). Unlike the table, a ReLU also precedes the last 1x1: two linear maps in a row would be one."""

    def __init__(self, groups: Groups, hidden: int, *, channels: int, levels: int) -> None:
        super().__init__()
        inner = spread_groups(hidden, channels)
        self.first, self.second = pointwise(groups, inner), pointwise(inner, inner)
        self.logits = logits_of_levels(inner, channels=channels, levels=levels)

    def forward(self, x: Tensor, state: DecodeState | None) -> Tensor:
        """Logits (B, C*K, h, w), channel-major, of features (B, I, h, w)."""
        for layer in (self.first, self.second, self.logits):
            x = layer(torch.relu(x), state)
        return x


def logits_of_levels(groups: Groups, *, channels: int, levels: int) -> CausalConv2d:
    """A 1x1 convolution with mask B to logits (B, C*K, h, w), channel-major."""
    return resizable(pointwise(groups, tuple(c for c in range(channels) for _ in range(levels))), "level")


class ContextHead(nn.Conv2d):
    """A 1x1 convolution from the context map alone to parameter maps, in float32."""

    def forward(self, input: Tensor) -> Tensor:
        return in_float32(lambda x: F.conv2d(x, self.weight, self.bias), input)
