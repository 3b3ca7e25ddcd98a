"""The listing of a compressed file: which pictures it holds, of what size and class, and the pixels beside the model.

Layout after inflating; a number is LEB128:

    number of sizes; for each its height, width and number of pictures
    for each picture: how many bytes its name shares with the one before, the length of the others, the others
    for each picture: its class + 1 in one byte; 0 = any class
    number of colours; all reds, greens and blues, each the difference to the colour before
    number of odd pixels; the picture of each, less that of the one before; the position of each in raster order, less
    that of the one before in the same picture; all reds, greens, blues and opacities, less those of the decoded pixel

Differences of bytes are modulo 256, and alike bytes lie together, which deflates well.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pixelart.checkpoint.info import LARGEST_SIDE
from pixelart.compression.binary import DAMAGED_FILE, ByteReader, ByteWriter
from pixelart.errors import DataRejected
from pixelart.settings import SETTINGS

MAX_NAME_BYTES = 1000
"""Bytes of a name with its folders."""
MAX_FILE_COLOURS = 2**18
"""Colours of a file."""
MAX_LISTING_BYTES = 64 * 2**20
LAST_CLASS = 254
"""The largest number of a class: its byte is one more."""
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}


@dataclass(frozen=True)
class Size:
    """So many pictures of a size follow each other."""

    height: int
    width: int
    count: int


@dataclass(frozen=True)
class OddPixel:
    """A pixel that the checkpoint cannot represent: number of the picture, position in raster order, and RGBA less that
    of the decoded pixel, modulo 256."""

    picture: int
    position: int
    rgba: bytes


@dataclass(frozen=True)
class Listing:
    """What a file holds. names: with folders, slashes between. classes: -1 = any. colours: RGB uint8 (n, 3)."""

    sizes: tuple[Size, ...]
    names: tuple[str, ...]
    classes: tuple[int, ...]
    colours: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 3), np.uint8))
    odd: tuple[OddPixel, ...] = ()

    def to_bytes(self) -> bytes:
        """The listing as bytes, not deflated. Raises DataRejected for more than a file can hold."""
        if max(self.classes, default=-1) > LAST_CLASS:
            raise DataRejected(
                f"class {max(self.classes) + 1}: a file can only name the first {LAST_CLASS + 1} classes"
            )
        out = ByteWriter()
        out.number(len(self.sizes))
        for size in self.sizes:
            for value in (size.height, size.width, size.count):
                out.number(value)
        before = b""
        for name in map(str.encode, self.names):
            shared = _shared(before, name)
            out.number(shared)
            out.block(name[shared:])
            before = name
        out.data += bytes(number + 1 for number in self.classes)
        out.number(len(self.colours))
        out.data += np.diff(self.colours, axis=0, prepend=np.zeros((1, 3), np.uint8)).T.tobytes()
        out.number(len(self.odd))
        pictures, positions = ([getattr(one, key) for one in self.odd] for key in ("picture", "position"))
        for picture, before in zip(pictures, [0, *pictures], strict=False):
            out.number(picture - before)
        for number, position in enumerate(positions):
            same = number and pictures[number] == pictures[number - 1]
            out.number(position - positions[number - 1] if same else position)
        for plane in range(4):
            out.data += bytes(one.rgba[plane] for one in self.odd)
        if len(out.data) > MAX_LISTING_BYTES:  # it could not be read
            odd = f"{len(self.odd)} pixels of colours that the checkpoint lacks"
            raise DataRejected(f"{odd}, and the names, take {len(out.data)} bytes; the limit is {MAX_LISTING_BYTES}")
        return bytes(out.data)


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes two names have in common at their start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def parse_listing(data: bytes) -> Listing:
    """The listing in `data`. Raises DataRejected if it is damaged, or outside the limits."""
    given = ByteReader(data)
    sizes = _sizes(given)
    count = sum(size.count for size in sizes)
    names = _names(given, count)
    classes = tuple(number - 1 for number in given.bytes(count))
    planes = np.frombuffer(given.bytes(3 * given.number(MAX_FILE_COLOURS)), np.uint8).reshape(3, -1)
    colours = np.cumsum(planes, axis=1, dtype=np.uint8).T.copy()
    if len(np.unique(colours, axis=0)) != len(colours):
        raise DataRejected(DAMAGED_FILE)
    odd = _odd_pixels(given, sizes)
    if given.left:
        raise DataRejected(DAMAGED_FILE)
    return Listing(sizes, names, classes, colours, odd)


def _sizes(given: ByteReader) -> tuple[Size, ...]:
    sizes = tuple(
        Size(given.number(MAX_CODED_SIDE), given.number(MAX_CODED_SIDE), given.number(SETTINGS.max_pictures))
        for _ in range(given.number(MAX_CODED_SIDE**2))
    )
    count, pixels = sum(size.count for size in sizes), sum(size.height * size.width * size.count for size in sizes)
    if not all(size.height and size.width and size.count for size in sizes) or not sizes:
        raise DataRejected(DAMAGED_FILE)
    check_amount(count, pixels)
    return sizes


def check_amount(count: int, pixels: int) -> None:
    """Raises DataRejected if there are too many pictures or pixels for one file."""
    if count > SETTINGS.max_pictures:
        raise DataRejected(f"{count} pictures; the limit is {SETTINGS.max_pictures}")
    if 4 * pixels > SETTINGS.max_decoded_bytes:
        raise DataRejected(f"{4 * pixels >> 20} MiB of pixels; the limit is {SETTINGS.max_decoded_bytes >> 20}")


def _names(given: ByteReader, count: int) -> tuple[str, ...]:
    names, before = list[str](), b""
    for _ in range(count):
        shared = given.number(len(before))
        before = before[:shared] + given.block(MAX_NAME_BYTES - shared)
        try:
            names.append(before.decode())
        except UnicodeDecodeError as error:
            raise DataRejected(DAMAGED_FILE) from error
    check_names(names)
    return tuple(names)


def check_names(names: Iterable[str]) -> None:
    """Raises DataRejected unless a folder can hold pictures of all these names, on every system."""
    known = set[str]()
    for name in names:
        check_picture_name(name)
        if (key := name_key(name)) in known:
            raise DataRejected(f"two pictures would be {name}")
        known.add(key)
    for name in known:
        if taken := next((place for place in map(str, PurePosixPath(name).parents) if place in known), ""):
            raise DataRejected(f"{taken} would be a picture and a folder")


def name_key(name: str) -> str:
    """Equal for names that some system takes for one: it ignores case, or how accents are composed."""
    return unicodedata.normalize("NFC", name.casefold())


def check_picture_name(name: str) -> None:
    """Raises DataRejected unless `name` is that of a PNG inside the folder it is written to, on every system."""
    parts = name.split("/")
    stems = {part.split(".")[0].lower() for part in parts}
    plain = name.isprintable() and not set(name) & set('\\:*?"<>|') and not stems & _RESERVED
    plain = plain and all(part.strip(" ") == part and part.strip(".") and not part.endswith(".") for part in parts)
    if not plain or PurePosixPath(name).suffix != ".png" or len(name.encode()) > MAX_NAME_BYTES:
        raise DataRejected(f"{name!r:.80} is not a plain name of a picture")


def _odd_pixels(given: ByteReader, sizes: tuple[Size, ...]) -> tuple[OddPixel, ...]:
    areas = np.repeat([s.height * s.width for s in sizes], [s.count for s in sizes])
    count = given.number(min(int(areas.sum()), given.left))
    pictures, positions = list[int](), list[int]()
    for _ in range(count):
        before = pictures[-1] if pictures else 0
        pictures.append(before + given.number(len(areas) - 1 - before))
    for number, picture in enumerate(pictures):
        before = positions[-1] if number and picture == pictures[number - 1] else 0
        positions.append(before + given.number(int(areas[picture]) - 1 - before))
    values = np.frombuffer(given.bytes(4 * count), np.uint8).reshape(4, -1).T
    return tuple(map(OddPixel, pictures, positions, map(bytes, values)))


MAX_CODED_SIDE = max(LARGEST_SIDE, SETTINGS.max_side)
"""Longest side of a picture that any checkpoint draws."""
