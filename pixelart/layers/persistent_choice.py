"""Choose a level in a Triton kernel, in double precision: the twin of layers/kernels.py."""

from __future__ import annotations

import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]

from pixelart.layers import palette

_NEVER = tl.constexpr(palette.NEVER)


@triton.jit
def _log_sum(x):
    """log of the sum of exp of x (n,)."""
    top = tl.max(x, axis=0)
    return top + tl.log(tl.sum(tl.exp(x - top), axis=0))


@triton.jit
def _log_sigmoid(x):
    """log of the sigmoid of x."""
    return tl.minimum(x, 0.0) - tl.log(1 + tl.exp(-tl.abs(x)))


@triton.jit
def _levels(
    given, x, area, channel, level, m, temperature, least, most,
    CHANNELS: tl.constexpr, LEVELS: tl.constexpr, COMPONENTS: tl.constexpr,
):  # fmt: skip
    """log p of `level` of a channel in the components m, given the earlier channels, which lie at x, `area` apart."""
    scale = 2.0 / (LEVELS - 1 if LEVELS > 1 else 1)
    mean = tl.load(given + COMPONENTS * (1 + channel) + m).to(tl.float64)
    for earlier in range(0, channel):
        pair = 1 + 2 * CHANNELS + channel * (channel - 1) // 2 + earlier
        slope = tl.load(given + COMPONENTS * pair + m).to(tl.float64)
        mean += (2 / (1 + tl.exp(-2 * slope)) - 1) * (tl.load(x + earlier * area).to(tl.float64) * scale - 1)
    spread = tl.load(given + COMPONENTS * (1 + CHANNELS + channel) + m).to(tl.float64)
    inverse = tl.exp(-tl.minimum(tl.maximum(spread, least), most)) / temperature
    centred = level.to(tl.float64) * scale - 1 - mean
    upper = tl.where(level < LEVELS - 1, _log_sigmoid(inverse * (centred + scale / 2)), 0.0)
    lower = tl.where(level > 0, _log_sigmoid(-inverse * (centred - scale / 2)), 0.0)
    gap = tl.log(1 - tl.exp(-scale * inverse))
    return upper + lower + tl.where((level > 0) & (level < LEVELS - 1), gap, 0.0)


@triton.jit
def _mixture_table(
    given, x, area, channel, temperature, least, most,
    CHANNELS: tl.constexpr, LEVELS: tl.constexpr, COMPONENTS: tl.constexpr, LEVEL_BLOCK: tl.constexpr,
    COMPONENT_BLOCK: tl.constexpr,
):  # fmt: skip
    """(LEVEL_BLOCK,): log p of each level of a channel; x: where the first channel of the pixel lies."""
    m = tl.arange(0, COMPONENT_BLOCK)
    real = tl.minimum(m, COMPONENTS - 1)
    weight = tl.load(given + real).to(tl.float64) / temperature
    for earlier in range(0, channel):
        level = tl.load(x + earlier * area)
        weight += _levels(
            given, x, area, earlier, level, real, temperature, least, most, CHANNELS, LEVELS, COMPONENTS
        )  # fmt: skip
    weight = tl.where(m < COMPONENTS, weight, -float("inf"))
    weight -= _log_sum(weight)
    k = tl.arange(0, LEVEL_BLOCK)
    top, total = tl.full((LEVEL_BLOCK,), -float("inf"), tl.float64), tl.zeros((LEVEL_BLOCK,), tl.float64)
    for one in range(0, COMPONENTS):  # not all at once, which would be a kernel ten times as long
        joint = tl.sum(tl.where(m == one, weight, 0.0), axis=0) + _levels(
            given, x, area, channel, k, one, temperature, least, most, CHANNELS, LEVELS, COMPONENTS
        )  # fmt: skip
        highest = tl.maximum(top, joint)
        total = total * tl.exp(top - highest) + tl.exp(joint - highest)
        top = highest
    return top + tl.log(total)


