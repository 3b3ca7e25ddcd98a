"""PixelSNAIL (PixelSNAIL: An Improved Autoregressive Generative Model, Chen et al. 2018, arXiv 1712.09763).

    pixels -> embedding -> first convolutions, of the rows above and of the pixels to the left
           -> blocks: gated residual layers (2x2, down and right) -> causal attention -> gated 1x1 that joins the two
           -> ELU, 1x1 -> logits

Keys and values come from a gated 1x1 layer of [pixels, features, background], queries from one of [features,
background]; the background is the position, (row - H/2)/H and (column - W/2)/W. Differences from the paper: a softmax
over levels instead of a mixture, colour groups that mask the channels of a pixel, no dropout, and the context map
biases the gates of the features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.attention import CausalAttention
from pixelart.layers.causal import ContextBias, FirstConv, corner_conv, pointwise, raster_conv
from pixelart.layers.context import SMALL_CONTEXT, Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState, cut
from pixelart.layers.gated_residual import GatedResidual, concat_elu
from pixelart.layers.head import logits_of_levels
from pixelart.layers.masked import Groups, spread_groups
from pixelart.models.base import Embed, ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class PixelSNAILConfig(ModelConfig):
    """`blocks`, each of `layers` gated residual layers of `hidden` features and an attention of `keys` and `values`."""

    embedding: int = 16
    hidden: int = 64
    blocks: int = 3
    layers: int = 3
    keys: int = 16
    values: int = 64
    head: int = 128


class SNAILBlock(nn.Module):
    """Gated residual layers, followed by attention over all of the past."""

    def __init__(self, config: PixelSNAILConfig, pixels: Groups, groups: Groups) -> None:
        super().__init__()
        context = config.context.hidden
        self.layers = nn.ModuleList(
            GatedResidual(groups, context=context, conv=corner_conv) for _ in range(config.layers)
        )
        self.attention = CausalAttention(pixels, (*groups, 0, 0), keys=config.keys, values=config.values)
        self.join = GatedResidual(groups, context=context, conv=pointwise, beside=(0,) * config.values)

    def forward(
        self, pixels: tuple[Tensor, Tensor | None], x: Tensor, place: Tensor, given: Tensor, state: DecodeState | None
    ) -> Tensor:
        """x (B, F, h, w) and place (B, 2, h, w) of the state's region; `pixels`: colour features of the region and of
        the pixel left of it; given (B, context, H, W): the whole context map."""
        for layer in self.layers:
            x = layer(x, given, state)
        past = self.attention(*pixels, torch.cat([x, place.to(x.dtype)], 1), state)
        return self.join(x, given, state, past)


_DEBUG = {
    "embedding": 4,
    "hidden": 10,
    "blocks": 1,
    "layers": 2,
    "keys": 4,
    "values": 6,
    "head": 8,
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model("pixelsnail", config=PixelSNAILConfig, presets={"default": {"context": SMALL_CONTEXT}, "debug": _DEBUG})
class PixelSNAIL(RasterModel):
    """Convolutions for local structure, attention for distant pixels."""

    config: PixelSNAILConfig
    learning_rate = 1e-3  # the paper's

    def __init__(self, config: PixelSNAILConfig) -> None:
        super().__init__(config)
        channels, groups = config.channels, spread_groups(config.hidden, config.channels)
        head = spread_groups(config.head, channels)
        self.colours = self.colour_embedding(config.embedding)
        self.first = raster_conv(self.colours.groups, groups, size=3, mask_type="A", kind=FirstConv)
        self.blocks = nn.ModuleList(SNAILBlock(config, self.colours.groups, groups) for _ in range(config.blocks))
        self.context_skip = ContextBias(config.context.hidden, config.hidden, bias=True)
        self.hidden = pointwise(groups * 2, head)
        self.logits = logits_of_levels(head, channels=channels, levels=self.outputs_per_channel)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        embed = self.embed(given)
        places = state.constant(self, "places", lambda: _places(given.map)) if state else _places(given.map)
        place = cut(places.expand(len(given.map), -1, -1, -1), state)
        features, pixels = self.first.of_picture(x, embed, state), self._pixels(x, embed, state)
        for block in self.blocks:
            features = block(pixels, features, place, given.map, state)
        features = features + self.context_skip(given.map, state)
        return self.logits(F.elu(self.hidden(concat_elu(features), state)), state)

    def _pixels(self, x: Tensor, embed: Embed, state: DecodeState | None) -> tuple[Tensor, Tensor | None]:
        if state is None or state.is_prefill or state.begins_row:  # also while it is traced
            return embed(cut(x, state)), None
        start = state.columns.start
        before = embed(x[:, :, state.rows, start - 1 : start])
        return embed(cut(x, state)), before


def _places(like: Tensor) -> Tensor:
    """(1, 2, H, W): row and column relative to the centre, as fractions of the size."""
    (height, width), kind = like.shape[2:], torch.promote_types(like.dtype, torch.float32)
    rows = (torch.arange(height, device=like.device, dtype=kind) / height - 0.5)[:, None].expand(height, width)
    columns = (torch.arange(width, device=like.device, dtype=kind) / width - 0.5).expand(height, width)
    return torch.stack([rows, columns])[None]
