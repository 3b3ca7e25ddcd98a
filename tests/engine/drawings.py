"""Masks, seeds and comparisons of drawings that tests of the engine share."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelart.controls import CONTROLS
from pixelart.engine import Drawing

Mask = NDArray[np.bool_]
MAX_SEED = int((CONTROLS["seed"].limits or (0, 0))[1])


def hole(seed: int = 0, share: float = 0.4) -> Mask:
    return np.random.default_rng(seed).random((8, 8)) < share


def same(some: list[Drawing], others: list[Drawing]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(np.array_equal(a.picture, b.picture) and a.seed == b.seed for a, b in pairs)


def blank_model(checkpoints: Path, name: str) -> None:
    shutil.copytree(checkpoints / "tiny", checkpoints / name)
