"""Palettes as input: the network sees colours by value, and logits are dot products with the palette's colours.

One set of weights draws in any palette; permuting the palette permutes the probabilities. A small network turns each
colour (Oklab and opacity) into a code. Pixels embed as linear maps of their colour's code, and the logit of colour k is
the dot product of the pixel's query with the key of code k (Pointer Networks, Vinyals et al. 2015, 1506.03134). Colours
enter as Fourier features, because plain Oklab values train poorly (Fourier Features, Tancik et al. 2020, 2006.10739).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.precision import in_float32
from pixelart.layers.tracing import Drawn, Embedded, Term, Traced

Place = slice | Tensor
"""Rows or columns of a region; as tensors, (1, 1) and (1, n), of a device that alone knows them."""
FREQUENCIES = (1.0, 2.0, 4.0, 8.0, 16.0)
NEVER = -1e4
"""The logit of a colour that cannot be drawn. It is finite, so that guidance can extrapolate it; its p is 0."""


def is_used(palette: Tensor) -> Tensor:
    """bool (B, K): which slots of palettes (B, K, 4; Oklab and opacity) hold a colour. Opacity is below 0 in unused
    ones.
    """
    return palette[..., 3] >= 0


def grey_ramp(levels: int) -> Tensor:
    """A palette (1, K, 4) of transparent and K - 1 greys from black to white."""
    lightness = torch.linspace(0, 1, max(1, levels - 1))
    ramp = torch.zeros(1, levels, 4)
    ramp[0, 1:, 0], ramp[0, 1:, 3] = lightness[: levels - 1], 1
    return ramp


class PaletteEncoder(nn.Module):
    """Palettes (B, K, 4), Oklab and opacity (1 opaque, 0 transparent, below 0 unused) -> codes (B, K, `features`)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * (1 + 2 * len(FREQUENCIES)) + 1, 2 * features)
        self.out = nn.Linear(2 * features, features)
        self.norm = nn.LayerNorm(features)

    def forward(self, palette: Tensor) -> Tensor:
        return in_float32(self._codes, palette.to(self.out.weight.dtype))

    def _codes(self, palette: Tensor) -> Tensor:
        lab, opacity = palette[..., :3], palette[..., 3:].clamp(min=0)
        angles = torch.cat([lab * (math.pi * f) for f in FREQUENCIES], dim=-1)
        features = torch.cat([lab, angles.sin(), angles.cos()], dim=-1) * opacity  # transparent has no Oklab value
        return self.norm(self.out(F.gelu(self.hidden(torch.cat([features, opacity], dim=-1)))))


class PaletteEmbedding(nn.Module):
    """Pixel embedding: a linear map of the code of each pixel's colour. `unknown` adds level K for an unknown
    colour."""

    def __init__(self, codes: int, features: int, *, unknown: bool = False) -> None:
        super().__init__()
        self.table = nn.Linear(codes, features, bias=False)
        self.unknown = nn.Parameter(torch.randn(1, 1, features)) if unknown else None
        self.groups = (0,) * features

    def forward(self, x: Tensor, codes: Tensor | None) -> Tensor:
        """Features (B, E, H, W) of pixels x int64 (B, 1, H, W), given the palettes' `codes` (B, K, M)."""
        assert codes is not None, "this network needs a palette"
        table = self.table(codes)
        if isinstance(x, Drawn):
            return x.embedded([Embedded(0, table)])
        if self.unknown is not None:
            table = torch.cat([table, self.unknown.to(table.dtype).expand(len(table), -1, -1)], dim=1)
        slots = table.shape[1]
        offsets = torch.arange(len(table), device=x.device)[:, None, None] * slots
        features = F.embedding(x[:, 0] + offsets, table.flatten(0, 1))  # (B, H, W, E)
        return features.permute(0, 3, 1, 2)


def forbid(maps: Tensor, allowed: Tensor | None, rows: Place = slice(None), columns: Place = slice(None)) -> Tensor:
    """Logits (B, K, h, w) of a region, NEVER where a level is not `allowed`, bool (B or 1, K, 1, 1) or (B or 1, K, H,
    W); None = all are."""
    if allowed is None:
        return maps
    whole = allowed.shape[2:] == (1, 1)
    return maps.masked_fill(~(allowed if whole else allowed[:, :, rows, columns]), NEVER)


class PalettePointer(nn.Module):
    """Queries (B, D, h, w) and palette codes (B, K, M) -> logits (B, K, h, w), in float32: dot product with each
    colour's key, plus the colour's bias."""

    def __init__(self, codes: int, queries: int) -> None:
        super().__init__()
        self.key = nn.Linear(codes, queries, bias=False)
        self.bias = nn.Linear(codes, 1)
        self.scale = nn.Parameter(torch.tensor(1.0))
        nn.init.normal_(self.key.weight, std=(codes * queries) ** -0.5)
        nn.init.zeros_(self.bias.weight)

    def forward(self, queries: Tensor, codes: Tensor) -> Tensor:
        if isinstance(queries, Traced):
            return self._traced(queries, codes)
        return in_float32(self._logits, queries, codes)

    def _traced(self, queries: Traced, codes: Tensor) -> Any:
        keys, one = self.key(codes) * self.scale, Traced(queries.recorder, "sum", 1, data=torch.ones(1))
        terms = [Term(one, matrix=self.bias(codes).mT), Term(queries, matrix=keys.mT)]
        return queries.sum(terms, size=keys.shape[1])

    def _logits(self, queries: Tensor, codes: Tensor) -> Tensor:
        codes = codes.to(queries.dtype)
        keys, bias = self.key(codes) * self.scale, self.bias(codes)
        return torch.baddbmm(bias, keys, queries.flatten(2)).unflatten(2, queries.shape[2:])
