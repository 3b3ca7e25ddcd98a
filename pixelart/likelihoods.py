"""Likelihoods: from parameter maps (B, P, H, W) to probabilities of integer pixels (B, C, H, W), in nats.

All share one interface: `nll`, `log_prob`, `to_table`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Likelihood(ABC):
    """Abstract: C channels of K levels. `to_table` is the exact distribution; sampling reads nothing else."""

    channels: int
    levels: int
    parameters: int
    """P, the number of parameter maps that a network must output."""

    @abstractmethod
    def log_prob(self, maps: Tensor, x: Tensor) -> Tensor:
        """log p (B, C, H, W) of each sub-pixel of `x` (B, C, H, W), given those before it; maps (B, P, H, W)."""

    @abstractmethod
    def to_table(self, maps: Tensor, x: Tensor, *, channel: int, temperature: Tensor | None = None) -> Tensor:
        """log p of each level of a channel: float64 (..., K), from `maps` (..., P), given the earlier channels of `x`
        (..., C), at `temperature` (...), by default 1."""

    def nll(self, maps: Tensor, x: Tensor) -> Tensor:
        """-log p of each sub-pixel, (B, C, H, W)."""
        return -self.log_prob(maps, x)


class Categorical(Likelihood):
    """One softmax per sub-pixel, as in PixelRNN (1601.06759, section 3.4): P = C*K, channel-major."""

    def __init__(self, *, channels: int, levels: int) -> None:
        self.channels, self.levels, self.parameters = channels, levels, channels * levels

    def log_prob(self, maps: Tensor, x: Tensor) -> Tensor:
        logits = maps.unflatten(1, (self.channels, self.levels)).transpose(1, 2)
        precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return -F.cross_entropy(precise, x, reduction="none")

    def to_table(self, maps: Tensor, x: Tensor, *, channel: int, temperature: Tensor | None = None) -> Tensor:
        start = channel * self.levels
        logits = maps[..., start : start + self.levels].double()
        return torch.log_softmax(logits if temperature is None else logits / temperature[..., None], dim=-1)


class _Mixture(NamedTuple):
    """Parameters of M components, each (..., M), or per channel (..., C, M)."""

    logits: Tensor
    means: Tensor
    log_scales: Tensor
    coefficients: Tensor  # (..., C*(C-1)/2, M)

    def at(self, temperature: Tensor) -> _Mixture:
        """The mixture at `temperature` (...): logits are divided by it, scales multiplied; means stay."""
        scale = temperature[..., None]
        return self._replace(logits=self.logits / scale, log_scales=self.log_scales + scale.log()[..., None])


class DiscretizedLogisticMixture(Likelihood):
    """M logistic distributions, discretized to K levels (PixelCNN++, 1701.05517, sections 2.1 and 2.2).

    All channels of a pixel share the component. A channel's mean depends linearly on the true values of earlier
    channels. Levels are evenly spaced in -1..1; the outer two include the tails, so the K probabilities sum to exactly
    one. P = M * (1 + 2C + C(C-1)/2): logits, then each channel's means, log scales, and the coefficients (g from r, b
    from r, b from g: as in the paper's code; equation 3 of the paper has an error in the mean of b).
    """

    LOG_SCALES = (-7.0, 40.0)
    """Lower bound as in the paper; above the upper bound, float32 cannot tell levels apart. They limit the network's
    output only: a temperature may go beyond them, or one below 1 could not sharpen the narrowest components."""

    def __init__(self, *, channels: int, levels: int, mixtures: int) -> None:
        self.channels, self.levels, self.mixtures = channels, levels, mixtures
        self.pairs = channels * (channels - 1) // 2
        self._sizes = [mixtures * n for n in (1, channels, channels, self.pairs)]
        self.parameters = sum(self._sizes)

    def log_prob(self, maps: Tensor, x: Tensor) -> Tensor:
        precise = maps.to(torch.promote_types(maps.dtype, torch.float32)).movedim(1, -1)
        joint = self._joint(self._unpack(precise), x.movedim(1, -1))
        before = torch.cat([torch.zeros_like(joint[..., :1]), joint[..., :-1]], dim=-1)
        return (joint - before).movedim(-1, 1)

    def to_table(self, maps: Tensor, x: Tensor, *, channel: int, temperature: Tensor | None = None) -> Tensor:
        mixture = self._unpack(maps.double())
        if temperature is not None:
            mixture = mixture.at(temperature)
        weights = torch.log_softmax(mixture.logits, dim=-1)
        for earlier in range(channel):
            weights = weights + self._level_log_prob(mixture, x, earlier, x[..., earlier : earlier + 1])[..., 0, :]
        levels = torch.arange(self.levels, device=maps.device)
        joint = weights[..., None, :] + self._level_log_prob(mixture, x, channel, levels)
        return torch.logsumexp(joint, dim=-1) - torch.logsumexp(weights, dim=-1)[..., None]

    def _unpack(self, maps: Tensor) -> _Mixture:  # (..., P)
        logits, means, log_scales, rest = maps.split(self._sizes, dim=-1)
        means, log_scales = (part.unflatten(-1, (self.channels, -1)) for part in (means, log_scales))
        coefficients = torch.tanh(rest).unflatten(-1, (self.pairs, -1)) if self.pairs else rest[..., None, :]
        return _Mixture(logits, means, log_scales.clamp(*self.LOG_SCALES), coefficients)

    def _joint(self, mixture: _Mixture, x: Tensor) -> Tensor:  # log p of channels up to each, (..., C)
        total, sums = torch.log_softmax(mixture.logits, dim=-1), []
        for channel in range(self.channels):
            total = total + self._level_log_prob(mixture, x, channel, x[..., channel : channel + 1])[..., 0, :]
            sums.append(torch.logsumexp(total, dim=-1))
        return torch.stack(sums, dim=-1)

    def _level_log_prob(self, mixture: _Mixture, x: Tensor, channel: int, levels: Tensor) -> Tensor:
        """log p (..., n, M) of `levels` (..., n) of a channel in each component, given the earlier channels of x."""
        mean, log_scale = mixture.means[..., channel, :], mixture.log_scales[..., channel, :]
        first = channel * (channel - 1) // 2
        for earlier in range(channel):
            value = self._scaled(x[..., earlier], mean.dtype)[..., None]
            mean = mean + mixture.coefficients[..., first + earlier, :] * value
        centred = self._scaled(levels, mean.dtype)[..., None] - mean[..., None, :]
        inverse, half = torch.exp(-log_scale)[..., None, :], 1 / max(1, self.levels - 1)
        upper, lower = inverse * (centred + half), inverse * (centred - half)
        # log(sigmoid(u) - sigmoid(l)) = log sigmoid(u) + log sigmoid(-l) + log(1 - exp(l - u)). An outer level has
        # only one edge, a single level (K = 1) has none.
        first, last = (levels == 0)[..., None], (levels == self.levels - 1)[..., None]
        below_upper, above_lower = F.logsigmoid(upper).masked_fill(last, 0), F.logsigmoid(-lower).masked_fill(first, 0)
        gap = torch.log(-torch.expm1(-2 * half * inverse)).masked_fill(first | last, 0)
        return below_upper + above_lower + gap

    def _scaled(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        return x.to(dtype) * (2 / max(1, self.levels - 1)) - 1
