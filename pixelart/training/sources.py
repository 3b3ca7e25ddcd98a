"""The files of a folder or a .zip, one by one: a picture, why it is refused, or nothing of ours.

Nothing is ever unpacked to the disk, so a name inside an archive can lead nowhere; it is refused all the same.
"""

from __future__ import annotations

import io
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pixelart.codec import Picture
from pixelart.errors import Cancelled, DataRejected, PixelArtError
from pixelart.images import SUFFIXES, decode_picture, read_picture
from pixelart.settings import SETTINGS

Cancel = Callable[[], bool]
OnProgress = Callable[[int, int], None]
"""(how many are done, of how many)"""
_T = TypeVar("_T")
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, ValueError, RuntimeError)
COMPRESSIONS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
"""Python's zipfile unpacks these piece by piece; of the others it unpacks all that a megabyte holds at once."""
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line breaks, and halves of pairs, which is what bytes outside UTF-8 become in a name."""
_UNSAFE = re.compile(rf"^/|(^|/)(\.\.(/|$)|[A-Za-z]:)|\\|{_UNPRINTABLE.pattern}")
"""A name that leads elsewhere on some system, or that cannot be told or written as it is."""


class Member(NamedTuple):
    """A file of a source: its path inside it and the picture, why it is refused, or None where it does not bear the
    suffix of a picture. The text of a refusal starts with `shown(place)` and a colon."""

    place: PurePath
    found: Picture | PixelArtError | None


def never() -> bool:
    """Of what is not cancelled."""
    return False


def untold(done: int, total: int) -> None:
    """Of what nobody watches."""


def until_cancelled(things: Iterable[_T], cancel: Cancel) -> Iterator[_T]:
    """The things, one by one. Raises Cancelled before the next of them once `cancel` answers True."""
    for thing in things:
        if cancel():
            raise Cancelled
        yield thing


_OURS = (("run.json", "training_images.txt"), ("config.json", "model.safetensors"))
"""What is in the folder of a run, and of a checkpoint. One file alone marks nothing: run.json may describe the frames
of a running figure."""


def _without_ours(places: Sequence[PurePath]) -> list[PurePath]:
    """The files of a source without those of runs and checkpoints that lie in it: their samples are no pictures to
    learn from. Such a folder stays as one name, so that it can be told; the source itself is never left out."""
    listed, ours = set(places), set[PurePath]()
    for first, second in _OURS:
        ours |= {p.parent for p in places if p.name == first and p.with_name(second) in listed and p.parent.name}
    inside = {place: next((folder for folder in place.parents if folder in ours), place) for place in places}
    return list(dict.fromkeys(inside.values()))


def read_members(
    source: Path, *, max_side: int = SETTINGS.max_side, cancel: Cancel = never, on_progress: OnProgress = untold
) -> Iterator[Member]:
    """Every file of a folder or a .zip that is not hidden, sorted by name, folder by folder. A picture of more than
    `max_side` a side is refused. `cancel` is asked before each file, `on_progress` is told after it.

    Raises:
        DataRejected: neither of the two, a damaged archive, or more in it than is read.
        Cancelled: `cancel` answered True.
    """
    if source.is_dir():
        members = _folder_members(source, max_side, cancel, on_progress)
    elif source.is_file() and zipfile.is_zipfile(source):
        members = _archive_members(source, max_side, cancel, on_progress)
    else:
        raise DataRejected(f"{source}: neither a folder nor a .zip of pictures")
    decoded = 0
    for member in members:
        if isinstance(member.found, np.ndarray):
            decoded += member.found.nbytes
        if decoded > SETTINGS.max_decoded_bytes:
            raise DataRejected(f"{source.name}: decodes to more than {SETTINGS.max_decoded_bytes >> 20} MiB")
        yield member


def shown(place: PurePath) -> str:
    """The path inside a source as it is told: one short line, whatever a file is called."""
    text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", place.as_posix())
    return text if len(text) <= 80 else f"{text[:38]}...{text[-39:]}"


def _folder_members(source: Path, max_side: int, cancel: Cancel, on_progress: OnProgress) -> Iterator[Member]:
    paths = list(islice(until_cancelled(source.rglob("*"), cancel), SETTINGS.max_files + 1))
    if len(paths) > SETTINGS.max_files:
        raise DataRejected(f"{source.name}: more than {SETTINGS.max_files} files and folders, the limit")
    places = sorted((path.relative_to(source) for path in paths), key=lambda place: place.parts)
    places = [place for place in places if not _hidden(place.as_posix(), place) and _is_file_or_link(source / place)]
    places = _without_ours(places)
    _check_count(source, sum(map(_is_picture, places)))
    root = Path(os.path.realpath(source))
    for number, place in enumerate(until_cancelled(places, cancel), 1):
        yield _tried(place, _read_file, source / place, place, root, max_side)
        on_progress(number, len(places))


def _is_file_or_link(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _read_file(path: Path, place: PurePath, root: Path, max_side: int) -> Picture | None:
    _check_name(place.as_posix(), place)
    if not Path(os.path.realpath(path)).is_relative_to(root):
        raise DataRejected(f"{shown(place)}: a link that leads out of the folder")
    if not _is_picture(place) or not path.is_file():
        return None
    return read_picture(path, name=shown(place), max_side=max_side)


class _Archive(io.BufferedReader):
    """The file of an archive. Its directory is read at once: that may be so large."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > SETTINGS.max_directory_bytes:
            raise zipfile.BadZipFile(f"a directory of more than {SETTINGS.max_directory_bytes >> 20} MiB, the limit")
        return super().read(size)


