"""Row RNN: a plain LSTM or GRU over the rows of a picture, as in introductory articles.

    row r - 1, embedded -> LSTM or GRU -> features of every pixel of row r -> 1x1 -> logits

Each step reads one row and predicts the next. The pixels of a row, and the channels of a pixel, are independent given
the rows above. That makes it fast but inaccurate: it is the baseline for the others.

Many-to-many: one pass over the rows, an output at each. Many-to-one: each row is predicted by its own pass over all
finished rows. That pass may be bidirectional, since all its rows are past; in many-to-many this would leak the future.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pixelart.layers.context import SMALL_CONTEXT, Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState, cut
from pixelart.layers.precision import in_float32
from pixelart.layers.resizable import resizable
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class RowRNNConfig(ModelConfig):
    """A `cell` with `hidden` units, used in the given `form`; `features` per pixel, `head` before the logits."""

    cell: Literal["lstm", "gru"] = "lstm"
    form: Literal["many_to_many", "many_to_one", "bidirectional_many_to_one"] = "many_to_many"
    embedding: int = 8
    hidden: int = 384
    features: int = 24
    head: int = 128


_DEBUG = {
    "embedding": 3,
    "hidden": 12,
    "features": 6,
    "head": 8,
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}
_PRESETS = {
    "default": {"context": SMALL_CONTEXT},
    "many_to_one": {"form": "many_to_one", "context": SMALL_CONTEXT},
    "bidirectional": {"form": "bidirectional_many_to_one", "context": SMALL_CONTEXT},
    "gru": {"cell": "gru", "context": SMALL_CONTEXT},
    "debug": _DEBUG,
}


@register_model("row_rnn", config=RowRNNConfig, presets=_PRESETS)
class RowRNN(RasterModel):
    """Predicts one row at a time, given the rows above."""

    config: RowRNNConfig
    unit = "row"
    any_size = False

    def __init__(self, config: RowRNNConfig) -> None:
        super().__init__(config)
        both = config.form == "bidirectional_many_to_one"
        kinds: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
        self.colours = self.colour_embedding(config.embedding)
        self.start = nn.Parameter(torch.zeros(config.channels * config.embedding * config.width))  # above the first row
        self.rnn = kinds[config.cell](len(self.start), config.hidden, batch_first=True, bidirectional=both)
        self.spread = nn.Linear(config.hidden * (1 + both), config.features * config.width)
        self.context = nn.Conv2d(config.context.hidden, config.features, 1)
        self.hidden = nn.Conv2d(config.features, config.head, 1)
        self.logits = resizable(nn.Conv2d(config.head, config.channels * self.outputs_per_channel, 1), "level")

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        states = self._states(x, given, state) if state is None else self._next_states(x, given, state)
        features = self.spread(states).unflatten(2, (self.config.features, -1)).transpose(1, 2)
        hidden = torch.relu(self.hidden(torch.relu(features + self.context(cut(given.map, state)))))
        return self.logits(hidden)

    def _inputs(self, x: Tensor, given: Conditioning, rows: range) -> Tensor:
        """What each of some rows is predicted from: the row above it, (B, h, C * E * W)."""
        above = self.embed(given)(x[:, :, max(0, rows.start - 1) : rows.stop - 1]).permute(0, 2, 1, 3).flatten(2)
        return above if rows.start else torch.cat([self.start.expand(len(x), 1, -1), above], dim=1)

    def _states(self, x: Tensor, given: Conditioning, state: DecodeState | None) -> Tensor:
        """The recurrent state at each row of the state's region (B, h, hidden)."""
        rows = self._inputs(x, given, range(x.shape[2] if state is None else state.rows.stop))
        wanted = range(0 if state is None else state.rows.start, rows.shape[1])
        if self.config.form == "many_to_many":
            return in_float32(self.rnn, rows)[0][:, wanted.start :]
        return torch.stack([self._last(rows[:, : r + 1]) for r in wanted], dim=1)

    def _next_states(self, x: Tensor, given: Conditioning, state: DecodeState) -> Tensor:
        """`_states` while drawing: one direction goes on from the row above."""
        if self.rnn.bidirectional:
            return self._states(x, given, state)
        first, last = state.rows.start, state.numbers.get(self)
        if last == first - 1 and state.rows.stop == first + 1:
            before = state.keep(self, "state", lambda: x)
            after = self._step(self._inputs(x, given, range(first, first + 1))[:, 0], before)
            outputs = after[:, None, 0]
        else:
            outputs, last_state = in_float32(self.rnn, self._inputs(x, given, range(state.rows.stop)))
            parts = last_state if isinstance(last_state, tuple) else (last_state,)
            outputs, after = outputs[:, first:], torch.cat(parts).transpose(0, 1)
        state.put(self, "state", after)
        state.numbers[self] = state.rows.stop - 1
        return outputs

    def _step(self, row: Tensor, before: Tensor) -> Tensor:
        """The state (B, 1 or 2, hidden), h first, after a row (B, inputs), from that before it."""
        weights = [getattr(self.rnn, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        if isinstance(self.rnn, nn.LSTM):  # one step of `nn.LSTM`, which would first copy its weights
            return torch.stack(torch.lstm_cell(row, (before[:, 0], before[:, 1]), *weights), dim=1)
        return torch.gru_cell(row, before[:, 0], *weights)[:, None]

    def _last(self, rows: Tensor) -> Tensor:  # (B, directions * hidden): the end of each direction
        final = in_float32(self.rnn, rows)[1]
        final = final[0] if isinstance(final, tuple) else final
        return final.transpose(0, 1).flatten(1)
