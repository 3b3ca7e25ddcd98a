"""Causal self-attention over earlier pixels, for dependencies beyond the receptive field of the convolutions.

Attention Is All You Need (Vaswani et al. 2017, 1706.03762); over pixels: Image Transformer (Parmar et al. 2018,
1802.05751).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import pointwise
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.masked import Groups
from pixelart.layers.tracing import Term, Traced

PERIODS = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class CausalSelfAttention(nn.Module):
    """h + 1x1 of multi-head attention over the pixels strictly before each pixel.

    Keys and values are taken at every `stride`-th row and column; convolutions have already mixed in their neighbours,
    and they also cover what is near. Features of pixel j may depend on all its channels but the last, so pixels
    strictly before i are past for every channel of i. A query uses only features of the first colour group, which
    depend on no channel of their own pixel, and the output is in the first group. A zero key precedes the first pixel.
    Sines and cosines of row and column are added to queries and keys, so that attention can depend on distance.
    """

    def __init__(self, groups: Groups, *, heads: int, size: int, stride: int) -> None:
        super().__init__()
        self.heads, self.size, self.stride = heads, size, stride
        inner, last = heads * size, max(groups)
        self.inner = inner
        self.query = pointwise(groups, (0,) * inner)
        self.key_value = pointwise(groups, (last,) * (2 * inner))
        self.place = nn.Conv2d(4 * len(PERIODS), 2 * inner, 1, bias=False)
        self.out = pointwise((0,) * inner, groups)
        with torch.no_grad():
            self.out.weight.mul_(0.1)  # a deep stack starts near the identity

    def forward(self, h: Tensor, state: DecodeState | None) -> Tensor:
        """(B, F, h, w) of features h (B, F, h, w) of the state's region."""
        if isinstance(h, Traced):
            return self._traced(h)
        rows, columns = (slice(0, n) for n in h.shape[2:]) if state is None else (state.rows, state.columns)
        place_query, place_key = self.place(place_features(rows, columns, like=h)).chunk(2, dim=1)
        query, number = self.query(h, state) + place_query, pixel_numbers(rows, columns, h, state)
        own = (..., *(slice(-part.start % self.stride, None, self.stride) for part in (rows, columns)))
        keys, values = self.key_value(h[own], state).chunk(2, dim=1)
        keys, values, places = self._split(keys + place_key[own]), self._split(values), number[own].flatten()
        if state is not None:
            keys, values, places = self._with_past(keys, values, places, state)
        keys, values = F.pad(keys, (0, 0, 1, 0)), F.pad(values, (0, 0, 1, 0))
        is_past = F.pad(places[None] < number.flatten()[:, None], (1, 0), value=True)
        mean = F.scaled_dot_product_attention(self._split(query), keys, values, attn_mask=is_past)
        return h + self.out(mean.transpose(2, 3).flatten(1, 2).unflatten(2, h.shape[2:]), state)

    def _traced(self, h: Any) -> Any:
        state = h.recorder
        whole = slice(0, state.height), slice(0, state.width)
        place: Any = self.place(state.cut(place_features(*whole, like=self.place.weight)))
        place_query, place_key = place.chunk(2, dim=1)
        own: Any = self.key_value(h)
        own = own.at_step(self.stride)
        keys, values = own.chunk(2, dim=1)
        key_value = own.new("cat", own.size, Term(keys + place_key), Term(values))
        query: Any = self.query(h) + place_query
        mean = h.recorder.attend(query, key_value, heads=self.heads, values=self.inner, zero_key=True)
        return h + self.out(mean, state)

    def _split(self, x: Tensor) -> Tensor:  # (B, heads * size, h, w) -> (B, heads, h * w, size)
        return x.flatten(2).unflatten(1, (self.heads, self.size)).transpose(2, 3)

    def _with_past(
        self, keys: Tensor, values: Tensor, places: Tensor, state: DecodeState
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cache these keys and values, then return those (B, heads, n, size) of all pixels so far, and their numbers
        (n,)."""
        across = -(-state.width // self.stride)
        shape = (2, len(keys), self.heads, -(-state.height // self.stride) * across, self.size)
        kept = state.keep(self, "past", lambda: keys.new_zeros(shape).movedim(1, 0))  # batch first
        slots = places // (state.width * self.stride) * across + places % state.width // self.stride
        kept[:, 0, :, slots], kept[:, 1, :, slots] = keys, values
        every = torch.arange(shape[3], device=keys.device)
        numbers = every // across * (state.width * self.stride) + every % across * self.stride
        return kept[:, 0], kept[:, 1], numbers


def pixel_numbers(rows: slice, columns: slice, h: Tensor, state: DecodeState | None) -> Tensor:
    """The raster-order numbers (h, w) of the pixels of a region."""
    width = h.shape[3] if state is None else state.width
    down, across = (torch.arange(part.start, part.stop, device=h.device) for part in (rows, columns))
    return down[:, None] * width + across


def place_features(rows: slice, columns: slice, *, like: Tensor) -> Tensor:
    """Sines and cosines (1, 4 * len(PERIODS), h, w) of the row and column of each pixel of a region."""
    made, kind = [], torch.promote_types(like.dtype, torch.float32)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    for part, axis in ((rows, 0), (columns, 1)):
        place = torch.arange(part.start, part.stop, device=like.device, dtype=kind)
        for period in PERIODS:
            angle = place * (2 * math.pi / period)
            for wave in (angle.sin(), angle.cos()):
                made.append((wave[:, None] if axis == 0 else wave[None]).expand(shape))
    return torch.stack(made)[None]
