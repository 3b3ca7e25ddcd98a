"""Overlapping windows of a model's size over a larger picture.

The windows are drawn one after the other, row by row. Each sees the known pixels and at least FINISHED_SEEN finished
pixels of the windows before it. Where the mask goes on beyond a window, its last DRAWN_AGAIN pixels are not kept: they
could not see what comes next, so the next window draws them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelart.engine.previews import PreviewFrame, rows_of
from pixelart.sampling.loop import OnRows

FINISHED_SEEN, DRAWN_AGAIN = 8, 4
"""Finished pixels that a window sees at least, and pixels that the next one draws again; for windows of 32 pixels."""
_MADE_FOR = 32
Span = tuple[int, int]
"""First pixel, and the one after the last."""


@dataclass(frozen=True)
class Window:
    """A part of a picture that is drawn at once: it sees `rows` x `columns`, and what lies in `kept_rows` x
    `kept_columns` is kept."""

    rows: Span
    columns: Span
    kept_rows: Span
    kept_columns: Span

    @property
    def seen(self) -> tuple[slice, slice]:
        """Index of what it sees."""
        return slice(*self.rows), slice(*self.columns)

    @property
    def kept(self) -> tuple[slice, slice]:
        """Index of what is kept."""
        return slice(*self.kept_rows), slice(*self.kept_columns)

    @property
    def kept_inside(self) -> tuple[slice, slice]:
        """Index of what is kept, inside the window."""
        return (
            slice(self.kept_rows[0] - self.rows[0], self.kept_rows[1] - self.rows[0]),
            slice(self.kept_columns[0] - self.columns[0], self.kept_columns[1] - self.columns[0]),
        )


def plan_windows(mask: NDArray[np.bool_], size: tuple[int, int]) -> list[Window]:
    """The windows (height, width) = `size` that draw a mask (H, W), in order. Each keeps some masked pixel, and each
    masked pixel is kept by exactly one.

    Raises:
        ValueError: the mask is empty or smaller than a window.
    """
    if not mask.any() or mask.shape[0] < size[0] or mask.shape[1] < size[1]:
        raise ValueError(f"no windows of {size} in a mask of {mask.shape} with {int(mask.sum())} pixels")
    rows, columns = (_spans(np.flatnonzero(mask.any(1 - axis)), mask.shape[axis], size[axis]) for axis in (0, 1))
    windows = [Window(seen, across, kept, kept_across) for seen, kept in rows for across, kept_across in columns]
    return [window for window in windows if mask[window.kept].any()]


def windows_for(mask: NDArray[np.bool_], size: tuple[int, int], at: tuple[int, int] | None) -> list[Window]:
    """The windows of `size` (height, width) that draw a mask (H, W): none if that is its own size, else the one chosen
    `at` if the mask lies in it, else those of `plan_windows`."""
    return [] if size == mask.shape else chosen_window(mask, size, at) or plan_windows(mask, size)


def chosen_window(mask: NDArray[np.bool_], size: tuple[int, int], at: tuple[int, int] | None) -> list[Window]:
    """The one window of `size` (height, width) with its corner (top, left) `at`, if the mask (H, W) is not empty and
    lies in it; else none."""
    if at is None or not all(
        0 <= start <= side - length for start, side, length in zip(at, mask.shape, size, strict=True)
    ):
        return []
    seen = [(start, start + length) for start, length in zip(at, size, strict=True)]
    masked = [np.flatnonzero(mask.any(1 - axis)) for axis in (0, 1)]
    kept = [(int(places[0]), int(places[-1]) + 1) for places in masked if len(places)]
    if not kept or not all(
        start <= first and last <= end for (start, end), (first, last) in zip(seen, kept, strict=True)
    ):
        return []
    return [Window(*seen, *kept)]


def _spans(masked: NDArray[np.intp], side: int, window: int) -> list[tuple[Span, Span]]:
    """(seen, kept) along one axis for the `masked` places of `side`. What is kept covers them without overlap."""
    first, end = int(masked[0]), int(masked[-1]) + 1
    seen = _scaled(FINISHED_SEEN, window, most=window - 1)
    again = _scaled(DRAWN_AGAIN, window, most=window - 1 - seen)  # so that every window keeps something
    if end - first <= window - 2 * again:  # one window, with the mask in its middle
        start = min(max(0, (first + end - window) // 2), side - window)
        return [((start, start + window), (first, end))]
    spans = list[tuple[Span, Span]]()
    while first < end:
        start = min(max(0, first - seen), side - window)
        last = start + window >= min(end, side)
        kept_end = end if last else start + window - again
        spans.append(((start, start + window), (first, kept_end)))
        first = kept_end
    return spans


def _scaled(pixels: int, window: int, *, most: int) -> int:
    return min(max(1, pixels * window // _MADE_FOR), most)


def whole_window(height: int, width: int) -> Window:
    """The one window of a picture that is drawn at once."""
    return Window((0, height), (0, width), (0, height), (0, width))


def watch_window(on_row: OnRows, x: Tensor, windows: Sequence[Window], number: int) -> OnRows:
    """`on_row` for window `number`: it gets all of x (n, C, H, W), and rows as `WindowsFrame` counts them."""
    rows, columns = windows[number].seen
    each = windows[0].rows[1] - windows[0].rows[0]
    if x[..., rows, columns].shape == x.shape:
        return on_row
    whole = x.clone()

    def report(done: int, of: int, drawn: Tensor) -> None:
        whole[..., rows, columns] = drawn
        on_row(number * each + each * done // of, len(windows) * each, whole)

    return report


@dataclass(frozen=True)
class WindowsFrame(PreviewFrame):
    """The frame of a picture that is drawn in `windows`. Each counts `rows_each` rows, of all `parts` together."""

    windows: Sequence[Window] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a window."""
        first, end = self.windows[0].columns
        return self.rows_each, end - first

    def is_sketch(self, done: int, rows: int) -> bool:
        """Whether only the sketch of the window being drawn is drawn."""
        return done < rows and done % self.rows_each * self.parts < self.rows_each * (self.parts - 1)

    def waiting(self, rows: int, *, in_passes: bool) -> NDArray[np.bool_]:
        """All but the windows that are finished, and the rows of the one being drawn; a pass draws all of these."""
        return self._without(rows, 0, in_passes=in_passes)

    def undrawn(self, rows: int) -> NDArray[np.bool_]:
        """All but the windows that are finished, and the rows of the one being drawn that are final."""
        return self._without(rows, self.parts - 1)

    def _without(self, rows: int, earlier: int, *, in_passes: bool = False) -> NDArray[np.bool_]:
        """The mask without what is drawn after `rows` rows; `earlier` parts of the model do not count."""
        waiting = self.mask.copy()
        finished, row = divmod(rows, self.rows_each)
        for window in self.windows[:finished]:
            waiting[window.kept] = False
        if finished < len(self.windows):
            window = self.windows[finished]
            first, end = rows_of(waiting[window.seen])  # all that the window draws, also what is not kept
            drawn = self.rows_each if in_passes else row * self.parts - earlier * self.rows_each
            reached = window.rows[0] + first + max(0, drawn) * (end - first) // self.rows_each
            kept, across = window.kept_rows, slice(*window.kept_columns)
            waiting[kept[0] : min(reached, kept[1]), across] = False
        return waiting

    @property
    def rows_each(self) -> int:
        """Rows that each window counts."""
        first, end = self.windows[0].rows
        return end - first
