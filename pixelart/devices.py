"""Where tensors live, and what holds their memory."""

from __future__ import annotations

import ctypes
import sys

import torch

_M_ARENA_MAX = -8
"""Of mallopt(3)."""


def pick_device() -> torch.device:
    """CUDA, else MPS, else the CPU. On CUDA, convolutions are set to full precision, as matrix products are: the
    samplers use both and must agree."""
    if torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = False
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def share_heaps() -> bool:
    """Have all threads of this process share two heaps, where the C library is glibc; whether it does. By itself it
    gives each thread one, up to eight a core, and each keeps about what the largest drawing in it took."""
    try:
        return sys.platform == "linux" and ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2) == 1
    except (AttributeError, OSError):  # musl, say
        return False
