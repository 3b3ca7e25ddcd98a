"""Margins that are added around a picture, and the steps in which they are drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.settings import SETTINGS


class Margins(NamedTuple):
    """Pixels added on each side."""

    left: int = 0
    right: int = 0
    up: int = 0
    down: int = 0

    def by_side(self) -> dict[str, int]:
        """Side -> pixels."""
        return self._asdict()

    def check(self) -> None:
        """Raises RequestRejected, naming the side, unless all are whole numbers within the limit and one is above 0."""
        for side, pixels in self.by_side().items():
            if type(pixels) is not int or not 0 <= pixels <= SETTINGS.max_side:
                raise RequestRejected(f"{side} {pixels!r:.40}: must be a whole number from 0 to {SETTINGS.max_side}")
        if not any(self):
            raise RequestRejected("nothing to extend: set left, right, up or down")

    def plus(self, other: Margins) -> Margins:
        """Both together."""
        return Margins(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Margins) -> Margins:
        """What `other` leaves."""
        return Margins(*(a - b for a, b in zip(self, other, strict=True)))

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of a picture (height, width) with the margins."""
        return height + self.up + self.down, width + self.left + self.right

    def around(self, picture: Picture) -> Picture:
        """`picture` (H, W, 4) with transparent margins."""
        return np.pad(picture, ((self.up, self.down), (self.left, self.right), (0, 0)))

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """True in the margins around a picture (height, width)."""
        return self.around_mask(np.zeros((height, width), np.bool_))

    def around_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """`mask` (H, W) with margins that are True."""
        return np.pad(mask, (self[2:], self[:2]), constant_values=True)


def growth(margins: Margins, size: tuple[int, int], window: tuple[int, int]) -> list[Margins]:
    """The steps in which a picture of `size` (height, width) grows by `margins`.

    A side grows by at most half a window per step, so that each window sees pixels that are known or finished; the
    first step adds at least what a window needs.
    """
    steps, left = list[Margins](), margins
    while any(left):
        across = _grown(left.left, left.right, size[1], window[1])
        step = Margins(*across, *_grown(left.up, left.down, size[0], window[0]))
        steps.append(step)
        left, size = left.minus(step), step.size(*size)
    return steps


def _grown(before: int, after: int, side: int, window: int) -> tuple[int, int]:
    half = max(1, window // 2)
    first, last = min(before, half), min(after, half)
    last += max(0, min(after - last, window - side - first - last))
    first += max(0, min(before - first, window - side - first - last))
    return first, last
