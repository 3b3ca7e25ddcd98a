"""What each variant is to see of the past, written down from the papers, not read off the code."""

from __future__ import annotations

from collections.abc import Callable

SubPixel = tuple[int, int, int]
"""Row, column, channel."""


def whole_past(source: SubPixel, target: SubPixel) -> bool:
    """Everything before it in raster order, and the channels before it in its pixel."""
    return source < target


def pixelcnn(source: SubPixel, target: SubPixel) -> bool:
    """All but the wedge above and to the right that 3x3 kernels cannot climb to: the first, 7x7, reaches three pixels
    right from one row up, every further row gains one."""
    up, right = target[0] - source[0], source[1] - target[1]
    return source < target and (up == 0 or right <= up + 2)


COVERAGE: dict[str, Callable[[SubPixel, SubPixel], bool]] = {"pixelcnn": pixelcnn}


def seen_by(name: str, source: SubPixel, target: SubPixel) -> bool:
    """Whether an output of `target` is to depend on `source` in the variant `name`; where not said, on all the past."""
    return COVERAGE.get(name, whole_past)(source, target)
