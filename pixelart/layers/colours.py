"""Colour embedding: palette indices and channel levels are treated as categories."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.masked import Groups
from pixelart.layers.resizable import resizable
from pixelart.layers.tracing import Drawn, Embedded


class ColourEmbedding(nn.Embedding):
    """An embedding of `features` values for each of K levels of each of C channels, in its channel's colour group."""

    def __init__(self, channels: int, levels: int, features: int) -> None:
        super().__init__(channels * levels, features)
        self.channels, self.levels = channels, levels
        resizable(self, "level")

    @property
    def groups(self) -> Groups:
        """The colour group of each of the C * E features."""
        return tuple(channel for channel in range(self.channels) for _ in range(self.embedding_dim))

    def forward(self, input: Tensor, codes: Tensor | None = None) -> Tensor:
        """Features (B, C*E, H, W) of pixels int64 (B, C, H, W). `codes` are ignored; `PaletteEmbedding` uses them."""
        if isinstance(input, Drawn):
            return input.embedded([Embedded(c, table) for c, table in enumerate(self.weight.chunk(self.channels))])
        offsets = torch.arange(self.channels, device=input.device) * self.levels
        features = F.embedding(input + offsets[:, None, None], self.weight)  # (B, C, H, W, E)
        return features.permute(0, 1, 4, 2, 3).flatten(1, 2)
