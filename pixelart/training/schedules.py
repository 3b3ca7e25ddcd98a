"""The learning rate schedule, and the exponential moving average of the weights."""

from __future__ import annotations

import math

import torch
from torch import nn


def warm_cosine(progress: float, *, step: int, warmup_steps: int) -> float:
    """Factor of the peak learning rate at `progress` 0..1: linear warm-up, then a half cosine down to 2 %."""
    warm = min(1.0, (step + 1) / max(1, warmup_steps))
    return warm * (0.02 + 0.49 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def update_ema(average: nn.Module, model: nn.Module, *, step: int, decay: float) -> None:
    """Move `average` toward `model` in place: an exponential moving average whose decay rises to `decay` in the first
    steps."""
    kept = min(decay, (1 + step) / (10 + step))
    for slow, current in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(current, 1 - kept)
