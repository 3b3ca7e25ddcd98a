"""What a mixture of discretized logistics must hold, as plain functions: mistakes are put to them too."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.testing import assert_close

from pixelart.likelihoods import DiscretizedLogisticMixture

EXTREMES = {
    "plain": {},
    "narrow": {"log_scale": -30.0},
    "narrow and far": {"log_scale": -30.0, "means": 50.0},
    "wide": {"log_scale": 20.0},
    "wide and far": {"log_scale": 20.0, "means": 1e4},
    "without end": {"log_scale": 150.0},
    "one component": {"logits": 200.0},
}
"""Middle log scale, and spread of means and logits, of `random_maps`."""


def random_maps(
    likelihood: DiscretizedLogisticMixture, *, logits: float = 1.0, means: float = 1.0, log_scale: float = -2.0
) -> Tensor:
    """Parameters of 24 pixels, double (24, P, 1, 1)."""
    random, m, c = torch.Generator().manual_seed(0), likelihood.mixtures, likelihood.channels

    def normal(features: int, spread: float = 1.0) -> Tensor:
        return torch.randn(24, features, dtype=torch.float64, generator=random) * spread

    parts = [normal(m, logits), normal(c * m, means), log_scale + normal(c * m), normal(likelihood.pairs * m, 2.0)]
    return torch.cat(parts, dim=1)[:, :, None, None]


def random_levels(likelihood: DiscretizedLogisticMixture, count: int) -> Tensor:
    """int64 (count, C, 1, 1)."""
    size = (count, likelihood.channels, 1, 1)
    return torch.randint(0, likelihood.levels, size, generator=torch.Generator().manual_seed(1))


def check_sums_to_one(likelihood: DiscretizedLogisticMixture, maps: Tensor) -> None:
    """The probabilities of all levels of each channel, as `log_prob` tells them one by one."""
    x = random_levels(likelihood, len(maps))
    for channel in range(likelihood.channels):
        total = _every_level(likelihood, maps, x, channel).exp().sum(1)
        assert_close(total, torch.ones_like(total), rtol=0, atol=1e-9)


def check_table_is_log_prob(likelihood: DiscretizedLogisticMixture, maps: Tensor) -> None:
    """Level by level, and whatever the channels are that come later."""
    x = random_levels(likelihood, len(maps))
    for channel in range(likelihood.channels):
        later = x[:, :, 0, 0].clone()
        later[:, channel:] = 0
        told = _every_level(likelihood, maps, x, channel)
        for given in (x[:, :, 0, 0], later):
            table = likelihood.to_table(maps[:, :, 0, 0], given, channel=channel)
            assert_close(table, told, rtol=1e-9, atol=1e-9)


def check_temperature(likelihood: DiscretizedLogisticMixture) -> None:
    """Logits are divided by it, scales multiplied, nothing else moves; and the probabilities sum to one."""
    maps, x = random_maps(likelihood)[:, :, 0, 0], random_levels(likelihood, 24)[:, :, 0, 0]
    heat = torch.linspace(0.7, 4.0, 24, dtype=torch.float64)  # colder, and the plain differences round
    pixels = zip(maps.tolist(), x.tolist(), heat.tolist(), strict=True)
    expected = [_conditionals(likelihood, one, pixel, temperature=t) for one, pixel, t in pixels]
    for channel in range(likelihood.channels):
        table = likelihood.to_table(maps, x, channel=channel, temperature=heat).exp()
        assert_close(table.sum(1), torch.ones(24, dtype=torch.float64), rtol=0, atol=1e-9)
        wanted = torch.tensor(expected, dtype=torch.float64)[:, channel]
        assert_close(table.gather(1, x[:, channel, None])[:, 0], wanted, rtol=1e-6, atol=1e-8)


def check_cooling_sharpens_the_sharpest(likelihood: DiscretizedLogisticMixture) -> None:
    """Where a log scale lies at its least and the mean between two levels, cooling moves weight to the nearer one."""
    m, channels, last = likelihood.mixtures, likelihood.channels, likelihood.levels - 1
    maps = torch.zeros(1, likelihood.parameters, dtype=torch.float64)
    maps[:, m : m + channels * m] = 1 - 1 / last + 1e-3  # a little, about one scale, on the last level's side
    maps[:, m + channels * m : m + 2 * channels * m] = -30.0
    x, heats = torch.full((3, channels), last), torch.tensor([1.0, 0.5, 0.01], dtype=torch.float64)
    tables = likelihood.to_table(maps.expand(3, -1), x, channel=0, temperature=heats).exp()
    assert_close(tables.sum(1), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-9)
    wanted = torch.sigmoid(1e-3 * math.exp(7.0) / heats)
    assert_close(tables[:, last], wanted, rtol=1e-4, atol=0)


def check_gradients_are_finite(likelihood: DiscretizedLogisticMixture, maps: Tensor) -> None:
    """In single precision, at every level."""
    parameters = maps.float().requires_grad_()
    for level in {0, 1, likelihood.levels // 2, likelihood.levels - 1}:
        x = torch.full((len(maps), likelihood.channels, 1, 1), level)
        nll = likelihood.nll(parameters, x)
        (gradient,) = torch.autograd.grad(nll.sum(), parameters)
        assert torch.isfinite(nll).all() and torch.isfinite(gradient).all(), f"level {level}"


def check_a_mean_far_off_is_pulled(likelihood: DiscretizedLogisticMixture) -> None:
    """Where a difference of two sigmoids is lost to rounding, the nll still has the slope of the logistic's tail."""
    m, c = likelihood.mixtures, likelihood.channels
    maps = torch.zeros(1, likelihood.parameters, 1, 1)
    maps[:, m : m + c * m], maps[:, m + c * m : m + 2 * c * m] = -0.9, -4.0
    maps.requires_grad_()
    level = max(likelihood.levels - 2, 1)  # the last that is not an edge, where there is one
    nll = likelihood.nll(maps, torch.full((1, c, 1, 1), level))[:, :1]
    (gradient,) = torch.autograd.grad(nll.sum(), maps)
    assert_close(gradient[0, m : 2 * m].sum().item(), -math.exp(4.0), rtol=1e-3, atol=0)


