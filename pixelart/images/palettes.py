"""Palettes: perceptual distance and fitting, both in Oklab (Ottosson 2020, bottosson.github.io/posts/oklab)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)

MAX_COLOURS = 256
"""Entries of a palette: an index is one byte."""
PART = 2**15
"""Colours compared with a palette at once: a photo has a million, and 256 distances for each would take GiB."""
_DISTANCES = PART * MAX_COLOURS
"""The most distances at once, also to all colours of a photo."""


def oklab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Oklab (N, 3) of sRGB bytes (N, 3): L in 0..1, a and b about -0.4..0.4."""
    value = rgb.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def from_oklab(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    """sRGB bytes (N, 3) of Oklab (N, 3); values outside sRGB are clipped. `from_oklab(oklab(x)) == x`."""
    linear = np.clip((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T, 0, 1)
    value = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(value * 255).astype(np.uint8)


def nearest_colours(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The index of the Oklab-nearest of `palette` (K, 3) for each of `colours` (N, 3); an equal colour wins."""
    return _nearest(oklab(colours), oklab(palette))


def _nearest(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    """argmin of |p - c|^2, as that of |c|^2 - 2 p.c: one matrix product for each part of the points."""
    part = min(PART, max(1, _DISTANCES // len(centres)))
    lengths, parts = np.square(centres).sum(1), range(0, len(points), part) if len(points) else [0]
    return np.concatenate([(lengths - 2 * points[i : i + part] @ centres.T).argmin(1) for i in parts])


def fit_palette(rgb: NDArray[np.uint8], *, size: int) -> NDArray[np.uint8]:
    """At most `size` colours (K, 3) that represent the pixels `rgb` (N, 3), sorted from dark to light.

    Weighted k-means in Oklab with a fixed seed, so the same pixels give the same palette. Every centre is then replaced
    by the nearest colour that occurs. If there are at most `size` distinct colours, they are returned unchanged.
    """
    unique, weights = np.unique(rgb, axis=0, return_counts=True)
    return fit_palette_to(unique, weights, size=size)


def fit_palette_to(unique: NDArray[np.uint8], weights: NDArray[np.int64], *, size: int) -> NDArray[np.uint8]:
    """`fit_palette` for distinct colours `unique` (N, 3), sorted by red, green, blue, with pixel counts `weights`
    (N,)."""
    if len(unique) > size:
        points = oklab(unique)
        unique = unique[np.unique(_nearest(_k_means(points, weights.astype(np.float64), size), points))]
    lightness = oklab(unique)[:, 0]
    return unique[np.lexsort((*unique.T, lightness))]


def _k_means(
    points: NDArray[np.float64], weights: NDArray[np.float64], size: int, *, rounds: int = 40
) -> NDArray[np.float64]:
    """Lloyd's algorithm from a k-means++ start (Arthur & Vassilvitskii 2007); centres (size, 3)."""
    random = np.random.default_rng(0)
    centres = np.empty((size, 3))
    distance = np.full(len(points), np.inf)
    for k in range(size):
        chance = weights if k == 0 else weights * distance
        centres[k] = points[np.searchsorted(np.cumsum(chance), random.random() * chance.sum(), side="right")]
        distance = np.minimum(distance, ((points - centres[k]) ** 2).sum(1))
    for _ in range(rounds):
        owner = _nearest(points, centres)
        mass = np.bincount(owner, weights, minlength=size)
        sums = np.stack([np.bincount(owner, weights * axis, minlength=size) for axis in points.T], 1)
        moved = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
