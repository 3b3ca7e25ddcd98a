"""What every variant is: context in, parameter maps out.

AutoregressiveModel: a distribution of pictures, as evaluating, training and the engine see it
  RasterModel: one network that models the pixels in raster order
  MultiScale (multiscale.py): a chain of such networks, each at twice the size of the one before
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pixelart.layers.context import Context, ContextConfig, ContextEncoder
from pixelart.layers.cursor import Cursor
from pixelart.layers.head import Vote
from pixelart.layers.indexed import indexed
from pixelart.layers.stream import Stream, TrunkStream, Unit
from pixelart.likelihoods import Categorical, Likelihood


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


class AutoregressiveModel(nn.Module, ABC):
    """Abstract: p(x | context) = prod over pixels i in the model's order, channels c: p(x[i,c] | x[<i], x[i,<c],
    context).

    A model never samples, trains, saves or prints.
    """

    def __init__(self, config: ModelConfig, likelihood: Likelihood | None = None) -> None:
        """`likelihood`: what the parameter maps mean; a softmax over the levels unless said otherwise."""
        super().__init__()
        self.config = config
        self.likelihood = likelihood or Categorical(channels=config.channels, levels=config.levels)

    @abstractmethod
    def stages(self) -> Sequence[RasterModel]:
        """The networks that draw one after another, from the coarsest to the finest. Each models every other row and
        column of what the next one does, the last one the picture, in raster order but for what is given to it."""

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

    def log_prob(self, x: Tensor, context: Context) -> Tensor:
        """log p of each sub-pixel in nats, (B, C, H, W)."""
        return self.likelihood.log_prob(self(x, context), x)


class RasterModel(AutoregressiveModel):
    """Abstract: one network, whose order is raster order. A concrete class gives `trunk`."""

    any_size: ClassVar[bool] = True
    """Whether the weights serve pictures of another size than they were made for."""
    unit: ClassVar[Unit] = "channel"
    """What of a picture the trunk need be asked for at once: see `Unit`."""
    fastest_sampler: ClassVar[Mapping[str, str]] = {"cpu": "cached"}  # of every variant: see docs/DESIGN.md
    """Device type -> the sampler that `python -m benchmarks.sampling --all` found fastest; "cached" where not said."""

    def __init__(self, config: ModelConfig, likelihood: Likelihood | None = None) -> None:
        super().__init__(config, likelihood)
        self.encoder = ContextEncoder(
            config.context, channels=config.channels, levels=config.levels, num_classes=config.num_classes
        )
        self.vote = Vote(config.context.hidden, self.likelihood.parameters, 1)
        nn.init.zeros_(self.vote.weight)
        if isinstance(self.likelihood, Categorical):
            indexed(self.vote, "level")

    @abstractmethod
    def trunk(self, x: Tensor, context_map: Tensor, cursor: Cursor | None = None) -> Tensor:
        """Parameter maps (B, P, H, W) of x int64 (B, C, H, W), causal in x, biased by context_map (B, F, H, W).

        With a cursor: the maps (B, P, h, w) of its region alone; x and context_map are whole all the same.
        """

    def stream(self, context_map: Tensor) -> Stream:
        """The incremental face, vote included: the same maps as `decode`, a pixel at a time."""
        return TrunkStream(self.trunk, self.vote, context_map, unit=self.unit)

    def encode(self, context: Context) -> Tensor:
        """The context map (B, F, H, W)."""
        return self.encoder(context)

    def decode(self, x: Tensor, context_map: Tensor) -> Tensor:
        """Parameter maps (B, P, H, W) of x given an encoded context: the trunk's plus the encoder's vote."""
        return self.trunk(x, context_map) + self.vote(context_map)

    def stages(self) -> Sequence[RasterModel]:
        return [self]

    def maps_and_votes(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        context_map = self.encode(context)
        vote = self.vote(context_map)
        return self.trunk(x, context_map) + vote, vote

    def votes(self, x: Tensor, context: Context) -> Tensor:
        return self.vote(self.encode(context))


def to_channels_last(model: AutoregressiveModel) -> AutoregressiveModel:
    """The same model with its kernels in the memory layout that convolutions are fastest in; changed in place."""
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
