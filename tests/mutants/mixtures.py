"""Mistakes of public code in the mixture of discretized logistics, and in what is fed back to it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.likelihoods import DiscretizedLogisticMixture


class _Plain(DiscretizedLogisticMixture):
    """The mixture by its definition: `_mass` gives log p of levels between two edges, in scales of the component."""

    @property
    def half(self) -> float:
        return 1 / (self.levels - 1)

    def _level_log_prob(self, mixture: Any, x: Tensor, channel: int, levels: Tensor) -> Tensor:
        mean, first = mixture.means[..., channel, :], channel * (channel - 1) // 2
        for earlier in range(channel):
            mean = mean + mixture.coefficients[..., first + earlier, :] * self._scaled(
                x[..., earlier, None], mean.dtype
            )
        inverse = torch.exp(-mixture.log_scales[..., channel, None, :])
        centred = self._scaled(levels, mean.dtype)[..., None] - mean[..., None, :]
        at = levels[..., None].expand_as(centred)
        upper, lower = inverse * (centred + self.half), inverse * (centred - self.half)
        return self._mass(upper, lower, inverse, first=at == 0, last=at == self.levels - 1)

    def _mass(self, upper: Tensor, lower: Tensor, inverse: Tensor, *, first: Tensor, last: Tensor) -> Tensor:
        return self._difference(upper, lower, first=first, last=last).log()

    def _difference(self, upper: Tensor, lower: Tensor, *, first: Tensor, last: Tensor) -> Tensor:
        return torch.sigmoid(upper).masked_fill(last, 1) - torch.sigmoid(lower).masked_fill(first, 0)


class ClampedDifference(_Plain):
    """log((cdf - cdf).clamp(1e-12)): no gradient just where it is wanted."""

    def _mass(self, upper: Tensor, lower: Tensor, inverse: Tensor, *, first: Tensor, last: Tensor) -> Tensor:
        return self._difference(upper, lower, first=first, last=last).clamp(min=1e-12).log()


class HalfLevelOf8Bits(_Plain):
    """Bins are 1/255 wide on each side at any bit depth."""

    @property
    def half(self) -> float:
        return 1 / 255


class DensityOf8Bits(_Plain):
    """Where the difference is small, the density less log 127.5, at any bit depth."""

    def _mass(self, upper: Tensor, lower: Tensor, inverse: Tensor, *, first: Tensor, last: Tensor) -> Tensor:
        difference, middle = self._difference(upper, lower, first=first, last=last), (upper + lower) / 2
        density = middle + inverse.log() - 2 * F.softplus(middle) - math.log(127.5)
        inside = torch.where(difference > 1e-5, difference.clamp(min=1e-12).log(), density)
        return torch.where(first, F.logsigmoid(upper), torch.where(last, F.logsigmoid(-lower), inside))


class MissingTails(_Plain):
    """The outer levels end where the others do, at half a level."""

    def _difference(self, upper: Tensor, lower: Tensor, *, first: Tensor, last: Tensor) -> Tensor:
        return torch.sigmoid(upper) - torch.sigmoid(lower)


class BlueReadsBlue(DiscretizedLogisticMixture):
    """The slip of the paper's equation 3: the mean of blue moves with blue where green was meant."""

    def _level_log_prob(self, mixture: Any, x: Tensor, channel: int, levels: Tensor) -> Tensor:
        return super()._level_log_prob(mixture, x[..., [0, 2, 2]] if channel == 2 else x, channel, levels)


class SamplesNotRounded(DiscretizedLogisticMixture):
    """What was drawn conditions the next channel as it fell, between two levels."""

    def to_table(self, maps: Tensor, x: Tensor, *, channel: int, temperature: Tensor | None = None) -> Tensor:
        return super().to_table(maps, x + 0.3, channel=channel, temperature=temperature)


class LabelsThroughTruncatedFloats(DiscretizedLogisticMixture):
    """Levels go to -1..1 and back by `long()`, which rounds down: 63 of 256 become their neighbour."""

    def log_prob(self, maps: Tensor, x: Tensor) -> Tensor:
        return super().log_prob(maps, ((self._scaled(x, torch.float32) + 1) / 2 * (self.levels - 1)).long())


class MeansTempered(DiscretizedLogisticMixture):
    """Temperature divides means, log scales and coefficients, and leaves the logits."""

    def to_table(self, maps: Tensor, x: Tensor, *, channel: int, temperature: Tensor | None = None) -> Tensor:
        heat = torch.ones_like(maps[..., :1]) if temperature is None else temperature[..., None]
        tempered = torch.cat([maps[..., : self.mixtures], maps[..., self.mixtures :] / heat], dim=-1)
        return super().to_table(tempered, x, channel=channel)


class LeastScaleAfterTemperature(DiscretizedLogisticMixture):
    """The least scale is held to after the temperature: below 1 it does nothing where a scale is at its least."""

    def to_table(self, maps: Tensor, x: Tensor, *, channel: int, temperature: Tensor | None = None) -> Tensor:
        if temperature is None:
            return super().to_table(maps, x, channel=channel)
        logits, means, log_scales, rest = maps.split(self._sizes, dim=-1)
        heat = temperature[..., None]
        tempered = torch.cat([logits / heat, means, log_scales.clamp(min=-7) + heat.log(), rest], dim=-1)
        return super().to_table(tempered, x, channel=channel)
