"""Gated PixelCNN (Conditional Image Generation with PixelCNN Decoders, van den Oord et al. 2016, arXiv 1606.05328).

    pixels -> embedding -> first layer (rows above; left taps, mask A) -> gated layers (mask B) -> sum of skips
           -> ReLU, 1x1 mask B, ReLU, 1x1 mask B -> logits of every level of every channel

Differences from the paper: colours enter as learned embeddings, because palette indices are categories; later kernels
are dilated (the default receptive field is 23 pixels up and to each side); and the vertical stack is residual.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pixelart.layers.causal import ContextBias, pointwise, rows_above
from pixelart.layers.context import Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.gated import GatedLayer
from pixelart.layers.head import logits_of_levels
from pixelart.layers.masked import spread_groups
from pixelart.layers.self_attention import CausalSelfAttention
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class GatedPixelCNNConfig(ModelConfig):
    """Sizes of the network.

    `hidden` features per stack, `embedding` features per colour channel, `head` features before the logits. After each
    layer numbered in `attention` (0 = the first) comes self-attention with `heads` of `head_size` features, over every
    `stride`-th row and column.
    """

    embedding: int = 16
    hidden: int = 64
    skip: int = 64
    head: int = 128
    first_rows: int = 3
    dilations: tuple[int, ...] = (1, 2, 1, 4, 1, 2, 1, 4, 1, 2, 1)
    attention: tuple[int, ...] = ()
    heads: int = 4
    head_size: int = 16
    stride: int = 2


_DEBUG = {
    "embedding": 4,
    "hidden": 10,
    "skip": 8,
    "head": 8,
    "first_rows": 2,
    "dilations": (1, 2),
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model("gated_pixelcnn", config=GatedPixelCNNConfig, presets={"default": {}, "debug": _DEBUG})
class GatedPixelCNN(RasterModel):
    """Vertical and horizontal gated stacks, no blind spot, skip connections, colour-aware masks."""

    config: GatedPixelCNNConfig
    can_grow = True

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
        shape = {"heads": config.heads, "size": config.head_size, "stride": config.stride}
        self.attention = nn.ModuleDict({str(i): CausalSelfAttention(groups, **shape) for i in config.attention})
        self.context_skip = ContextBias(context, config.skip, bias=True)
        self.hidden = pointwise(skip, head)
        self.logits = logits_of_levels(head, channels=channels, levels=self.outputs_per_channel)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        embed, befores = self.embed(given), self._befores(x, given, state)
        if state is not None and state.is_prefill and state.width > 1 and not self.attention:
            return given.map[..., :0]  # the horizontal stack reads only its own row; of width 1, it may be a pixel
        h, total, attentions = x, self.context_skip(given.map, state), self.attentions
        for i, (layer, before) in enumerate(zip(self.gated_layers, befores, strict=True)):
            h, skip = layer.pixels(h, before, state) if i else layer.first_pixels(x, embed, before, state)
            total = total + skip
            if attention := attentions.get(i):
                h = attention(h, state)
        return self.logits(torch.relu(self.hidden(torch.relu(total), state)), state)

    @property
    def gated_layers(self) -> list[GatedLayer]:
        """The layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]

    @property
    def attentions(self) -> dict[int, CausalSelfAttention]:
        """The attention layers, by the number of the layer they follow."""
        return {int(i): a for i, a in self.attention.items() if isinstance(a, CausalSelfAttention)}

    def _befores(self, x: Tensor, given: Conditioning, state: DecodeState | None) -> list[Tensor]:
        """The vertical stack's input to the pixels of the state's region, per layer: (B, 2 * hidden, h, w)."""
        if state is None or state.is_traced:
            return self._rows(x, given, state)
        if state.begins_row:
            for layer, before in zip(self.layers, self._rows(x, given, state.whole_rows()), strict=True):
                state.put(layer, "before", before)
        return [state.keep(layer, "before", lambda: x)[..., state.columns] for layer in self.layers]

    def _rows(self, x: Tensor, given: Conditioning, state: DecodeState | None) -> list[Tensor]:
        """`_befores` for whole rows."""
        v = rows_above(x, self.embed(given), state)
        befores: list[Tensor] = []  # torch.compile does not trace `list[Tensor]()`
        for layer in self.gated_layers:
            v, before = layer.rows(v, given.map, state)
            befores.append(before)
        return befores
