"""Split a PNG into its chunks (W3C, Portable Network Graphics, third edition) without decoding its pixels.

The decoder gets only the chunks that pixels need. So compressed text or colour profiles are never unpacked there,
however large they claim to be.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from pixelart.errors import ImageRejected
from pixelart.images.formats.frames import After, FramePart

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 10_000
MAX_PROFILE_BYTES = 2**20
GREY_TYPE, RGB_TYPE = 0, 2
"""Pixel types whose transparent value is one colour; palettes have one alpha per entry instead."""
_AFTER: dict[int, After] = {1: "clear", 2: "restore"}
_FRAME = struct.Struct(">IIIIIHHBB")


@dataclass(frozen=True)
class Header:
    """IHDR: the fields read from it, and the whole chunk, whose checksum the decoder checks."""

    width: int
    height: int
    depth: int
    kind: int
    chunk: bytes

    def resized(self, width: int, height: int) -> bytes:
        """IHDR for another size of the same type."""
        return _chunk(b"IHDR", struct.pack(">II", width, height) + self.chunk[16:21])


@dataclass(frozen=True)
class Png:
    """The contents of a PNG.

    still: the default image as a file of its own.
    parts: the frames of an animation.
    clear: the transparent colour in file units, for GREY_TYPE and RGB_TYPE.
    packed_profile: the compressed chunk of the ICC profile.
    """

    header: Header
    still: bytes
    parts: tuple[FramePart, ...] = ()
    clear: tuple[int, ...] | None = None
    exif: bytes = b""
    packed_profile: bytes = b""

    def profile(self) -> bytes | None:
        """The ICC profile; None if damaged or larger than MAX_PROFILE_BYTES. No more than that is unpacked."""
        unpack = zlib.decompressobj()
        try:
            profile = unpack.decompress(self.packed_profile.partition(b"\0")[2][1:], MAX_PROFILE_BYTES)
        except zlib.error:
            return None
        return profile if unpack.eof else None


def is_png(data: bytes) -> bool:
    """Whether `data` starts like a PNG."""
    return data.startswith(SIGNATURE)


def read_png(data: bytes, name: str) -> Png:
    """Parse a file; `name` is used in errors.

    Raises:
        ImageRejected: more than MAX_CHUNKS.
        struct.error, ValueError: not a PNG, or it ends too early.
    """
    found = _Found()
    for kind, body, whole in _chunks(data, name):
        found.take(kind, body, whole)
    if found.header is None:
        raise ValueError("no IHDR")
    header, before = found.header, b"".join(found.before)
    parts = tuple(_part(header, before, frame) for frame in found.frames if frame.pixels)
    clear = None
    if header.kind in (GREY_TYPE, RGB_TYPE) and (values := found.transparency):
        count = 1 if header.kind == GREY_TYPE else 3
        clear = tuple(v & (1 << header.depth) - 1 for v in struct.unpack_from(f">{count}H", values))
    still = SIGNATURE + header.chunk + before + b"".join(found.pixels) + _IEND
    return Png(header, still, parts if len(parts) > 1 else (), clear, found.exif, found.packed_profile)


@dataclass
class _Frame:
    control: tuple[int, ...]
    pixels: list[bytes] = field(default_factory=list)


@dataclass
class _Found:
    """What the chunks so far contained."""

    header: Header | None = None
    before: list[bytes] = field(default_factory=list)
    """Chunks before the pixels that a decoder needs, except IHDR."""
    pixels: list[bytes] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    transparency: bytes = b""
    exif: bytes = b""
    packed_profile: bytes = b""
    animated: bool = False

    def take(self, kind: bytes, body: bytes, whole: bytes) -> None:
        if kind == b"IHDR" and not self.pixels:
            self.header = Header(*struct.unpack_from(">IIBB", body), whole)
        elif kind == b"PLTE" and not self.pixels:
            self.before.append(whole)
        elif kind == b"tRNS" and not self.pixels:
            if self.header and self.header.kind in (GREY_TYPE, RGB_TYPE):
                self.transparency = body
            else:
                self.before.append(whole)
        elif kind == b"IDAT":
            self.pixels.append(whole)
            if self.frames:  # else the still is not a frame
                self.frames[0].pixels.append(whole)
        elif kind == b"acTL":
            self.animated = True
        elif kind == b"fcTL" and self.animated:
            self.frames.append(_Frame(_FRAME.unpack_from(body)))
        elif kind == b"fdAT" and self.frames:
            self.frames[-1].pixels.append(_chunk(b"IDAT", body[4:]))
        elif kind == b"eXIf":
            self.exif = body
        elif kind == b"iCCP":
            self.packed_profile = body


def _part(header: Header, before: bytes, frame: _Frame) -> FramePart:
    _, width, height, left, top, _, _, dispose, blend = frame.control
    data = SIGNATURE + header.resized(width, height) + before + b"".join(frame.pixels) + _IEND
    return FramePart(data, left, top, width, height, _AFTER.get(dispose, "keep"), replaces=blend == 0)


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(kind, body, whole chunk) of each chunk. The last may be truncated; bytes after IEND are ignored."""
    at = len(SIGNATURE)
    for number in range(len(data)):
        if at + 8 > len(data):
            return
        if number >= MAX_CHUNKS:
            raise ImageRejected(f"{name}: more than {MAX_CHUNKS} chunks, the limit")
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length], data[at : at + 12 + length]
        if kind == b"IEND":
            return
        at += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


_IEND = _chunk(b"IEND", b"")
