"""Mistakes of public code in what a layer computes, though it sees what it should; each put into one variant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pixelart.layers import lstm_scan
from pixelart.layers.lstm import lstm_cell
from pixelart.models import AutoregressiveModel
from tests.models.forms import RESIDUAL, SKIPPING, STARTED

Cell = Callable[..., tuple[Tensor, Tensor]]
Patch = pytest.MonkeyPatch


def _with_cell(patch: Patch, cell: Cell) -> None:
    patch.setattr(lstm_scan, "lstm_cell", cell)
    patch.setattr(lstm_scan, "is_fast", lambda gates: False)


def candidate_squashed_by_a_sigmoid(model: AutoregressiveModel, patch: Patch) -> None:
    """All four gates are sigmoids."""

    def cell(gates: Tensor, c: Tensor, *, dim: int = 1) -> tuple[Tensor, Tensor]:
        o, f, i, g = gates.sigmoid().chunk(4, dim=dim)
        c = f * c + i * g
        return o * c.tanh(), c

    _with_cell(patch, cell)


def gates_split_in_another_order(model: AutoregressiveModel, patch: Patch) -> None:
    """Stacked o, f, i, g and split f, i, o, g: a forget bias lands on another gate."""

    def cell(gates: Tensor, c: Tensor, *, dim: int = 1) -> tuple[Tensor, Tensor]:
        f, i, o, g = gates.chunk(4, dim=dim)
        return lstm_cell(torch.cat([o, f, i, g], dim=dim), c, dim=dim)

    _with_cell(patch, cell)


def two_forget_gates(model: AutoregressiveModel, patch: Patch) -> None:
    """The input gate forgets too."""

    def cell(gates: Tensor, c: Tensor, *, dim: int = 1) -> tuple[Tensor, Tensor]:
        o, f, i, g = gates.chunk(4, dim=dim)
        c = f.sigmoid() * c + i.sigmoid() * c + g.tanh()
        return o.sigmoid() * c.tanh(), c

    _with_cell(patch, cell)


def residual_added_twice(model: AutoregressiveModel, patch: Patch) -> None:
    """`x = x + layer(x)` with a layer that adds x already."""
    _change_output(model, RESIDUAL, lambda x, made: x + made)


def residual_forgotten(model: AutoregressiveModel, patch: Patch) -> None:
    """The layer hands on its change alone."""
    _change_output(model, RESIDUAL, lambda x, made: made - x)


def skip_forgotten(model: AutoregressiveModel, patch: Patch) -> None:
    """Layers speak to the head through the residual path alone."""
    for layer in _of(model, SKIPPING):
        plain = layer.forward
        patch.setattr(layer, "forward", lambda *given, plain=plain: (plain(*given)[0], torch.zeros(())))


def initial_state_of_zeros(model: AutoregressiveModel, patch: Patch) -> None:
    """Nothing is learned of what lies outside the picture."""
    for layer in _of(model, STARTED):
        start = layer.start.detach()
        del layer.start
        layer.register_buffer("start", torch.zeros_like(start))


def _of(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, kinds)]


def _change_output(
    model: nn.Module, kinds: tuple[type[nn.Module], ...], change: Callable[[Tensor, Tensor], Tensor]
) -> None:
    for layer in _of(model, kinds):
        layer.register_forward_hook(
            lambda _, given, made: (
                (change(given[0], made[0]), *made[1:]) if isinstance(made, tuple) else change(given[0], made)
            )
        )
