"""Gated PixelCNN (Conditional Image Generation with PixelCNN Decoders, van den Oord et al. 2016, arXiv 1606.05328).

    pixels -> embedding -> first layer (rows above; left taps, mask A) -> gated layers (mask B) -> sum of skips
           -> ReLU, 1x1 mask B, ReLU, 1x1 mask B -> logits of every level of every channel

What differs from the paper: colours enter as learned embeddings (a palette index is a name, not a quantity), later
kernels are dilated (the default sees 23 pixels up and to each side), and the vertical stack is residual.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pixelart.layers.causal import pointwise
from pixelart.layers.colours import ColourEmbedding
from pixelart.layers.context import ContextConfig
from pixelart.layers.cursor import Cursor
from pixelart.layers.gated import GatedLayer
from pixelart.layers.gated_stream import GatedStack, GatedStream
from pixelart.layers.head import logits_of_levels
from pixelart.layers.masked import spread_groups
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class GatedPixelCNNConfig(ModelConfig):
    """`hidden` features a stack, `embedding` features a colour channel, `head` features before the logits."""

    embedding: int = 16
    hidden: int = 64
    skip: int = 64
    head: int = 128
    first_rows: int = 3
    dilations: tuple[int, ...] = (1, 2, 1, 4, 1, 2, 1, 4, 1, 2, 1)


DEBUG = {
    "embedding": 4,
    "hidden": 10,
    "skip": 8,
    "head": 8,
    "first_rows": 2,
    "dilations": (1, 2),
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model("gated_pixelcnn", config=GatedPixelCNNConfig, presets={"default": {}, "debug": DEBUG})
class GatedPixelCNN(RasterModel):
    """Vertical and horizontal gated stacks, no blind spot, skip connections, colour-aware masks."""

    config: GatedPixelCNNConfig

    def __init__(self, config: GatedPixelCNNConfig) -> None:
        super().__init__(config)
        channels, context = config.channels, config.context.hidden
        self.colours = ColourEmbedding(channels, config.levels, config.embedding)
        groups, skip = spread_groups(config.hidden, channels), spread_groups(config.skip, channels)
        head = spread_groups(config.head, channels)
        first = GatedLayer(
            self.colours.groups,
            groups,
            skip,
            context=context,
            mask_type="A",
            rows=config.first_rows,
            taps=config.first_rows + 1,
        )
        self.layers = nn.ModuleList(
            [first]
            + [GatedLayer(groups, groups, skip, context=context, mask_type="B", dilation=d) for d in config.dilations]
        )
        self.context_skip = nn.Conv2d(context, config.skip, 1)
        self.hidden = pointwise(skip, head)
        self.logits = logits_of_levels(head, channels=channels, levels=config.levels)

    def trunk(self, x: Tensor, context_map: Tensor, cursor: Cursor | None = None) -> Tensor:
        assert cursor is None, "its stream draws without the trunk"
        v = h = self.colours(x)
        total = self.context_skip(context_map)
        for layer in self.layers:
            v, h, skip = layer(v, h, context_map)
            total = total + skip
        return self.logits(torch.relu(self.hidden(torch.relu(total))))

    def stream(self, context_map: Tensor) -> GatedStream:
        stack = GatedStack(
            self.colours,
            [layer for layer in self.layers if isinstance(layer, GatedLayer)],
            self.context_skip,
            self.vote,
            self.hidden,
            self.logits,
            self.config.channels,
            self.config.levels,
        )
        return GatedStream(stack, context_map)
