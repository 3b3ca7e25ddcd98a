"""The interface of all models: a context in, parameter maps out.

AutoregressiveModel: a distribution over pictures, as used by evaluation, training and the engine
  RasterModel: one network that models the pixels in raster order
  MultiScale (multiscale.py): a sequence of such networks, each at twice the size of the one before
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pixelart.layers.colours import ColourEmbedding
from pixelart.layers.context import Conditioning, Context, ContextConfig, ContextEncoder
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.head import ContextHead
from pixelart.layers.incremental import IncrementalDecoder, Unit
from pixelart.layers.kernels import Mixture
from pixelart.layers.palette import PaletteEmbedding, PalettePointer, forbid
from pixelart.layers.program_decoder import ProgramDecoder
from pixelart.layers.resizable import resizable
from pixelart.likelihoods import Categorical, DiscretizedLogisticMixture, Likelihood

Embed = Callable[[Tensor], Tensor]
"""Features (B, E, h, w) of pixels int64 (B, C, h, w)."""


@dataclass(frozen=True)
class ModelConfig:
    """What the data determines: C channels of K levels, training size (H, W), number of classes."""

    channels: int
    levels: int
    height: int
    width: int
    num_classes: int
    context: ContextConfig = field(default_factory=ContextConfig)


@dataclass(frozen=True)
class StageConfig:
    """One network of a multi-stage model: a registered raster-order model, and its own config values."""

    variant: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """The part of a picture that a stage draws: every `step`-th row and column, with the `noise` channels."""

    step: int = 1
    noise: slice = field(default_factory=lambda: slice(None))


class AutoregressiveModel(nn.Module, ABC):
    """Abstract: p(x | context) = product over pixels i in the model's order and channels c of p(x[i,c] | x[<i],
    x[i,<c], context).

    A model never samples, trains, saves or prints.
    """

    any_size: ClassVar[bool] = False
    """Whether the weights also work at sizes other than the training size."""
    can_grow: ClassVar[bool] = False
    """Whether a training can go on from the weights in a larger network (`pixelart.checkpoint.growth`)."""
    enlarges: ClassVar[bool] = False
    """Whether the stages draw a picture at several sizes, so that a small picture can be enlarged."""
    has_sketch: ClassVar[bool] = False
    """Whether a sketch is drawn before the colours; `level_of` then maps colours to sketch levels."""
    learning_rate: ClassVar[float] = 1.5e-3
    """The default peak learning rate."""

    def __init__(self, config: ModelConfig, likelihood: Likelihood | None = None) -> None:
        """`likelihood`: the meaning of the parameter maps; default: a softmax over the levels."""
        super().__init__()
        self.config = config
        self.likelihood = likelihood or Categorical(channels=config.channels, levels=config.levels)
        self.noise_channels = config.channels
        """Noise values per pixel: one per channel for each stage that draws it."""

    @abstractmethod
    def stages(self) -> Sequence[RasterModel]:
        """The networks in drawing order, coarsest first.

        In a multi-scale model each one models every other row and column of the next one's picture. All use raster
        order for the pixels that they draw.
        """

    def part(self, stage: int) -> Part:
        """The part of the picture that stage number `stage` draws; by default all of it."""
        return Part()

    @property
    def scales(self) -> int:
        """Number of picture sizes that are drawn one after another."""
        return self.part(0).step.bit_length()

    def maps_at(self, x: Tensor, context: Context, *, row: int, column: int, at_once: int) -> Tensor:
        """Exact parameter maps (B, P) of one masked pixel; they do not depend on its value in x (B, C, H, W).

        If several passes are needed, each has at most `at_once` pictures.
        """
        return self(x, context)[:, :, row, column]

    def stage_context(self, stage: int, context: Context, drawn: Tensor | None) -> Context:
        """The context of a stage, from `context` and `drawn`, the output of the stage before."""
        return context

    def level_of(self, colours: Tensor) -> Tensor:
        """int64 (...): the sketch level of colours (..., 4), Oklab and opacity; 0 = transparent. Only for models with
        sketches.
        """
        raise NotImplementedError

    def sketch_preview(self, sketch: Tensor, context: Context) -> Tensor:
        """A sketch (B, 1, H, W) shown as levels of the picture, for previews. Only for models with sketches."""
        raise NotImplementedError

    @abstractmethod
    def maps_and_context_maps(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Parameter maps (B, P, H, W) of x int64 (B, C, H, W) given `context`, and those of the context head alone."""

    @abstractmethod
    def context_maps(self, x: Tensor, context: Context) -> Tensor:
        """Parameter maps (B, P, H, W) of the context head alone. They do not depend on masked pixels, except through
        coarser stages.
        """

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Parameter maps (B, P, H, W) of x int64 (B, C, H, W) given `context`."""
        return self.maps_and_context_maps(x, context)[0]

    def log_probs(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """log p of each sub-pixel in nats, (B, C, H, W), and that of the context head alone."""
        maps, context_maps = self.maps_and_context_maps(x, context)
        return self.likelihood.log_prob(maps, x), self.likelihood.log_prob(context_maps, x)

    def context_log_prob(self, x: Tensor, context: Context) -> Tensor:
        """log p of each sub-pixel in nats by the context head alone, (B, C, H, W)."""
        return self.likelihood.log_prob(self.context_maps(x, context), x)

    def log_prob(self, x: Tensor, context: Context) -> Tensor:
        """log p of each sub-pixel in nats, (B, C, H, W)."""
        return self.likelihood.log_prob(self(x, context), x)


class RasterModel(AutoregressiveModel):
    """Abstract: one network in raster order. A concrete class implements `trunk`."""

    any_size = True
    unit: ClassVar[Unit] = "channel"
    """What the trunk computes at once: see `Unit`."""
    fastest_sampler: ClassVar[Mapping[str, str]] = {"cpu": "cached"}  # for every model: see docs/sampling.md
    """Device type -> the fastest sampler as measured by `python -m benchmarks.sampling --all`; default "cached"."""

    colours: ColourEmbedding | PaletteEmbedding
    """The colour embedding, in models that have one."""

    def __init__(self, config: ModelConfig, likelihood: Likelihood | None = None) -> None:
        super().__init__(config, likelihood)
        self.encoder = ContextEncoder(
            config.context, channels=config.channels, levels=config.levels, num_classes=config.num_classes
        )
        codes = self.palette_codes
        self.pointer = PalettePointer(codes, codes) if codes else None
        # Named "vote" in saved weights.
        self.vote = ContextHead(config.context.hidden, codes or self.likelihood.parameters, 1)
        nn.init.zeros_(self.vote.weight)
        if isinstance(self.likelihood, Categorical) and not codes:
            resizable(self.vote, "level")

    @property
    def palette_codes(self) -> int:
        """Size of a palette colour's code if the palette is an input, else 0."""
        return 0 if self.config.context.colours else self.config.context.codes

    @property
    def outputs_per_channel(self) -> int:
        """Output maps per channel of a categorical trunk: one logit per level, or the query size if the palette is an
        input."""
        return self.palette_codes or self.config.levels

    def colour_embedding(self, features: int) -> ColourEmbedding | PaletteEmbedding:
        """An embedding with `features` per channel of a pixel; `embed` supplies the palettes."""
        if codes := self.palette_codes:
            return PaletteEmbedding(codes, features)
        return ColourEmbedding(self.config.channels, self.config.levels, features)

    def embed(self, given: Conditioning) -> Embed:
        """`colours`, applied with the given palettes."""
        return partial(self.colours, codes=given.codes)

    @abstractmethod
    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        """Outputs (B, A, H, W) of x int64 (B, C, H, W): parameter maps, or queries if the palette is an input.

        Causal in x, and biased by the context map in `given`. With a decode state, only the outputs (B, A, h, w) of its
        region are returned, though x and the map are still whole; the outputs of a prefill are not used.
        """

    def decoder(self, given: Conditioning) -> IncrementalDecoder:
        """Incremental decoding, context head included: the same maps as `decode`, one pixel at a time."""
        return ProgramDecoder(self, given)

    @property
    def mixture(self) -> Mixture:
        """What the parameters of a pixel mean, in the form that compiled kernels take."""
        likelihood = self.likelihood
        if isinstance(likelihood, DiscretizedLogisticMixture):
            bounds = likelihood.LOG_SCALES
            return Mixture(likelihood.channels, likelihood.levels, likelihood.mixtures, *bounds)
        return Mixture(likelihood.channels, likelihood.levels, 0, 0.0, 0.0)

    def encode(self, context: Context) -> Conditioning:
        """Encode the context."""
        return replace(self.encoder(context), allowed=context.used() if self.palette_codes else context.allowed)

    def readout(
        self, outputs: Tensor, given: Conditioning, rows: slice = slice(None), columns: slice = slice(None)
    ) -> Tensor:
        """Parameter maps (B, P, h, w) from the outputs (B, A, h, w) of a region."""
        maps = outputs
        if self.pointer is not None:
            assert given.codes is not None
            maps = self.pointer(outputs, given.codes)
        return forbid(maps, given.allowed, rows, columns)

    def decode(self, x: Tensor, given: Conditioning) -> Tensor:
        """Parameter maps (B, P, H, W) of x given an encoded context: the trunk's plus the context head's."""
        return self.readout(self.trunk(x, given) + self.vote(given.map), given)

    def stages(self) -> Sequence[RasterModel]:
        return [self]

    def maps_and_context_maps(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        given = self.encode(context)
        of_context = self.vote(given.map)
        return self.readout(self.trunk(x, given) + of_context, given), self.readout(of_context, given)

    def context_maps(self, x: Tensor, context: Context) -> Tensor:
        given = self.encode(context)
        return self.readout(self.vote(given.map), given)


def to_channels_last(model: AutoregressiveModel) -> AutoregressiveModel:
    """Convert the kernels to channels-last, the fastest layout for convolutions; changes the model in place."""
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
