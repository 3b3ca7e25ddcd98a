"""Previews of the pictures of a request while they are drawn."""

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
"""Batch size limit for drawing: larger batches gain nothing, and a cancel waits for one row of the batch."""
OnRow = Callable[[int, int, Preview], None]
"""on_row(done, rows, pictures): `done` of `rows` rows are final; `pictures()` decodes them to (count, H, W, 4)."""


@dataclass(frozen=True)
class PreviewFrame:
    """What a preview shows around the drawn pixels: `picture` (H, W, 4) outside the mask, and `before` where the mask
    is not drawn yet. `parts` of the model draw every pixel: 2 if it sketches first."""

    picture: Picture
    mask: NDArray[np.bool_]
    before: Picture
    parts: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of what is drawn at once."""
        return self.mask.shape[0], self.mask.shape[1]

    def is_sketch(self, done: int, rows: int) -> bool:
        """Whether only the sketch is drawn."""
        return done * self.parts <= rows * (self.parts - 1)

    def after(self, drawn: Picture, rows: int, *, in_passes: bool = False) -> Picture:
        """Pictures (n, H, W, 4) as they look after `rows` rows of the mask. A pass draws all rows."""
        drawn = np.where(self.mask[..., None], drawn, self.picture)
        return np.where(self.waiting(rows, in_passes=in_passes)[..., None], self.before, drawn)

    def waiting(self, rows: int, *, in_passes: bool) -> NDArray[np.bool_]:
        """The masked pixels (H, W) that are not drawn yet after `rows` rows."""
        first, _ = rows_of(self.mask)
        return self.mask & (np.arange(len(self.mask)) >= first + (len(self.mask) if in_passes else rows))[:, None]

    def undrawn(self, rows: int) -> NDArray[np.bool_]:
        """The masked pixels (H, W) that are not final after `rows` rows. A sketch and the rows of a pass are not."""
        first, end = rows_of(self.mask)
        return self.waiting(rows - (self.parts - 1) * (end - first), in_passes=False)


def rows_of(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The first row of a mask (H, W) that is not empty, and the row after the last one."""
    rows = np.flatnonzero(mask.any(1))
    return int(rows[0]), int(rows[-1]) + 1


@dataclass(frozen=True)
class PreviewReporter:
    """Turns finished rows (or passes) of one chunk into previews of the whole request."""

    frame: PreviewFrame
    codec: Codec
    count: int
    finished: list[Picture]
    in_passes: bool
    chunk: int = CHUNK

    def reporter(self, on_row: OnRow, start: int) -> Callable[[int, int, Tensor], None]:
        passes = itertools.count(1)

        def report(done: int, rows: int, x: Tensor) -> None:
            chunks = -(-self.count // self.chunk)
            number = next(passes) if self.in_passes else 0
            preview = Preview(
                lambda: self.pictures(x.clone(), done),
                lambda: self.undrawn(done),
                passes=number,
                sketch=self.frame.is_sketch(done, rows),
            )
            on_row(start // self.chunk * rows + done, rows * chunks, preview)

        return report

    def pictures(self, x: Tensor, done: int) -> Picture:
        """(count, H, W, 4): finished pictures, the current chunk, and pictures not started."""
        drawn = self.frame.after(self.codec.decode(x), done, in_passes=self.in_passes)
        rest = self.count - len(self.finished) - len(drawn)
        return np.concatenate([*(p[None] for p in self.finished), drawn, *([self.frame.before[None]] * rest)])

    def undrawn(self, done: int) -> NDArray[np.bool_]:
        """The pixels (H, W) of the first picture that are not final."""
        return np.zeros_like(self.frame.mask) if self.finished else self.frame.undrawn(done)
