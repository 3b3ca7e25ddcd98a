"""Multi-Scale PixelRNN (Pixel Recurrent Neural Networks, van den Oord et al. 2016, arXiv 1601.06759, section 3.6).

    x[::4, ::4] -> first network -> x[::2, ::2] -> second, given the small picture -> x -> third, given the small one

The first network models a small picture, got by taking every so many pixels of the original; each further one models a
picture of twice the size given the small one, whose map biases its every layer. Each is any variant. They are trained
on true small pictures, and drawn one after another.

What differs from the paper: the pixels of a small picture are pixels of the large one, so they are copied, not drawn
again: the larger network knows them like any known pixels, and draws the other three quarters. So no pixel is counted
twice, and log p(x) = log p(small) + log p(x | small) is the exact likelihood of the picture, in an order that is not
raster order: coarse pixels first. The paper reports log p(x | small) alone, of a network that has to draw the copies
too; here they are certain and cost nothing. The small picture enters the context encoder as nearest neighbours instead
of by deconvolutions, and the networks of a chain learn side by side: their losses are of different pixels and share no
weights, so the gradient of the sum is that of each alone (but for the norm it is clipped to, which is of all).
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
    """A network of a chain: `preset` of a registered variant, then `values` of its config; the chain fixes the rest."""
    kind, fixed = get_variant(variant), {field.name for field in dataclasses.fields(ModelConfig)}
    usual = {f.name: f.default for f in dataclasses.fields(kind.config) if f.name not in fixed}
    return StageConfig(variant, {**usual, **{k: v for k, v in kind.presets[preset].items() if k in usual}, **values})


@dataclass(frozen=True)
class MultiScaleConfig(ModelConfig):
    """`stages` from the smallest picture to the largest. All have a context encoder like `context`, whose upscale and
    detail the chain sets: all but the first are given the small picture, all but the last the known pixels between
    their own."""

    stages: tuple[StageConfig, ...] = ()

    def networks(self) -> Iterator[tuple[StageConfig, ModelConfig]]:
        """Each stage, with the whole config of its network."""
        for index, one in enumerate(self.stages):
            factor = 2 ** (len(self.stages) - 1 - index)
            shared = {field.name: getattr(self, field.name) for field in dataclasses.fields(ModelConfig)}
            shared.update(height=-(-self.height // factor), width=-(-self.width // factor))
            shared["context"] = replace(self.context, upscale=2 if index else 0, detail=factor if factor > 1 else 0)
            yield one, get_variant(one.variant).config(**one.values, **shared)


SMALL: dict[str, Any] = {"hidden": 48, "skip": 48, "head": 96}
PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "stages": (
            stage("gated_pixelcnn", **SMALL, dilations=(1, 2, 1)),
            stage("gated_pixelcnn", **SMALL, dilations=(1, 2, 1, 2)),
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


@register_model("multiscale", config=MultiScaleConfig, presets=PRESETS)
class MultiScale(AutoregressiveModel):
    """A chain of networks, each at twice the size of the one before, given what that one drew."""

    config: MultiScaleConfig
    enlarges = True

    def __init__(self, config: MultiScaleConfig) -> None:
        """Raises WeightsRejected when there is no stage, or their likelihoods differ."""
        chain = [get_variant(one.variant).model(network) for one, network in config.networks()]
        kinds = {(type(network.likelihood), network.likelihood.parameters) for network in chain}
        if len(kinds) != 1:
            raise WeightsRejected(f"stages of a chain need one likelihood; these have {len(kinds)}")
        super().__init__(config, chain[0].likelihood)
        self.chain = nn.ModuleList(chain)

    def stages(self) -> Sequence[RasterModel]:
        return [network for network in self.chain if isinstance(network, RasterModel)]

    def part(self, stage: int) -> Part:
        return Part(step=2 ** (len(self.chain) - 1 - stage))

    def stage_context(self, stage: int, context: Context, drawn: Tensor | None) -> Context:
        given = context.subsample(self.part(stage).step)
        return given if drawn is None else given.with_low_res(drawn)

    def maps_and_votes(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        told = [network.maps_and_votes(part, given) for network, part, given in self._scales(x, context)]
        return _merged([maps for maps, _ in told]), _merged([votes for _, votes in told])

    def votes(self, x: Tensor, context: Context) -> Tensor:
        return _merged([network.votes(part, given) for network, part, given in self._scales(x, context)])

    def _scales(self, x: Tensor, context: Context) -> Iterator[tuple[RasterModel, Tensor, Context]]:
        """Each network, its part of x, and what is given of it: of all but the first, the part of the one before."""
        true = torch.where(context.mask[:, None], x, context.pixels)
        for index, network in enumerate(self.stages()):
            step = self.part(index).step
            small = true[..., :: 2 * step, :: 2 * step] if index else None
            yield network, x[..., ::step, ::step], self.stage_context(index, context, small)


def scale_of_pixels(stages: int, *, height: int, width: int) -> Tensor:
    """Which of `stages` networks draws each pixel, int64 (H, W): 0 the first, coarsest one."""
    scale = torch.empty(height, width, dtype=torch.long)
    for index in reversed(range(stages)):
        factor = 2 ** (stages - 1 - index)
        scale[::factor, ::factor] = index
    return scale


def _merged(maps: Sequence[Tensor]) -> Tensor:
    """The last, finest of maps (B, P, h, w), with every pixel that a coarser one has taken from that."""
    merged, *finer = maps
    for fine in finer:
        coarse, merged = merged, fine.clone()
        merged[..., ::2, ::2] = coarse
    return merged
