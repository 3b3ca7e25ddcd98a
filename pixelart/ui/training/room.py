"""The disk that visitors' training pictures take, all together."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol
from weakref import WeakKeyDictionary

from pixelart.settings import SETTINGS


class Holder(Protocol):
    """Who has put files into a folder, and can give them up."""

    @property
    def folder(self) -> Path:
        """Where they are."""
        ...

    def free(self) -> None:
        """Nothing is kept."""


class Room:
    """At most `most` bytes in the folders of all holders: those who put something in longest ago give it up first. One
    alone keeps what it has. Safe under threads."""

    def __init__(self, most: int = SETTINGS.max_temporary_bytes) -> None:
        self._most = most
        self._sizes: WeakKeyDictionary[Holder, int] = WeakKeyDictionary()  # the one who came longest ago first
        self._lock = threading.Lock()

    def has_put_in(self, holder: Holder) -> None:
        """Takes note of what the folder of `holder` holds now, and makes room."""
        size = sum(path.stat().st_size for path in holder.folder.rglob("*") if path.is_file())
        with self._lock:
            self._sizes.pop(holder, None)
            self._sizes[holder] = size
            while len(self._sizes) > 1 and sum(self._sizes.values()) > self._most:
                oldest = next(iter(self._sizes))
                del self._sizes[oldest]
                oldest.free()
