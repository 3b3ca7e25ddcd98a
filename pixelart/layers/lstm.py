"""The LSTM cell of PixelRNN (Pixel Recurrent Neural Networks, 1601.06759, section 3.1, equation 3)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pixelart.layers.kernels import lstm_row


def lstm_cell(gates: Tensor, c: Tensor, *, dim: int = 1) -> tuple[Tensor, Tensor]:
    """(h, c) from pre-activations (B, 4h, ...), in the paper's order o, f, i, g, and the previous cell state (B, h,
    ...).

    o, f, i are sigmoids and g a tanh; c = f * c + i * g; h = o * tanh(c). `dim`: the feature axis.
    """
    o, f, i, g = gates.chunk(4, dim=dim)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm_rows(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """`lstm_cell` with features last, for decoding: (h, c), each (B, n, h), of gates (B, n, 4h) and c (B, n, h)."""
    if gates.device.type != "cpu" or gates.dtype != torch.float32:
        return lstm_cell(gates, c, dim=2)
    result = np.empty((2, *c.shape), np.float32)
    before, hidden = np.ascontiguousarray(c.numpy()), c.shape[2]
    new_h, new_c = (part.reshape(-1, hidden) for part in result)
    lstm_row(gates.contiguous().numpy().reshape(-1, 4 * hidden), before.reshape(-1, hidden), new_h, new_c)
    return torch.from_numpy(result[0]), torch.from_numpy(result[1])
