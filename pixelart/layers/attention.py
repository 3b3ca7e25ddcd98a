"""Causal attention over all earlier pixels (PixelSNAIL, Chen et al. 2018, 1712.09763, section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pixelart.layers.causal import pointwise
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.gated_residual import GatedResidual
from pixelart.layers.masked import Groups
from pixelart.layers.tracing import Traced


class CausalAttention(nn.Module):
    """Each pixel attends to the pixels strictly before it. Query, key and value are 1x1 convolutions of a gated
    residual layer.

    Strictly before, because a pixel's key and value contain that pixel. The query uses only the features of the first
    colour group, which do not depend on any channel of their own pixel; otherwise an attention weight could leak green
    to red. The first pixel attends to nothing and gets zeros.
    """

    def __init__(self, pixels: Groups, features: Groups, *, keys: int, values: int) -> None:
        super().__init__()
        last = max(features)
        self.keys = keys
        self.mixed = GatedResidual(pixels + features, conv=pointwise)
        self.asking = GatedResidual(features, conv=pointwise)
        self.key_value = pointwise(pixels + features, (last,) * (keys + values))
        self.query = pointwise(features, (0,) * keys)

    def forward(self, pixels: Tensor, before: Tensor | None, features: Tensor, state: DecodeState | None) -> Tensor:
        """(B, values, h, w) of pixels (B, E, h, w) and features (B, F, h, w) of the decode state's region.

        before: the features (B, E, 1, 1) of the pixel left of the region; its last channel has become known since it
        was read.
        """
        given = torch.cat([pixels, features], dim=1)
        if isinstance(features, Traced):
            query, key_value = (
                self.query(self.asking(features, None, state)),
                self.key_value(self.mixed(given, None, state)),
            )
            values = key_value.size - self.keys
            return features.recorder.attend(query, key_value, heads=1, values=values, zero_key=False)
        size = features.shape[2:]
        query = self.query(self.asking(features, None, state), state).flatten(2)
        if state is None:
            return self._attend(query, self.key_value(self.mixed(given, None, None)), first=0).unflatten(2, size)
        first = state.rows.start * state.width + state.columns.start
        inputs, kept = self._kept(given, state)
        stop, start = first + query.shape[2], first
        inputs[:, first:stop] = given.flatten(2).mT
        if before is not None:
            start = first - 1
            inputs[:, start, : before.shape[1]] = before[:, :, 0, 0]
        region = self.mixed(inputs[:, start:stop].mT[:, :, None], None, state)
        kept[:, start:stop] = self.key_value.region(region, state)[:, :, 0].mT
        return self._attend(query, kept[:, :stop].mT, first=first).unflatten(2, size)

    def _kept(self, given: Tensor, state: DecodeState) -> tuple[Tensor, Tensor]:
        """The inputs (B, places, E + F), and the keys with values (B, places, k + V), of all pixels so far."""
        places, outputs = (len(given), state.height * state.width), len(self.key_value.bias)
        inputs = state.keep(self, "inputs", lambda: given.new_zeros(*places, given.shape[1]))
        return inputs, state.keep(self, "key and value", lambda: given.new_zeros(*places, outputs))

    def _attend(self, query: Tensor, key_value: Tensor, *, first: int) -> Tensor:
        """(B, V, n) for queries (B, k, n) of the n pixels that start at number `first`."""
        keys, values = key_value.flatten(2).split([self.keys, key_value.shape[1] - self.keys], dim=1)
        scores = (query.mT @ keys) * self.keys**-0.5  # (B, n, m)
        places = torch.arange(keys.shape[2], device=keys.device)
        past = places[None] < places[first : first + query.shape[2], None]
        some = past.any(1)  # the first pixel has no past: its row stays finite and its result is zeroed
        scores = scores.masked_fill(~past & some[:, None], -torch.inf)
        # Not by masking the weights: torch.compile (2.13) computes a wrong gradient of a masked softmax.
        return values @ torch.softmax(scores, dim=-1).mT * some
