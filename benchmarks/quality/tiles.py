"""Real pictures in three parts, split by content hash: training, validation and held-out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pixelart.images.codec import Picture
from pixelart.training.data.pictures import PictureSet, is_validation, read_pictures

HELD_OUT, VALIDATION = 0.10, 0.15
"""Content hashes (0 to 1) below HELD_OUT are held-out tiles, which nothing is trained on; from there to VALIDATION they
are validation tiles, on which settings are chosen. The judge is trained on the rest."""
Part = Literal["held_out", "validation"]


@dataclass(frozen=True)
class Tiles:
    """`training`, `validation` and `held_out` tiles, in their own colours."""

    training: PictureSet
    validation: PictureSet
    held_out: PictureSet

    def part(self, name: Part) -> PictureSet:
        """The validation or the held-out tiles."""
        return self.validation if name == "validation" else self.held_out

    @property
    def classes(self) -> tuple[str, ...]:
        """Their distinct class names, sorted."""
        return self.training.classes


def read_tiles(data: Path, *, size: tuple[int, int] | None = None) -> Tiles:
    """The tiles of a folder or a .zip.

    Raises:
        DataRejected: no pictures, or pictures of different sizes.
    """
    pictures = read_pictures(data, size=size)
    held = np.array([is_validation(h, share=HELD_OUT) for h in pictures.hashes])
    chosen = np.array([is_validation(h, share=VALIDATION) for h in pictures.hashes]) & ~held
    return Tiles(pictures.select(~held & ~chosen), pictures.select(chosen), pictures.select(held))


def of_class(pictures: PictureSet, name: str) -> Picture:
    """The pictures (N, H, W, 4) of one class."""
    return pictures.array[np.array(pictures.class_names) == name]
