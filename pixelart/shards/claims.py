"""Claims of processes on numbered pieces of work: locks on single bytes of one file.

The operating system ends the lock of a process that dies, also of a killed one; on NFS the server ends those of a host
that is gone. So a claim needs no clock and no clean-up. If a file system loses a lock, two processes make the same
piece, which wastes time but changes nothing: each writes a file of its own, and both have the same content.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pixelart.errors import RequestRejected

_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class Claims:
    """The claims on the pieces 0, 1, ... of one kind of work in a folder.

    Of two objects for one file in one process, both get every claim, and closing one ends the claims of both.
    """

    def __init__(self, path: Path) -> None:
        """`path`: the file to lock; it is created. Raises OSError."""
        self._file: BinaryIO = path.open("a+b")

    @contextmanager
    def claim(self, piece: int) -> Iterator[bool]:
        """Whether this process has the piece inside this context; False if another one has it.

        Raises:
            RequestRejected: the file system has no locks.
        """
        is_mine = self._lock(piece)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._unlock(piece)

    def close(self) -> None:
        """End all claims."""
        self._file.close()

    def _lock(self, piece: int) -> bool:
        try:
            if os.name == "nt":
                import msvcrt

                self._file.seek(piece)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
            else:
                import fcntl

                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, piece)
        except OSError as error:
            if error.errno in _HELD:
                return False
            name = Path(self._file.name).parent
            raise RequestRejected(f"{name}: its file system has no locks ({error.strerror})") from error
        return True

    def _unlock(self, piece: int) -> None:
        if os.name == "nt":
            import msvcrt

            self._file.seek(piece)
            msvcrt.locking(self._file.fileno(), msvcrt.LK_UNLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
        else:
            import fcntl

            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, piece)
