"""Sketch first, then colour (PixelCNN Models with Auxiliary Variables for Natural Image Modeling, Kolesnikov & Lampert
2017, 1612.08185, section 3.1: grayscale PixelCNN).

    sketch = per pixel: transparent, or one of a few lightness levels; a function of the picture
    p(picture) = p(sketch) * p(picture | sketch)

The factorisation is exact, because the sketch is a function of the picture. The first network has few levels, so it can
afford attention over the whole picture. The second sees the finished sketch on all sides through its context encoder
and only chooses colours; those of another level have probability zero. So shape is decided before texture.

Differences from the paper: both factors are gated stacks (1606.05328), the first with causal attention; the palette is
an input of both (layers/palette.py), so the levels of a sketch are those of the palette's colours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from pixelart.layers.context import Context, ContextConfig
from pixelart.layers.palette import NEVER, grey_ramp
from pixelart.layers.resizable import undeclare
from pixelart.models.base import AutoregressiveModel, ModelConfig, Part, RasterModel, StageConfig
from pixelart.models.multiscale import stage
from pixelart.models.registry import get_variant, register_model


@dataclass(frozen=True)
class SketchPixelCNNConfig(ModelConfig):
    """`stages`: the sketch network, then the colour network. Their context encoders are like `sketch_context` and
    `context`. `lightness`: boundaries between sketch levels, in thousandths of Oklab lightness."""

    stages: tuple[StageConfig, ...] = ()
    sketch_context: ContextConfig = field(default_factory=ContextConfig)
    lightness: tuple[int, ...] = (120, 300, 450, 620)

    @property
    def sketch_levels(self) -> int:
        """Number of sketch levels: transparent, and one per range of lightness."""
        return len(self.lightness) + 2

    def networks(self) -> Iterator[tuple[StageConfig, ModelConfig]]:
        """Each stage with the full config of its network."""
        shared = {f.name: getattr(self, f.name) for f in dataclasses.fields(ModelConfig)}
        sketch = {
            **shared,
            "levels": self.sketch_levels,
            "context": replace(self.sketch_context, colours=self.levels, sketch=0),
        }
        colour = {**shared, "context": replace(self.context, sketch=self.sketch_levels, colours=0)}
        for one, values in zip(self.stages, (sketch, colour), strict=True):
            yield one, get_variant(one.variant).config(**one.values, **values)


TINY = ContextConfig(hidden=8, embedding=3, dilations=(1,), codes=6)
_PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "stages": (
            stage("gated_pixelcnn", hidden=64, skip=64, head=96, attention=(5, 9)),
            stage("gated_pixelcnn", hidden=56, skip=64, head=64, dilations=(1, 2, 1, 4, 1, 2)),
        ),
        "context": ContextConfig(codes=64),
        "sketch_context": ContextConfig(hidden=64, dilations=(1, 2, 1, 4), codes=64),
    },
    "studio": {
        "stages": (
            stage("gated_pixelcnn", hidden=64, skip=80, head=96, attention=(5, 9), heads=2, head_size=32),
            stage("gated_pixelcnn", hidden=48, skip=64, head=64, dilations=(1, 2, 1, 4, 1)),
        ),
        "context": ContextConfig(hidden=80, codes=64),
        "sketch_context": ContextConfig(hidden=64, dilations=(1, 2, 1, 4), codes=64),
    },
    "studio-wide": {
        "stages": (
            stage("gated_pixelcnn", hidden=80, skip=80, head=96, attention=(5, 9), heads=2, head_size=32),
            stage("gated_pixelcnn", hidden=64, skip=64, head=64, dilations=(1, 2, 1, 4, 1, 2, 1, 4)),
        ),
        "context": ContextConfig(hidden=80, codes=64),
        "sketch_context": ContextConfig(hidden=64, dilations=(1, 2, 1, 4), codes=64),
    },
    "debug": {
        "stages": (
            stage("gated_pixelcnn", preset="debug", attention=(1,), heads=2, head_size=3),
            stage("gated_pixelcnn", preset="debug"),
        ),
        "context": TINY,
        "sketch_context": TINY,
        "lightness": (400,),
    },
}


@register_model("sketch_pixelcnn", config=SketchPixelCNNConfig, presets=_PRESETS, codecs=("palette",))
class SketchPixelCNN(AutoregressiveModel):
    """A network that draws the sketch, and one that colours it."""

    config: SketchPixelCNNConfig
    any_size = True
    can_grow = True
    has_sketch = True

    def __init__(self, config: SketchPixelCNNConfig) -> None:
        super().__init__(config)
        self.chain = nn.ModuleList(get_variant(one.variant).model(network) for one, network in config.networks())
        self.noise_channels = 2
        undeclare(self, "level")  # levels are lightness or palette slots: no weight belongs to one colour

    def stages(self) -> Sequence[RasterModel]:
        return [network for network in self.chain if isinstance(network, RasterModel)]

    def part(self, stage: int) -> Part:
        return Part(noise=slice(stage, stage + 1))

    def stage_context(self, stage: int, context: Context, drawn: Tensor | None) -> Context:
        levels = self.colour_levels(context)
        if stage == 0:
            known = torch.where(context.mask[:, None], self.config.levels, context.pixels)
            return replace(
                context,
                pixels=sketch_of(context.pixels, levels),
                beside=known,
                allowed=self._allowed_levels(context, levels),
                palette=self._palette(context),
            )
        assert drawn is not None, "the colour network needs a sketch"
        allowed = levels[:, :, None, None] == drawn
        used = context.used()
        return replace(context, beside=drawn, allowed=allowed if used is None else allowed & used)

    def colour_levels(self, context: Context) -> Tensor:
        """int64 (B, K): the sketch level of each palette colour; 0 = transparent."""
        return self.level_of(self._palette(context))

    def level_of(self, colours: Tensor) -> Tensor:
        bounds = torch.tensor(self.config.lightness, device=colours.device, dtype=torch.float32) / 1000
        level = 1 + torch.bucketize(colours[..., 0].float().contiguous(), bounds, right=True)
        return torch.where(colours[..., 3] > 0, level, 0)

    def sketch_preview(self, sketch: Tensor, context: Context) -> Tensor:
        """The least saturated colour of each level."""
        palette, levels = self._palette(context), self.colour_levels(context)
        chroma = palette[..., 1:3].square().sum(-1) + 10.0 * (palette[..., 3] < 0)
        of_level = torch.arange(self.config.sketch_levels, device=levels.device)[None, :, None] == levels[:, None]
        greyest = chroma[:, None].masked_fill(~of_level, 100.0).argmin(2)  # (B, S)
        return greyest.gather(1, sketch.flatten(1)).view_as(sketch)

    def log_probs(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        results = [network.log_probs(part, given) for network, part, given in self._factors(x, context)]
        return sum_of(log_p for log_p, _ in results), sum_of(alone for _, alone in results)

    def context_log_prob(self, x: Tensor, context: Context) -> Tensor:
        return sum_of(network.context_log_prob(part, given) for network, part, given in self._factors(x, context))

    def log_prob(self, x: Tensor, context: Context) -> Tensor:
        return sum_of(network.log_prob(part, given) for network, part, given in self._factors(x, context))

    def maps_and_context_maps(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """For colours on the same level as x at the pixel: log p. For other levels: log p of the level, split evenly
        among its colours, since their exact shares would depend on a different sketch."""
        results = [network.maps_and_context_maps(part, given) for network, part, given in self._factors(x, context)]
        levels = self.colour_levels(context)
        (sketch, sketch_alone), (colour, colour_alone) = results
        if (used := context.used()) is not None:  # colours that cannot be drawn get no share either
            colour, colour_alone = (maps.masked_fill(~used, 2 * NEVER) for maps in (colour, colour_alone))
        return self._joint(sketch, colour, levels), self._joint(sketch_alone, colour_alone, levels)

    def maps_at(self, x: Tensor, context: Context, *, row: int, column: int, at_once: int) -> Tensor:
        """log p of each colour.

        Takes one pass of the sketch network, whose output does not depend on the pixel, and one pass of the colour
        network for each level with several colours, with the pixel set to this level in the sketch. A colour alone on
        its level has the probability of the level.
        """
        levels, (drawing, colouring) = self.colour_levels(context), self.stages()
        known, usable = sketch_of(x, levels), torch.ones_like(levels, dtype=torch.bool)
        if (used := context.used()) is not None:
            usable = used[:, :, 0, 0] if used.shape[2:] == (1, 1) else used[:, :, row, column]
        sketch = drawing(known, self.stage_context(0, context, None))[:, :, row, column]
        count = torch.stack([(usable & (levels == s)).sum(1) for s in range(self.config.sketch_levels)], dim=1)
        jobs = (count > 1).nonzero()  # picture, level
        logits = sketch.new_zeros(levels.shape)
        for start in range(0, len(jobs), at_once):
            pictures, wanted = jobs[start : start + at_once].unbind(1)
            drawn, given = known[pictures], context.select(pictures)
            drawn[:, 0, row, column] = wanted
            maps = colouring(x[pictures], self.stage_context(1, given, drawn))[:, :, row, column]
            of_level = levels[pictures] == wanted[:, None]
            logits.index_add_(0, pictures, torch.where(of_level, maps, 0).to(logits.dtype))
        logits = logits.masked_fill(~usable, 2 * NEVER)
        return self._joint(sketch[:, :, None, None], logits[:, :, None, None], levels)[:, :, 0, 0]

    def context_maps(self, x: Tensor, context: Context) -> Tensor:
        return self.maps_and_context_maps(x, context)[1]

    def _factors(self, x: Tensor, context: Context) -> Iterator[tuple[RasterModel, Tensor, Context]]:
        """Each network with the part of x it models and its context."""
        sketch = sketch_of(x, self.colour_levels(context))
        for number, (network, part) in enumerate(zip(self.stages(), (sketch, x), strict=True)):
            yield network, part, self.stage_context(number, context, sketch if number else None)

    def _joint(self, sketch: Tensor, colour: Tensor, levels: Tensor) -> Tensor:
        """log p (B, K, H, W) of each colour, from sketch logits (B, S, H, W), colour logits (B, K, H, W), levels (B,
        K)."""
        index = levels[:, :, None, None].expand_as(colour)
        of_level = torch.log_softmax(sketch.to(colour.dtype), dim=1).gather(1, index)
        alike = levels[:, None, :] == levels[:, :, None]  # (B, K, K)
        of_each = [colour.masked_fill(levels[:, :, None, None] != s, 2 * NEVER) for s in range(sketch.shape[1])]
        centred = colour - torch.stack([of_one.amax(1) for of_one in of_each], dim=1).gather(1, index)
        # The maximum of each level is shifted to 0, so no sum underflows to 0.
        total = torch.einsum("bjk,bkhw->bjhw", alike.to(colour.dtype), centred.exp())
        return of_level + centred - total.log()

    def _allowed_levels(self, context: Context, levels: Tensor) -> Tensor:
        """bool (B, S, 1, 1) or (B, S, H, W): the sketch levels that have at least one allowed colour."""
        used = context.used()
        if used is None:
            used = torch.ones_like(levels, dtype=torch.bool)[:, :, None, None]
        found = [(used & (levels == s)[:, :, None, None]).any(1) for s in range(self.config.sketch_levels)]
        return torch.stack(found, dim=1)

    def _palette(self, context: Context) -> Tensor:
        if context.palette is not None:
            return context.palette
        return grey_ramp(self.config.levels).to(context.mask.device).expand(len(context.mask), -1, -1)


def sketch_of(x: Tensor, levels: Tensor) -> Tensor:
    """int64 (B, 1, H, W): the sketch of pictures x (B, 1, H, W), given the `levels` (B, K) of their palettes."""
    return levels.gather(1, x.flatten(1)).view_as(x)


def sum_of(parts: Iterator[Tensor]) -> Tensor:
    """The sum of tensors of one shape."""
    first, *others = parts
    for other in others:
        first = first + other
    return first
