"""A size-limited folder for visitors' pictures until a training takes them."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.jobs.folder import folder_bytes
from pixelart.settings import SETTINGS


class Scratch:
    """The folders of all visitors, in `path`. The caller empties `path` when the program starts and ends.

    `limit`: bytes of all folders together. Thread-safe.
    """

    def __init__(self, path: Path, *, limit: int = SETTINGS.max_incoming_bytes) -> None:
        self.path, self._limit = path, limit
        self._kept: dict[Path, int] = {}
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """A new private folder; the app serves no files from it.

        Raises:
            OSError: the disk is full or cannot be written to.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(tempfile.mkdtemp(dir=self.path))

    def check(self, folder: Path, *, incoming: int = 0) -> None:
        """Check that a folder may hold its files and `incoming` more bytes.

        Raises:
            RequestRejected: all folders together would exceed the limit.
        """
        size = folder_bytes(folder) + incoming
        with self._lock:
            others = sum(kept for other, kept in self._kept.items() if other != folder)
            if others + size > self._limit:
                raise RequestRejected(
                    f"Storage for pictures is full: the limit for all visitors is {self._limit / 2**20:g} MiB. "
                    f"Try again later, or with fewer pictures."
                )
            self._kept[folder] = size

    def remove(self, folder: Path) -> None:
        """Remove one of the folders."""
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._kept.pop(folder, None)
