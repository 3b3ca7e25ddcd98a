"""What a machine can compute at most, measured, and how many operations a training step takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

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


def convolution_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations per second of the fastest of several convolutions, in channels-last order.

    Each takes a few milliseconds and is timed often: longer ones are interrupted by other programs, and the peak would
    come out too low.
    """
    return max(
        _convolution_speed(device, dtype, kernel=kernel, features=features)
        for kernel, features in product((1, 3), (64, 128, 256))
    )


def _convolution_speed(device: torch.device, dtype: torch.dtype, *, kernel: int, features: int) -> float:
    """Operations per second of a convolution of maps (2, features, 32, 32)."""
    x = torch.randn(2, features, 32, 32, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(features, features, kernel, kernel, device=device).to(dtype)
    weight = weight.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        seconds = seconds_of(lambda: F.conv2d(x, weight, padding=kernel // 2), device, rounds=50)
    return 2 * kernel**2 * features**2 * x[:, 0].numel() / seconds


def operations_of(call: Callable[[], object]) -> int:
    """Operations of the convolutions and products of a call: an addition and a multiplication are two. Masked weights
    count, for they are multiplied."""
    scans = {torch.ops.pixelart.lstm_scan: _scan_operations, torch.ops.pixelart.lstm_scan_backward: _back_operations}
    with FlopCounterMode(display=False, custom_mapping=scans) as counter:
        call()
    return counter.get_total_flops()


def _scan_operations(gates: Sequence[int], matrix: Sequence[int], *_: object, **__: object) -> int:
    return 2 * math.prod(gates[:2]) * math.prod(matrix)


def _back_operations(grad: Sequence[int], kept: object, c: object, matrix: Sequence[int], *_: Any, **__: Any) -> int:
    return _scan_operations(grad, matrix)
