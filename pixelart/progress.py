"""How long-running work tells how far it is, and is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pixelart.errors import Cancelled

Cancel = Callable[[], bool]
"""Asked between two parts of the work; it answers True to stop it."""
OnProgress = Callable[[int, int], None]
"""(how many parts are done, of how many)"""
_T = TypeVar("_T")


def never() -> bool:
    """The `Cancel` of work that is never stopped."""
    return False


def untold(done: int, total: int) -> None:
    """The `OnProgress` of work that nobody watches."""


def until_cancelled(things: Iterable[_T], cancel: Cancel) -> Iterator[_T]:
    """The things, one by one. Raises Cancelled before the next of them once `cancel` answers True."""
    for thing in things:
        if cancel():
            raise Cancelled
        yield thing
