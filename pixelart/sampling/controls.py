"""How a level is sampled from a distribution: temperature, top-k, top-p, allowed levels, guidance, and the noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pixelart.controls import CONTROLS
from pixelart.errors import RequestRejected
from pixelart.layers.kernels import SamplingParams


@dataclass(frozen=True)
class Controls:
    """Sampling controls.

    temperature: a number or a map (H, W). top_k = 0 and top_p = 1 keep all levels. allowed: the levels that may be
    drawn, None = all. guidance: classifier-free guidance (Ho & Salimans 2022), 0 = unconditional, 1 = conditional, more
    extrapolates.
    """

    temperature: float | Tensor = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0
    allowed: tuple[int, ...] | None = None

    def check(self, *, height: int, width: int, levels: int) -> None:
        """Raises RequestRejected, naming the limit, unless the controls fit pictures (H, W) with K levels."""
        temperature = torch.as_tensor(self.temperature, dtype=torch.float64)
        if temperature.ndim and temperature.shape != (height, width):
            shape = " x ".join(map(str, reversed(temperature.shape)))
            raise RequestRejected(f"temperature map is {shape}; the picture is {width} x {height}")
        for extreme in (temperature.min(), temperature.max()):  # both are nan if one is
            CONTROLS["temperature"].check("temperature", float(extreme))
        if not 0 <= self.top_k <= levels:
            raise RequestRejected(f"top_k {self.top_k}: must be from 0 to {levels}")
        if not 0 < self.top_p <= 1:
            raise RequestRejected(f"top_p {self.top_p:g}: must be above 0 and at most 1")
        CONTROLS["guidance"].check("guidance", self.guidance)
        if self.allowed is not None and not (self.allowed and all(0 <= k < levels for k in self.allowed)):
            raise RequestRejected(f"allowed colours {self.allowed!s:.60}: need at least one of 0 to {levels - 1}")

    def subsample(self, factor: int) -> Controls:
        """The controls for every `factor`-th row and column."""
        temperature = self.temperature
        return (
            replace(self, temperature=temperature[::factor, ::factor])
            if isinstance(temperature, Tensor) and temperature.ndim
            else self
        )

    def cropped(self, rows: slice, columns: slice) -> Controls:
        """The controls for a part of the picture."""
        temperature = self.temperature
        return (
            replace(self, temperature=temperature[rows, columns])
            if isinstance(temperature, Tensor) and temperature.ndim
            else self
        )

    def limited(self, levels: int) -> Controls:
        """The controls for a stage with fewer levels."""
        return replace(self, top_k=min(self.top_k, levels))

    def temperature_map(self, *, height: int, width: int) -> Tensor:
        """The temperature as a map, float64 (H, W)."""
        return torch.as_tensor(self.temperature, dtype=torch.float64).expand(height, width)

    def params(self, levels: int) -> SamplingParams:
        """The controls in the form that compiled kernels take."""
        allowed = np.ones(levels, np.bool_)
        if self.allowed is not None:
            allowed[:] = np.isin(np.arange(levels), self.allowed)
        return SamplingParams(self.top_k, float(self.top_p), float(self.guidance), allowed)


def draw_noise(seed: int, *, count: int, channels: int, height: int, width: int) -> Tensor:
    """Uniform noise float64 (count, C, H, W). Picture i has its own generator, seeded `seed + i`.

    So a seed gives the same picture at any batch size and with every sampler.
    """
    noise = [
        torch.rand(channels, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + i))
        for i in range(count)
    ]
    return torch.stack(noise)


def guide(table: Tensor, free: Tensor | None, guidance: float) -> Tensor:
    """Classifier-free guidance on unnormalised log p (B, K): from `free` (unconditional) towards `table`
    (conditional)."""
    return table if free is None else free + guidance * (table - free)


def choose(log_p: Tensor, noise: Tensor, params: SamplingParams, allowed: Tensor | None) -> Tensor:
    """The level (B,) that `noise` (B,) selects from log_p (B, K), float64, by inverse transform sampling.

    Levels get probability zero if they are not allowed, not among the top_k, or outside the smallest set of mass top_p
    (nucleus sampling, Holtzman et al. 2019). `allowed`: those of `params` (K,) on the device of log_p, None = all.
    Nothing is copied between devices. Twin of `layers.kernels.choose_level`.
    """
    scaled = log_p if allowed is None else log_p.masked_fill(~allowed, -torch.inf)
    p = torch.softmax(scaled, dim=1)
    if params.top_k or params.top_p < 1:
        ranked, order = torch.sort(p, dim=1, descending=True, stable=True)
        if params.top_k:
            ranked[:, params.top_k :] = 0
        mass = ranked.cumsum(1)
        ranked = ranked.masked_fill(mass - ranked >= params.top_p * mass[:, -1:], 0)
        p = torch.zeros_like(p).scatter(1, order, ranked)
    cumulative = p.cumsum(1)
    picked = (cumulative <= noise[:, None] * cumulative[:, -1:]).sum(1)
    last = (p > 0).long().mul(torch.arange(p.shape[1], device=p.device)).amax(1)
    return torch.minimum(picked, last)
