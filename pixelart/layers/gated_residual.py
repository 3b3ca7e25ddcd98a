"""The gated residual layer of PixelCNN++ (Salimans et al. 2017, 1701.05517), which PixelSNAIL took over."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import CausalConv2d, pointwise
from pixelart.layers.cursor import Cursor
from pixelart.layers.masked import Groups


def concat_elu(x: Tensor) -> Tensor:
    """ELU of x and of -x, (B, 2F, ...) of x (B, F, ...): colour groups repeat in both halves."""
    return F.elu(torch.cat([x, -x], dim=1))


class GatedResidual(nn.Module):
    """x + a * sigmoid(b), (a, b) = conv(celu(conv(celu(x)) + 1x1(celu(beside)))) + context (PixelCNN++, 1701.05517)."""

    def __init__(
        self,
        groups: Groups,
        *,
        context: int,
        conv: Callable[[Groups, Groups], CausalConv2d],
        beside: Groups = (),
    ) -> None:
        super().__init__()
        self.first = conv(groups * 2, groups)
        self.beside = pointwise(beside * 2, groups) if beside else None
        self.second = conv(groups * 2, groups * 2)
        self.context = nn.Conv2d(context, 2 * len(groups), 1, bias=False)

    def forward(self, x: Tensor, context_map: Tensor, cursor: Cursor | None, beside: Tensor | None = None) -> Tensor:
        """x (B, F, h, w) of the cursor's region, `beside` another input of the same."""
        inner = self.first(concat_elu(x), cursor)
        if self.beside is not None and beside is not None:
            inner = inner + self.beside(concat_elu(beside), cursor)
        a, b = (self.second(concat_elu(inner), cursor) + self.context(context_map)).chunk(2, dim=1)
        return x + a * torch.sigmoid(b)
