"""Pictures in their own colours: what a network learns from whose palette is an input.

Each picture is kept twice: in the palette that all share, and in its own. A step shows each in one of them, with colours
that it does not use put in, the order shuffled by nobody (the network cannot tell it), and the hues of the palette turned
and its lightness stretched: the pixels stay, the picture looks another, and the network is told, for it sees the palette.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.codec import Indexed, Picture, palette_rows
from pixelart.palettes import fit_palette

SHARED, RECOLOURED, DISTRACTED = 0.45, 0.5, 0.4
"""The shares of pictures shown in the shared palette, in turned colours, and with colours that they do not use."""


@dataclass(frozen=True)
class PaletteData:
    """N pictures in a shared palette and in their own: indices uint8 (N, 1, H, W) of each, palettes (N, K, 4) of Oklab
    and opacity of their own, and (K, 4) of the shared one."""

    shared: Tensor
    own: Tensor
    palettes: Tensor
    palette: Tensor

    def draw(self, rows: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(x int64 (n, 1, H, W), palettes (n, K, 4)) of the pictures `rows` (n,), each in one of its two palettes."""
        count, slots = len(rows), self.palette.shape[0]
        is_shared = torch.from_numpy(random.random(count) < SHARED)
        x = torch.where(is_shared[:, None, None, None], self.shared[rows], self.own[rows]).long()
        palettes = torch.where(is_shared[:, None, None], self.palette, self.palettes[rows])
        for i in np.flatnonzero(random.random(count) < DISTRACTED):
            palettes[i] = self._distracted(palettes[i], slots, random)
        for i in np.flatnonzero(random.random(count) < RECOLOURED):
            palettes[i] = recoloured(palettes[i], random)
        return x, palettes

    def _distracted(self, palette: Tensor, slots: int, random: np.random.Generator) -> Tensor:
        """The palette with some of its free slots filled by colours of another picture, or of the shared palette."""
        free = torch.where(palette[:, 3] < 0)[0]
        other = self.palette if random.random() < 0.5 else self.palettes[int(random.integers(len(self.palettes)))]
        colours = other[other[:, 3] > 0]
        count = min(len(free), len(colours), int(random.integers(1, slots)))
        result = palette.clone()
        result[free[:count]] = colours[torch.from_numpy(random.permutation(len(colours))[:count])]
        return result


def recoloured(palette: Tensor, random: np.random.Generator) -> Tensor:
    """The palette (K, 4) with its hues turned, its chroma and lightness stretched."""
    turn = random.uniform(-math.pi, math.pi) if random.random() < 0.7 else random.normal(0, 0.2)
    chroma, bend = math.exp(random.normal(0, 0.2)), math.exp(random.normal(0, 0.2))
    light, a, b, opacity = palette.unbind(-1)
    cos, sin = math.cos(turn) * chroma, math.sin(turn) * chroma
    return torch.stack([light.clamp(0, 1) ** bend, cos * a - sin * b, sin * a + cos * b, opacity], dim=-1)


def palette_data(pictures: Picture, codec: Indexed, *, slots: int) -> PaletteData:
    """Of pictures (N, H, W, 4): in `codec`, and in their own colours, of which at most `slots` - 1 are kept."""
    own = np.empty((len(pictures), 1, *pictures.shape[1:3]), np.uint8)
    palettes = torch.empty(len(pictures), slots, 4)
    for i, picture in enumerate(pictures):
        mine = Indexed(own_colours(picture, most=slots - 1))
        own[i] = mine.encode(picture[None])[0].numpy()
        palettes[i] = palette_rows(mine, slots=slots)
    shared = codec.encode(pictures).to(torch.uint8)
    return PaletteData(shared, torch.from_numpy(own), palettes, palette_rows(codec, slots=slots))


def own_colours(picture: Picture, *, most: int) -> NDArray[np.uint8]:
    """The colours (n, 3) of a picture, reduced to `most`; black where it has none."""
    opaque = picture[picture[..., 3] >= 128][:, :3]
    return fit_palette(opaque, size=most) if len(opaque) else np.zeros((1, 3), np.uint8)
