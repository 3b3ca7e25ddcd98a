"""What every variant is: context in, parameter maps out.

AutoregressiveModel: a distribution of pictures, as evaluating, training and the engine see it
  RasterModel: one network that models the pixels in raster order
  MultiScale (multiscale.py): a chain of such networks, each at twice the size of the one before
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
from pixelart.layers.incremental import IncrementalDecoder, TrunkDecoder, Unit
from pixelart.layers.palette import NEVER, PaletteEmbedding, PalettePointer
from pixelart.layers.resizable import resizable
from pixelart.likelihoods import Categorical, Likelihood

Embed = Callable[[Tensor], Tensor]
"""Features (B, E, h, w) of pixels int64 (B, C, h, w)."""


@dataclass(frozen=True)
class ModelConfig:
    """What the data fixes: C channels of K levels, size (H, W) trained on, number of classes."""

    channels: int
    levels: int
    height: int
    width: int
    num_classes: int
    context: ContextConfig = field(default_factory=ContextConfig)


@dataclass(frozen=True)
class StageConfig:
    """One network of a chain: a variant of raster order, and the values of its config that the data does not fix."""

    variant: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """What of a picture a stage draws: every `step`-th row and column, by the `noise` channels."""

    step: int = 1
    noise: slice = field(default_factory=lambda: slice(None))


class AutoregressiveModel(nn.Module, ABC):
    """Abstract: p(x | context) = prod over pixels i in the model's order, channels c: p(x[i,c] | x[<i], x[i,<c],
    context).

    A model never samples, trains, saves or prints.
    """

    any_size: ClassVar[bool] = False
    """Whether the weights serve pictures of another size than they were made for."""
    enlarges: ClassVar[bool] = False
    """Whether its stages draw a picture in several sizes, so that it can go on from a small one."""
    has_sketch: ClassVar[bool] = False
    """Whether a sketch is drawn before the colours: `level_of` then tells the level of each colour in it."""
    networks_a_pixel: ClassVar[int] = 1
    """How many of its networks draw each pixel, one after another."""
    learning_rate: ClassVar[float] = 1.5e-3
    """The highest of a schedule that says nothing else."""

    def __init__(self, config: ModelConfig, likelihood: Likelihood | None = None) -> None:
        """`likelihood`: what the parameter maps mean; a softmax over the levels unless said otherwise."""
        super().__init__()
        self.config = config
        self.likelihood = likelihood or Categorical(channels=config.channels, levels=config.levels)
        self.noise_channels = config.channels
        """How many numbers of noise choose a pixel: one a channel, in each stage that draws it."""

    @abstractmethod
    def stages(self) -> Sequence[RasterModel]:
        """The networks that draw one after another, from the coarsest to the finest. Each models every other row and
        column of what the next one does, the last one the picture, in raster order but for what is given to it."""

    def part(self, stage: int) -> Part:
        """What of a picture the stage of this number draws: by default all of it."""
        return Part()

    @property
    def scales(self) -> int:
        """How many sizes of the picture are drawn one after another."""
        return self.part(0).step.bit_length()

    def maps_at(self, x: Tensor, context: Context, *, row: int, column: int, at_once: int) -> Tensor:
        """Parameter maps (B, P) of one pixel that the context hides: its exact table whatever x (B, C, H, W) has there.
        Where several passes are needed, at most `at_once` pictures are in each."""
        return self(x, context)[:, :, row, column]

    def stage_context(self, stage: int, context: Context, drawn: Tensor | None) -> Context:
        """What is given to a stage: of `context`, and `drawn`, what the stage before it drew."""
        return context

    def level_of(self, colours: Tensor) -> Tensor:
        """int64 (...), the level that colours (..., 4), Oklab and opacity, have in a sketch, of a model with sketches;
        0 is transparent."""
        raise NotImplementedError

    def seen(self, sketch: Tensor, context: Context) -> Tensor:
        """A sketch (B, 1, H, W) as levels of the picture, to be looked at while the rest is drawn; of a model with
        sketches."""
        raise NotImplementedError

    @abstractmethod
    def maps_and_votes(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Parameter maps (B, P, H, W) of x int64 (B, C, H, W) given `context`, and those of the vote alone."""

    @abstractmethod
    def votes(self, x: Tensor, context: Context) -> Tensor:
        """The vote of the context encoder alone: parameter maps (B, P, H, W) that no hidden pixel has a part in, but
        for those of coarser stages."""

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Parameter maps (B, P, H, W) of x int64 (B, C, H, W) given `context`."""
        return self.maps_and_votes(x, context)[0]

    def log_probs(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """log p of each sub-pixel in nats, (B, C, H, W), and that of the vote alone."""
        maps, votes = self.maps_and_votes(x, context)
        return self.likelihood.log_prob(maps, x), self.likelihood.log_prob(votes, x)

    def vote_log_prob(self, x: Tensor, context: Context) -> Tensor:
        """log p of each sub-pixel in nats by the vote alone, (B, C, H, W)."""
        return self.likelihood.log_prob(self.votes(x, context), x)

    def log_prob(self, x: Tensor, context: Context) -> Tensor:
        """log p of each sub-pixel in nats, (B, C, H, W)."""
        return self.likelihood.log_prob(self(x, context), x)


class RasterModel(AutoregressiveModel):
    """Abstract: one network, whose order is raster order. A concrete class gives `trunk`."""

    any_size = True
    unit: ClassVar[Unit] = "channel"
    """What of a picture the trunk need be asked for at once: see `Unit`."""
    fastest_sampler: ClassVar[Mapping[str, str]] = {"cpu": "cached"}  # of every variant: see docs/sampling.md
    """Device type -> the sampler that `python -m benchmarks.sampling --all` found fastest; "cached" where not said."""

    colours: ColourEmbedding | PaletteEmbedding
    """The pixels as features, of a variant that takes them so."""

    def __init__(self, config: ModelConfig, likelihood: Likelihood | None = None) -> None:
        super().__init__(config, likelihood)
        self.encoder = ContextEncoder(
            config.context, channels=config.channels, levels=config.levels, num_classes=config.num_classes
        )
        codes = self.palette_codes
        self.pointer = PalettePointer(codes, codes) if codes else None
        self.vote = ContextHead(config.context.hidden, codes or self.likelihood.parameters, 1)
        nn.init.zeros_(self.vote.weight)
        if isinstance(self.likelihood, Categorical) and not codes:
            resizable(self.vote, "level")

    @property
    def palette_codes(self) -> int:
        """The features of a colour's code where the levels are colours of a palette that is an input, else 0."""
        return 0 if self.config.context.colours else self.config.context.codes

    @property
    def answers(self) -> int:
        """How many maps a channel a categorical trunk emits: a logit for each level, or, where the palette is an input,
        the features of a query."""
        return self.palette_codes or self.config.levels

    def colour_embedding(self, features: int) -> ColourEmbedding | PaletteEmbedding:
        """A layer of `features` for each channel of a pixel; `embed` gives it the palettes."""
        if codes := self.palette_codes:
            return PaletteEmbedding(codes, features)
        return ColourEmbedding(self.config.channels, self.config.levels, features)

    def embed(self, given: Conditioning) -> Embed:
        """`colours`, in the palettes that are given."""
        return partial(self.colours, codes=given.codes)

    @abstractmethod
    def trunk(self, x: Tensor, given: Conditioning, cursor: DecodeState | None = None) -> Tensor:
        """Answers (B, A, H, W) of x int64 (B, C, H, W), causal in x, biased by the map of what is `given`: parameter
        maps, or queries where the palette is an input.

        With a cursor: the answers (B, A, h, w) of its region alone, which nobody reads of a prefill; x and the map are
        whole all the same.
        """

    def stream(self, given: Conditioning) -> IncrementalDecoder:
        """The incremental face, vote included: the same maps as `decode`, a pixel at a time."""
        return TrunkDecoder(self.trunk, self.vote, self.readout, given, unit=self.unit)

    def encode(self, context: Context) -> Conditioning:
        """What the network draws by."""
        return replace(self.encoder(context), allowed=context.used() if self.palette_codes else context.allowed)

    def readout(
        self, answers: Tensor, given: Conditioning, rows: slice = slice(None), columns: slice = slice(None)
    ) -> Tensor:
        """Parameter maps (B, P, h, w) of answers (B, A, h, w) of a region."""
        maps = answers
        if self.pointer is not None:
            assert given.codes is not None
            maps = self.pointer(answers, given.codes)
        if given.allowed is not None:
            whole = given.allowed.shape[2:] == (1, 1)
            maps = maps.masked_fill(~(given.allowed if whole else given.allowed[:, :, rows, columns]), NEVER)
        return maps

    def decode(self, x: Tensor, given: Conditioning) -> Tensor:
        """Parameter maps (B, P, H, W) of x given an encoded context: the trunk's plus the encoder's vote."""
        return self.readout(self.trunk(x, given) + self.vote(given.map), given)

    def stages(self) -> Sequence[RasterModel]:
        return [self]

    def maps_and_votes(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        given = self.encode(context)
        vote = self.vote(given.map)
        return self.readout(self.trunk(x, given) + vote, given), self.readout(vote, given)

    def votes(self, x: Tensor, context: Context) -> Tensor:
        given = self.encode(context)
        return self.readout(self.vote(given.map), given)


def to_channels_last(model: AutoregressiveModel) -> AutoregressiveModel:
    """The same model with its kernels in the memory layout that convolutions are fastest in; changed in place."""
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
