"""Mistakes of public code in recurrences, shifts and attention, each put into one of our variants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.layers.attention import CausalAttention
from pixelart.layers.causal import CausalConv2d
from pixelart.layers.lstm import lstm_cell
from pixelart.models import AutoregressiveModel
from pixelart.models.diagonal_bilstm import DiagonalLayer, DiagonalLSTM
from pixelart.models.pixelcnn_plus_plus import PixelCNNPlusPlus
from pixelart.models.row_lstm import RowLSTMLayer
from pixelart.models.row_rnn import RowRNN
from tests.mutants.patching import after, parts, replace


def right_map_not_moved_down(model: AutoregressiveModel) -> None:
    """Row r reads the right map of row r: moved up by one first, what moves it down puts it back."""
    for layer in parts(model, DiagonalLayer):
        after(layer.right, "run", lambda h: F.pad(h, (0, 0, 0, 1))[:, :, 1:])


def right_map_from_the_bottom_up(model: AutoregressiveModel) -> None:
    """The second direction also runs up the rows: moved down by one, it still has seen those below."""
    for layer in parts(model, DiagonalLayer):
        plain = layer.right.run
        replace(layer.right, "run", lambda lstm, gates, plain=plain: plain(gates.flip(2)).flip(2))


def right_map_flipped_when_skewed(model: AutoregressiveModel) -> None:
    """The skewed map is flipped, not the picture: (r, j) reads (r, j+1) and (r-1, j+2), and a wedge is lost."""

    def run(lstm: DiagonalLSTM, gates: Tensor) -> Tensor:
        columns = _skew(gates).flip(3).unbind(3)
        return _unskew(_scan(lstm, columns, padding=(1, 0)).flip(3), gates.shape[3])

    for layer in parts(model, DiagonalLayer):
        replace(layer.right, "run", run)


def right_map_never_flipped_back(model: AutoregressiveModel) -> None:
    """What a pixel reads of the second direction belongs to its mirror image."""
    for layer in parts(model, DiagonalLayer):
        after(layer.right, "run", lambda h: h.flip(3))


def diagonal_state_padded_at_the_end(model: AutoregressiveModel) -> None:
    """The (2,1) kernel reads rows r and r + 1 of the diagonal before: the pixel below, two to the left."""

    def run(lstm: DiagonalLSTM, gates: Tensor) -> Tensor:
        side = [3] if lstm.from_right else []
        columns = _skew(gates.flip(side)).unbind(3)
        return _unskew(_scan(lstm, columns, padding=(0, 1)), gates.shape[3]).flip(side)

    for lstm in parts(model, DiagonalLSTM):
        replace(lstm, "run", run)


def _scan(lstm: DiagonalLSTM, columns: Iterable[Tensor], *, padding: tuple[int, int]) -> Tensor:
    """h (B, h, H, n) of n columns (B, 4h, H) of a skewed map, whose states are padded before the (2,1) kernel."""
    columns, states = list(columns), list[Tensor]()
    h, c = lstm.start[:, None, :, None].expand(2, len(columns[0]), -1, columns[0].shape[2])
    for column in columns:
        h, c = lstm_cell(column + lstm.state_to_state(F.pad(h, padding)), c)
        states.append(h)
    return torch.stack(states, dim=3)


def _skew(x: Tensor) -> Tensor:
    """(B, F, H, W + H - 1) of x (B, F, H, W): row r shifted right by r pixels, zeros elsewhere."""
    batch, features, height, width = x.shape
    wide = F.pad(x, (0, height)).flatten(2)[..., : height * (width + height - 1)]
    return wide.view(batch, features, height, width + height - 1)


def _unskew(x: Tensor, width: int) -> Tensor:
    """The inverse of `_skew`: (B, F, H, `width`) of x (B, F, H, W + H - 1)."""
    batch, features, height, _ = x.shape
    return F.pad(x.flatten(2), (0, height)).view(batch, features, height, -1)[..., :width]


def row_input_kernel_along_the_column(model: AutoregressiveModel) -> None:
    """k x 1 is read as k rows, one column: the pixels to the left are lost."""

    def forward(conv: CausalConv2d, x: Tensor, state: None = None) -> Tensor:
        return F.conv2d(F.pad(x, (0, 0, 1, 0)), conv.masked_weight().mT, conv.bias)

    for layer in parts(model, RowLSTMLayer):
        replace(layer.input_to_state, "forward", forward)


def row_state_kernel_along_the_column(model: AutoregressiveModel) -> None:
    """3 x 1 on a map of one row, whose outer taps meet padding alone: the triangle shrinks to a column."""
    for layer in parts(model, RowLSTMLayer):
        layer.state_to_state.weight[..., [0, 2]] = 0


def row_input_kernel_without_mask(model: AutoregressiveModel) -> None:
    """The kernel along the row is centred and open on its right."""

    def forward(conv: CausalConv2d, x: Tensor, state: None = None) -> Tensor:
        weight = conv.masked_weight()
        return F.conv2d(F.pad(x, (1, 1, 0, 0)), torch.cat([weight, weight[..., :1]], dim=3), conv.bias)

    for layer in parts(model, RowLSTMLayer):
        replace(layer.input_to_state, "forward", forward)


def row_state_scrambled_by_view(model: AutoregressiveModel) -> None:
    """A row's state (h, W) is viewed as (W, h): columns read each other."""

    def scrambled(layer: RowLSTMLayer, gates: Tensor, plain: Callable[[Tensor], tuple[Tensor, Tensor]]) -> tuple:
        h, c = plain(gates)
        rows = h.transpose(1, 2)  # (B, H, h, W)
        return rows.reshape(*rows.shape[:2], rows.shape[3], rows.shape[2]).permute(0, 3, 1, 2), c

    for layer in parts(model, RowLSTMLayer):
        plain = layer._rows
        replace(layer, "_rows", lambda layer, gates, plain=plain: scrambled(layer, gates, plain))


def bidirectional_many_to_many(model: AutoregressiveModel) -> None:
    """One pass of both directions over all rows, read at each row: the way back has come from the end."""
    for rnn in parts(model, RowRNN):
        replace(rnn, "_states", lambda rnn, x, given, state: rnn.rnn(rnn._inputs(x, given, range(x.shape[2])))[0])


def rows_above_with_the_row_itself(model: AutoregressiveModel) -> None:
    """Stream u is fed the row where the one above it was meant."""

    def above(network: PixelCNNPlusPlus, x: Tensor, given: list[Tensor], state: None) -> Iterator[Tensor]:
        return iter(network.u(network.first_u(network._values(x)), given, None, None)[1])

    for network in parts(model, PixelCNNPlusPlus):
        replace(network, "_above", above)


def attention_to_the_pixel_itself(model: AutoregressiveModel) -> None:
    """The mask holds the diagonal too (<=), and the key and value of a pixel hold the pixel."""

    def attend(layer: CausalAttention, query: Tensor, key_value: Tensor, *, first: int) -> Tensor:
        keys, values = key_value.flatten(2).split([layer.keys, key_value.shape[1] - layer.keys], dim=1)
        scores = query.mT @ keys * layer.keys**-0.5
        future = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1)
        return values @ torch.softmax(scores.masked_fill(future, -torch.inf), dim=-1).mT

    for layer in parts(model, CausalAttention):
        replace(layer, "_attend", attend)


def attention_asked_by_all_colours(model: AutoregressiveModel) -> None:
    """The query is made of the features of every group: a weight can tell red what green is."""
    for layer in parts(model, CausalAttention):
        layer.query.mask.fill_(1)
