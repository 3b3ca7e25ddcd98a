"""Small files that would become huge, or slow to read, are refused or read at once, in little memory."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from pixelart.errors import ImageRejected
from pixelart.images.io import decode_frames, decode_picture, is_animation, read_facts
from pixelart.settings import SETTINGS
from tests.images.made_files import saved

BOMB_SECONDS = 0.5


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *, extra: bytes = b"", depth: int = 8, kind: int = 6, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = zlib.compress(rows, 9) if rows else zlib.compress(b"\0" * ((1 + 4 * width) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _gif(extension: bytes = b"", *, size: tuple[int, int] | None = None) -> bytes:
    data = bytearray(saved("GIF", Image.new("P", (8, 8))))
    if size:
        data[6:10] = struct.pack("<HH", *size)
    start = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    return bytes(data[:start]) + extension + bytes(data[start:])


def _gif_with_huge_frame() -> bytes:
    data = _gif()
    at = data.rindex(b",\0\0\0\0")
    return data[: at + 5] + struct.pack("<HH", 65535, 65535) + data[at + 9 :]


def _jpeg(extra: bytes = b"", *, size: tuple[int, int] | None = None) -> bytes:
    data = saved("JPEG", Image.new("RGB", (8, 8), "red"))
    if size:
        at = data.index(b"\xff\xc0") + 5
        data = data[:at] + struct.pack(">HH", *size) + data[at + 4 :]
    return data[:2] + extra + data[2:]


def _jpeg_of_many_scans(scans: int) -> bytes:
    data = saved("JPEG", Image.new("RGB", (1024, 1024), "red"), progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * scans + b"\xff\xd9"


def _webp(width: int, height: int) -> bytes:
    frame = saved("WEBP", Image.new("RGBA", (8, 8)), lossless=True)[12:]
    three = [struct.pack("<I", n)[:3] for n in (width - 1, height - 1, 7, 100)]
    inside = b"\0" * 6 + three[2] + three[2] + three[3] + b"\0" + frame
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes([18, 0, 0, 0]) + three[0] + three[1]
    body += b"ANIM" + struct.pack("<I", 6) + b"\0" * 6 + b"ANMF" + struct.pack("<I", len(inside)) + inside
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _bmp(width: int, height: int) -> bytes:
    data = bytearray(saved("BMP", Image.new("RGB", (8, 8))))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


ROOM = SETTINGS.max_file_bytes - 4096
HUNDRED_MB = zlib.compress(b"x" * 100_000_000, 9)
REFUSED_BOMBS: dict[str, Callable[[], bytes]] = {
    "30000x30000 1-bit PNG": lambda: _png(30000, 30000, depth=1, kind=0, rows=b"\0" * (3751 * 30000)),
    "PNG header of 2^31-1": lambda: _png(2**31 - 1, 2**31 - 1, rows=b"\0"),
    "PNG of no width": lambda: _png(0, 8, rows=b"\0"),
    "PNG that ends early": lambda: _png(1024, 1024, rows=b"\0" * 9),
    "50k text chunks": lambda: _png(8, 8, extra=_chunk(b"tEXt", b"a\0b") * 50_000),
    "400k empty chunks": lambda: _png(8, 8, extra=_chunk(b"prVt", b"") * (ROOM // 12)),
    "400k empty chunks after the pixels": lambda: _png(8, 8)[:-12] + _chunk(b"prVt", b"") * (ROOM // 12),
    "400k empty IDAT": lambda: _png(8, 8, extra=_chunk(b"IDAT", b"") * (ROOM // 12)),
    "GIF screen of 65535": lambda: _gif(size=(65535, 65535)),
    "GIF frame of 65535": _gif_with_huge_frame,
    "1.7M empty GIF comments": lambda: _gif(b"\x21\xfe\0" * (ROOM // 3)),
    "5M empty GIF frames": lambda: _gif(b"," + b"\0" * 8 + b"\0\2\0") + (b"," + b"\0" * 9 + b"\2\0") * (ROOM // 12),
    "5 MB of junk in a GIF": lambda: _gif(b"\0" * ROOM),
    "JPEG of 65535": lambda: _jpeg(size=(65535, 65535)),
    "1.3M JPEG segments": lambda: _jpeg(b"\xff\xe5\0\2" * (ROOM // 4)),
    "5 MB of JPEG fill bytes": lambda: _jpeg(b"\xff" * ROOM),
    "JPEG of 20,000 scans": lambda: _jpeg_of_many_scans(20_000),
    "WebP canvas of 16383": lambda: _webp(16383, 16383),
    "WebP canvas of 2^24": lambda: _webp(2**24, 2**24),
    "BMP of 2^31-1": lambda: _bmp(2**31 - 1, 2**31 - 1),
    "BMP of 1024 without pixels": lambda: _bmp(1024, 1024),
    "BMP of negative width": lambda: _bmp(-8, 8),
}


@pytest.mark.parametrize("make", REFUSED_BOMBS.values(), ids=REFUSED_BOMBS)
def test_bombs_are_refused_at_once(make: Callable[[], bytes]) -> None:
    data = make()
    assert len(data) <= SETTINGS.max_file_bytes
    began = time.process_time()
    with pytest.raises(ImageRejected, match=r"^bomb"):
        decode_picture(data, name="bomb")
    assert time.process_time() - began < BOMB_SECONDS


SKIPPED_BOMBS: dict[str, Callable[[], bytes]] = {
    "zTXt of 100 MB": lambda: _png(8, 8, extra=_chunk(b"zTXt", b"a\0\0" + HUNDRED_MB)),
    "iTXt of 100 MB": lambda: _png(8, 8, extra=_chunk(b"iTXt", b"a\0\1\0\0\0" + HUNDRED_MB)),
    "iCCP of 100 MB": lambda: _png(8, 8, extra=_chunk(b"iCCP", b"a\0\0" + HUNDRED_MB)),
    "9000 iCCP of 200 kB": lambda: _png(8, 8, extra=_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"x" * 200_000)) * 9000),
    "one GIF comment of 5 MB": lambda: _gif(b"\x21\xfe" + (b"\xff" + b"a" * 255) * (ROOM // 256) + b"\0"),
}
"""Good pictures beside which something large lies."""


@pytest.mark.parametrize("make", SKIPPED_BOMBS.values(), ids=SKIPPED_BOMBS)
def test_bombs_beside_the_pixels_are_not_unpacked(make: Callable[[], bytes]) -> None:
    data = make()
    assert len(data) <= SETTINGS.max_file_bytes
    tracemalloc.start()
    began = time.process_time()
    assert decode_picture(data, name="bomb").shape == (8, 8, 4)
    assert read_facts(data, name="bomb").profile is None and not is_animation(data, name="bomb")
    assert time.process_time() - began < BOMB_SECONDS
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * SETTINGS.max_file_bytes


def test_bombs_behind_the_first_frame_or_the_pixels_do_not_go_off() -> None:
    frames = saved("GIF", Image.new("P", (8, 8)))
    at = frames.rindex(b",")
    files = {
        "100k frames": frames[:-1] + frames[at:-1] * 100_000 + b";",
        "100 MB of rows": _png(1024, 1024, rows=b"\0" * 100_000_000),
        "APNG of 50k frames": _png(8, 8, extra=_chunk(b"acTL", struct.pack(">II", 50_000, 0))),
    }
    for name, data in files.items():
        began = time.process_time()
        assert decode_picture(data, name=name).shape[2] == 4
        assert is_animation(data, name=name) == (name == "100k frames")
        assert time.process_time() - began < BOMB_SECONDS, name
    with pytest.raises(ImageRejected, match=r"^walk: more than \d+ (blocks|frames), the limit"):
        sum(1 for _ in decode_frames(files["100k frames"], name="walk"))
