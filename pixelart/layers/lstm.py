"""The LSTM cell of PixelRNN (Pixel Recurrent Neural Networks, 1601.06759, section 3.1, equation 3)."""

from __future__ import annotations

import torch
from torch import Tensor


def lstm_cell(gates: Tensor, c: Tensor, *, dim: int = 1) -> tuple[Tensor, Tensor]:
    """(h, c) from pre-activations (B, 4h, ...), in the paper's order o, f, i, g, and the previous cell state (B, h,
    ...).

    o, f, i are sigmoids and g a tanh; c = f * c + i * g; h = o * tanh(c). `dim`: the feature axis.
    """
    o, f, i, g = gates.chunk(4, dim=dim)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
