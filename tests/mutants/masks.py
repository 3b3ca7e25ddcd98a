"""Mistakes of public code in masks, kernels and colour groups, each put into one of our variants."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.layers.causal import CausalConv2d, FirstConv
from pixelart.layers.gated import GatedLayer
from pixelart.layers.gated_residual import GatedResidual
from pixelart.layers.head import Head
from pixelart.layers.masked import Groups, MaskedConv2d, group_mask, spread_groups
from pixelart.layers.unet import UStream
from pixelart.models import AutoregressiveModel
from pixelart.models.pixelcnn import ResidualBlock
from pixelart.models.row_lstm import RowLSTMLayer
from tests.mutants.patching import after, parts, replace


def _centre(conv: MaskedConv2d) -> Tensor:  # the mask (out, in) of the pixel's own tap, to be written to
    return conv.mask[:, :, -1, conv.padding[0] // conv.dilation[1]]


def _thirds(features: int, channels: int) -> Groups:
    return tuple(i * channels // features for i in range(features))


def mask_b_in_the_first_layer(model: AutoregressiveModel) -> None:
    """A pixel sees itself."""
    for conv in parts(model, FirstConv):
        _centre(conv).fill_(1)


def mask_a_hides_the_whole_centre(model: AutoregressiveModel) -> None:
    """Green never sees the red of its pixel, nor blue either: the colours of a pixel are independent."""
    for conv in parts(model, FirstConv):
        _centre(conv).fill_(0)


def mask_a_a_second_time(model: AutoregressiveModel) -> None:
    """The first layer's way out has mask A again, and no residual goes round it."""
    layer = parts(model, GatedLayer)[0]
    channels, (features, skip) = model.config.channels, layer.split
    groups = spread_groups(features, channels)
    _centre(layer.out).copy_(group_mask("A", groups, groups + spread_groups(skip, channels)))


def mask_b_clears_its_own_row(model: AutoregressiveModel) -> None:
    """`mask[:, :, k // 2] = 0` where `k // 2 + 1:` was meant: the row below is left open."""

    def forward(conv: CausalConv2d, x: Tensor, state: None = None) -> Tensor:
        above = conv.weight[:, :, :1]
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), torch.cat([above, 0 * above, above], dim=2), conv.bias)

    for block in parts(model, ResidualBlock):
        replace(block.conv, "forward", forward)


def pointwise_without_groups(model: AutoregressiveModel) -> None:
    """A 1x1 convolution is taken to need no mask."""
    for block in parts(model, ResidualBlock):
        block.narrow.mask.fill_(1)


def norm_over_all_channels(model: AutoregressiveModel) -> None:
    """A layer norm, whose mean is of all colour groups."""
    for block in parts(model, ResidualBlock):
        after(block.narrow, "forward", lambda x: F.layer_norm(x.movedim(1, -1), x.shape[1:2]).movedim(-1, 1))


def logits_dealt_in_turn(model: AutoregressiveModel) -> None:
    """Logits are masked as if colours took turns, and read as if each stood in one block."""
    for head in parts(model, Head):
        inner = spread_groups(head.logits.weight.shape[1], model.config.channels)
        _centre(head.logits).copy_(group_mask("B", inner, spread_groups(len(head.logits.bias), model.config.channels)))


def halves_of_a_gate_in_thirds(model: AutoregressiveModel) -> None:
    """Colour groups are thirds of the 2h outputs that are then split into tanh and sigmoid."""
    for layer in parts(model, GatedLayer)[1:]:
        features, channels = layer.split[0], model.config.channels
        groups = spread_groups(features, channels)
        _centre(layer.horizontal).copy_(group_mask("B", groups, _thirds(2 * features, channels)))


def four_gates_in_thirds(model: AutoregressiveModel) -> None:
    """Colour groups are thirds of the 4h outputs that are then split into four gates."""
    for layer in parts(model, RowLSTMLayer):
        channels = model.config.channels
        wide = spread_groups(layer.hidden, channels) * 2
        _centre(layer.input_to_state).copy_(group_mask("B", wide, _thirds(4 * layer.hidden, channels)))


def concat_elu_dealt_anew(model: AutoregressiveModel) -> None:
    """After [x, -x] the groups are dealt out over all 2F features, and F does not divide by the channels."""
    for layer in parts(model, GatedResidual):
        outputs, inputs = layer.first.mask.shape[:2]
        channels = model.config.channels
        dealt = group_mask("B", spread_groups(inputs, channels), spread_groups(outputs, channels))
        _centre(layer.first).copy_(dealt)


def vertical_stack_not_moved_down(model: AutoregressiveModel) -> None:
    """The first vertical kernel ends on the row itself."""
    conv = parts(model, GatedLayer)[0].vertical
    left, right, top, _ = conv.padding
    conv.padding = (left, right, top - 1, 1)


def vertical_stack_half_a_row_short(model: AutoregressiveModel) -> None:
    """Its mask hides the right half of the row it ends on, as if that were the pixel's own: the blind spot is back."""
    for layer in parts(model, GatedLayer):
        conv = layer.vertical
        conv.mask[:, :, -1, conv.mask.shape[3] // 2 + 1 :] = 0


def strided_maps_keep_odd_pixels(model: AutoregressiveModel) -> None:
    """A map of half the size holds the lower right one of each four pixels, which the other three then see."""
    for stream in parts(model, UStream):
        if stream.inner is not None:
            after(stream.shrink, "forward", lambda x: F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:])