def _archive_members(source: Path, max_side: int, cancel: Cancel, on_progress: OnProgress) -> Iterator[Member]:
    with _Archive(io.FileIO(source)) as file, _open_archive(file, source) as archive:
        entries = [(PurePosixPath(e.filename), e) for e in archive.infolist() if not e.is_dir()]
        entries.sort(key=lambda entry: entry[0].parts)
        pictures = [entry for place, entry in entries if _is_picture(place)]
        _check_count(source, len(pictures))
        if sum(entry.file_size for entry in pictures) > SETTINGS.max_archive_bytes:
            raise DataRejected(f"{source.name}: unpacks to more than {SETTINGS.max_archive_bytes >> 20} MiB")
        entries = [(place, entry) for place, entry in entries if not _hidden(entry.filename, place)]
        kept = set(_without_ours([place for place, _ in entries]))
        entries = [(place, entry) for place, entry in entries if place in kept]
        for number, (place, entry) in enumerate(until_cancelled(entries, cancel), 1):
            yield _tried(place, _read_entry, archive, entry, place, max_side)
            on_progress(number, len(entries))


def _open_archive(file: _Archive, source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except DAMAGED as error:
        raise DataRejected(f"{source.name}: the archive cannot be read ({error!s:.80})") from error


def _read_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: PurePosixPath, max_side: int
) -> Picture | None:
    name = shown(place)
    _check_name(entry.filename, place)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataRejected(f"{name}: a link")
    if not _is_picture(place):
        return None
    if entry.flag_bits & 1:
        raise DataRejected(f"{name}: encrypted")
    if entry.compress_type not in COMPRESSIONS:
        kinds = " and ".join(COMPRESSIONS.values())
        raise DataRejected(f"{name}: compressed by method {entry.compress_type}; read are {kinds}")
    return decode_picture(_unpack(archive, entry, name), name=name, max_side=max_side)


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bytes:
    """The bytes of one entry, never more than one over the limit, whatever the header says."""
    try:
        with archive.open(entry) as file:
            return file.read(SETTINGS.max_file_bytes + 1)
    except DAMAGED as error:
        raise DataRejected(f"{name}: damaged ({error!s:.80})") from error


def _tried(place: PurePath, read: Callable[..., Picture | None], *arguments: Any) -> Member:
    try:
        return Member(place, read(*arguments))
    except PixelArtError as error:
        return Member(place, error)


def _check_name(name: str, place: PurePath) -> None:
    if _UNSAFE.search(name):
        raise DataRejected(f"{shown(place)}: unsafe name")


def _is_picture(place: PurePath) -> bool:
    return place.suffix.lower() in SUFFIXES


def _hidden(name: str, place: PurePath) -> bool:
    """Whether it is passed over without a word; an unsafe name is not."""
    return any(part.startswith(".") or part == "__MACOSX" for part in place.parts) and not _UNSAFE.search(name)


def _check_count(source: Path, count: int) -> None:
    if count > SETTINGS.max_pictures:
        raise DataRejected(f"{source.name}: {count} pictures; the limit is {SETTINGS.max_pictures}")
