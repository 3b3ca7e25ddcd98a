"""What one visitor has: nothing here is shared between sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixelart.engine import Drawing
from pixelart.ui.worker import Worker


@dataclass
class Session:
    """The results on the page, the one that was chosen last, the last seed, and the drawing in progress.

    gradio copies the initial value for every visitor and afterwards hands each handler the same object.
    """

    drawings: list[Drawing] = field(default_factory=list)
    chosen: int = 0
    last_seed: int | None = None
    worker: Worker | None = None

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Session:
        return Session()

    @property
    def chosen_drawing(self) -> Drawing | None:
        """The result that was clicked last, or the first."""
        return self.drawings[self.chosen] if self.chosen < len(self.drawings) else None
