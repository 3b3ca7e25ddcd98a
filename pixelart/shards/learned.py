"""How near drawn pictures are to the pictures that a checkpoint was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pixelart.checkpoint.library import Checkpoint
from pixelart.errors import DataRejected
from pixelart.images.codec import Picture
from pixelart.training.data.encoded import code_pictures
from pixelart.training.data.pictures import read_pictures
from pixelart.training.near_copies import nearest_pictures


class Learned:
    """Training pictures of one size, as the checkpoint saw them."""

    def __init__(self, loaded: Checkpoint, data: Path, size: tuple[int, int]) -> None:
        """`data`: a folder or .zip of pictures. `size`: (height, width) of what is drawn.

        Raises:
            DataRejected: it has no picture of this size.
        """
        found = read_pictures(data, size=size, fit="keep")
        if not len(found):
            raise DataRejected(f"{data.name}: holds no picture of {size[1]} x {size[0]} pixels")
        coded = code_pictures(loaded.codec, found.pictures, torch.zeros(len(found), dtype=torch.int64))
        self.fingerprint = found.fingerprint()
        self._pictures = coded.pictures(slice(None), loaded.codec)

    def distances(self, pictures: Picture) -> list[float]:
        """For each of `pictures` (N, H, W, 4) its difference to the nearest one, 0 to 1; see
        `near_copies.nearest_difference`."""
        _, differences = nearest_pictures(pictures, self._pictures, count=1)
        return np.round(differences[:, 0], 4).tolist()
