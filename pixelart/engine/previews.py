"""How the pictures of a request look while they are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelart.engine.request import Preview
from pixelart.images.codec import Codec, Picture

CHUNK = 16
"""The most pictures that are drawn at a time: more gain nothing, and a stop is answered within a row of them."""
OnRow = Callable[[int, int, Preview], None]
"""on_row(done, rows, pictures): `done` of `rows` rows are final; `pictures()` decodes them, (count, H, W, 4)."""


@dataclass(frozen=True)
class PreviewFrame:
    """How a picture looks while its masked pixels are drawn: `picture` (H, W, 4) where nothing is masked, and `before`
    where nothing is drawn yet."""

    picture: Picture
    mask: NDArray[np.bool_]
    before: Picture

    def after(self, drawn: Picture, rows: int) -> Picture:
        """Of pictures (n, H, W, 4), such as have so many rows of the mask."""
        first = int(np.flatnonzero(self.mask.any(1))[0])
        waiting = self.mask & (np.arange(len(self.mask)) >= first + rows)[:, None]
        drawn = np.where(self.mask[..., None], drawn, self.picture)
        return np.where(waiting[..., None], self.before, drawn)


@dataclass(frozen=True)
class Progress:
    """Turns rows of one chunk, or passes over it, into pictures of the whole request."""

    look: PreviewFrame
    codec: Codec
    count: int
    finished: list[Picture]
    in_passes: bool
    chunk: int = CHUNK
    has_sketch: bool = False

    def reporter(self, on_row: OnRow, start: int) -> Callable[[int, int, Tensor], None]:
        passes = itertools.count(1)

        def report(done: int, rows: int, x: Tensor) -> None:
            chunks = -(-self.count // self.chunk)
            number = next(passes) if self.in_passes else 0
            sketch = self.has_sketch and 2 * done <= rows
            preview = Preview(lambda: self.pictures(x.clone(), done), passes=number, sketch=sketch)
            on_row(start // self.chunk * rows + done, rows * chunks, preview)

        return report

    def pictures(self, x: Tensor, done: int) -> Picture:
        """(count, H, W, 4): finished ones, those of this chunk so far, and those not begun. A pass draws all rows."""
        drawn = self.look.after(self.codec.decode(x), len(self.look.mask) if self.in_passes else done)
        rest = self.count - len(self.finished) - len(drawn)
        return np.concatenate([*(p[None] for p in self.finished), drawn, *([self.look.before[None]] * rest)])
