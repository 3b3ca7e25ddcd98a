"""What one visitor has: nothing here is shared between sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixelart.engine import Drawing
from pixelart.ui.worker import Worker


@dataclass(eq=False)
class Session:
    """The results on the page, the one that was chosen last, the last seed, and the drawing in progress; whether a
    drawing waits for its turn, and whether it was stopped meanwhile.

    gradio copies the initial value for every visitor and afterwards hands each handler the same object.
    """

    drawings: list[Drawing] = field(default_factory=list)
    chosen: int = 0
    last_seed: int | None = None
    worker: Worker | None = None
    waiting: bool = False
    stopped: bool = False

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Session:
        return Session()

    @property
    def chosen_drawing(self) -> Drawing | None:
        """The result that was clicked last, or the first."""
        return self.drawings[self.chosen] if self.chosen < len(self.drawings) else None

    def begin(self) -> bool:
        """Ends the wait; False when it was stopped."""
        stopped, self.waiting, self.stopped = self.stopped, False, False
        return not stopped

    def stop(self) -> bool:
        """Stops what is being drawn or waits; False when there is nothing."""
        if self.worker is not None:
            self.worker.stop()
        elif self.waiting:
            self.stopped = True
        return self.worker is not None or self.waiting
