"""PixelCNN (Pixel Recurrent Neural Networks, van den Oord et al. 2016, arXiv 1601.06759, section 3.4, table 1).

    pixels -> embedding -> 7x7 mask A (2h) -> residual blocks 2h -> h -> h -> 2h (1x1, 3x3, 1x1; mask B)
           -> twice (ReLU, 1x1), then 1x1 -> logits of every level of every channel, all mask B

It has a blind spot: stacked 3x3 kernels never reach pixels above that are more than two pixels further right than up.
Gated PixelCNN removes it. Differences from the paper: colours enter as learned embeddings, and the context map biases
each 3x3 convolution and the sum before the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pixelart.layers.causal import ContextBias, FirstConv, pointwise, raster_conv
from pixelart.layers.context import SMALL_CONTEXT, Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.head import Head
from pixelart.layers.masked import Groups, spread_groups
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class PixelCNNConfig(ModelConfig):
    """`blocks` residual blocks with 2 * `hidden` features, `embedding` per colour channel, `head` before the logits."""

    embedding: int = 16
    hidden: int = 64
    blocks: int = 12
    head: int = 128


class ResidualBlock(nn.Module):
    """x + 1x1(ReLU(3x3(ReLU(1x1(ReLU(x)))) + context)), all mask B (figure 5, left)."""

    def __init__(self, wide: Groups, groups: Groups, *, context: int) -> None:
        super().__init__()
        self.narrow = pointwise(wide, groups)
        self.conv = raster_conv(groups, groups, size=3, mask_type="B")
        self.context = ContextBias(context, len(groups))
        self.widen = pointwise(groups, wide)

    def forward(self, x: Tensor, context_map: Tensor, state: DecodeState | None) -> Tensor:
        """x (B, 2h, h, w) of the state's region, with the whole context map (B, F, H, W)."""
        inner = self.conv(torch.relu(self.narrow(torch.relu(x), state)), state) + self.context(context_map, state)
        return x + self.widen(torch.relu(inner), state)


_DEBUG = {
    "embedding": 4,
    "hidden": 10,
    "blocks": 4,
    "head": 8,
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model("pixelcnn", config=PixelCNNConfig, presets={"default": {"context": SMALL_CONTEXT}, "debug": _DEBUG})
class PixelCNN(RasterModel):
    """Masked convolutions in residual blocks: the first and fastest of the family, with a blind spot."""

    config: PixelCNNConfig

    def __init__(self, config: PixelCNNConfig) -> None:
        super().__init__(config)
        context, groups = config.context.hidden, spread_groups(config.hidden, config.channels)
        wide = groups * 2
        self.colours = self.colour_embedding(config.embedding)
        self.first = raster_conv(self.colours.groups, wide, size=7, mask_type="A", kind=FirstConv)
        self.blocks = nn.ModuleList(ResidualBlock(wide, groups, context=context) for _ in range(config.blocks))
        self.context_skip = ContextBias(context, len(wide), bias=True)
        self.head = Head(wide, config.head, channels=config.channels, levels=self.outputs_per_channel)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        features = self.first.of_picture(x, self.embed(given), state)
        for block in self.blocks:
            features = block(features, given.map, state)
        return self.head(features + self.context_skip(given.map, state), state)
