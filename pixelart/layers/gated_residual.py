"""The gated residual layer of PixelCNN++ (Salimans et al. 2017, 1701.05517), also used in PixelSNAIL."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import CausalConv2d, ContextBias, pointwise
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.masked import Groups

INITIAL_SCALE = 0.1
"""Factor on the initial weights of a layer's last convolution: `init_scale` in the code of PixelCNN++."""


def concat_elu(x: Tensor) -> Tensor:
    """ELU of x and of -x, (B, 2F, h, w) of x (B, F, h, w); both halves have the same colour groups."""
    return F.elu(torch.cat([x, -x], dim=1))


class GatedResidual(nn.Module):
    """x + a * sigmoid(b), (a, b) = conv(celu(conv(celu(x)) + 1x1(celu(beside)))) + context (PixelCNN++, 1701.05517).

    celu = `concat_elu`. `context`: features of the context map; 0 = no context. `beside`: groups of a second input.
    """

    def __init__(
        self,
        groups: Groups,
        *,
        context: int = 0,
        conv: Callable[[Groups, Groups], CausalConv2d],
        beside: Groups = (),
    ) -> None:
        super().__init__()
        self.first = conv(groups * 2, groups)
        self.beside = pointwise(beside * 2, groups) if beside else None
        self.second = conv(groups * 2, groups * 2)
        with torch.no_grad():  # a deep stack starts near the identity, which keeps it stable
            self.second.weight.mul_(INITIAL_SCALE)
        self.context = ContextBias(context, 2 * len(groups)) if context else None

    def forward(
        self, x: Tensor, context_map: Tensor | None, state: DecodeState | None, beside: Tensor | None = None
    ) -> Tensor:
        """x and `beside` (B, F, h, w) of the state's region; context_map (B, C, H, W) is whole."""
        inner = self.first(concat_elu(x), state)
        if self.beside is not None and beside is not None:
            inner = inner + self.beside(concat_elu(beside), state)
        gates = self.second(concat_elu(inner), state)
        if self.context is not None and context_map is not None:
            gates = gates + self.context(context_map, state)
        a, b = gates.chunk(2, dim=1)
        return x + a * torch.sigmoid(b)
