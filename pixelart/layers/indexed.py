"""Weights with a row for every colour or every class, and how a network takes them over from one that has others.

A layer that owns such weights says so (`indexed`); nothing else of a network depends on which colours and classes there
are, so whatever the variant, another palette or a further class is the same network with other rows in those layers.
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
class Origins:
    """Where each row of a new network comes from: the number of a row of the old one, which has `count` of them, or
    None: their mean."""

    rows: Sequence[int | None]
    count: int


def indexed(layer: Layer, by: Rows, *, axis: int = 0) -> Layer:
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
def take_over(new: nn.Module, old: nn.Module, origins: Mapping[Rows, Origins]) -> None:
    """Give `new` the weights of `old`, a network of the same form, row by row where `origins` says so."""
    for target, source in zip(new.modules(), old.modules(), strict=True):
        declared = declared_rows(target)
        for name, parameter in target.named_parameters(recurse=False):
            value = source.get_parameter(name)
            if declared and declared[0] in origins:
                value = _taken(value, origins[declared[0]], axis=declared[1])
            parameter.copy_(value)


def _taken(value: Tensor, origins: Origins, *, axis: int) -> Tensor:
    mean = value.narrow(axis, 0, origins.count).mean(axis, keepdim=True)
    rows = [value.shape[axis] if row is None else row for row in origins.rows]  # the mean is put behind the last
    rows += range(origins.count, value.shape[axis])
    return torch.cat([value, mean], axis).index_select(axis, torch.tensor(rows, device=value.device))