@triton.jit
def _pick(p, k, u, top_k, top_p, memory, LEVELS: tl.constexpr, IS_LIMITED: tl.constexpr):
    """The level that noise u selects from the probabilities p of the levels k, not normalised. memory (K,) float64."""
    if IS_LIMITED:
        tl.store(memory + k, p, mask=k < LEVELS)
        tl.debug_barrier()
        rank, mass = tl.zeros_like(k), tl.zeros_like(p)
        for j in range(0, LEVELS):
            other = tl.load(memory + j)
            is_before = (other > p) | ((other == p) & (j < k))
            rank += is_before.to(tl.int32)
            mass += tl.where(is_before, other, 0.0)
        count = tl.where(top_k > 0, top_k, LEVELS)
        limit = top_p * tl.sum(tl.where(rank < count, p, 0.0), axis=0)
        p = tl.where((rank < count) & (mass < limit), p, 0.0)
    target = u * tl.sum(p, axis=0)
    is_reached = (tl.cumsum(p, axis=0) > target) & (p > 0)
    found = tl.min(tl.where(is_reached, k, LEVELS), axis=0)
    return tl.where(found < LEVELS, found, tl.max(tl.where(p > 0, k, 0), axis=0))


@triton.jit
def draw_level(
    given, free, x, other_x, area, u, temperature, log_prob, permitted, allowed, allowed_level, memory, channel,
    top_k, numbers,
    CHANNELS: tl.constexpr, LEVELS: tl.constexpr, COMPONENTS: tl.constexpr, HALVES: tl.constexpr,
    IS_LIMITED: tl.constexpr, HAS_ALLOWED: tl.constexpr, LEVEL_BLOCK: tl.constexpr, COMPONENT_BLOCK: tl.constexpr,
):  # fmt: skip
    """Choose the level of a channel of a pixel from its outputs `given` and, with guidance, `free`; write it to x and
    other_x, and its log p at temperature 1 to log_prob. allowed: the first level's entry of the pixel."""
    top_p, guidance, least, most = tl.load(numbers), tl.load(numbers + 1), tl.load(numbers + 2), tl.load(numbers + 3)
    k = tl.arange(0, LEVEL_BLOCK)
    is_level = k < LEVELS
    if COMPONENTS > 0:
        first = x - channel * area
        plain = _mixture_table(
            given, first, area, channel, 1.0, least, most, CHANNELS, LEVELS, COMPONENTS, LEVEL_BLOCK, COMPONENT_BLOCK
        )  # fmt: skip
        table = _mixture_table(
            given, first, area, channel, temperature, least, most, CHANNELS, LEVELS, COMPONENTS, LEVEL_BLOCK,
            COMPONENT_BLOCK,
        )  # fmt: skip
        if HALVES == 2:
            base = _mixture_table(
                free, first, area, channel, temperature, least, most, CHANNELS, LEVELS, COMPONENTS, LEVEL_BLOCK,
                COMPONENT_BLOCK,
            )  # fmt: skip
            table = base + guidance * (table - base)
    else:
        plain = tl.load(given + channel * LEVELS + k, mask=is_level, other=0.0).to(tl.float64)
        may = is_level
        if HAS_ALLOWED:
            may = tl.load(allowed + k * allowed_level, mask=is_level, other=0) != 0
            plain = tl.where(may, plain, _NEVER)
        table = plain
        if HALVES == 2:
            base = tl.load(free + channel * LEVELS + k, mask=is_level, other=0.0).to(tl.float64)
            if HAS_ALLOWED:
                base = tl.where(may, base, _NEVER)
            table = base + guidance * (table - base)
        table /= temperature
    plain = tl.where(is_level, plain, -float("inf"))
    is_permitted = tl.load(permitted + k, mask=is_level, other=0) != 0
    table = tl.where(is_permitted, table, -float("inf"))
    level = _pick(tl.exp(table - tl.max(table, axis=0)), k, u, top_k, top_p, memory, LEVELS, IS_LIMITED)
    chosen = tl.sum(tl.where(k == level, plain, 0.0), axis=0)
    tl.store(log_prob, chosen - _log_sum(plain))
    tl.store(x, level.to(tl.int64))
    if HALVES == 2:
        tl.store(other_x, level.to(tl.int64))
