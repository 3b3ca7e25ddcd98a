"""What each variant is to see of the past, written down from the papers, not read off the code.

Networks of convolutions have a finite reach: what a layer sees is the sum of a step and of what the layer below sees.
The steps are those of the debug presets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product

SubPixel = tuple[int, int, int]
"""Row, column, channel."""
Offsets = frozenset[tuple[int, int]]
"""(rows up, columns to the right) from a pixel to what it sees; negative: to the left."""
HERE: Offsets = frozenset({(0, 0)})
FAR = 12
"""Rows that a recurrence is followed; no picture of the tests is taller."""


def _past(side: int) -> Offsets:
    """Rows above of a `side` x `side` kernel, and its own row to the left: mask A; with mask B the pixel itself too."""
    reach = range(-(side // 2), side // 2 + 1)
    return frozenset((up, right) for up, right in product(range(side // 2 + 1), reach) if up or right < 0)


def _sum(*steps: Offsets) -> Offsets:
    total = HERE
    for step in steps:
        total = frozenset((u + du, r + dr) for (u, r), (du, dr) in product(total, step))
    return total


@cache
def _pixelcnn() -> Offsets:
    """A 7x7 of mask A, then four 3x3 of mask B (1601.06759, section 3.4): the wedge above and steeply to the right is
    blind, for a 3x3 climbs one column with each row."""
    return _sum(_past(7), *[_past(3) | HERE] * 4)


@cache
def _row_lstm() -> Offsets:
    """A 7x7 of mask A, then two layers: one pixel to the left along the row, and a state that widens by one pixel to
    each side with every row up (section 3.1): a triangle."""
    state = frozenset((up, right) for up in range(FAR) for right in range(-up, up + 1))
    return _sum(_past(7), *[frozenset({(0, 0), (0, -1)}), state] * 2)


@cache
def _gated() -> Offsets:
    """Two stacks (1606.05328, section 2), which begin with the two rows above and the two pixels to the left: then the
    vertical one goes on by kernels of two rows, the horizontal one by one step to the left, and is handed the vertical
    one in every layer. Dilations 1, 2."""
    vertical: Offsets = frozenset((up, right) for up in (1, 2) for right in range(-2, 3))
    horizontal: Offsets = vertical | {(0, -1), (0, -2)}
    for d in (1, 2):
        vertical = _sum(vertical, frozenset(product((0, d), (-d, 0, d))))
        horizontal = _sum(horizontal, frozenset({(0, 0), (0, -d)})) | vertical
    return horizontal


def _within(offsets: Callable[[], Offsets]) -> Callable[[SubPixel, SubPixel], bool]:
    def seen(source: SubPixel, target: SubPixel) -> bool:
        up, right = target[0] - source[0], source[1] - target[1]
        return source < target if (up, right) == (0, 0) else (up, right) in offsets()

    return seen


def whole_past(source: SubPixel, target: SubPixel) -> bool:
    """Everything before it in raster order, and the channels before it in its pixel."""
    return source < target


def row_rnn(source: SubPixel, target: SubPixel) -> bool:
    """The rows above, and nothing of its own row."""
    return source[0] < target[0]


def multiscale(source: SubPixel, target: SubPixel) -> bool:
    """All that is drawn before it: in the debug preset (two scales) the pixels of the small picture come first, every
    other one of every other row; within a scale the order is raster order."""
    small, large = ((row % 2 or column % 2) > 0 for row, column, _ in (source, target))
    return (small, source) < (large, target)


COVERAGE: dict[str, Callable[[SubPixel, SubPixel], bool]] = {
    "pixelcnn": _within(_pixelcnn),
    "row_lstm": _within(_row_lstm),
    "gated_pixelcnn": _within(_gated),
    "diagonal_bilstm": whole_past,
    "pixelsnail": whole_past,
    "row_rnn": row_rnn,
    "multiscale": multiscale,
}
"""Without an entry: the whole past, as far as the small pictures of the contract tell."""
EXACT_AT_ANY_SIZE = tuple(name for name in COVERAGE if name != "multiscale")  # whose networks see as theirs do


def seen_by(name: str, source: SubPixel, target: SubPixel) -> bool:
    """Whether an output of `target` is to depend on `source` in the variant `name`."""
    return COVERAGE.get(name, whole_past)(source, target)
