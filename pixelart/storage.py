"""Atomic writes of files and folders, and exclusive locks on folders.

A write goes to a temporary name and is fsynced; one rename puts it in place; then the parent folder is fsynced (the
order of Pillai et al., OSDI 2014). A killed process therefore leaves either the old content or the new one.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from pixelart.errors import Hint, RequestRejected

_ABANDONED = 3600.0
"""Seconds without a change after which a temporary file or folder counts as left by a killed process."""
_SHOWN = 60
"""Characters of a name that its temporary name has: a name that is just short enough must not become too long."""
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
"""The name of a temporary file."""


class Busy(RequestRejected):
    """Another process holds the lock on a folder; a later try may succeed."""


class Files:
    """All calls that change the disk. Tests pass a subclass that fails."""

    private = False

    def __init__(self, *, private: bool = False) -> None:
        """`private`: create files with mode 0600 and folders with mode 0700, whatever the umask."""
        self.private = private

    def write(self, path: Path, data: bytes) -> None:
        """Create `path` with `data` and fsync it."""
        mode = 0o600 if self.private else 0o666
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def make_folder(self, path: Path) -> None:
        """Create the folder `path`."""
        if self.private:  # `mkdir(parents=True)` gives parents the mode of the umask
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.mkdir(parents=True, mode=0o700 if self.private else 0o777)

    def sync_folder(self, path: Path) -> None:
        """Fsync folder `path`, so that the names in it are durable."""
        if os.name == "nt":  # Windows cannot open a folder; NTFS journals the names in it
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        """Rename within one file system; an existing file is replaced."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Delete a folder with its content."""
        shutil.rmtree(path)


def write_file(path: Path, data: bytes, *, files: Files | None = None) -> None:
    """Replace the content of `path` by `data` atomically. Of several writers, the last to end wins.

    Raises:
        OSError: a write failed; the old content is unchanged.
    """
    files = files or Files()
    with _replacing(path, files) as partial:
        files.write(partial, data)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing; it replaces `path` atomically when the context ends.

    Raises:
        OSError: a write failed; the old content is unchanged.
    """
    with _replacing(path, Files()) as partial, partial.open("w+b") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _replacing(path: Path, files: Files) -> Iterator[Path]:
    """A file `.<name>.<random>.tmp` beside `path` to write; it is renamed to `path` when the context ends, or deleted
    if that fails. Each writer has its own, so none changes what another has written."""
    _sweep_files(path.parent)
    partial = _temporary(path)
    try:
        yield partial
        files.rename(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    files.sync_folder(path.parent)


@contextmanager
def new_folder(target: Path, *, files: Files | None = None) -> Iterator[Path]:
    """Fill a temporary folder; rename it to `target` when the context ends.

    The temporary folder is `.<target>.<random>.tmp/<target>`: errors name it like the target, and listings skip it. The
    whole `.tmp` folder is deleted in the end, with anything else in it. If several processes create the same target,
    the first one succeeds. Temporary folders that killed processes left for this target are deleted first.

    Raises:
        RequestRejected: `target` exists.
        OSError: a write failed; nothing is left on the disk.
    """
    files = files or Files()
    if target.exists():
        raise RequestRejected(f"{target}: exists already", hint=Hint.OTHER_NAME)
    _sweep(target)
    place = _temporary(target)
    partial = place / target.name
    try:
        files.make_folder(partial)
        yield partial
        files.sync_folder(partial)
        files.rename(partial, target)
    except OSError as error:
        if target.exists():  # another process created it first
            raise RequestRejected(f"{target}: exists already", hint=Hint.OTHER_NAME) from error
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)
    files.sync_folder(target.parent)


def _temporary(target: Path) -> Path:
    """A name beside the target that no other process uses, and that listings skip."""
    return target.with_name(f".{target.name[:_SHOWN]}.{secrets.token_hex(4)}.tmp")


@lru_cache(maxsize=256)
def _sweep_files(folder: Path) -> None:
    """Delete temporary files that killed processes left in a folder: once in each process, because folders may be
    large."""
    for path in folder.glob(".*.tmp"):
        if _PARTIAL.fullmatch(path.name) and path.is_file() and time.time() - _last_change(path) > _ABANDONED:
            with suppress(OSError):
                path.unlink()


def _sweep(target: Path) -> None:
    """Delete temporary folders that killed processes left for this target."""
    half_made = re.compile(rf"\.{re.escape(target.name[:_SHOWN])}(\.[0-9a-f]{{8}})?\.tmp")
    for path in target.parent.iterdir() if target.parent.is_dir() else ():
        if half_made.fullmatch(path.name) and time.time() - _last_change(path) > _ABANDONED:
            shutil.rmtree(path, ignore_errors=True)


def _last_change(folder: Path) -> float:
    """Time of the newest change to a file, or to a folder or a file in it; the current time if a file vanishes
    meanwhile."""
    try:
        return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:
        return time.time()


@contextmanager
def exclusive(folder: Path, *, busy: str = "another process is training this run") -> Iterator[None]:
    """Hold an exclusive lock on a folder, for example a run. The lock ends with the process, even a killed one.

    Raises:
        RequestRejected: no such folder.
        Busy: another process holds the lock; `busy` is the reason in the message.
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
