"""What a machine can compute at most, measured, and how many operations a training step takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from pixelart.devices import wait_for

ROUNDS = 5


def seconds_of(call: Callable[[], object], device: torch.device, *, rounds: int = ROUNDS) -> float:
    """Seconds of a call, the best of several; the first is not counted."""
    call()
    best = float("inf")
    for _ in range(rounds):
        wait_for(device)
        began = time.perf_counter()
        call()
        wait_for(device)
        best = min(best, time.perf_counter() - began)
    return best


def matrix_peak(device: torch.device, dtype: torch.dtype, *, side: int) -> float:
    """Operations per second of a product of two matrices (side, side)."""
    a = torch.randn(side, side, device=device).to(dtype)
    return 2 * side**3 / seconds_of(lambda: a @ a, device)


def convolution_peak(device: torch.device, dtype: torch.dtype, *, features: int = 128, side: int = 32) -> float:
    """Operations per second of a 3x3 convolution of 16 maps (features, side, side), in channels-last order."""
    x = torch.randn(16, features, side, side, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(features, features, 3, 3, device=device).to(dtype)
    weight = weight.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        seconds = seconds_of(lambda: F.conv2d(x, weight, padding=1), device)
    return 2 * 9 * features**2 * x.shape[0] * side**2 / seconds


def operations_of(call: Callable[[], object]) -> int:
    """Operations of the convolutions and products of a call: an addition and a multiplication are two."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()
