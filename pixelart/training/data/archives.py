"""Reads the files of a folder or a .zip one by one. Each gives a picture, a reason for rejection, or nothing.

Nothing is unpacked to the disk, so names inside an archive cannot escape; unsafe names are still refused.
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
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from pixelart.errors import DataRejected, PixelArtError
from pixelart.images.codec import Picture
from pixelart.images.io import SUFFIXES, decode_frames, decode_picture, is_animation, read_file
from pixelart.progress import Cancel, OnProgress, ignore_progress, never, until_cancelled
from pixelart.settings import SETTINGS
from pixelart.training.data.links import allowed_roots, stays_inside

Frames = Literal["first", "all"]
"""Which frames of an animation are read."""

_T = TypeVar("_T")
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, ValueError, RuntimeError)
_UTF8 = 0x800
COMPRESSIONS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
"""Methods that zipfile unpacks in pieces; with others it unpacks a whole compressed megabyte at once."""
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line breaks, and surrogates, which stand for bytes outside UTF-8 in a name."""
_UNSAFE = re.compile(rf"^/|(^|/)(\.\.(/|$)|[A-Za-z]:)|{_UNPRINTABLE.pattern}")
"""A name that leaves the folder on some system, or that cannot be printed or written."""


class Member(NamedTuple):
    """A file of a source, or one frame of it.

    Attributes:
        place: its path inside the source.
        found: the picture, the reason why it is rejected, or None if it has no picture suffix. The reason starts
            with `shown(place)` and a colon.
        frame: number of an animation's frame, from 1; 0 of a still.
    """

    place: PurePath
    found: Picture | PixelArtError | None
    frame: int = 0

    @property
    def name(self) -> str:
        """Its name in messages."""
        return shown(self.place) + (f" frame {self.frame}" if self.frame > 1 else "")


def ignore_folder(folder: PurePath) -> None:
    """The callback that does nothing with a skipped folder."""


@dataclass(frozen=True)
class Reading:
    """How the files of a source are read.

    Attributes:
        max_pixels: as in `decode_picture`.
        frames: which frames of an animation are read.
        cancel: called before each file.
        on_progress: called after each file.
        on_hidden: called with each skipped folder whose name starts with a dot.
        on_own: called with each skipped folder of a run or checkpoint.
    """

    max_pixels: int | None = None
    frames: Frames = "first"
    cancel: Cancel = never
    on_progress: OnProgress = ignore_progress
    on_hidden: Callable[[PurePath], None] = ignore_folder
    on_own: Callable[[PurePath], None] = ignore_folder


_OURS = (("run.json", "training_images.txt"), ("config.json", "model.safetensors"))
"""Files that mark the folder of a run and of a checkpoint. Both are required: run.json alone may describe the frames of
a running figure."""


def _own_folders(places: Sequence[PurePath]) -> set[PurePath]:
    """Folders of runs and checkpoints inside a source, whose samples must not be trained on. Never the source
    itself."""
    listed, own = set(places), set[PurePath]()
    for first, second in _OURS:
        own |= {p.parent for p in places if p.name == first and p.with_name(second) in listed and p.parent.name}
    return own


def read_members(source: Path | str, reading: Reading | None = None) -> Iterator[Member]:
    """Every file of a folder or a .zip that is not hidden, sorted by name, folder by folder.

    Raises:
        DataRejected: not a folder or .zip, a damaged archive, or one over the limits.
        Cancelled: `cancel` returned True.
    """
    source, reading = Path(source), reading or Reading()
    if source.is_dir():
        members = _folder_members(source, reading)
    elif source.is_file() and zipfile.is_zipfile(source):
        members = _archive_members(source, reading)
    elif source.is_file() and _begins_as_archive(source):
        raise DataRejected(f"{source.name}: the end of the .zip is missing; copy or download it again")
    else:
        raise DataRejected(f"{source}: neither a folder nor a .zip of pictures")
    decoded = count = 0
    for member in members:
        if isinstance(member.found, np.ndarray):
            decoded, count = decoded + member.found.nbytes, count + 1
        if decoded > SETTINGS.max_decoded_bytes:
            raise DataRejected(f"{source.name}: decodes to more than {SETTINGS.max_decoded_bytes >> 20} MiB")
        if count > SETTINGS.max_pictures:
            raise DataRejected(f"{source.name}: more than {SETTINGS.max_pictures} pictures and frames, the limit")
        yield member


