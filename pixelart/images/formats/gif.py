"""Split a GIF into its frames (GIF89a, 1990) without decoding any."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pixelart.errors import ImageRejected
from pixelart.images.formats.frames import After, FramePart

MAX_BLOCKS = 100_000
"""Limit per file on extensions, frames and data blocks (of at most 255 bytes) together."""
_SIGNATURES = (b"GIF87a", b"GIF89a")
_EXTENSION, _FRAME, _END, _CONTROL = 0x21, 0x2C, 0x3B, 0xF9
_AFTER: dict[int, After] = {2: "clear", 3: "restore"}


def is_gif(data: bytes) -> bool:
    """Whether `data` starts like a GIF."""
    return data[:6] in _SIGNATURES


def canvas_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the canvas as the file states it."""
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def gif_parts(data: bytes, name: str) -> Iterator[FramePart]:
    """The frames; `name` is used in errors. Unknown bytes between them are skipped, as in browsers.

    Raises:
        ImageRejected: more than MAX_BLOCKS.
        struct.error, IndexError: the file ends too early.
    """
    walk = _Walk(data, name)
    screen, table = data[:6], walk.table(data[10])
    control = b""
    while walk.at < len(data):
        kind = walk.byte()
        if kind == _END:
            return
        if kind == _EXTENSION:
            start = walk.at - 1
            label = walk.byte()
            walk.blocks()
            if label == _CONTROL:
                control = data[start : walk.at]
        elif kind == _FRAME:
            left, top, width, height, flags = struct.unpack_from("<HHHHB", data, walk.at)
            start = walk.at + 8
            walk.at += 9
            walk.table(flags)
            walk.byte()  # initial LZW code size
            walk.blocks()
            alone = screen + struct.pack("<HH", width, height) + data[10:13] + table + control
            alone += b"," + struct.pack("<HHHH", 0, 0, width, height) + data[start : walk.at] + b";"
            after = _AFTER.get(control[3] >> 2 & 7, "keep") if len(control) > 3 else "keep"
            yield FramePart(alone, left, top, width, height, after)
            control = b""


class _Walk:
    """A read position in a file, starting after its header."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name
        self.at, self.steps = 13, 0

    def byte(self) -> int:
        self.steps += 1
        if self.steps > MAX_BLOCKS:
            raise ImageRejected(f"{self.name}: more than {MAX_BLOCKS} blocks, the limit; save it as PNG")
        self.at += 1
        return self.data[self.at - 1]

    def table(self, flags: int) -> bytes:
        """Read the colour table, if `flags` announces one."""
        start = self.at
        if flags & 0x80:
            self.at += 3 << (flags & 7) + 1
        return self.data[start : self.at]

    def blocks(self) -> None:
        """Skip data blocks, up to the empty block that ends them or the end of the file."""
        while self.at < len(self.data) and (length := self.byte()):
            self.at += length
