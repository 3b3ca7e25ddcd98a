"""Weights with a row for every colour or every class, and how a network takes them over from one that has others.

A layer that owns such weights is marked `resizable`. Nothing else in a network depends on the colours and classes, so
in every variant another palette or a further class is the same network with other rows in those layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

Rows = Literal["level", "class"]
Layer = TypeVar("Layer", bound=nn.Module)
_DECLARED = "_indexed_rows"


@dataclass(frozen=True)
class RowMapping:
    """Where each row of a new network comes from: the number of a row of the old one, which has `count` of them, or
    None: their mean."""

    rows: Sequence[int | None]
    count: int


def resizable(layer: Layer, by: Rows, *, axis: int = 0) -> Layer:
    """The layer, declared to have along `axis` of its own parameters a row for each level, channel by channel, or for
    each class; rows of another meaning (unknown, mirrored) stand last."""
    setattr(layer, _DECLARED, (by, axis))
    return layer


def declared_rows(layer: nn.Module) -> tuple[Rows, int] | None:
    """What the layer was declared to be indexed by, and along which axis."""
    return getattr(layer, _DECLARED, None)


def undeclare(network: nn.Module, by: Rows) -> None:
    """Take back what the layers of a network were declared to be indexed `by`: of one whose levels are no colours."""
    for layer in network.modules():
        if (declared := declared_rows(layer)) and declared[0] == by:
            delattr(layer, _DECLARED)


@torch.no_grad()
def copy_resized(new: nn.Module, old: nn.Module, origins: Mapping[Rows, RowMapping]) -> None:
    """Give `new` the weights of `old`, a network of the same form, row by row where `origins` says so."""
    for target, source in zip(new.modules(), old.modules(), strict=True):
        declared = declared_rows(target)
        for name, parameter in target.named_parameters(recurse=False):
            value = source.get_parameter(name)
            if declared and declared[0] in origins:
                value = _taken(value, origins[declared[0]], axis=declared[1])
            parameter.copy_(value)


def _taken(value: Tensor, origins: RowMapping, *, axis: int) -> Tensor:
    mean = value.narrow(axis, 0, origins.count).mean(axis, keepdim=True)
    rows = [value.shape[axis] if row is None else row for row in origins.rows]  # the mean is put behind the last
    rows += range(origins.count, value.shape[axis])
    return torch.cat([value, mean], axis).index_select(axis, torch.tensor(rows, device=value.device))
