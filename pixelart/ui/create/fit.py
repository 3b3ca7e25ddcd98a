"""Fit a picture of any size, and its mask, to the size that a model draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixelart.images.codec import Picture
from pixelart.images.io import resize_nearest
from pixelart.images.sprite_sheets import mask_on_true_grid, to_true_grid


def fit_to_canvas(picture: Picture, height: int, width: int) -> Picture:
    """Fit `picture` into (height, width, 4), centred on transparent, with its proportions.

    An integer upscale is first reduced to its own grid. Enlarging uses a whole factor, so every pixel stays a square;
    shrinking samples the nearest pixel.
    """
    if picture.shape[:2] != (height, width):
        picture = to_true_grid(picture)
    top, left, h, w = _place(picture.shape[:2], height, width)
    canvas = np.zeros((height, width, 4), np.uint8)
    canvas[top : top + h, left : left + w] = resize_nearest(picture, h, w)
    return canvas


def fit_mask(mask: NDArray[np.bool_], picture: Picture, height: int, width: int) -> NDArray[np.bool_]:
    """Fit a mask (H, W) as `fit_to_canvas` fits its picture: every pixel that shows part of a masked one is masked, so
    no thin line gets lost."""
    if mask.shape != (height, width):
        mask = mask_on_true_grid(mask, picture)
    top, left, h, w = _place(mask.shape, height, width)
    fitted = np.zeros((height, width), np.bool_)
    fitted[top : top + h, left : left + w] = _spread(mask, h, w)
    return fitted


def _spread(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Resize the mask: every pixel that overlaps a masked one is masked."""
    spread = resize_nearest(mask.astype(np.uint8), height, width) == 1
    rows, columns = np.nonzero(mask)
    spread[rows * height // mask.shape[0], columns * width // mask.shape[1]] = True
    return spread


def _place(size: tuple[int, ...], height: int, width: int) -> tuple[int, int, int, int]:
    """(top, left, height, width) of a picture of size (h, w) placed inside (height, width)."""
    h, w = size
    if h <= height and w <= width:
        times = min(height // h, width // w)
        h, w = h * times, w * times
    elif h * width >= w * height:  # integer arithmetic: the longer side fills the canvas exactly
        h, w = height, max(1, w * height // h)
    else:
        h, w = max(1, h * width // w), width
    return (height - h) // 2, (width - w) // 2, h, w
