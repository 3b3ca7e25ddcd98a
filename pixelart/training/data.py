"""Pictures of a folder or a .zip, sub-folder = class (the ImageFolder convention), as integers to learn from."""

from __future__ import annotations

import hashlib
import logging
import lzma
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pixelart.codec import Picture, normalise
from pixelart.errors import DataRejected
from pixelart.images import SUFFIXES, decode_picture, read_picture, resize_nearest
from pixelart.settings import SETTINGS

log = logging.getLogger(__name__)
Fit = Literal["refuse", "nearest"]
NO_FOLDER = "pictures"
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, ValueError, RuntimeError)


@dataclass(frozen=True)
class PictureSet:
    """N pictures of one size: uint8 (N, H, W, 4), the class name and the content hash of each, in order of name."""

    pictures: Picture
    class_names: tuple[str, ...]
    hashes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def classes(self) -> tuple[str, ...]:
        """The distinct class names, sorted."""
        return tuple(sorted(set(self.class_names)))

    def select(self, keep: NDArray[np.bool_]) -> PictureSet:
        """The pictures where `keep` (N,) is True."""
        chosen = np.flatnonzero(keep)
        names, hashes = np.array(self.class_names), np.array(self.hashes)
        return PictureSet(self.pictures[chosen], tuple(names[chosen].tolist()), tuple(hashes[chosen].tolist()))

    def fingerprint(self) -> str:
        """SHA-256 over the content and class of every picture."""
        lines = "\n".join(f"{h} {c}" for h, c in zip(self.hashes, self.class_names, strict=True))
        return hashlib.sha256(lines.encode()).hexdigest()


def picture_hash(picture: Picture) -> str:
    """16 hexadecimal digits of the SHA-256 of what is seen: size, and pixels with thresholded alpha."""
    shape = "x".join(map(str, picture.shape[:2])).encode()
    return hashlib.sha256(shape + normalise(picture).tobytes()).hexdigest()[:16]


def is_validation(content_hash: str, *, share: float) -> bool:
    """Whether the picture belongs to the validation part: by content, so a copy never sits on both sides."""
    return int(content_hash[:8], 16) / 2**32 < share


def read_pictures(source: Path, *, size: tuple[int, int] | None = None, fit: Fit = "refuse") -> PictureSet:
    """All pictures of a folder or a .zip.

    Args:
        size: (height, width) wanted; the most frequent one when None.
        fit: what to do with a picture of another size: refuse the set, or resize by nearest neighbour.

    Raises:
        DataRejected: nothing there, too much, an unsafe archive, or a picture of another size.
        ImageRejected: a file that bears a picture's suffix and is none.
    """
    places, found, decoded = list[PurePath](), list[Picture](), 0
    for place, picture in _members(source):
        decoded += picture.nbytes
        if decoded > SETTINGS.max_decoded_bytes:
            raise DataRejected(f"{source.name}: decodes to more than {SETTINGS.max_decoded_bytes >> 20} MiB")
        places.append(place)
        found.append(picture)
    if not found:
        raise DataRejected(f"{source.name}: holds no picture ({', '.join(SUFFIXES)})")
    size = size or Counter(picture.shape[:2] for picture in found).most_common(1)[0][0]
    pictures = [_fitted(picture, str(place), size, fit) for place, picture in zip(places, found, strict=True)]
    return PictureSet(np.stack(pictures), _class_names(places), tuple(picture_hash(picture) for picture in pictures))


def _class_names(places: Sequence[PurePath]) -> tuple[str, ...]:
    """The first folder of each path, once folders that merely wrap all the others are taken off."""
    folders = [place.parts[:-1] for place in places]
    while all(len(parts) > 1 for parts in folders) and len({parts[0] for parts in folders}) == 1:
        folders = [parts[1:] for parts in folders]
    return tuple(parts[0] if parts else NO_FOLDER for parts in folders)


def _fitted(picture: Picture, name: str, size: tuple[int, int], fit: Fit) -> Picture:
    if picture.shape[:2] == size:
        return picture
    if fit == "nearest":
        return resize_nearest(picture, *size)
    (h, w), (height, width) = picture.shape[:2], size
    raise DataRejected(f"{name}: {w} x {h} pixels; needed are {width} x {height} (--fit nearest resizes)")


def _members(source: Path) -> Iterator[tuple[PurePath, Picture]]:
    """(path inside the source, picture) of every picture, sorted by name, folder by folder."""
    if source.is_dir():
        files = [p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
        files.sort(key=lambda p: p.relative_to(source).parts)
        _check_count(source, len(files))
        for path in files:
            place = path.relative_to(source)
            if not _hidden(place.parts):
                yield place, read_picture(path)
    elif source.is_file() and zipfile.is_zipfile(source):
        yield from _archive_members(source)
    else:
        raise DataRejected(f"{source}: neither a folder nor a .zip of pictures")


def _archive_members(source: Path) -> Iterator[tuple[PurePath, Picture]]:
    with _open_archive(source) as archive:
        entries = [e for e in archive.infolist() if PurePosixPath(e.filename).suffix.lower() in SUFFIXES]
        entries = sorted((e for e in entries if not e.is_dir()), key=lambda e: PurePosixPath(e.filename).parts)
        _check_count(source, len(entries))
        if sum(e.file_size for e in entries) > SETTINGS.max_archive_bytes:
            raise DataRejected(f"{source.name}: unpacks to more than {SETTINGS.max_archive_bytes >> 20} MiB")
        for entry in entries:
            place = PurePosixPath(entry.filename)
            if place.is_absolute() or ".." in place.parts or "\\" in entry.filename:
                raise DataRejected(f"{source.name}: unsafe name {entry.filename!r:.80}")
            if entry.flag_bits & 1:
                raise DataRejected(f"{source.name}: {entry.filename!r:.80} is encrypted")
            if not _hidden(place.parts):
                yield place, decode_picture(_unpack(archive, entry, source), name=str(place))


def _open_archive(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except DAMAGED as error:
        raise DataRejected(f"{source.name}: damaged archive ({error!s:.80})") from error


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, source: Path) -> bytes:
    """The bytes of one entry, never more than one over the limit, whatever the header says."""
    try:
        with archive.open(entry) as file:
            return file.read(SETTINGS.max_file_bytes + 1)
    except DAMAGED as error:
        raise DataRejected(f"{source.name}: {entry.filename!r:.80} is damaged ({error!s:.80})") from error


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _check_count(source: Path, count: int) -> None:
    if count > SETTINGS.max_pictures:
        raise DataRejected(f"{source.name}: {count} pictures; the limit is {SETTINGS.max_pictures}")
