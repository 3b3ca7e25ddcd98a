"""What one visitor has: nothing here is shared between sessions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.engine import Drawing
from pixelart.ui.security.memory_budget import size_of


class Session:
    """The results on the page, where they were drawn (None = everywhere), the one that was chosen last, the seed of
    what was last drawn or chosen, how many drawings are in progress, and which are over.

    Every press of a drawing button carries a ticket, which its page counts up. Stop ends all tickets so far, whether
    they are being drawn, wait for their turn or are still on their way. To leave them (for another model or picture)
    ends them too, and what they would still show is dropped.

    gradio copies the initial value for every visitor and afterwards hands each handler the same object.
    """

    def __init__(self, drawings: Sequence[Drawing] = ()) -> None:
        self.drawings = list(drawings)
        self.mask: NDArray[np.bool_] | None = None
        self.chosen = 0
        self.seed: int | None = None
        self.running = 0
        self.said: str | None = None
        self._stopped = self._left = -1
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Session:
        return Session()

    @property
    def chosen_drawing(self) -> Drawing | None:
        """The result that was clicked last, or the first."""
        return self.drawings[self.chosen] if self.chosen < len(self.drawings) else None

    def stop(self, ticket: int) -> None:
        """Ends every drawing up to this ticket."""
        self._stopped = max(self._stopped, ticket)

    def leave(self, ticket: int) -> None:
        """Ends every drawing up to this ticket, and drops what it brings."""
        with self._lock:
            self._left = max(self._left, ticket)
            self.said = None
        self.stop(ticket)

    def say(self, status: str) -> str:
        """The status line of what the drawings were left for. They repeat it at their end: it travels another way than
        their frames, the last of which may arrive after it."""
        self.said = status
        return status

    def is_stopped(self, ticket: int) -> bool:
        """Whether this drawing is to end."""
        return ticket <= self._stopped

    def has_left(self, ticket: int) -> bool:
        """Whether this drawing has no place to be shown any more."""
        return ticket <= self._left

    def keep(self, ticket: int, drawings: list[Drawing], mask: NDArray[np.bool_] | None = None) -> None:
        """Makes these the results, drawn where `mask` is True, unless they were left meanwhile."""
        with self._lock:
            if not self.has_left(ticket):
                self.drawings, self.mask, self.chosen, self.seed = drawings, mask, 0, drawings[0].seed

    @property
    def held_bytes(self) -> int:
        """Memory of the results."""
        pictures = sum(drawing.picture.nbytes for drawing in self.drawings)
        return pictures + (size_of(self.drawings[0].settings) if self.drawings else 0)  # which all share

    def drop_results(self) -> None:
        """Others need the room."""
        with self._lock:
            self.drawings, self.mask, self.chosen = [], None, 0

    def recover(self, drawings: list[Drawing], mask: NDArray[np.bool_] | None = None) -> None:
        """Makes these the results, which the page has kept, where none are known: the program was started again."""
        with self._lock:
            if drawings and not self.drawings:
                self.drawings, self.mask, self.chosen, self.seed = drawings, mask, 0, drawings[0].seed

    def free(self) -> None:
        """For a page that was closed long ago: nothing goes on, nothing is kept."""
        self.leave(2**63)
        self.drawings = []
