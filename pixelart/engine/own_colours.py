"""A completion in the picture's own colours: what a model draws in a neighbour of one comes back as that colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelart.images.codec import ALPHA_THRESHOLD, Codec, Indexed, Picture
from pixelart.images.palettes import oklab

NEAR = 0.15
"""Oklab distance up to which a colour of the palette is a neighbour of a colour of the picture. A palette of 64 colours
fitted to pixel art has one within 0.14 of any colour of a screen, and two of its own are 0.05 to 0.15 apart."""

MOST = 256
"""Of colours of a picture, the most frequent: a drawing in more is no pixel art, and a photo may have a million."""


@dataclass(frozen=True)
class OwnColours:
    """What the entries of a palette become: `table` is RGBA (K, 4), as `codec.table`. Call it with pictures (N, H, W,
    4) and the mask (H, W) that was drawn in."""

    codec: Indexed
    table: Picture

    def __call__(self, pictures: Picture, mask: NDArray[np.bool_]) -> Picture:
        """The pictures, their masked pixels recoloured; of these only what is a colour of the palette exactly."""
        entries = self.codec.encode(pictures)[:, 0].cpu().numpy()
        drawn = mask & (self.codec.table[entries] == pictures).all(-1)
        return np.where(drawn[..., None], self.table[entries], pictures)


def own_colours(codec: Codec, picture: Picture, mask: NDArray[np.bool_]) -> OwnColours | None:
    """How a completion of `picture` (H, W, 4) where `mask` (H, W) is True gets the colours of its other pixels; None
    where nothing changes: the codec has no palette, or has all these colours.

    An entry becomes the nearest colour of the picture, of those at most NEAR away in Oklab. Where the model saw some of
    them as this very entry (it sees each as its nearest entry), it becomes the nearest of these: so the model continues
    an area in the colour that the area has. An entry that is itself in the picture, or nearest to a colour that is an
    entry too, stays. Transparent stays transparent.
    """
    if not isinstance(codec, Indexed):
        return None
    known = ~mask & (picture[..., 3] >= ALPHA_THRESHOLD)
    own, count = np.unique(picture[known][:, :3], axis=0, return_counts=True)
    own = own[np.sort(np.argsort(-count, kind="stable")[:MOST])]
    foreign = ~(own[:, None] == codec.colours).all(-1).any(1)
    if not foreign.any():
        return None
    distance = np.sqrt(np.square(oklab(codec.colours)[:, None] - oklab(own)).sum(-1))
    seen_as = np.arange(len(codec.colours))[:, None] == distance.argmin(0)
    near = distance <= NEAR
    chosen = np.where(near, distance - 10 * seen_as, np.inf).argmin(1)
    changed = near.any(1) & foreign[chosen]
    table = codec.table.copy()
    table[1:, :3][changed] = own[chosen[changed]]
    return OwnColours(codec, table)
