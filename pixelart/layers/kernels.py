"""Compiled choices of levels for the CPU (numba). Each has a slow twin in PyTorch and a test that both are equal."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pixelart.layers.compiling import compiled

F32, F64, I64 = NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]
Floats = NDArray[np.floating[Any]]
"""Numbers of a pixel program, which is in single or in double precision."""


class SamplingParams(NamedTuple):
    """How to sample from a distribution: see `pixelart.sampling.controls.Controls`."""

    top_k: int
    top_p: float
    guidance: float
    allowed: NDArray[np.bool_]  # (K,)


@compiled()
def choose_level(logits: F64, u: float, temperature: float, params: SamplingParams) -> int:
    """The level (index into `logits` (K,)) that uniform noise `u` selects by inverse transform sampling.

    Twin of `pixelart.sampling.controls.choose`. Loops instead of array functions, which take seconds to compile.
    """
    levels, p, top = logits.shape[0], np.empty(logits.shape[0]), -np.inf
    for k in range(levels):
        p[k] = logits[k] / temperature if params.allowed[k] else -np.inf
        top = max(top, p[k])
    total = 0.0
    for k in range(levels):
        p[k] = np.exp(p[k] - top)
        total += p[k]
    if params.top_k > 0 or params.top_p < 1.0:
        total = keep_likely(p, params.top_k if params.top_k > 0 else levels, params.top_p)
    target, mass, last = u * total, 0.0, 0
    for k in range(levels):
        if p[k] > 0.0:
            mass += p[k]
            last = k
            if mass > target:
                return k
    return last


@compiled()
def keep_likely(p: F64, count: int, top_p: float) -> float:
    """Set p (K,) to 0 but for the `count` greatest, and of these but for the fewest whose mass is `top_p` of theirs;
    returns the sum. Among equals the first counts as greater."""
    levels, limit, mass = p.shape[0], 0.0, 0.0
    kept = np.zeros(levels)
    order = np.empty(levels, np.int64)
    for rank in range(min(count, levels)):
        best, found = -1.0, 0
        for k in range(levels):
            if kept[k] == 0.0 and p[k] > best:
                best, found = p[k], k
        order[rank], kept[found] = found, 1.0
        limit += best
    limit *= top_p
    for k in range(levels):
        kept[k] = 0.0
    for rank in range(min(count, levels)):
        if mass < limit:
            kept[order[rank]] = p[order[rank]]
        mass += p[order[rank]]
    total = 0.0
    for k in range(levels):
        p[k] = kept[k]
        total += p[k]
    return total


class Mixture(NamedTuple):
    """Sizes of a mixture of discretized logistics (pixelart.likelihoods); without components, levels have logits."""

    channels: int
    levels: int
    components: int
    least: float  # bounds of log scales
    most: float


@compiled()
def log_sigmoid(x: float) -> float:
    return min(x, 0.0) - np.log1p(np.exp(-abs(x)))


@compiled()
def add_levels(mixture: Mixture, given: F64, x: I64, channel: int, level: int, temperature: float, result: F64) -> None:
    """result (M,) += log p of a level in each component. Twin of `DiscretizedLogisticMixture._level_log_prob`."""
    size, channels, last = mixture.components, mixture.channels, mixture.levels - 1
    scale, half = 2.0 / max(1, last), 1.0 / max(1, last)
    for m in range(size):
        mean = given[size * (1 + channel) + m]
        for earlier in range(channel):
            pair = channel * (channel - 1) // 2 + earlier
            mean += np.tanh(given[size * (1 + 2 * channels + pair) + m]) * (x[earlier] * scale - 1.0)
        log_scale = min(max(given[size * (1 + channels + channel) + m], mixture.least), mixture.most)
        inverse = np.exp(-log_scale) / temperature
        centred = level * scale - 1.0 - mean
        if level < last:
            result[m] += log_sigmoid(inverse * (centred + half))
        if level > 0:
            result[m] += log_sigmoid(-inverse * (centred - half))
        if 0 < level < last:
            result[m] += np.log(-np.expm1(-2.0 * half * inverse))


@compiled()
def log_weights(mixture: Mixture, given: F64, x: I64, channel: int, temperature: float, result: F64) -> None:
    """result (M,): log p of each component given the earlier channels x, and 0 in all."""
    for m in range(mixture.components):
        result[m] = given[m] / temperature
    for earlier in range(channel):
        add_levels(mixture, given, x, earlier, x[earlier], temperature, result)
    total = log_sum(result)
    for m in range(mixture.components):
        result[m] -= total


@compiled()
def log_sum(x: F64) -> float:
    top, total = -np.inf, 0.0
    for i in range(x.shape[0]):
        top = max(top, x[i])
    for i in range(x.shape[0]):
        total += np.exp(x[i] - top)
    return top + np.log(total)


@compiled()
def mixture_table(mixture: Mixture, given: F64, x: I64, channel: int, temperature: float, result: F64) -> None:
    """result (K,): log p of each level of a channel. Twin of `DiscretizedLogisticMixture.to_table`."""
    weights, joint = np.empty(mixture.components), np.empty(mixture.components)
    log_weights(mixture, given, x, channel, temperature, weights)
    for level in range(mixture.levels):
        for m in range(mixture.components):
            joint[m] = weights[m]
        add_levels(mixture, given, x, channel, level, temperature, joint)
        result[level] = log_sum(joint)


@compiled()
def level_log_prob(mixture: Mixture, given: F64, x: I64, channel: int, level: int) -> float:
    """log p of a level of a channel at temperature 1."""
    joint = np.empty(mixture.components)
    log_weights(mixture, given, x, channel, 1.0, joint)
    add_levels(mixture, given, x, channel, level, 1.0, joint)
    return log_sum(joint)


@compiled()
def choose_of_mixture(mixture: Mixture, given: F64, x: I64, channel: int, u: float, temperature: float) -> int:
    """The level that noise `u` selects if all may be drawn: by bisection, since each component's sum is a sigmoid."""
    size, channels, last = mixture.components, mixture.channels, mixture.levels - 1
    scale, half = 2.0 / max(1, last), 1.0 / max(1, last)
    weights = np.empty(size)
    means, inverses = np.empty(size), np.empty(size)
    log_weights(mixture, given, x, channel, temperature, weights)
    for m in range(size):
        means[m] = given[size * (1 + channel) + m]
        for earlier in range(channel):
            pair = channel * (channel - 1) // 2 + earlier
            means[m] += np.tanh(given[size * (1 + 2 * channels + pair) + m]) * (x[earlier] * scale - 1.0)
        log_scale = min(max(given[size * (1 + channels + channel) + m], mixture.least), mixture.most)
        inverses[m] = np.exp(-log_scale) / temperature
        weights[m] = np.exp(weights[m])
    low, high = 0, last
    while low < high:
        level, mass = (low + high) // 2, 0.0
        for m in range(size):
            upper = inverses[m] * (level * scale - 1.0 - means[m] + half)
            mass += weights[m] / (1.0 + np.exp(min(-upper, 700.0)))
        if mass > u:
            high = level
        else:
            low = level + 1
    return low
