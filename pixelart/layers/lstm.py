"""The LSTM cell of PixelRNN (Pixel Recurrent Neural Networks, 1601.06759, section 3.1, equation 3)."""

from __future__ import annotations

import torch
from torch import Tensor


def lstm_cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """(h, c) of pre-activations (B, 4h, ...), in the paper's order o, f, i, g, and the cell state before (B, h, ...).

    o, f, i are sigmoids and g a tanh; c = f * c + i * g; h = o * tanh(c).
    """
    o, f, i, g = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