def check_against_differences(likelihood: DiscretizedLogisticMixture) -> None:
    """A plain computation, pixel by pixel, component by component, by differences of the logistic's distribution."""
    maps, x = random_maps(likelihood), random_levels(likelihood, 24)
    told = likelihood.log_prob(maps, x).exp()[:, :, 0, 0]
    pixels = zip(maps[..., 0, 0].tolist(), x[..., 0, 0].tolist(), strict=True)
    expected = [_conditionals(likelihood, one, pixel) for one, pixel in pixels]
    assert_close(told, torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=1e-8)  # the plain differences round


def _every_level(likelihood: DiscretizedLogisticMixture, maps: Tensor, x: Tensor, channel: int) -> Tensor:
    """log p (N, K) of each level of a channel of x (N, C, 1, 1), by `log_prob`."""
    count, levels = len(x), likelihood.levels
    every = x.repeat_interleave(levels, 0)
    every[:, channel, 0, 0] = torch.arange(levels).repeat(count)
    told = likelihood.log_prob(maps.repeat_interleave(levels, 0), every)
    return told[:, channel, 0, 0].view(count, levels)


def _conditionals(
    likelihood: DiscretizedLogisticMixture, maps: list[float], pixel: list[int], *, temperature: float = 1.0
) -> list[float]:
    """p of each channel of one pixel given those before it."""
    m, c = likelihood.mixtures, likelihood.channels
    means, log_scales, rest = maps[m : m + c * m], maps[m + c * m : m + 2 * c * m], maps[m + 2 * c * m :]
    value = [2 * level / (likelihood.levels - 1) - 1 for level in pixel]
    given = [math.exp(logit / temperature) for logit in maps[:m]]
    result = []
    for channel in range(c):
        joint = []
        for i, weight in enumerate(given):
            mean = means[channel * m + i]
            pulls = {1: [(0, 0)], 2: [(1, 0), (2, 1)]}.get(channel, [])  # (coefficient, channel that it reads)
            mean += sum(math.tanh(rest[pair * m + i]) * value[earlier] for pair, earlier in pulls)
            scale = math.exp(max(-7.0, log_scales[channel * m + i])) * temperature
            joint.append(weight * _mass(value[channel], mean, scale, half=1 / (likelihood.levels - 1)))
        result.append(sum(joint) / max(sum(given), 1e-300))
        given = joint
    return result


def _mass(value: float, mean: float, scale: float, *, half: float) -> float:
    above = 1.0 if value == 1 else _sigmoid((value + half - mean) / scale)
    below = 0.0 if value == -1 else _sigmoid((value - half - mean) / scale)
    return above - below


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))
