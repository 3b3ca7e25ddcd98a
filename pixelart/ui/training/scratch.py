"""Where what visitors put in waits for a training: one folder of this process, bounded, and gone when it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from contextlib import ExitStack, suppress
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.settings import SETTINGS
from pixelart.training.checkpoint import exclusive

PREFIX = "pixelart-studio-"


class Scratch:
    """The folder of one process under `parent`. What processes left there that did not end by themselves is removed
    first. `limit`: bytes that all visitors may keep at once. Safe under threads."""

    def __init__(self, parent: Path | None = None, *, limit: int = SETTINGS.max_temp_bytes) -> None:
        parent = parent or Path(tempfile.gettempdir())
        _sweep(parent)
        self.path, self._limit = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)), limit
        self._kept: dict[Path, int] = {}
        self._lock = threading.Lock()
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self.path, ignore_errors=True)
            stack.enter_context(exclusive(self.path))
            self._end = weakref.finalize(self, stack.pop_all().close)  # at the end of the program at the latest

    def new_folder(self) -> Path:
        """A folder that no one else is given, and nobody is served from.

        Raises:
            OSError: the disk is full or cannot be written to.
        """
        return Path(tempfile.mkdtemp(dir=self.path))

    def check(self, folder: Path, *, incoming: int = 0) -> None:
        """Look at what one of the folders holds now, to which `incoming` bytes are to be added.

        Raises:
            RequestRejected: it is more than there is room for beside what all the others keep.
        """
        size = _size(folder) + incoming
        with self._lock:
            others = sum(kept for other, kept in self._kept.items() if other != folder)
            if others + size > self._limit:
                raise RequestRejected(
                    f"There is no room for more pictures: visitors may keep {self._limit / 2**20:g} MiB here at once. "
                    f"Try again later, or with fewer."
                )
            self._kept[folder] = size

    def close(self) -> None:
        """Removes everything."""
        self._end()

    def remove(self, folder: Path) -> None:
        """Removes one of the folders."""
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._kept.pop(folder, None)


def _size(folder: Path) -> int:
    """Bytes of all files in it; one that goes meanwhile counts nothing."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.stat(os.path.join(place, name), follow_symlinks=False).st_size
    return size


def _sweep(parent: Path) -> None:
    """Removes the folders whose processes have ended without doing so."""
    for folder in parent.glob(f"{PREFIX}*"):
        if folder.is_symlink() or not (folder / "lock").is_file():
            continue
        with suppress(RequestRejected, OSError), exclusive(folder):
            shutil.rmtree(folder, ignore_errors=True)
