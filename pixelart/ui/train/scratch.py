"""Where what visitors put in waits for a training: one folder, bounded."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.jobs.folder import size_of
from pixelart.settings import SETTINGS


class Scratch:
    """The folders of all visitors, in `path`, which whoever gives it empties when the program begins and ends. `limit`:
    bytes that they may hold at once, all together. Safe under threads."""

    def __init__(self, path: Path, *, limit: int = SETTINGS.max_incoming_bytes) -> None:
        self.path, self._limit = path, limit
        self._kept: dict[Path, int] = {}
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """A folder that no one else is given, and nobody is served from.

        Raises:
            OSError: the disk is full or cannot be written to.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(tempfile.mkdtemp(dir=self.path))

    def check(self, folder: Path, *, incoming: int = 0) -> None:
        """Look at what one of the folders holds now, to which `incoming` bytes are to be added.

        Raises:
            RequestRejected: it is more than there is room for beside what all the others hold.
        """
        size = size_of(folder) + incoming
        with self._lock:
            others = sum(kept for other, kept in self._kept.items() if other != folder)
            if others + size > self._limit:
                raise RequestRejected(
                    f"There is no room for more pictures: visitors may keep {self._limit / 2**20:g} MiB here at once. "
                    f"Try again later, or with fewer."
                )
            self._kept[folder] = size

    def remove(self, folder: Path) -> None:
        """Removes one of the folders."""
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._kept.pop(folder, None)
