"""What a layer computes, apart from what it sees: the LSTM cell, residual and skip connections, initial states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pixelart.layers.gated_residual import GatedResidual
from pixelart.models import AutoregressiveModel
from pixelart.models.diagonal_bilstm import DiagonalLayer, DiagonalLSTM
from pixelart.models.pixelcnn import ResidualBlock
from pixelart.models.row_lstm import RowLSTMLayer
from pixelart.models.row_rnn import RowRNN
from tests.models.checks import nothing_known, random_pixels

Check = Callable[[AutoregressiveModel], None]
RESIDUAL = (ResidualBlock, RowLSTMLayer, DiagonalLayer, GatedResidual)
SKIPPING = (RowLSTMLayer, DiagonalLayer)
STARTED = (RowLSTMLayer, DiagonalLSTM, RowRNN)


@torch.no_grad()
def check_cell(model: AutoregressiveModel) -> None:
    """Down a column, or along a row, states are those of torch's own cell."""
    for layer in _some(model, (RowLSTMLayer, DiagonalLSTM)):
        gates = torch.randn(1, 4 * layer.hidden, 4, generator=torch.Generator().manual_seed(1))
        if isinstance(layer, RowLSTMLayer):
            states = layer._rows(gates[..., None])[0][..., 0]
        else:
            side = [3] if layer.from_right else []
            states = layer.run(gates[:, :, None].flip(side)).flip(side)[:, :, 0]
        h, c = (part[None] for part in layer.start)
        before = layer.state_to_state.weight[..., 1]  # the pixel above in the column, to the left in the row
        for t in range(gates.shape[2]):
            h, c = _torch_cell(gates[..., t] + h @ before.T, h, c)
            torch.testing.assert_close(states[..., t], h)


def _torch_cell(gates: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:  # gates in the paper's o, f, i, g
    hidden = h.shape[1]
    cell = nn.LSTMCell(4 * hidden, hidden, bias=False)
    o, f, i, g = torch.eye(4 * hidden).chunk(4)
    cell.weight_ih.copy_(torch.cat([i, f, g, o]))
    cell.weight_hh.zero_()
    return cell(gates, (h, c))


@torch.no_grad()
def check_residual(model: AutoregressiveModel) -> None:
    """A layer all of whose weights are nothing hands on what it was given."""
    for layer in _some(model, RESIDUAL):
        kept = [parameter.clone() for parameter in layer.parameters()]
        for parameter in layer.parameters():
            parameter.zero_()
        given, made = _passing(model, layer)
        for parameter, value in zip(layer.parameters(), kept, strict=True):
            parameter.copy_(value)
        assert given.abs().max() > 0 and torch.equal(made, given)


@torch.no_grad()
def check_skip(model: AutoregressiveModel) -> None:
    """What a layer adds to the skip sum reaches the head as it is."""
    for layer in _some(model, SKIPPING):
        bias = (layer.out if isinstance(layer, RowLSTMLayer) else layer.out_left).bias
        plain = _passing(model, model.get_submodule("head"))[0]
        bias[layer.split[0] :] += 1
        moved = _passing(model, model.get_submodule("head"))[0]
        bias[layer.split[0] :] -= 1
        torch.testing.assert_close(moved, plain + 1)


@torch.no_grad()
def check_start(model: AutoregressiveModel) -> None:
    """The initial state is learned, and matters."""
    x = random_pixels(2, model.config.channels, model.config.levels, (model.config.height, model.config.width))
    for layer in _some(model, STARTED):
        assert "start" in dict(layer.named_parameters(recurse=False)), "the initial state is not learned"
        plain = model(x, nothing_known(x))
        layer.start += 0.5
        moved = model(x, nothing_known(x))
        layer.start -= 0.5
        assert not torch.allclose(moved, plain), "the initial state changes nothing"


def _some(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[Any]:
    found = [module for module in model.modules() if isinstance(module, kinds)]
    assert found
    return found


def _passing(model: AutoregressiveModel, layer: nn.Module) -> tuple[Tensor, Tensor]:
    """What goes into a layer first, and what comes out first, while the model judges a picture."""
    seen: list[tuple[Tensor, Tensor]] = []

    def note(_: nn.Module, given: tuple[Any, ...], made: Any) -> None:
        seen.append((given[0], made[0] if isinstance(made, tuple) else made))

    x = random_pixels(2, model.config.channels, model.config.levels, (model.config.height, model.config.width))
    handle = layer.register_forward_hook(note)
    model(x, nothing_known(x))
    handle.remove()
    return seen[0]
