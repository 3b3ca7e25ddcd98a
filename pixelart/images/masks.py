"""Masks: random ones for training, named ones for evaluation. bool (H, W), True = repaint."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
HOLES = ("centre8", "centre16", "brush")


def everything(height: int, width: int) -> Mask:
    """The full mask, for unconditional generation."""
    return np.ones((height, width), np.bool_)


def centre(height: int, width: int, *, size: int) -> Mask:
    """A centred square of `size` pixels, or as large as fits."""
    mask = np.zeros((height, width), np.bool_)
    tall, wide = min(size, height), min(size, width)
    top, left = (height - tall) // 2, (width - wide) // 2
    mask[top : top + tall, left : left + wide] = True
    return mask


def brush(height: int, width: int, *, random: np.random.Generator, most: int = 3) -> Mask:
    """One to `most` random-walk strokes of a square brush 2 to 5 pixels wide, like hand-painted masks."""
    mask = np.zeros((height, width), np.bool_)
    for _ in range(random.integers(1, most + 1)):
        size, length = int(random.integers(2, 6)), int(random.integers(4, 25))
        row, column = (random.random(2) * (height, width)).tolist()
        angle = random.random() * 2 * math.pi
        for turn in random.normal(0, 0.5, length).tolist():  # Python floats: NumPy scalars are ten times slower
            top, left = min(max(int(row), 0), height - 1), min(max(int(column), 0), width - 1)
            mask[top : top + size, left : left + size] = True
            angle += turn
            row, column = row + math.sin(angle), column + math.cos(angle)
    return mask


def scattered(height: int, width: int, *, random: np.random.Generator) -> Mask:
    """Single pixels or small blocks, 15 to 85 % masked: teaches the model to use pixels on all sides."""
    block = int(random.choice([1, 1, 2, 3]))
    cells = random.random((-(-height // block), -(-width // block))) < random.uniform(0.15, 0.85)
    return np.repeat(np.repeat(cells, block, 0), block, 1)[:height, :width]


def blocks(height: int, width: int, *, share: float, size: int, random: np.random.Generator) -> Mask:
    """A share of the squares of `size` pixels that the picture divides into, at least one of them."""
    rows, columns = -(-height // size), -(-width // size)
    chosen = random.permutation(rows * columns) < max(1, round(share * rows * columns))
    return np.kron(chosen.reshape(rows, columns), np.ones((size, size), np.bool_))[:height, :width]


def rectangle(height: int, width: int, *, random: np.random.Generator) -> Mask:
    """A random axis-aligned box of at least two pixels per side."""
    mask = np.zeros((height, width), np.bool_)
    tall, wide = (int(random.integers(min(2, n), n + 1)) for n in (height, width))
    top, left = (int(random.integers(0, n - m + 1)) for n, m in ((height, tall), (width, wide)))
    mask[top : top + tall, left : left + wide] = True
    return mask


def half(height: int, width: int, *, random: np.random.Generator) -> Mask:
    """One side of the picture, up to a random line."""
    rows, columns = np.mgrid[:height, :width]
    cut = random.uniform(0.25, 0.75)
    side = rows < cut * height if random.random() < 0.5 else columns < cut * width
    return side if random.random() < 0.5 else ~side


def training_mask(height: int, width: int, *, random: np.random.Generator) -> Mask:
    """A random training mask: 25 % full, 35 % scattered, 35 % strokes, 3 % boxes, 2 % halves.

    The shares were tuned during one run (checkpoints/dungeon-gated/README.md), not compared in separate runs.
    """
    draw = random.random()
    if draw < 0.25:
        return everything(height, width)
    if draw < 0.60:
        mask = scattered(height, width, random=random)
    elif draw < 0.95:
        mask = brush(height, width, random=random, most=6)
    elif draw < 0.98:
        mask = rectangle(height, width, random=random)
    else:
        mask = half(height, width, random=random)
    return mask if mask.any() else everything(height, width)


def named_hole(name: str, height: int, width: int, *, seed: int) -> Mask:
    """The mask `name` of HOLES; `seed` makes the brush the same in every evaluation."""
    if name == "brush":
        return brush(height, width, random=np.random.default_rng(seed))
    return centre(height, width, size={"centre8": 8, "centre16": 16}[name])


def seam(mask: torch.Tensor) -> torch.Tensor:
    """Masked pixels (..., H, W) whose lower or right neighbour is known. Raster-order filling leaves seams there."""
    result = torch.zeros_like(mask)
    result[..., :-1, :] |= mask[..., :-1, :] & ~mask[..., 1:, :]
    result[..., :, :-1] |= mask[..., :, :-1] & ~mask[..., :, 1:]
    return result
