"""Frames of an animation as separate files, and the pictures they compose to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from pixelart.images.codec import Picture

After = Literal["keep", "clear", "restore"]
"""What happens to a frame's area before the next frame: it stays, becomes transparent, or is restored."""


@dataclass(frozen=True)
class FramePart:
    """A frame as a complete file, its place on the canvas, and how it changes the canvas."""

    data: bytes
    left: int
    top: int
    width: int
    height: int
    after: After = "keep"
    replaces: bool = False
    """Whether its transparent pixels overwrite the canvas instead of leaving it."""


def composed(
    parts: Iterable[FramePart], size: tuple[int, int], decode: Callable[[FramePart], Picture]
) -> Iterator[Picture]:
    """The pictures (H, W, 4) that the parts compose to on a transparent canvas of `size` (width, height).

    Pixels outside the canvas are cut off.
    """
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    for number, part in enumerate(parts):
        before = canvas.copy() if part.after == "restore" else canvas
        area = canvas[part.top : part.top + part.height, part.left : part.left + part.width]
        picture = decode(part)[: area.shape[0], : area.shape[1]]
        area[...] = picture if part.replaces or number == 0 else _over(picture, area)
        yield canvas.copy()
        if part.after == "clear":
            area[...] = 0
        canvas = before


def _over(picture: Picture, area: Picture) -> Picture:
    if not area.size:
        return area
    seen = [Image.fromarray(np.ascontiguousarray(each)) for each in (area, picture)]
    return np.asarray(Image.alpha_composite(*seen))
