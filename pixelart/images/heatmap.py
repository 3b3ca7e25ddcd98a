"""Show a map of bits as a heat map: black (expected), violet, red, yellow, white (surprising).

Colours have equal steps of Oklab lightness, so brighter always means more bits, also in print and for colour-blind
readers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixelart.images.codec import Picture
from pixelart.images.palettes import from_oklab, oklab

_CORNERS = np.array(
    [[0, 0, 4], [64, 18, 110], [140, 32, 112], [205, 64, 70], [245, 130, 40], [250, 205, 90], [255, 255, 255]], np.uint8
)


def _ramp(steps: int = 256) -> NDArray[np.uint8]:
    """RGB (steps, 3), linear in Oklab between the corner colours; each corner sits at its own lightness."""
    lab = oklab(_CORNERS)
    lightness = np.linspace(lab[0, 0], lab[-1, 0], steps)
    return from_oklab(np.stack([np.interp(lightness, lab[:, 0], axis) for axis in lab.T], axis=1))


RAMP = _ramp()
"""RGB uint8 (256, 3), dark to bright."""


def heat_map(bits: NDArray[np.float64], *, white_bits: float | None = None, scale: int = 1) -> Picture:
    """Opaque RGBA (H*scale, W*scale, 4) of `bits` (H, W): 0 is black, `white_bits` or more is white.

    By default the maximum of the map is white. Set `white_bits` to compare pictures.
    """
    white = float(bits.max()) if white_bits is None else white_bits
    share = np.clip(bits / white, 0, 1) if white > 0 else np.zeros_like(bits)
    picture = np.full((*bits.shape, 4), 255, np.uint8)
    picture[..., :3] = RAMP[np.rint(share * (len(RAMP) - 1)).astype(np.int64)]
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)
