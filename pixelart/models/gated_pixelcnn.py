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
from pixelart.layers.context import Conditioning, ContextConfig
from pixelart.layers.cursor import Cursor, cut
from pixelart.layers.gated import GatedLayer
from pixelart.layers.gated_stream import GatedStack, GatedStream
from pixelart.layers.head import logits_of_levels
from pixelart.layers.masked import spread_groups
from pixelart.layers.self_attention import CausalSelfAttention
from pixelart.layers.stream import Stream
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class GatedPixelCNNConfig(ModelConfig):
    """`hidden` features a stack, `embedding` features a colour channel, `head` features before the logits; after the
    layers numbered in `attention` (0 = the first) comes an attention of `heads` of `head_size` features."""

    embedding: int = 16
    hidden: int = 64
    skip: int = 64
    head: int = 128
    first_rows: int = 3
    dilations: tuple[int, ...] = (1, 2, 1, 4, 1, 2, 1, 4, 1, 2, 1)
    attention: tuple[int, ...] = ()
    heads: int = 4
    head_size: int = 16


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
        self.colours = self.colour_embedding(config.embedding)
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
        self.attention = nn.ModuleDict(
            {str(i): CausalSelfAttention(groups, heads=config.heads, size=config.head_size) for i in config.attention}
        )
        self.context_skip = nn.Conv2d(context, config.skip, 1)
        self.hidden = pointwise(skip, head)
        self.logits = logits_of_levels(head, channels=channels, levels=self.answers)

    def trunk(self, x: Tensor, given: Conditioning, cursor: Cursor | None = None) -> Tensor:
        embed, befores = self.embed(given), self._rows(x, given, cursor)
        if cursor is not None and cursor.is_prefill and not self.attention:
            return given.map[..., :0]  # the horizontal stack reads no row but its own
        h, total = x, self.context_skip(cut(given.map, cursor))
        for i, (layer, before) in enumerate(zip(self.gated_layers, befores, strict=True)):
            h, skip = layer.pixels(h, before, cursor) if i else layer.first_pixels(x, embed, before, cursor)
            total = total + skip
            if str(i) in self.attention:
                h = self.attention[str(i)](h, cursor)
        return self.logits(torch.relu(self.hidden(torch.relu(total), cursor)), cursor)

    @property
    def gated_layers(self) -> list[GatedLayer]:
        """The layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]

    def _rows(self, x: Tensor, given: Conditioning, cursor: Cursor | None) -> list[Tensor]:
        """What the vertical stack gives to the pixels of the cursor's region in each layer: (B, 2 * hidden, h, w)."""
        if cursor is None or cursor.is_prefill:
            v = self.embed(given)(cut(x, cursor))
            return self._through_rows(v, given, cursor)
        if cursor.begins_row:
            rows, row = cursor.whole_rows(), cursor.row
            v = self.embed(given)(x[:, :, max(0, row - 1) : max(1, row)])
            for i, before in enumerate(self._through_rows(v if row else torch.zeros_like(v), given, rows)):
                cursor.put(self.layers[i], "before", before)
        return [cursor.keep(layer, "before", lambda: x)[..., cursor.columns] for layer in self.layers]

    def _through_rows(self, v: Tensor, given: Conditioning, cursor: Cursor | None) -> list[Tensor]:
        befores = []
        for layer in self.gated_layers:
            v, before = layer.rows(v, given.map, cursor)
            befores.append(before)
        return befores

    def stream(self, given: Conditioning) -> Stream:
        if self.attention or self.pointer is not None or given.allowed is not None:
            return super().stream(given)
        stack = GatedStack(
            self.colours,
            self.gated_layers,
            self.context_skip,
            self.vote,
            self.hidden,
            self.logits,
            self.config.channels,
            self.config.levels,
        )
        return GatedStream(stack, given.map)
