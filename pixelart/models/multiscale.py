"""Multi-Scale PixelRNN (Pixel Recurrent Neural Networks, van den Oord et al. 2016, arXiv 1601.06759, section 3.6).

    first network -> x[::4, ::4] -> second network, given it -> x[::2, ::2] -> third network, given it -> x

The first network models a low-resolution picture, a subsample of the original. Each further one models a picture of
twice the size, conditioned on the low-resolution one through the context map that biases every layer. Each can be any
raster-order model. They are trained on subsamples of real pictures, and sampled one after another.

Differences from the paper: the low-resolution pixels are pixels of the larger picture. So they are copied, not drawn
again: the larger network treats them as known pixels and draws the other three quarters. No pixel is counted twice, and
log p(x) = log p(small) + log p(x | small) is the exact likelihood of the picture, in an order that is not raster order:
coarse pixels first. The paper reports only log p(x | small), of a network that must also draw the copies; here they are
certain and cost nothing. The low-resolution picture enters the context encoder by nearest-neighbour upsampling instead
of deconvolutions. The networks train jointly: their losses cover different pixels and share no weights, so the gradient
of the sum is that of each alone, except that gradient clipping uses the norm over all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from pixelart.errors import WeightsRejected
from pixelart.layers.context import SMALL_CONTEXT, Context, ContextConfig
from pixelart.models import diagonal_bilstm as diagonal_bilstm  # registered before the presets name them
from pixelart.models import gated_pixelcnn as gated_pixelcnn
from pixelart.models import row_lstm as row_lstm
from pixelart.models.base import AutoregressiveModel, ModelConfig, Part, RasterModel, StageConfig
from pixelart.models.registry import get_variant, register_model


def stage(variant: str, *, preset: str = "default", **values: Any) -> StageConfig:
    """A stage: `preset` of a registered model, overridden by `values`; the multi-scale model sets the rest."""
    kind, fixed = get_variant(variant), {field.name for field in dataclasses.fields(ModelConfig)}
    defaults = {f.name: f.default for f in dataclasses.fields(kind.config) if f.name not in fixed}
    return StageConfig(
        variant, {**defaults, **{k: v for k, v in kind.presets[preset].items() if k in defaults}, **values}
    )


@dataclass(frozen=True)
class MultiScaleConfig(ModelConfig):
    """`stages`, smallest picture first. Each has a context encoder like `context`, except for upscale and detail: all
    but the first get the low-resolution picture, and all but the last the known pixels between their own."""

    stages: tuple[StageConfig, ...] = ()

    def networks(self) -> Iterator[tuple[StageConfig, ModelConfig]]:
        """Each stage with the full config of its network."""
        for index, one in enumerate(self.stages):
            factor = 2 ** (len(self.stages) - 1 - index)
            shared = {field.name: getattr(self, field.name) for field in dataclasses.fields(ModelConfig)}
            shared.update(height=-(-self.height // factor), width=-(-self.width // factor))
            shared["context"] = replace(self.context, upscale=2 if index else 0, detail=factor if factor > 1 else 0)
            yield one, get_variant(one.variant).config(**one.values, **shared)


_SMALL_STAGE: dict[str, Any] = {"hidden": 48, "skip": 48, "head": 96}
_PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "stages": (
            stage("gated_pixelcnn", **_SMALL_STAGE, dilations=(1, 2, 1)),
            stage("gated_pixelcnn", **_SMALL_STAGE, dilations=(1, 2, 1, 2)),
            stage("gated_pixelcnn", dilations=(1, 2, 1, 4, 1, 2)),
        ),
        "context": SMALL_CONTEXT,
    },
    "recurrent": {
        "stages": (
            stage("diagonal_bilstm", hidden=32, layers=3),
            stage("row_lstm", hidden=32, layers=4),
            stage("row_lstm", hidden=32, layers=6),
        ),
        "context": SMALL_CONTEXT,
    },
    "debug": {
        "stages": (stage("gated_pixelcnn", preset="debug"),) * 2,
        "context": ContextConfig(hidden=8, embedding=3, dilations=(1, 2)),
    },
}


@register_model("multiscale", config=MultiScaleConfig, presets=_PRESETS)
class MultiScale(AutoregressiveModel):
    """A sequence of networks, each at twice the size of the one before and conditioned on its output."""

    config: MultiScaleConfig
    enlarges = True

    def __init__(self, config: MultiScaleConfig) -> None:
        """Raises WeightsRejected if there is no stage, or if their likelihoods differ."""
        chain = [get_variant(one.variant).model(network) for one, network in config.networks()]
        kinds = {(type(network.likelihood), network.likelihood.parameters) for network in chain}
        if len(kinds) != 1:
            raise WeightsRejected(f"all stages need the same likelihood; these have {len(kinds)}")
        super().__init__(config, chain[0].likelihood)
        self.chain = nn.ModuleList(chain)

    def stages(self) -> Sequence[RasterModel]:
        return [network for network in self.chain if isinstance(network, RasterModel)]

    def part(self, stage: int) -> Part:
        return Part(step=2 ** (len(self.chain) - 1 - stage))

    def stage_context(self, stage: int, context: Context, drawn: Tensor | None) -> Context:
        given = context.subsample(self.part(stage).step)
        return given if drawn is None else given.with_low_res(drawn)

    def maps_and_context_maps(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        results = [network.maps_and_context_maps(part, given) for network, part, given in self._scales(x, context)]
        return _merged([maps for maps, _ in results]), _merged([context_maps for _, context_maps in results])

    def context_maps(self, x: Tensor, context: Context) -> Tensor:
        return _merged([network.context_maps(part, given) for network, part, given in self._scales(x, context)])

    def _scales(self, x: Tensor, context: Context) -> Iterator[tuple[RasterModel, Tensor, Context]]:
        """Each network with its part of x and its context; all but the first are given the part of the one before."""
        true = torch.where(context.mask[:, None], x, context.pixels)
        for index, network in enumerate(self.stages()):
            step = self.part(index).step
            small = true[..., :: 2 * step, :: 2 * step] if index else None
            yield network, x[..., ::step, ::step], self.stage_context(index, context, small)


def scale_of_pixels(stages: int, *, height: int, width: int) -> Tensor:
    """The number of the stage that draws each pixel, int64 (H, W); 0 = the coarsest."""
    scale = torch.empty(height, width, dtype=torch.long)
    for index in reversed(range(stages)):
        factor = 2 ** (stages - 1 - index)
        scale[::factor, ::factor] = index
    return scale


def _merged(maps: Sequence[Tensor]) -> Tensor:
    """Merge maps (B, P, h, w): each pixel comes from the coarsest stage that contains it."""
    merged, *finer = maps
    for fine in finer:
        coarse, merged = merged, fine.clone()
        merged[..., ::2, ::2] = coarse
    return merged
