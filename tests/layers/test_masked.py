"""Every cell of the masks, and that dead taps stay dead."""

from __future__ import annotations

import pytest
import torch

from pixelart.layers.causal import pointwise, row_conv
from pixelart.layers.masked import group_mask, spread_groups


def test_group_masks_cell_by_cell() -> None:
    groups = spread_groups(4, 3)
    assert groups == (0, 1, 2, 0)
    before = [[i < o for i in groups] for o in groups]
    upto = [[i <= o for i in groups] for o in groups]
    assert group_mask("A", groups, groups).tolist() == before
    assert group_mask("B", groups, groups).tolist() == upto
    with pytest.raises(ValueError, match="'C'"):
        group_mask("C", groups, groups)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_row_conv_masks_only_the_pixel_itself(mask_type: str) -> None:
    groups = (0, 1, 2, 0, 1)
    conv = row_conv(groups, groups, taps=3, mask_type="A" if mask_type == "A" else "B", dilation=2)
    mask = conv.mask[:, :, 0].bool()
    assert mask[:, :, :2].all(), "pixels to the left are past for every colour"
    assert torch.equal(mask[:, :, 2], group_mask("A" if mask_type == "A" else "B", groups, groups))
    assert conv.padding == (4, 0, 0, 0)


def test_dead_taps_get_no_gradient_and_the_weight_is_not_written() -> None:
    conv = pointwise((0, 1, 2), (0, 1, 2))
    before = conv.weight.detach().clone()
    conv(torch.randn(2, 3, 4, 4)).square().sum().backward()
    assert conv.weight.grad is not None
    assert not conv.weight.grad[~conv.mask.bool()].any()
    assert conv.weight.grad[conv.mask.bool()].all()
    assert torch.equal(conv.weight, before)
    assert "mask" not in conv.state_dict()
