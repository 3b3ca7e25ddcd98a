"""Where tensors live."""

from __future__ import annotations

import torch


def pick_device() -> torch.device:
    """CUDA, else MPS, else the CPU. On CUDA, convolutions are set to full precision, as matrix products are: the
    samplers use both and must agree."""
    if torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = False
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
