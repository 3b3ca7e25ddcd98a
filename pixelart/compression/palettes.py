"""Which colours of the file each picture has, coded by how many pictures before it had them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.compression.coder import read, write
from pixelart.images.codec import Paletted, Picture
from pixelart.images.palette_choice import palette_fitting


class PaletteCoder:
    """The codec of one picture after another: the checkpoint's with the picture's own colours."""

    def __init__(self, codec: Paletted, more: NDArray[np.uint8]) -> None:
        """`more`: colours RGB (n, 3) of the file besides those of the codec."""
        self._codec, self._table = codec, np.concatenate([codec.colours, more])
        self._numbers = {bytes(colour): number for number, colour in enumerate(self._table)}
        self._seen, self._had = 0, np.zeros(len(self._table), np.int64)

    def write(self, encoder: Any, picture: Picture) -> Paletted:
        """Write the colours of a picture (H, W, 4). All of `coded_colours` must be in the table."""
        used = np.zeros(len(self._table), np.int32)
        used[[self._numbers[colour] for colour in coded_colours(picture, self._codec)]] = 1
        write(encoder, used, self._weights())
        return self._next(used)

    def read(self, decoder: Any) -> Paletted:
        """Read the colours of the next picture. Raises DataRejected if the data are damaged."""
        return self._next(read(decoder, self._weights()))

    def _weights(self) -> NDArray[np.float64]:
        """Weights (n, 2) of a colour's absence and presence; at first one picture in five has it."""
        return np.stack([4 + 2 * (self._seen - self._had), 1 + 2 * self._had], axis=1).astype(np.float64)

    def _next(self, used: NDArray[np.int32]) -> Paletted:
        self._seen += 1
        self._had += used
        chosen = self._table[used == 1][: self._codec.levels - 1]  # damaged data may choose more
        return self._codec.with_colours(chosen) if len(chosen) else self._codec


def coded_colours(picture: Picture, codec: Paletted) -> set[bytes]:
    """RGB of the colours that a picture (H, W, 4) is coded in: its own, reduced to as many as fit."""
    fitting = palette_fitting(codec, picture)
    assert isinstance(fitting, Paletted)
    return set() if fitting is codec else {bytes(colour) for colour in fitting.colours}
