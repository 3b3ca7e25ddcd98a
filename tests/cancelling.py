"""A `cancel` that counts."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Patience:
    """Answers True from the question `limit` on, counted from 0; never when that is None. Safe under threads."""

    limit: int | None = None
    asked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> bool:
        with self._lock:
            self.asked += 1
            return self.limit is not None and self.asked > self.limit
