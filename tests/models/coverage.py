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


def row_lstm(source: SubPixel, target: SubPixel) -> bool:
    """A triangle that opens upwards: in the debug preset (two layers) the first, 7x7, reaches three pixels aside from
    one row up, each layer's state one more with every row, each layer's own row kernel one more to the left."""
    up, right = target[0] - source[0], source[1] - target[1]
    return source < target and (up == 0 or right <= up + 2)


def row_rnn(source: SubPixel, target: SubPixel) -> bool:
    """The rows above, and nothing of its own row."""
    return source[0] < target[0]


def multiscale(source: SubPixel, target: SubPixel) -> bool:
    """All that is drawn before it: in the debug preset (two scales) the pixels of the small picture come first, every
    other one of every other row; within a scale the order is raster order."""
    small, large = ((row % 2 or column % 2) > 0 for row, column, _ in (source, target))
    return (small, source) < (large, target)


COVERAGE: dict[str, Callable[[SubPixel, SubPixel], bool]] = {
    "pixelcnn": pixelcnn,
    "row_lstm": row_lstm,
    "row_rnn": row_rnn,
    "multiscale": multiscale,
}


def seen_by(name: str, source: SubPixel, target: SubPixel) -> bool:
    """Whether an output of `target` is to depend on `source` in the variant `name`; where not said, on all the past."""
    return COVERAGE.get(name, whole_past)(source, target)
