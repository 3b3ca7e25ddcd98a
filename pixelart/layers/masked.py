"""Masked convolution with colour groups (Pixel Recurrent Neural Networks, 1601.06759, section 3.3).

A feature belongs to the colour channel (its group) that it may help to predict. At the centre tap, an input of group a
may feed an output of group b if a < b (mask A) or a <= b (mask B). Pixels above, or to the left in the same row, come
before every channel, so those taps are not masked by group.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MaskType = Literal["A", "B"]
Groups = tuple[int, ...]


def spread_groups(features: int, channels: int) -> Groups:
    """The colour group of each of `features`, assigned round-robin; `features` need not be a multiple of `channels`."""
    return tuple(i % channels for i in range(features))


def group_mask(mask_type: MaskType, groups_in: Groups, groups_out: Groups) -> Tensor:
    """bool (out, in): which inputs of the same pixel an output may read.

    Raises:
        ValueError: a mask type other than "A" or "B".
    """
    if mask_type not in ("A", "B"):
        raise ValueError(f"mask type {mask_type!r}: must be 'A' or 'B'")
    # On the CPU also while a network is built on the meta device, where a comparison would import PyTorch's compiler.
    before, after = (torch.tensor(groups, device="cpu") for groups in (groups_in, groups_out))
    return before < after[:, None] if mask_type == "A" else before <= after[:, None]


class MaskedConv2d(nn.Module):
    """A convolution whose weight is multiplied by a fixed mask: masked taps read nothing and get no gradient.

    The kernel reads `kernel` = (kh, kw) taps at distance `dilation`. The caller gives the mask (out, in, kh, kw) and
    the padding, since causal stacks pad on some sides only.
    """

    mask: Tensor

    def __init__(
        self,
        groups_in: Groups,
        groups_out: Groups,
        *,
        mask: Tensor,
        dilation: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    ) -> None:
        """`mask`: bool (out, in, kh, kw). `padding`: left, right, top, bottom, in pixels."""
        super().__init__()
        self.dilation, self.padding = dilation, padding
        shape = (len(groups_out), len(groups_in), *mask.shape[2:])
        self.register_buffer("mask", mask.expand(shape).float(), persistent=False)
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(len(groups_out)))
        nn.init.normal_(self.weight, std=self.weight[0].numel() ** -0.5)

    def masked_weight(self) -> Tensor:
        """The weight (out, in, kh, kw) with masked taps set to zero."""
        return self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, self.padding), self.masked_weight(), self.bias, dilation=self.dilation)
