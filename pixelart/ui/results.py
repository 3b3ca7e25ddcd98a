"""Results as files and captions."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import logging
import math
import mimetypes
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelart.engine import Drawing
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.settings import SETTINGS
from pixelart.storage import Files, write_file

_log = logging.getLogger(__name__)
BLOCK = 4096
"""Bytes that even a small file takes on a disk."""


def bits(drawing: Drawing) -> float:
    """-log2 p of the whole picture; fewer bits are more probable."""
    return -drawing.log_prob / math.log(2)


def seed_caption(drawing: Drawing) -> str:
    """The caption of a generated picture: its seed, and its kind if it has one."""
    kind = drawing.settings.get("kind")
    return f"seed {drawing.seed}" + (f"\n{kind:.12}" if isinstance(kind, str) and kind else "")


def candidate_caption(drawing: Drawing, rank: int) -> str:
    """The caption of a completion: its seed and its rank, short enough for a thumbnail on a phone; `rank` 0 is the most
    probable."""
    return f"seed {drawing.seed}\n" + {0: "best", 1: "2nd", 2: "3rd"}.get(rank, f"{rank + 1}th")


def caption_of(drawing: Drawing, mask: NDArray[np.bool_] | None, rank: int) -> str:
    """The caption of a result. `mask`: where it was drawn; None = everywhere."""
    settings = drawing.settings
    if "tile" in settings:
        return f"tile {settings['tile']!s:.9}"
    if "animation" in settings:
        return f"frame {rank + 1}"
    if "sweep" in settings:
        return f"{settings['sweep']!s:.20} {settings.get(str(settings['sweep']))!s:.9}"
    return seed_caption(drawing) if mask is None else candidate_caption(drawing, rank)


def file_name(drawing: Drawing, *, scale: int = 1, suffix: str = "png") -> str:
    """The file name of a result, such as hero_1234_32x32.png, or hero_1234_128x128.png at scale 4."""
    name = "-".join(drawing.settings.get("class_weights") or {}) or "any"
    return f"{_plain(name)}_{drawing.seed}_{_size(drawing.picture, scale)}.{suffix}"


def canvas_file_name(picture: Picture, *, scale: int, suffix: str = "png") -> str:
    """The file name of the canvas, such as canvas_128x128.png."""
    return f"canvas_{_size(picture, scale)}.{suffix}"


def sheet_file_name(sheet: Picture, *, count: int, scale: int) -> str:
    """The file name of a sprite sheet, such as sheet_16_128x128.png."""
    return f"sheet_{count}_{_size(sheet, scale)}.png"


class ResultFiles:
    """The PNG files of results that pages and API clients fetch, in gradio's cache. Thread-safe.

    Each save deletes files older than `seconds`, and then the oldest ones until at most `most` bytes are on the disk.
    `records`: sets in which gradio records the same paths; deleted paths are removed from them. `outputs`: where every
    picture of this machine's user stays for good, see `archive`; None = nowhere.
    """

    def __init__(
        self,
        folder: Path,
        records: Sequence[set[str]] = (),
        *,
        most: int = SETTINGS.max_result_bytes,
        seconds: float = 86_400,
        outputs: Path | None = None,
    ) -> None:
        self.folder, self.outputs = folder.resolve(), outputs
        self._records, self._most, self._seconds = records, most, seconds
        self._kept: OrderedDict[str, tuple[float, int]] = OrderedDict()  # path -> (time of creation, size)
        self._size = 0
        self._lock = threading.Lock()

    def save(self, drawing: Drawing) -> str:
        """Save a drawing as PNG and return its path.

        Raises:
            RequestRejected: the disk is full even without the older results, or it cannot be written to.
        """
        data = drawing.png()
        with self._lock:
            path = str(self.folder / hashlib.sha256(data).hexdigest() / file_name(drawing))
            self._forget(path)
            self._write(Path(path), data)
            size = -(-len(data) // BLOCK) * BLOCK + BLOCK  # plus one block for its folder
            self._kept[path] = time.monotonic(), size
            self._size += size
            while self._size > self._most or time.monotonic() - self._oldest > self._seconds:
                self._drop(next(iter(self._kept)))
        return path

    def archive(self, drawings: Sequence[Drawing]) -> None:
        """Write drawings to a folder of today in `outputs`, with their settings. A file that is there already stays. A
        full disk is no reason to lose a result, so it only goes to the log."""
        if self.outputs is None:
            return
        folder = self.outputs / time.strftime("%Y-%m-%d")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for drawing in drawings:
                self._add(folder / file_name(drawing), drawing.png())
        except OSError as error:
            _log.warning("%s cannot be written: %s", folder, error)

    def _add(self, path: Path, data: bytes) -> None:
        """Write the file at `path`, or beside it with a number if another one is there."""
        number, wanted = 1, path
        with self._lock:
            while path.exists() and path.read_bytes() != data:
                number += 1
                path = wanted.with_stem(f"{wanted.stem}-{number}")
            if not path.exists():
                write_file(path, data)

    def _write(self, path: Path, data: bytes) -> None:
        """Write the file at `path`, all or nothing. If the disk is full, delete the oldest results.

        Raises:
            RequestRejected: the disk is full and no result is left to delete, or it cannot be written to.
        """
        while True:
            try:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.parent.mkdir(exist_ok=True, mode=0o700)
                write_file(path, data, files=Files(private=True))
                return
            except OSError as error:
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._kept:
                    reason = error.strerror or "it failed"
                    raise RequestRejected(f"The result could not be saved to the disk: {reason}.") from error
                self._drop(next(iter(self._kept)))

    @property
    def _oldest(self) -> float:
        return next(iter(self._kept.values()), (math.inf, 0))[0]

    def _forget(self, path: str) -> None:
        self._size -= self._kept.pop(path, (0, 0))[1]

    def _drop(self, path: str) -> None:
        self._forget(path)
        for paths in self._records:
            paths.discard(path)
        Path(path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty if the same bytes have another name
            Path(path).parent.rmdir()


def download_value(name: str, data: bytes) -> dict[str, str | int]:
    """The value of a FileSaver. The time makes saving the same file twice two events."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"name": name, "type": kind, "data": base64.b64encode(data).decode(), "asked": time.monotonic_ns()}


def _size(picture: Picture, scale: int) -> str:
    return f"{picture.shape[1] * scale}x{picture.shape[0] * scale}"


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]+", "-", Path(name).name).strip("-") or "any"
