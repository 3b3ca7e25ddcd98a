"""What every variant is: context in, parameter maps out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from pixelart.layers.context import Context, ContextConfig, ContextEncoder
from pixelart.layers.cursor import Cursor
from pixelart.layers.head import Vote
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


class AutoregressiveModel(nn.Module, ABC):
    """Abstract: p(x | context) = prod over pixels i in raster order, channels c: p(x[i,c] | x[<i], x[i,<c], context).

    A concrete class gives `trunk`. A model never samples, trains, saves or prints.
    """

    unit: ClassVar[Unit] = "channel"
    """What of a picture the trunk need be asked for at once: see `Unit`."""
    fastest_sampler: ClassVar[Mapping[str, str]] = {"cpu": "cached"}  # of every variant: see docs/DESIGN.md
    """Device type -> the sampler that `python -m benchmarks.sampling --all` found fastest; "cached" where not said."""

    def __init__(self, config: ModelConfig, likelihood: Likelihood | None = None) -> None:
        """`likelihood`: what the parameter maps mean; a softmax over the levels unless said otherwise."""
        super().__init__()
        self.config = config
        self.likelihood = likelihood or Categorical(channels=config.channels, levels=config.levels)
        self.encoder = ContextEncoder(
            config.context, channels=config.channels, levels=config.levels, num_classes=config.num_classes
        )
        self.vote = Vote(config.context.hidden, self.likelihood.parameters, 1)
        nn.init.zeros_(self.vote.weight)

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

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Parameter maps (B, P, H, W) of x int64 (B, C, H, W) given `context`."""
        return self.decode(x, self.encode(context))

    def log_prob(self, x: Tensor, context: Context) -> Tensor:
        """log p of each sub-pixel in nats, (B, C, H, W)."""
        return self.likelihood.log_prob(self(x, context), x)


def to_channels_last(model: AutoregressiveModel) -> AutoregressiveModel:
    """The same model with its kernels in the memory layout that convolutions are fastest in; changed in place."""
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
