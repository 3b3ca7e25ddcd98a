"""Causal self-attention with several heads over all pixels before one (Attention Is All You Need, Vaswani et al. 2017,
1706.03762; over pixels: Image Transformer, Parmar et al. 2018, 1802.05751): what a stack of convolutions is too short for.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.causal import pointwise
from pixelart.layers.cursor import Cursor
from pixelart.layers.masked import Groups

PERIODS = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class CausalSelfAttention(nn.Module):
    """h + 1x1 of a mean of the values of all pixels strictly before each, weighted by query and key.

    The features of pixel j may know all channels but its own pixel's last ones, so keys and values of pixels strictly
    before i are past for every channel of i; a query is made of the features of the first colour group, which know no
    channel of their own pixel, and what comes out is of the first group. A key of zeros stands before the first pixel.
    Sines and cosines of row and column are added to queries and keys, so that a weight can tell distances.
    """

    def __init__(self, groups: Groups, *, heads: int, size: int) -> None:
        super().__init__()
        self.heads, self.size = heads, size
        inner, last = heads * size, max(groups)
        self.query = pointwise(groups, (0,) * inner)
        self.key_value = pointwise(groups, (last,) * (2 * inner))
        self.place = nn.Conv2d(4 * len(PERIODS), 2 * inner, 1, bias=False)
        self.out = pointwise((0,) * inner, groups)
        self.dropout = nn.Dropout(0.0)
        with torch.no_grad():
            self.out.weight.mul_(0.1)  # a deep stack starts near the identity

    def forward(self, h: Tensor, cursor: Cursor | None) -> Tensor:
        """(B, F, h, w) of features h (B, F, h, w) of the cursor's region."""
        query, key, value = self.query(h, cursor), *self.key_value(h, cursor).chunk(2, dim=1)
        place_q, place_k = self._places(h, cursor).chunk(2, dim=1)
        query, key = query + place_q, key + place_k
        if cursor is None or cursor.is_prefill:
            past = F.scaled_dot_product_attention(
                self._split(query), self._shifted(key), self._shifted(value), is_causal=True
            )
        if cursor is not None:
            first = cursor.rows.start * cursor.width + cursor.columns.start
            stop = first + query.shape[2] * query.shape[3]
            kept = cursor.keep(self, "past", lambda: self._empty(h, cursor))
            kept[0, :, :, first + 1 : stop + 1] = self._split(key)
            kept[1, :, :, first + 1 : stop + 1] = self._split(value)
            if not cursor.is_prefill:
                steps = torch.arange(stop, device=h.device)
                seen = steps[None] <= steps[first:stop, None]
                past = F.scaled_dot_product_attention(
                    self._split(query), kept[0, :, :, :stop], kept[1, :, :, :stop], attn_mask=seen
                )
        merged = past.transpose(2, 3).flatten(1, 2).unflatten(2, h.shape[2:])  # pyright: ignore[reportPossiblyUnboundVariable]
        return h + self.dropout(self.out(merged, cursor))

    def _split(self, x: Tensor) -> Tensor:  # (B, heads * size, h, w) -> (B, heads, h * w, size)
        return x.flatten(2).unflatten(1, (self.heads, self.size)).transpose(2, 3)

    def _shifted(self, x: Tensor) -> Tensor:
        return F.pad(self._split(x), (0, 0, 1, 0))[:, :, :-1]

    def _empty(self, h: Tensor, cursor: Cursor) -> Tensor:
        return h.new_zeros(2, len(h), self.heads, cursor.height * cursor.width + 1, self.size)

    def _places(self, h: Tensor, cursor: Cursor | None) -> Tensor:  # (1, 2 * inner, h, w)
        rows = slice(0, h.shape[2]) if cursor is None else cursor.rows
        columns = slice(0, h.shape[3]) if cursor is None else cursor.columns
        return self.place(place_features(rows, columns, like=h))


def place_features(rows: slice, columns: slice, *, like: Tensor) -> Tensor:
    """Sines and cosines (1, 4 * len(PERIODS), h, w) of the rows and columns of a region, in pixels."""
    made = []
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    for part, axis in ((rows, 0), (columns, 1)):
        place = torch.arange(part.start, part.stop, device=like.device, dtype=torch.float32)
        for period in PERIODS:
            angle = place * (2 * math.pi / period)
            for wave in (angle.sin(), angle.cos()):
                made.append((wave[:, None] if axis == 0 else wave[None]).expand(shape))
    return torch.stack(made)[None].to(like.dtype if like.dtype == torch.float64 else torch.float32)
