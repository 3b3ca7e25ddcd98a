"""PixelCNN++ (PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood, Salimans et al. 2017,
arXiv 1701.05517).

    pixels in -1..1 and a channel of ones, which marks the border
      -> stream u, of the rows above, and stream ul, of those and of the pixels to the left, each a U of gated residual
         layers at full, half and quarter size with skip connections; a layer of ul reads the same layer of u
      -> ELU, 1x1 -> a mixture of discretized logistics

It suits quantities such as RGB or grey levels, which have an order, but not palette indices. Differences from the
paper: a stride-2 convolution is a full-size one followed by subsampling, its transpose a 1x1 convolution and a pixel
shuffle; there is neither weight normalisation nor dropout; and the context map biases every gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.layers.causal import ContextBias, FirstConv, corner_conv, pointwise, raster_conv, rows_above, rows_conv
from pixelart.layers.context import SMALL_CONTEXT, Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.precision import in_float32
from pixelart.layers.tracing import Drawn, Embedded
from pixelart.layers.unet import UStream
from pixelart.likelihoods import DiscretizedLogisticMixture
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class PixelCNNPlusPlusConfig(ModelConfig):
    """`layers` with `hidden` features on the down and the up path, at each of `scales` sizes; `mixtures` logistics per
    pixel.
    """

    hidden: int = 44
    layers: int = 2
    scales: int = 3
    mixtures: int = 10


_DEBUG = {
    "hidden": 7,
    "layers": 1,
    "scales": 2,
    "mixtures": 3,
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model(
    "pixelcnn_plus_plus",
    config=PixelCNNPlusPlusConfig,
    presets={"default": {"context": SMALL_CONTEXT}, "debug": _DEBUG},
    codecs=("rgb", "gray"),
)
class PixelCNNPlusPlus(RasterModel):
    """Two U-shaped streams and a mixture of discretized logistics."""

    config: PixelCNNPlusPlusConfig
    learning_rate = 1e-3  # the paper's
    unit = "pixel"  # the mixture itself conditions a channel on those before it

    def __init__(self, config: PixelCNNPlusPlusConfig) -> None:
        channels, levels = config.channels, config.levels
        super().__init__(config, DiscretizedLogisticMixture(channels=channels, levels=levels, mixtures=config.mixtures))
        # All channels of a pixel are predicted at once, so there is one colour group.
        pixels, groups = (0,) * (channels + 1), (0,) * config.hidden
        shape = {"context": config.context.hidden, "layers": config.layers, "scales": config.scales}
        self.first_u, self.u = rows_conv(pixels, groups), UStream(groups, conv=rows_conv, beside=(), **shape)
        self.first_ul = raster_conv(pixels, groups, size=3, mask_type="A", kind=FirstConv)
        self.ul = UStream(groups, conv=corner_conv, beside=groups, **shape)
        self.context_skip = ContextBias(config.context.hidden, config.hidden, bias=True)
        self.out = pointwise(groups, (0,) * self.likelihood.parameters)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        maps = self._scaled_maps(given.map, state)
        ul, _ = self.ul(self.first_ul.of_picture(x, self._values, state), maps, self._above(x, maps, state), state)
        return self.head(ul + self.context_skip(given.map, state), state)

    def head(self, features: Tensor, state: DecodeState | None) -> Tensor:
        """Parameter maps (B, P, h, w) from features (B, F, h, w), in float32 also under autocast."""
        return in_float32(lambda x: self.out(F.elu(x), state), features)

    def _values(self, x: Tensor) -> Tensor:  # (B, C + 1, H, W)
        if isinstance(x, Drawn):
            numbers = torch.arange(self.config.levels, dtype=self.out.weight.dtype)[:, None]
            levels = numbers * (2 / max(1, self.config.levels - 1)) - 1
            tables = [Embedded(channel, levels) for channel in range(self.config.channels)]
            return x.embedded([*tables, Embedded(0, torch.ones_like(levels))])
        values = x.to(self.out.weight.dtype) * (2 / max(1, self.config.levels - 1)) - 1
        return torch.cat([values, torch.ones_like(values[:, :1])], dim=1)

    def _above(self, x: Tensor, given: list[Tensor], state: DecodeState | None) -> Iterator[Tensor]:
        """The outputs of stream u for the state's rows, in full width."""
        if state is None or state.is_traced:
            return iter(self.u(self.first_u(rows_above(x, self._values, state), state), given, None, state)[1])
        if state.begins_row:
            rows = state.whole_rows()
            for i, output in enumerate(
                self.u(self.first_u(rows_above(x, self._values, rows), rows), given, None, rows)[1]
            ):
                state.put(self, f"u{i}", output)
        return iter([state.keep(self, f"u{i}", lambda: x) for i in range(self.u.size)])

    def _scaled_maps(self, context_map: Tensor, state: DecodeState | None) -> list[Tensor]:
        """The context map at each size, by average pooling."""
        if state is None or state.is_traced or self.config.scales == 1:
            maps = [context_map]
            for _ in range(self.config.scales - 1):
                maps.append(F.avg_pool2d(maps[-1], 2, ceil_mode=True))
            return maps
        made = [
            state.keep(self, f"context {i}", lambda i=i: self._scaled_maps(context_map, None)[i])
            for i in range(1, self.config.scales)
        ]
        return [context_map, *made]
