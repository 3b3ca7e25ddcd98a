"""A picture of any size to one that fits the canvas."""

from __future__ import annotations

import math

import numpy as np

from pixelart.codec import Picture
from pixelart.images import resize_nearest


def true_grid(picture: Picture) -> Picture:
    """The picture (h, w, 4) that `picture` (H, W, 4) is an integer upscale of; itself when it is none."""
    height, width = picture.shape[:2]
    row_changes = 1 + np.flatnonzero((picture[1:] != picture[:-1]).any((1, 2)))
    column_changes = 1 + np.flatnonzero((picture[:, 1:] != picture[:, :-1]).any((0, 2)))
    step = math.gcd(height, width, *row_changes.tolist(), *column_changes.tolist())
    return picture[::step, ::step]


def fit_to_canvas(picture: Picture, height: int, width: int) -> Picture:
    """`picture` inside (height, width, 4), centred on transparent, with its proportions kept.

    A picture that is an integer upscale is first brought back to its own grid. Enlarging is by a whole number, so
    every pixel of pixel art stays a square; shrinking samples the nearest pixel.
    """
    if picture.shape[:2] != (height, width):
        picture = true_grid(picture)
    h, w = picture.shape[:2]
    if h <= height and w <= width:
        times = min(height // h, width // w)
        h, w = h * times, w * times
    elif h * width >= w * height:  # in whole numbers, so that the longer side fills the canvas exactly
        h, w = height, max(1, w * height // h)
    else:
        h, w = max(1, h * width // w), width
    top, left = (height - h) // 2, (width - w) // 2
    canvas = np.zeros((height, width, 4), np.uint8)
    canvas[top : top + h, left : left + w] = resize_nearest(picture, h, w)
    return canvas
