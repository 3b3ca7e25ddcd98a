"""How long-running work reports its progress and is cancelled, and durations in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pixelart.errors import Cancelled

Cancel = Callable[[], bool]
"""Called between two parts of the work; True cancels it."""
OnProgress = Callable[[int, int], None]
"""Called with (parts done, parts in total)."""
_T = TypeVar("_T")


def never() -> bool:
    """The `Cancel` that never cancels."""
    return False


def ignore_progress(done: int, total: int) -> None:
    """The `OnProgress` that does nothing."""


def until_cancelled(things: Iterable[_T], cancel: Cancel) -> Iterator[_T]:
    """Yield `things` one by one. Raises Cancelled before the next one when `cancel` returns True."""
    for thing in things:
        if cancel():
            raise Cancelled
        yield thing


def duration(seconds: float) -> str:
    """A duration, such as "40 s", "6 min" or "2 h 5 min"."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
