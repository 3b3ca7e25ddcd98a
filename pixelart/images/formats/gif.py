"""A GIF taken apart into its frames (GIF89a, 1990), without decoding any."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pixelart.errors import ImageRejected
from pixelart.images.formats.frames import After, Part

MAX_BLOCKS = 100_000
"""Of a file: extensions, frames and the blocks of at most 255 bytes that both consist of."""
_SIGNATURES = (b"GIF87a", b"GIF89a")
_EXTENSION, _FRAME, _END, _CONTROL = 0x21, 0x2C, 0x3B, 0xF9
_AFTER: dict[int, After] = {2: "clear", 3: "restore"}


def is_gif(data: bytes) -> bool:
    """Whether `data` begins as a GIF does."""
    return data[:6] in _SIGNATURES


def canvas_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the canvas that the file announces."""
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def gif_parts(data: bytes, name: str) -> Iterator[Part]:
    """The frames; `name` is used in errors. Between them unknown bytes are passed over, as browsers do.

    Raises:
        ImageRejected: more than MAX_BLOCKS.
        struct.error, IndexError: it ends too early.
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
            walk.byte()  # how many bits the codes begin with
            walk.blocks()
            alone = screen + struct.pack("<HH", width, height) + data[10:13] + table + control
            alone += b"," + struct.pack("<HHHH", 0, 0, width, height) + data[start : walk.at] + b";"
            after = _AFTER.get(control[3] >> 2 & 7, "keep") if len(control) > 3 else "keep"
            yield Part(alone, left, top, width, height, after)
            control = b""


class _Walk:
    """A place in a file, from the end of its header on."""

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
        """The colour table that may lie here."""
        start = self.at
        if flags & 0x80:
            self.at += 3 << (flags & 7) + 1
        return self.data[start : self.at]

    def blocks(self) -> None:
        """Pass over blocks, to the empty one that ends them or the end of the file."""
        while self.at < len(self.data) and (length := self.byte()):
            self.at += length