def shown(place: PurePath) -> str:
    """A path inside a source as a short, printable line."""
    text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", place.as_posix())
    return text if len(text) <= 80 else f"{text[:38]}...{text[-39:]}"


def _folder_members(source: Path, reading: Reading) -> Iterator[Member]:
    unreadable = set[Path]()
    paths = list(islice(until_cancelled(_paths_in(source, unreadable), reading.cancel), SETTINGS.max_files + 1))
    if len(paths) > SETTINGS.max_files:
        raise DataRejected(f"{source.name}: more than {SETTINGS.max_files} files and folders, the limit")
    kept = [path for path in paths if path.is_symlink() or not path.is_dir() or path in unreadable]
    named = [(path.relative_to(source).as_posix(), path) for path in kept]
    files = _visible_files(named, reading)
    _check_count(source, sum(_is_picture(place) for _, place, _ in files))
    roots = allowed_roots(source)
    for number, (name, place, path) in enumerate(until_cancelled(files, reading.cancel), 1):
        yield from _members(place, partial(_read_file, name, place, path, roots), reading)
        reading.on_progress(number, len(files))


def _visible_files(named: Iterable[tuple[str, _T]], reading: Reading) -> list[tuple[str, PurePosixPath, _T]]:
    """(name, place, file) of each visible file outside runs and checkpoints, sorted by place.

    Windows PowerShell 5 writes backslashes between folders into a .zip; they are read as slashes.
    """
    seen, reported = list[tuple[str, PurePosixPath, _T]](), set[PurePosixPath]()
    for name, file in ((name.replace("\\", "/"), file) for name, file in named):
        place = PurePosixPath(name)
        hidden = next((i for i, part in enumerate(place.parts, 1) if part.startswith(".") or part == "__MACOSX"), 0)
        if not hidden or _UNSAFE.search(name):
            seen.append((name, place, file))
            continue
        folder = PurePosixPath(*place.parts[:hidden])
        if hidden < len(place.parts) and folder.name != "__MACOSX" and folder not in reported:
            reported.add(folder)
            reading.on_hidden(folder)
    own = _own_folders([place for _, place, _ in seen])
    for folder in sorted(own):
        reading.on_own(folder)
    return [each for each in sorted(seen, key=lambda each: each[1].parts) if not own & set(each[1].parents)]


def _paths_in(source: Path, unreadable: set[Path]) -> Iterator[Path]:
    """Every file and folder below a folder. Folders that cannot be opened are added to `unreadable`.

    Raises:
        DataRejected: `source` itself cannot be opened.
    """
    for folder, folders, files in os.walk(source, onerror=lambda error: unreadable.add(Path(error.filename))):
        yield from (Path(folder, name) for name in (*folders, *files))
    if source in unreadable:
        raise DataRejected(f"{source}: this folder cannot be opened")


def _read_file(name: str, place: PurePath, path: Path, roots: list[Path]) -> bytes | None:
    _check_name(name, place)
    if not stays_inside(path, roots):
        raise DataRejected(f"{shown(place)}: a link that leads out of the folder; replace it by a copy of the file")
    if path.is_dir() and not path.is_symlink():
        raise DataRejected(f"{shown(place)}: this folder cannot be opened")
    if not _is_picture(place) or not path.is_file():
        return None
    return read_file(path, name=shown(place))


def _members(place: PurePath, read: Callable[[], bytes | None], reading: Reading) -> Iterator[Member]:
    """The members of one file: one, or one per frame."""
    name = shown(place)
    try:
        data = read()
        if data is None:
            yield Member(place, None)
            return
        animated = is_animation(data, name=name)
        if not animated or reading.frames == "first":
            yield Member(place, decode_picture(data, name=name, max_pixels=reading.max_pixels), int(animated))
            return
        frames = decode_frames(data, name=name, max_pixels=reading.max_pixels)
        for number, frame in enumerate(until_cancelled(frames, reading.cancel), 1):
            yield Member(place, frame, number)
    except PixelArtError as error:
        yield Member(place, error)


