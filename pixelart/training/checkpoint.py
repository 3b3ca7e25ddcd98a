"""Saves that survive being killed at any moment.

All files of step s are written to `step-s.tmp/` and fsynced, the folder is fsynced and renamed to `step-s/`, the
parent is fsynced; only then are older steps deleted, and two are always kept. A manifest holds the SHA-256 of each
file: the newest folder whose hashes agree is the last checkpoint. (The order of Pillai et al., OSDI 2014.)
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pixelart.errors import RequestRejected, WeightsRejected

log = logging.getLogger(__name__)
KEEP = 2
MANIFEST = "manifest.json"
_STEP = re.compile(r"step-(\d{8})")
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


def save_checkpoint(run: Path, step: int, parts: Mapping[str, bytes], *, files: Files | None = None) -> Path:
    """Write `parts` (file name -> bytes) as the checkpoint of `step` and drop all but the newest KEEP.

    Raises:
        OSError: a write failed; the checkpoints that were there are untouched.
    """
    files = files or Files()
    target = run / f"step-{step:08d}"
    if _agrees(target):
        return target
    partial = target.with_suffix(".tmp")
    for leftover in (partial, target):  # from a run that was killed, or damaged since
        if leftover.exists():
            files.remove(leftover)
    try:
        files.make_folder(partial)
        for name, data in parts.items():
            files.write(partial / name, data)
        manifest = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
        files.write(partial / MANIFEST, json.dumps(manifest, indent=1).encode())
        files.sync_folder(partial)
        files.rename(partial, target)
    except OSError:
        with suppress(OSError):  # or what is half written fills a disk that is full
            files.remove(partial)
        raise
    files.sync_folder(run)
    _drop_old(run, files)
    return target


def list_checkpoints(run: Path) -> list[Path]:
    """The step folders of a run whose hashes agree, oldest first."""
    found = sorted(p for p in run.glob("step-*") if _STEP.fullmatch(p.name))
    return [p for p in found if _agrees(p)]


def load_checkpoint(folder: Path) -> dict[str, bytes]:
    """The parts of one step folder, checked against its manifest.

    Raises:
        WeightsRejected: a file is missing or its hash differs.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if not manifest:
            raise ValueError("an empty manifest")
        parts = {str(name): (folder / Path(name).name).read_bytes() for name in manifest}
        damaged = [n for n, data in parts.items() if hashlib.sha256(data).hexdigest() != manifest[n]]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsRejected(f"{folder.name}: incomplete checkpoint ({type(error).__name__})") from error
    if damaged:
        raise WeightsRejected(f"{folder.name}: {damaged[0]} does not match its SHA-256")
    return parts


def last_checkpoint(run: Path) -> tuple[int, dict[str, bytes]] | None:
    """(step, parts) of the newest whole checkpoint of a run, or None."""
    for folder in sorted((p for p in run.glob("step-*") if _STEP.fullmatch(p.name)), reverse=True):
        try:
            return int(folder.name.removeprefix("step-")), load_checkpoint(folder)
        except WeightsRejected as error:
            log.warning("passed over: %s", error)
    return None


def _agrees(folder: Path) -> bool:
    try:
        load_checkpoint(folder)
    except WeightsRejected:
        return False
    return True


def _drop_old(run: Path, files: Files) -> None:
    whole = list_checkpoints(run)
    keep = set(whole[-KEEP:])
    for folder in run.glob("step-*"):
        if _STEP.fullmatch(folder.name.removesuffix(".tmp")) and folder not in keep:  # nothing of another's making
            files.remove(folder)
