"""How a level is chosen from a distribution: temperature, top-k, top-p, allowed levels, and the noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pixelart.errors import RequestRejected
from pixelart.layers.kernels import Choice

MIN_TEMPERATURE, MAX_TEMPERATURE, MAX_GUIDANCE = 0.01, 10.0, 10.0


@dataclass(frozen=True)
class Controls:
    """temperature: a number or a map (H, W). top_k = 0 and top_p = 1 keep all levels. guidance: log p is
    extrapolated from "any class" (0) to the class (1) and beyond (classifier-free guidance, Ho & Salimans 2022).
    allowed: the levels that may be drawn, None = all.
    """

    temperature: float | Tensor = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0
    allowed: tuple[int, ...] | None = None

    def check(self, *, height: int, width: int, levels: int) -> None:
        """Raises RequestRejected, with the limit, unless every value can be used for pictures (H, W) of K levels."""
        temperature = torch.as_tensor(self.temperature, dtype=torch.float64)
        if temperature.ndim and temperature.shape != (height, width):
            shape = " x ".join(map(str, reversed(temperature.shape)))
            raise RequestRejected(f"temperature map is {shape}; the picture is {width} x {height}")
        outside = temperature[~((temperature >= MIN_TEMPERATURE) & (temperature <= MAX_TEMPERATURE))]
        if len(outside):
            raise RequestRejected(f"temperature {outside[0]:g}: must lie in {MIN_TEMPERATURE} to {MAX_TEMPERATURE:g}")
        if not 0 <= self.top_k <= levels:
            raise RequestRejected(f"top_k {self.top_k}: must lie in 0 to {levels}")
        if not 0 < self.top_p <= 1:
            raise RequestRejected(f"top_p {self.top_p:g}: must be above 0 and at most 1")
        if not 0 <= self.guidance <= MAX_GUIDANCE:
            raise RequestRejected(f"guidance {self.guidance:g}: must lie in 0 to {MAX_GUIDANCE:g}")
        if self.allowed is not None and not (self.allowed and all(0 <= k < levels for k in self.allowed)):
            raise RequestRejected(f"allowed colours {self.allowed!s:.60}: need at least one of 0 to {levels - 1}")

    def every(self, factor: int) -> Controls:
        """The same for every `factor`-th row and column."""
        heat = self.temperature
        return replace(self, temperature=heat[::factor, ::factor]) if isinstance(heat, Tensor) and heat.ndim else self

    def limited(self, levels: int) -> Controls:
        """The same for a stage of fewer levels."""
        return replace(self, top_k=min(self.top_k, levels))

    def temperature_map(self, *, height: int, width: int) -> Tensor:
        """float64 (H, W)."""
        return torch.as_tensor(self.temperature, dtype=torch.float64).expand(height, width)

    def choice(self, levels: int) -> Choice:
        """The same controls for a compiled kernel."""
        allowed = np.ones(levels, np.bool_)
        if self.allowed is not None:
            allowed[:] = np.isin(np.arange(levels), self.allowed)
        return Choice(self.top_k, self.top_p, self.guidance, allowed)


def draw_noise(seed: int, *, count: int, channels: int, height: int, width: int) -> Tensor:
    """Uniform noise float64 (count, C, H, W); picture i has its own generator, seeded `seed + i`.

    Hence a seed names one picture, at any batch size and in every sampler.
    """
    noise = [
        torch.rand(channels, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + i))
        for i in range(count)
    ]
    return torch.stack(noise)


def guide(table: Tensor, free: Tensor | None, guidance: float) -> Tensor:
    """Log p (B, K), not normalised, extrapolated from `free` (any class) to `table` (the class) by `guidance`."""
    return table if free is None else free + guidance * (table - free)


def choose(log_p: Tensor, noise: Tensor, choice: Choice) -> Tensor:
    """The level (B,) that `noise` (B,) picks from log_p (B, K), double, by inverting the cumulative distribution.

    Levels that are not allowed, not among the top_k, or outside the smallest
    set of mass top_p (Holtzman et al. 2019, nucleus) get probability zero. Twin of `layers.kernels.choose`.
    """
    allowed = torch.from_numpy(choice.allowed).to(log_p.device)
    scaled = log_p.masked_fill(~allowed, -torch.inf)
    p = torch.softmax(scaled, dim=1)
    if choice.top_k or choice.top_p < 1:
        ranked, order = torch.sort(p, dim=1, descending=True, stable=True)
        if choice.top_k:
            ranked[:, choice.top_k :] = 0
        mass = ranked.cumsum(1)
        ranked[mass - ranked >= choice.top_p * mass[:, -1:]] = 0
        p = torch.zeros_like(p).scatter(1, order, ranked)
    cumulative = p.cumsum(1)
    picked = (cumulative <= noise[:, None] * cumulative[:, -1:]).sum(1)
    last = (p > 0).long().mul(torch.arange(p.shape[1], device=p.device)).amax(1)
    return torch.minimum(picked, last)
