"""Recolour a completion: a drawn palette colour close to one of the picture's own colours is replaced by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelart.images.codec import ALPHA_THRESHOLD, Codec, Indexed, Picture
from pixelart.images.palettes import oklab

NEAR = 0.15
"""Largest Oklab distance at which a palette colour counts as close to a picture colour. For scale: a palette of 64
colours fitted to pixel art has an entry within 0.14 of any sRGB colour, and its own entries are 0.05 to 0.15 apart."""

MAX_OWN_COLOURS = 256
"""Only this many colours of a picture, the most frequent, are used: a photo may have a million."""


@dataclass(frozen=True)
class OwnColours:
    """A lookup table that replaces palette entries: `table` is RGBA (K, 4), like `codec.table`. Call it with pictures
    (N, H, W, 4) and the mask (H, W) of drawn pixels."""

    codec: Indexed
    table: Picture

    def __call__(self, pictures: Picture, mask: NDArray[np.bool_]) -> Picture:
        """Recolour the masked pixels whose colour is exactly a palette entry."""
        entries = self.codec.encode(pictures)[:, 0].cpu().numpy()
        drawn = mask & (self.codec.table[entries] == pictures).all(-1)
        return np.where(drawn[..., None], self.table[entries], pictures)


def own_colours(codec: Codec, picture: Picture, mask: NDArray[np.bool_]) -> OwnColours | None:
    """The recolouring of a completion of `picture` (H, W, 4); `mask` (H, W) is True for drawn pixels.

    Each entry becomes the nearest picture colour within NEAR in Oklab. Picture colours that encode to this entry are
    preferred, so an area continues in its own colour. An entry stays if it is in the picture or if its nearest picture
    colour is itself an entry. Transparent stays transparent. Returns None if nothing would change: the codec has no
    palette, or contains all colours of the picture.
    """
    if not isinstance(codec, Indexed):
        return None
    known = ~mask & (picture[..., 3] >= ALPHA_THRESHOLD)
    own, count = np.unique(picture[known][:, :3], axis=0, return_counts=True)
    own = own[np.sort(np.argsort(-count, kind="stable")[:MAX_OWN_COLOURS])]
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
