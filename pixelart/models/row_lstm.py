"""Row LSTM (Pixel Recurrent Neural Networks, van den Oord et al. 2016, arXiv 1601.06759, section 3.1, table 1).

    pixels -> embedding -> 7x7 mask A (2h) -> layers: an LSTM runs down the rows, all pixels of a row at once:
              input-to-state   (1,3) mask B along the row, 2h -> 4h
              state-to-state   (1,3) unmasked on the row above, h -> 4h
              h -> 1x1 mask B -> 2h, added to the input; and to the skip sum
           -> twice (ReLU, 1x1), then 1x1 -> logits, all mask B

The state-to-state kernel is unmasked, because all of the row above is past. The receptive field is a triangle: it
widens by one pixel to each side per row upwards. Differences from the paper: colours enter as learned embeddings, and
the context map biases the gates and the skip sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import (
    ContextBias,
    FirstConv,
    picture_by_picture,
    pointwise,
    raster_conv,
    row_conv,
    taps_matrix,
)
from pixelart.layers.context import SMALL_CONTEXT, Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.head import Head
from pixelart.layers.lstm import lstm_cell
from pixelart.layers.lstm_scan import down_rows, lstm_scan
from pixelart.layers.masked import Groups, spread_groups
from pixelart.layers.tracing import Term, Traced
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class RowLSTMConfig(ModelConfig):
    """`layers` with `hidden` features, `embedding` features per colour channel, `head` before the logits."""

    embedding: int = 16
    hidden: int = 64
    layers: int = 6
    head: int = 128


class RowLSTMLayer(nn.Module):
    """x -> (x + change, skip): one LSTM down the rows."""

    def __init__(self, wide: Groups, groups: Groups, skip: Groups, *, context: int) -> None:
        super().__init__()
        hidden = self.hidden = len(groups)
        self.split = [len(wide), len(skip)]
        self.input_to_state = row_conv(wide, groups * 4, taps=2, mask_type="B")
        self.state_to_state = nn.Conv1d(hidden, 4 * hidden, 3, padding=1, bias=False)
        self.context = ContextBias(context, 4 * hidden)
        self.start = nn.Parameter(torch.zeros(2, hidden))  # h and c above the first row
        self.out = pointwise(groups, wide + skip)

    def forward(self, x: Tensor, context_map: Tensor, state: DecodeState | None) -> tuple[Tensor, Tensor]:
        """x (B, 2h, h, w) of the state's region, with the whole context map (B, F, H, W)."""
        gates = self.input_to_state(x, state) + self.context(context_map, state)
        if isinstance(gates, Traced):
            h = self._traced(gates)
        elif state is None or state.is_prefill:
            h, c = self._rows(gates)
            if state:
                for name, values in (("h", h), ("c", c)):
                    self._states(state, x, name)[:, 1 : 1 + h.shape[2]] = values.permute(0, 2, 3, 1)
        else:
            h = self._region(gates, state)
        change, skip = self.out(h, state).split(self.split, dim=1)
        return x + change, skip

    def _traced(self, gates: Any) -> Any:
        recorder = gates.recorder
        h, c = (recorder.memory(self.hidden, above=start) for start in self.start)
        taps = [
            Term(h, -1, dx, matrix.T)
            for dx, matrix in zip((-1, 0, 1), self.state_to_state.weight.unbind(2), strict=True)
        ]
        new_h, new_c = lstm_cell(gates + h.sum(taps, size=gates.size), c.moved(-1, 0))
        recorder.define(h, new_h)
        recorder.define(c, new_c)
        return new_h

    def _rows(self, gates: Tensor) -> tuple[Tensor, Tensor]:  # h and c (B, h, H, W) of gates (B, 4h, H, W)
        return lstm_scan(gates, taps_matrix(self.state_to_state), self.start, down_rows(*gates.shape[2:]))

    def _region(self, gates: Tensor, state: DecodeState) -> Tensor:  # h (B, h, 1, n) of a region in one row
        states_h, states_c = (self._states(state, gates, name) for name in ("h", "c"))
        columns, row = state.columns, state.row
        if state.begins_row:
            state.put(self, "from above", self._from_above(states_h[:, row], state))
        above = state.keep(self, "from above", lambda: gates)
        h, c = lstm_cell(gates[:, :, 0].mT + above[:, columns], states_c[:, row, columns], dim=2)
        states_h[:, row + 1, columns], states_c[:, row + 1, columns] = h, c
        return h.mT[:, :, None]

    def _from_above(self, h: Tensor, state: DecodeState) -> Tensor:  # (B, W, 4h) of the row above (B, W, h)
        matrix = state.constant(self, "state to state", lambda: taps_matrix(self.state_to_state).detach())
        return picture_by_picture(_three(h), matrix, None)

    def _states(self, state: DecodeState, like: Tensor, name: str) -> Tensor:  # (B, 1 + H, W, h); row 0: the start
        def make() -> Tensor:
            states = like.new_zeros(len(like), 1 + state.height, state.width, self.hidden)
            states[:, 0] = self.start["hc".index(name)]
            return states

        return state.keep(self, name, make)


def _three(h: Tensor) -> Tensor:
    """Inputs of the (1,3) kernel on a row (B, W, h): (B, W, 3h), the left neighbour, the pixel, the right neighbour."""
    padded = F.pad(h, (0, 0, 1, 1))
    return torch.cat([padded[:, i : i + h.shape[1]] for i in range(3)], dim=2)


_DEBUG = {
    "embedding": 4,
    "hidden": 10,
    "layers": 2,
    "head": 8,
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model("row_lstm", config=RowLSTMConfig, presets={"default": {"context": SMALL_CONTEXT}, "debug": _DEBUG})
class RowLSTM(RasterModel):
    """LSTMs that run down the rows."""

    config: RowLSTMConfig

    def __init__(self, config: RowLSTMConfig) -> None:
        super().__init__(config)
        context, groups = config.context.hidden, spread_groups(config.hidden, config.channels)
        wide = groups * 2
        self.colours = self.colour_embedding(config.embedding)
        self.first = raster_conv(self.colours.groups, wide, size=7, mask_type="A", kind=FirstConv)
        self.layers = nn.ModuleList(RowLSTMLayer(wide, groups, wide, context=context) for _ in range(config.layers))
        self.context_skip = ContextBias(context, len(wide), bias=True)
        self.head = Head(wide, config.head, channels=config.channels, levels=self.outputs_per_channel)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        features = self.first.of_picture(x, self.embed(given), state)
        total = self.context_skip(given.map, state)
        for layer in self.layers:
            features, skip = layer(features, given.map, state)
            total = total + skip
        return self.head(total, state)
