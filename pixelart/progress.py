"""How long-running work reports its progress and is cancelled."""

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
