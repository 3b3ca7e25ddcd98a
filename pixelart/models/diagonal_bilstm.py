"""Diagonal BiLSTM (Pixel Recurrent Neural Networks, van den Oord et al. 2016, arXiv 1601.06759, section 3.2, table 1).

    pixels -> embedding -> 7x7 mask A (2h) -> layers, each with two LSTMs that run along diagonals:
              input-to-state   1x1 mask B, 2h -> 4h
              state-to-state   the left and the upper neighbour's h, h -> 4h ((2,1) on the skewed map)
              h -> 1x1 mask B -> 2h, both added to the input; and to the skip sum
           -> twice (ReLU, 1x1), then 1x1 -> logits, all mask B

Row r of the skewed map is shifted right by r pixels, so that a column is a diagonal, whose pixels are independent. The
second LSTM does the same on the mirrored picture; mirrored back, its output depends on the future of its own row, so it
is moved down by one row. Together they see the whole past. Differences from the paper: colours enter as learned
embeddings; the context map biases the gates and the skip sum; the border of the skewed map always holds the learned
initial state; and the second LSTM also reads the pixels themselves, unmasked, since all it has seen is past after the
move (otherwise the beginning of a row could not see the last pixel of the row above).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import ContextBias, FirstConv, pointwise, raster_conv, taps_matrix
from pixelart.layers.context import SMALL_CONTEXT, Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState, cut
from pixelart.layers.head import Head
from pixelart.layers.lstm import lstm_cell
from pixelart.layers.lstm_scan import along_diagonals, lstm_scan
from pixelart.layers.masked import Groups, spread_groups
from pixelart.layers.tracing import Drawn, Term, Traced
from pixelart.models.base import Embed, ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class DiagonalBiLSTMConfig(ModelConfig):
    """`layers` with `hidden` features per direction, `embedding` features per colour channel, `head` before the
    logits."""

    embedding: int = 16
    hidden: int = 48
    layers: int = 4
    head: int = 128


class DiagonalLSTM(nn.Module):
    """One direction: from the upper left to the lower right, or from the upper right to the lower left."""

    def __init__(self, wide: Groups, groups: Groups, *, context: int, from_right: bool) -> None:
        super().__init__()
        self.hidden, self.from_right = len(groups), from_right
        self.input_to_state = pointwise(wide, groups * 4)
        self.state_to_state = nn.Conv1d(self.hidden, 4 * self.hidden, 2, bias=False)  # taps: upper, left neighbour
        self.context = ContextBias(context, 4 * self.hidden)
        self.start = nn.Parameter(torch.zeros(2, self.hidden))  # h and c left of the first column

    def gates(self, x: Tensor, context_map: Tensor, state: DecodeState | None) -> Tensor:
        """Pre-activations (B, 4h, h, w) without the state-to-state part."""
        return self.input_to_state(x, state) + self.context(context_map, state)

    def run(self, gates: Tensor) -> Tensor:
        """h (B, h, H, W) from gates (B, 4h, H, W) of whole rows."""
        wave = along_diagonals(*gates.shape[2:], from_right=self.from_right)
        return lstm_scan(gates, taps_matrix(self.state_to_state), self.start, wave)[0]

    def scan(self, gates: Tensor, above: Tensor | None, before: tuple[Tensor, Tensor], state: DecodeState) -> Tensor:
        """h and c, stacked (2, B, n, h), of n neighbouring pixels of one row, computed in sequence.

        gates (B, n, 4h); above (B, n, h): states of the upper neighbours, None in the first row; before: h and c (B, h)
        of the pixel left of the first.
        """
        matrix = state.constant(self, "state to state", lambda: taps_matrix(self.state_to_state).detach())
        h, c = (state[:, None] for state in before)
        states = []
        for i in range(gates.shape[1]):
            up = torch.zeros_like(h) if above is None else above[:, i : i + 1]
            h, c = lstm_cell(gates[:, i : i + 1] + torch.cat([up, h], dim=2) @ matrix, c, dim=2)
            states.append(torch.stack([h, c]))
        return torch.cat(states, dim=2)

    def traced(self, gates: Any) -> Any:
        """h of a pixel from its gates; the neighbour before it is the left one, or the right one."""
        recorder, beside = gates.recorder, 1 if self.from_right else -1
        side = "right" if self.from_right else "left"
        h, c = (recorder.memory(self.hidden, **{side: start}) for start in self.start)
        up, before = (matrix.T for matrix in self.state_to_state.weight.unbind(2))
        inner = h.sum([Term(h, -1, 0, up), Term(h, 0, beside, before)], size=gates.size)
        new_h, new_c = lstm_cell(gates + inner, c.moved(0, beside))
        recorder.define(h, new_h)
        recorder.define(c, new_c)
        return h

    def initial(self, batch: int) -> tuple[Tensor, Tensor]:
        """h and c (B, h) left of the first pixel of a row."""
        h, c = self.start[:, None].expand(2, batch, -1)
        return h, c


class DiagonalLayer(nn.Module):
    """x -> (x + change, skip): an LSTM from the left, and one from the right whose output moves down by one row."""

    def __init__(self, pixels: Groups, wide: Groups, groups: Groups, skip: Groups, *, context: int) -> None:
        super().__init__()
        self.pixels = nn.Conv2d(len(pixels), 4 * len(groups), 1, bias=False)
        self.split = [len(wide), len(skip)]
        self.left, self.right = (
            DiagonalLSTM(wide, groups, context=context, from_right=from_right) for from_right in (False, True)
        )
        self.out_left, self.out_right = (pointwise(groups, wide + skip) for _ in range(2))

    def forward(
        self, x: Tensor, pixels: Tensor | None, context_map: Tensor, state: DecodeState | None
    ) -> tuple[Tensor, Tensor]:
        """x (B, 2h, h, w) of the state's region, with the whole context map (B, F, H, W).

        pixels: colour features (B, E, h, w) of the region; at the start of a row, those of the row above in full width.
        """
        if isinstance(x, Traced):
            gates = self.right.gates(x.moved(-1, 0), context_map, x.recorder.row_above()) + self.pixels(pixels)
            left = self.left.traced(self.left.gates(x, context_map, state))
            right = self.right.traced(gates)
            change, skip = (self.out_left(left, state) + self.out_right(right, state)).split(self.split, dim=1)
            return x + change, skip
        gates = [lstm.gates(x, context_map, state) for lstm in (self.left, self.right)]
        if state is None or state.is_prefill:
            assert pixels is not None
            left, right = self.left.run(gates[0]), self.right.run(gates[1] + self.pixels(pixels))
            if state:
                self._remember(state, left=left, right=right, gates=gates[1])
            right = F.pad(right, (0, 0, 1, 0))[:, :, :-1]  # row r sees row r - 1
        else:
            left, right = self._left_region(gates[0], state), self._right_region(gates[1], pixels, state)
        both = self.out_left(left, state) + self.out_right(right, state)
        change, skip = both.split(self.split, dim=1)
        return x + change, skip

    def _left_region(self, gates: Tensor, state: DecodeState) -> Tensor:
        states = state.keep(self, "left", lambda: self._rows(state, gates, 2 * self.left.hidden))
        row, start, stop = state.row, state.columns.start, state.columns.stop
        h, c = states.chunk(2, dim=-1)
        before = (h[:, row, start - 1], c[:, row, start - 1]) if start else self.left.initial(len(gates))
        above = h[:, row - 1, start:stop] if row else None
        new = self.left.scan(gates[:, :, 0].mT, above, before, state)
        states[:, row, start:stop] = torch.cat([new[0], new[1]], dim=-1)
        return new[0].mT[:, :, None]

    def _right_region(self, gates: Tensor, pixels: Tensor | None, state: DecodeState) -> Tensor:
        kept = state.keep(self, "right gates", lambda: self._rows(state, gates, gates.shape[1]))
        kept[:, state.row, state.columns] = gates[:, :, 0].mT
        states = state.keep(self, "right", lambda: self._rows(state, gates, self.right.hidden))
        row = state.row - 1
        if row < 0:
            return gates.new_zeros(len(gates), self.right.hidden, 1, gates.shape[3])
        if pixels is not None:  # a row begins and the one above is final: scan that from the right
            above, whole = states[:, row - 1].flip(1) if row else None, kept[:, row] + self.pixels(pixels)[:, :, 0].mT
            new = self.right.scan(whole.flip(1), above, self.right.initial(len(gates)), state)
            states[:, row] = new[0].flip(1)
        return states[:, row, state.columns].mT[:, :, None]

    def _remember(self, state: DecodeState, *, left: Tensor, right: Tensor, gates: Tensor) -> None:
        """Cache what later rows need: h of both directions, and the gates of the second LSTM in the last row."""
        rows = slice(0, left.shape[2])
        states = state.keep(self, "left", lambda: self._rows(state, left, 2 * self.left.hidden))
        states[:, rows, :, : self.left.hidden] = left.permute(0, 2, 3, 1)
        for name, values in (("right", right), ("right gates", gates)):
            kept = state.keep(self, name, lambda v=values: self._rows(state, v, v.shape[1]))
            kept[:, rows] = values.permute(0, 2, 3, 1)

    def _rows(self, state: DecodeState, like: Tensor, features: int) -> Tensor:
        return like.new_zeros(len(like), state.height, state.width, features)


_DEBUG = {
    "embedding": 4,
    "hidden": 7,
    "layers": 2,
    "head": 8,
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model(
    "diagonal_bilstm", config=DiagonalBiLSTMConfig, presets={"default": {"context": SMALL_CONTEXT}, "debug": _DEBUG}
)
class DiagonalBiLSTM(RasterModel):
    """LSTMs along both diagonals: the receptive field is all of the past, exactly."""

    config: DiagonalBiLSTMConfig

    def __init__(self, config: DiagonalBiLSTMConfig) -> None:
        super().__init__(config)
        context, groups = config.context.hidden, spread_groups(config.hidden, config.channels)
        wide = groups * 2
        self.colours = self.colour_embedding(config.embedding)
        self.first = raster_conv(self.colours.groups, wide, size=7, mask_type="A", kind=FirstConv)
        self.layers = nn.ModuleList(
            DiagonalLayer(self.colours.groups, wide, groups, wide, context=context) for _ in range(config.layers)
        )
        self.context_skip = ContextBias(context, len(wide), bias=True)
        self.head = Head(wide, config.head, channels=config.channels, levels=self.outputs_per_channel)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        embed = self.embed(given)
        features = self.first.of_picture(x, embed, state)
        total = self.context_skip(given.map, state)
        pixels = self._pixels(x, embed, state)
        for layer in self.layers:
            features, skip = layer(features, pixels, given.map, state)
            total = total + skip
        return self.head(total, state)

    def _pixels(self, x: Tensor, embed: Embed, state: DecodeState | None) -> Tensor | None:
        if isinstance(x, Drawn):
            return embed(x.above())
        if state is None or state.is_prefill:
            return embed(cut(x, state))
        return embed(x[:, :, state.row - 1 : state.row]) if state.begins_row and state.row else None
