"""Choose the device, and configure how its memory is allocated."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping

import torch

_M_ARENA_MAX = -8
"""Constant of mallopt(3)."""


def pick_device() -> torch.device:
    """CUDA, else MPS, else the CPU. On CUDA, convolutions are set to full float32 precision, like matrix products,
    because samplers that use one or the other must agree."""
    if torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = False
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def use_own_gpu(variables: Mapping[str, str]) -> None:
    """If a launcher started several processes on this machine, give this one its own GPU.

    `variables`: the environment; torchrun and Accelerate number the processes of a machine in LOCAL_RANK.
    """
    number, count = variables.get("LOCAL_RANK", ""), torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number.isascii() and number.isdigit() and count > 1:
        torch.cuda.set_device(int(number) % count)


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def share_heaps() -> bool:
    """Limit glibc to two heaps for all threads of this process; False on other C libraries.

    By default glibc makes up to eight heaps per core, and each keeps about as much as the largest drawing in it took.
    """
    try:
        return sys.platform == "linux" and ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2) == 1
    except (AttributeError, OSError):  # for example musl
        return False
