"""Pixels as bytes, without Krita: boxes, masks, colours, PNG files."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

SELECTED = 128
"""A pixel counts as selected from this value on, of 255."""
MOST_COLOURS = 256


class Box(NamedTuple):
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def is_empty(self) -> bool:
        """Whether it has no pixel."""
        return self.width <= 0 or self.height <= 0

    def within(self, other: Box) -> Box:
        """The part of it that lies in `other`."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Box(left, top, max(0, right - left), max(0, bottom - top))

    def grown(self, across: int, down: int) -> Box:
        """It with so many more pixels on each side."""
        return Box(self.x - across, self.y - down, self.width + 2 * across, self.height + 2 * down)

    def centred_in(self, other: Box) -> Box:
        """A box of its size in the middle of `other`."""
        return Box(other.x + (other.width - self.width) // 2, other.y + (other.height - self.height) // 2, *self[2:])


def region_around(selected: Box, canvas: Box, model: tuple[int, int]) -> Box:
    """The part of the canvas that is sent for a selection: everything that a model (width, height) can see of it."""
    return selected.grown(*model).within(canvas)


def edge_region(canvas: Box, side: str, model: tuple[int, int]) -> Box:
    """The strip along a side of the canvas that is sent for its extension, two models deep."""
    width, height = min(canvas.width, 2 * model[0]), min(canvas.height, 2 * model[1])
    if side == "left":
        return Box(canvas.x, canvas.y, width, canvas.height)
    if side == "right":
        return Box(canvas.x + canvas.width - width, canvas.y, width, canvas.height)
    if side == "up":
        return Box(canvas.x, canvas.y, canvas.width, height)
    return Box(canvas.x, canvas.y + canvas.height - height, canvas.width, height)


def extended_canvas(canvas: Box, side: str, pixels: int) -> Box:
    """The canvas with so many more pixels at one side."""
    x = canvas.x - (pixels if side == "left" else 0)
    y = canvas.y - (pixels if side == "up" else 0)
    across, down = (pixels if side in sides else 0 for sides in (("left", "right"), ("up", "down")))
    return Box(x, y, canvas.width + across, canvas.height + down)


def swapped(data: bytes) -> bytes:
    """Krita's BGRA bytes as RGBA, or back."""
    result = bytearray(data)
    result[0::4], result[2::4] = data[2::4], data[0::4]
    return bytes(result)


def mask_rgba(selection: bytes) -> bytes:
    """White RGBA pixels where a selection (one byte a pixel) has at least SELECTED, black ones elsewhere."""
    return b"".join(b"\xff\xff\xff\xff" if value >= SELECTED else b"\0\0\0\xff" for value in selection)


def has_selected(selection: bytes) -> bool:
    """Whether any pixel is selected."""
    return any(value >= SELECTED for value in selection)


def colours_in(rgba: bytes) -> list[str] | None:
    """The colours such as ff0044 of the visible pixels, in order of appearance; None if there are fewer than two or
    too many for a palette."""
    seen: dict[bytes, None] = {}
    for start in range(0, len(rgba), 4):
        if rgba[start + 3] >= SELECTED:
            seen[rgba[start : start + 3]] = None
    return [colour.hex() for colour in seen] if 2 <= len(seen) <= MOST_COLOURS else None


def png(width: int, height: int, rgba: bytes) -> bytes:
    """A PNG file of RGBA bytes, 8 bits a channel."""
    if len(rgba) != 4 * width * height:
        raise ValueError(f"{len(rgba)} bytes; {width} x {height} pixels have {4 * width * height}")
    row = 4 * width
    rows = b"".join(b"\0" + rgba[start : start + row] for start in range(0, len(rgba), row))
    header = struct.pack("!IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