class ArchiveFile(io.BufferedReader):
    """The file of an archive. zipfile reads the central directory in one call, so its size is limited here."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > SETTINGS.max_directory_bytes:
            raise zipfile.BadZipFile(f"a directory of more than {SETTINGS.max_directory_bytes >> 20} MiB, the limit")
        return super().read(size)


def _begins_as_archive(source: Path) -> bool:
    with source.open("rb") as file:
        return file.read(4) == b"PK\3\4"


def _archive_members(source: Path, reading: Reading) -> Iterator[Member]:
    with ArchiveFile(io.FileIO(source)) as file, open_archive(file, source) as archive:
        named = [(entry_name(entry), entry) for entry in archive.infolist()]
        pictures = [entry for name, entry in named if _is_picture(PurePosixPath(name))]
        _check_count(source, len(pictures))
        if sum(entry.file_size for entry in pictures) > SETTINGS.max_archive_bytes:
            raise DataRejected(f"{source.name}: unpacks to more than {SETTINGS.max_archive_bytes >> 20} MiB")
        files = _visible_files([(name, entry) for name, entry in named if not name.endswith(("/", "\\"))], reading)
        for number, (name, place, entry) in enumerate(until_cancelled(files, reading.cancel), 1):
            yield from _members(place, partial(_read_entry, archive, name, place, entry), reading)
            reading.on_progress(number, len(files))


def entry_name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry. Without the UTF-8 flag zipfile decodes it as code page 437, but macOS writes UTF-8 without
    the flag. Names in other code pages are rarely valid UTF-8."""
    if not entry.flag_bits & _UTF8:
        with suppress(UnicodeError):
            return entry.filename.encode("cp437").decode()
    return entry.filename


def open_archive(file: ArchiveFile, source: Path) -> zipfile.ZipFile:
    """Open a .zip; `source` is used in errors. Raises DataRejected."""
    try:
        return zipfile.ZipFile(file)
    except DAMAGED as error:
        raise DataRejected(f"{source.name}: the archive cannot be read ({error!s:.80})") from error


def _read_entry(archive: zipfile.ZipFile, filename: str, place: PurePosixPath, entry: zipfile.ZipInfo) -> bytes | None:
    check_place(filename, place, entry)
    return unpack(archive, entry, shown(place), limit=SETTINGS.max_file_bytes) if _is_picture(place) else None


def check_place(filename: str, place: PurePosixPath, entry: zipfile.ZipInfo) -> None:
    """Refuse an entry with an unsafe name, and a link. Raises DataRejected."""
    _check_name(filename, place)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataRejected(f"{shown(place)}: a link")


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, *, limit: int) -> bytes:
    """The bytes of one entry, at most one more than `limit`, whatever its header says. Raises DataRejected."""
    if entry.flag_bits & 1:
        raise DataRejected(f"{name}: encrypted")
    if entry.compress_type not in COMPRESSIONS:
        kinds = " and ".join(COMPRESSIONS.values())
        raise DataRejected(f"{name}: compressed by method {entry.compress_type}; only {kinds} are supported")
    try:
        with archive.open(entry) as file:
            return file.read(limit + 1)
    except DAMAGED as error:
        raise DataRejected(f"{name}: damaged ({error!s:.80})") from error


def _check_name(name: str, place: PurePath) -> None:
    if _UNSAFE.search(name):
        raise DataRejected(f"{shown(place)}: unsafe name")


def _is_picture(place: PurePath) -> bool:
    return place.suffix.lower() in SUFFIXES


def _check_count(source: Path, count: int) -> None:
    if count > SETTINGS.max_pictures:
        raise DataRejected(f"{source.name}: {count} pictures; the limit is {SETTINGS.max_pictures}")
