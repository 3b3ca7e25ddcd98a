"""What a network's output means: parameter maps (B, P, H, W) to probabilities of integer pixels (B, C, H, W).

All values are in nats. A likelihood has one face: `nll`, `log_prob`, `to_table`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F


class Likelihood(ABC):
    """Abstract: C channels of K levels. `to_table` is the exact distribution; sampling reads nothing else."""

    channels: int
    levels: int
    parameters: int
    """P, the number of parameter maps a network must emit."""

    @abstractmethod
    def log_prob(self, maps: Tensor, x: Tensor) -> Tensor:
        """log p of each sub-pixel, (B, C, H, W), of `x` (B, C, H, W) under `maps` (B, P, H, W)."""

    @abstractmethod
    def to_table(self, maps: Tensor, x: Tensor, *, channel: int) -> Tensor:
        """log p of each level of a channel: (..., K) of `maps` (..., P), given the earlier channels of `x` (..., C)."""

    def nll(self, maps: Tensor, x: Tensor) -> Tensor:
        """-log p of each sub-pixel, (B, C, H, W)."""
        return -self.log_prob(maps, x)


class Categorical(Likelihood):
    """A softmax a sub-pixel, as in PixelRNN (1601.06759, section 3.4): P = C*K, channel-major."""

    def __init__(self, *, channels: int, levels: int) -> None:
        self.channels, self.levels, self.parameters = channels, levels, channels * levels

    def log_prob(self, maps: Tensor, x: Tensor) -> Tensor:
        logits = maps.unflatten(1, (self.channels, self.levels)).transpose(1, 2)
        precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return -F.cross_entropy(precise, x, reduction="none")

    def to_table(self, maps: Tensor, x: Tensor, *, channel: int) -> Tensor:
        start = channel * self.levels
        return torch.log_softmax(maps[..., start : start + self.levels].double(), dim=-1)
