"""The state of one visitor; sessions share nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.engine import Drawing
from pixelart.ui.security.memory_budget import size_of


class Turn:
    """Events of one kind on one page, such as clicks on results. They run one at a time."""

    def __init__(self) -> None:
        self._newest, self._lock, self._running = 0, threading.Lock(), threading.Lock()

    def run(self, moment: int, handler: Callable[[], Any]) -> Any:
        """The answer to the event of this moment; None if a newer one has come before it ran."""
        with self._lock:
            self._newest = max(self._newest, moment)
        with self._running:
            return handler() if self.is_newest(moment) else None

    def is_newest(self, moment: int) -> bool:
        """Whether no newer event has come."""
        return moment >= self._newest


class Session:
    """The results of one page, and the drawings that are in progress.

    Every press of a drawing button carries a ticket, a number that its page counts up. Stop ends all tickets so far,
    even those that are queued or still in transit. Choosing another model or picture ends them too (`leave`) and drops
    their output. `mask`: where the results were drawn; None = everywhere.

    gradio copies the initial value for every visitor and then passes the same object to each handler.
    """

    def __init__(self, drawings: Sequence[Drawing] = ()) -> None:
        self.drawings = list(drawings)
        self.mask: NDArray[np.bool_] | None = None
        self.chosen = 0
        self.seed: int | None = None
        self.running = 0
        self.status: str | None = None
        self._turns: dict[str, Turn] = {}
        self._stopped = self._left = -1
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Session:
        return Session()

    @property
    def chosen_drawing(self) -> Drawing | None:
        """The result clicked last, or the first one."""
        return self.drawings[self.chosen] if self.chosen < len(self.drawings) else None

    def turn(self, kind: str) -> Turn:
        """What the page's events of this kind share."""
        with self._lock:
            return self._turns.setdefault(kind, Turn())

    def stop(self, ticket: int) -> None:
        """End every drawing up to this ticket."""
        self._stopped = max(self._stopped, ticket)

    def leave(self, ticket: int) -> None:
        """End every drawing up to this ticket, and drop its output."""
        with self._lock:
            self._left = max(self._left, ticket)
            self.status = None
        self.stop(ticket)

    def set_status(self, status: str) -> str:
        """Set the status line shown after `leave`, and return it.

        A drawing that ends later repeats it, because its last output would replace it.
        """
        self.status = status
        return status

    def is_stopped(self, ticket: int) -> bool:
        """Whether this drawing should end."""
        return ticket <= self._stopped

    def has_left(self, ticket: int) -> bool:
        """Whether the output of this drawing is dropped."""
        return ticket <= self._left

    def keep(self, ticket: int, drawings: list[Drawing], mask: NDArray[np.bool_] | None = None) -> None:
        """Set the results, drawn where `mask` is True, unless the visitor has left this drawing."""
        with self._lock:
            if not self.has_left(ticket):
                self.drawings, self.mask, self.chosen, self.seed = drawings, mask, 0, drawings[0].seed

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that the results take."""
        pictures = sum(drawing.picture.nbytes for drawing in self.drawings)
        return pictures + (size_of(self.drawings[0].settings) if self.drawings else 0)  # shared by all results

    def drop_results(self) -> None:
        """Drop the results to free memory for other pages; which one is chosen stays for `recover`."""
        with self._lock:
            self.drawings, self.mask = [], None

    def recover(self, drawings: list[Drawing], mask: NDArray[np.bool_] | None = None) -> None:
        """Restore the results that the page has stored, if none are known: after a restart of the program, or when they
        were dropped."""
        with self._lock:
            if drawings and not self.drawings:
                self.drawings, self.mask = drawings, mask
                self.chosen = self.chosen if self.chosen < len(drawings) else 0
                self.seed = drawings[self.chosen].seed if self.seed is None else self.seed

    def free(self) -> None:
        """End and forget everything; the page was closed long ago."""
        self.leave(2**63)
        self.drawings = []
