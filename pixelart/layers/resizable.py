"""Weights with one row per colour level or class, and how to copy them between networks with other colours or classes.

A layer that owns such weights is marked `resizable`. Nothing else in a network depends on the number of colours and
classes, so a new palette or a further class only changes rows of those layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

Rows = Literal["level", "class"]
RowOrigin: TypeAlias = int
"""The number of a row, or MEAN or ZERO."""
MEAN, ZERO = -1, -2
Layer = TypeVar("Layer", bound=nn.Module)
_DECLARED = "_indexed_rows"


@dataclass(frozen=True)
class RowMapping:
    """Maps rows of a new network to rows of the old one, which has `count`. MEAN: the mean of the first `of_mean` old
    rows, of all if that is 0. ZERO: zeros."""

    rows: Sequence[RowOrigin]
    count: int
    of_mean: int = 0


def resizable(layer: Layer, by: Rows, *, axis: int = 0) -> Layer:
    """Declare that along `axis` the layer's own parameters have a row per level (channel by channel) or per class.

    Rows with another meaning (unknown, mirrored) come last. Returns the layer.
    """
    setattr(layer, _DECLARED, (by, axis))
    return layer


def declared_rows(layer: nn.Module) -> tuple[Rows, int] | None:
    """What the layer's rows were declared to be, and along which axis; None = not declared."""
    return getattr(layer, _DECLARED, None)


def undeclare(network: nn.Module, by: Rows) -> None:
    """Remove declarations of kind `by` from a network, for example if its levels are not colours."""
    for layer in network.modules():
        if (declared := declared_rows(layer)) and declared[0] == by:
            delattr(layer, _DECLARED)


@torch.no_grad()
def copy_resized(new: nn.Module, old: nn.Module, origins: Mapping[Rows, RowMapping]) -> None:
    """Copy the weights of `old`, a network of the same architecture, into `new`; `origins` maps the rows."""
    for target, source in zip(new.modules(), old.modules(), strict=True):
        declared = declared_rows(target)
        for name, parameter in target.named_parameters(recurse=False):
            value = source.get_parameter(name)
            if declared and declared[0] in origins:
                value = _taken(value, origins[declared[0]], axis=declared[1])
            parameter.copy_(value)


def _taken(value: Tensor, origins: RowMapping, *, axis: int) -> Tensor:
    mean = value.narrow(axis, 0, origins.of_mean or origins.count).mean(axis, keepdim=True)
    appended = {MEAN: value.shape[axis], ZERO: value.shape[axis] + 1}
    rows = [appended.get(row, row) for row in origins.rows]
    rows += range(origins.count, value.shape[axis])
    grown = torch.cat([value, mean, torch.zeros_like(mean)], axis)
    return grown.index_select(axis, torch.tensor(rows, device=value.device))
