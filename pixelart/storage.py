"""Files and folders that are whole or not there, whenever a process is killed; and folders that one process holds.

Data is written beside its place and fsynced, the name is changed in one step, and the folder that holds it is fsynced
(the order of Pillai et al., OSDI 2014).
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pixelart.errors import RequestRejected

_ABANDONED = 3600.0
"""Seconds after which a folder that is half made is one whose process was killed."""


class Busy(RequestRejected):
    """Another process holds a folder; later it may not."""


class Files:
    """Every call that changes the disk, so that a test can hand in one that fails."""

    private = False

    def __init__(self, *, private: bool = False) -> None:
        """`private`: files have mode 0600 and folders 0700, whatever the umask."""
        self.private = private

    def write(self, path: Path, data: bytes) -> None:
        """Create `path` with `data`, on the disk when this returns."""
        mode = 0o600 if self.private else 0o666
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def make_folder(self, path: Path) -> None:
        """Create the folder `path`."""
        if self.private:  # of folders that `parents` makes, the mode would be the umask's
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.mkdir(parents=True, mode=0o700 if self.private else 0o777)

    def sync_folder(self, path: Path) -> None:
        """Make the names in folder `path` durable."""
        if os.name == "nt":  # a folder cannot be opened there; NTFS journals its names
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        """Rename within one file system, replacing a file that is there."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Delete a folder and all in it."""
        shutil.rmtree(path)


def write_file(path: Path, data: bytes, *, files: Files | None = None) -> None:
    """Replace `path` by `data` at once: at every moment it is the old or the new one, whole.

    Raises:
        OSError: a write failed; what was there is untouched.
    """
    files, partial = files or Files(), path.with_name(path.name + ".tmp")
    try:
        files.write(partial, data)
        files.rename(partial, path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise
    files.sync_folder(path.parent)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, which replaces `path` at the end of the context, whole or not at all.

    Raises:
        OSError: a write failed; what was there is untouched.
    """
    files, partial = Files(), path.with_name(path.name + ".tmp")
    try:
        with partial.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        files.rename(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    files.sync_folder(path.parent)


@contextmanager
def new_folder(target: Path, *, files: Files | None = None) -> Iterator[Path]:
    """A folder to fill, which becomes `target` at the end of the context, whole or not at all; of several that make it
    at once the first has it. It has the target's name, so that what is refused is called what it would have been, and
    is in a folder whose name is never listed; what killed processes left under such names is removed. What else is in
    there goes with it.

    Raises:
        RequestRejected: `target` exists.
        OSError: a write failed; nothing is left.
    """
    files = files or Files()
    if target.exists():
        raise RequestRejected(f"{target}: exists already; give another name")
    _sweep(target)
    place = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    partial = place / target.name
    try:
        files.make_folder(partial)
        yield partial
        files.sync_folder(partial)
        files.rename(partial, target)
    except OSError as error:
        if target.exists():  # another was faster
            raise RequestRejected(f"{target}: exists already; give another name") from error
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)
    files.sync_folder(target.parent)


def _sweep(target: Path) -> None:
    """Remove what was left half made under this name by processes that were killed."""
    half_made = re.compile(rf"\.{re.escape(target.name)}(\.[0-9a-f]{{8}})?\.tmp")
    for path in target.parent.iterdir() if target.parent.is_dir() else ():
        if half_made.fullmatch(path.name) and time.time() - _last_change(path) > _ABANDONED:
            shutil.rmtree(path, ignore_errors=True)


def _last_change(folder: Path) -> float:
    """When a folder or anything in it was written last; now, where that changes while it is looked at."""
    try:
        return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:
        return time.time()


@contextmanager
def exclusive(folder: Path, *, busy: str = "another process is training this run") -> Iterator[None]:
    """Hold a folder, such as that of a run, alone; the lock ends with the process, however that ends.

    Raises:
        RequestRejected: no such folder.
        Busy: another holds it, as `busy` says.
    """
    try:
        lock = (folder / "lock").open("a+b")
    except FileNotFoundError as error:
        raise RequestRejected(f"{folder}: not a run folder") from error
    with lock as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"{folder}: {busy}") from error
        yield
