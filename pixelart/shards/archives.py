"""Archives with the same bytes for the same content, whoever writes them and when: .zip and WebDataset .tar."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, Protocol, get_args

ShardKind = Literal["zip", "tar"]
SHARD_KINDS: tuple[ShardKind, ...] = get_args(ShardKind)
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a .zip can hold; all members get it."""
_MODE, _UNIX = 0o644, 3


class Archive(Protocol):
    """Writes pictures into an archive."""

    def add(self, name: str, png: bytes, record: bytes) -> None:
        """Add the picture `name` (a relative path that ends in .png) with its record, JSON."""
        ...


class Zip:
    """A .zip of pictures, in folders by class, as `train` and `check` read it. The records are in the manifest only."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, png: bytes, record: bytes) -> None:
        """Add the picture, uncompressed, because a PNG is compressed."""
        info = zipfile.ZipInfo(name, _FIRST_DAY)
        info.create_system, info.external_attr = _UNIX, _MODE << 16
        self._archive.writestr(info, png)


class Tar:
    """A .tar as WebDataset reads it: files that differ only in their suffix are one sample. So it needs no folders: the
    name of a picture is its seed."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, name: str, png: bytes, record: bytes) -> None:
        """Add the picture, and its record as .json beside it."""
        for suffix, data in ((".png", png), (".json", record)):
            info = tarfile.TarInfo(PurePosixPath(name).with_suffix(suffix).name)
            info.size, info.mode = len(data), _MODE
            self._archive.addfile(info, io.BytesIO(data))


@contextmanager
def writing(kind: ShardKind, file: BinaryIO) -> Iterator[Archive]:
    """An archive of a kind that is written to `file`."""
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            yield Zip(archive)
    else:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            yield Tar(archive)
