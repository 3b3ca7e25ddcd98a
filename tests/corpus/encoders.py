"""Files byte by byte: the same bytes on every machine, whatever its zlib, and what no program would write by itself."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.integer]
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""(first row, first column, rows apart, columns apart) of each pass of an interlaced PNG."""


def stored(data: bytes) -> bytes:
    """A zlib stream that holds `data` as it is."""
    blocks = [data[i : i + 65_535] for i in range(0, len(data), 65_535)] or [b""]
    body = b"".join(
        struct.pack("<BHH", i == len(blocks) - 1, len(b), len(b) ^ 0xFFFF) + b for i, b in enumerate(blocks)
    )
    return b"\x78\x01" + body + struct.pack(">I", zlib.adler32(data))


def run(byte: int, count: int) -> bytes:
    """A zlib stream of `count` times one byte below 144, a multiple of 258 and one more: 13 bits for each 258."""
    bits = "1" + "10" + f"{byte + 48:08b}" + "1100010100000" * (count // 258) + "0000000"
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    return b"\x78\x01" + packed + struct.pack(">I", zlib.adler32(bytes([byte]) * count))


# --- PNG ----------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def rows(values: Values, depth: int) -> bytes:
    """Unfiltered rows of (H, W) or (H, W, C) values of `depth` bits."""
    flat = values.reshape(len(values), -1)
    if depth == 16:
        return b"".join(b"\0" + row.astype(">u2").tobytes() for row in flat)
    bits = (flat[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    return b"".join(b"\0" + np.packbits(row.reshape(-1).astype(np.uint8)).tobytes() for row in bits)


def png(values: Values, *, kind: int, depth: int = 8, before: Sequence[bytes] = (), interlaced: bool = False) -> bytes:
    """A PNG of (H, W) or (H, W, C) values; `kind` is its colour type, `before` the chunks before its pixels."""
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, kind, 0, 0, interlaced)
    passes = [values[top::down, left::right] for top, left, down, right in ADAM7] if interlaced else [values]
    pixels = stored(b"".join(rows(each, depth) for each in passes if each.size))
    chunks = [chunk(b"IHDR", header), *before, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def apng(frames: Sequence[tuple[Values, int, int, int, int]]) -> bytes:
    """An animated PNG of RGBA frames: (picture, left, top, dispose, blend), the first of which is the canvas."""
    height, width = frames[0][0].shape[:2]
    chunks = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))]
    chunks.append(chunk(b"acTL", struct.pack(">II", len(frames), 0)))
    number = 0
    for i, (picture, left, top, dispose, blend) in enumerate(frames):
        size = picture.shape[1], picture.shape[0]
        chunks.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *size, left, top, 1, 10, dispose, blend)))
        pixels, number = stored(rows(picture, 8)), number + 1
        chunks.append(chunk(b"IDAT", pixels) if i == 0 else chunk(b"fdAT", struct.pack(">I", number) + pixels))
        number += i > 0
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


# --- GIF, WebP, JPEG ----------------------------------------------------------------------------------------------


def gif(
    size: tuple[int, int], colours: Iterable[int], frames: Sequence[tuple[Values, int, int, int, int | None]]
) -> bytes:
    """A GIF of (width, height), four colours and frames: (indices, left, top, disposal, the index that is clear)."""
    table = b"".join(colour.to_bytes(3, "big") for colour in colours)
    assert len(table) == 12
    body = b"GIF89a" + struct.pack("<HHBBB", *size, 0x91, 0, 0) + table
    for indices, left, top, disposal, clear in frames:
        flags = disposal << 2 | (clear is not None)
        body += b"!\xf9\4" + struct.pack("<BHB", flags, 10, clear or 0) + b"\0"
        body += b"," + struct.pack("<HHHHB", left, top, indices.shape[1], indices.shape[0], 0) + b"\2"
        codes = [code for index in indices.reshape(-1).tolist() for code in (4, index)]  # 4: begin anew, so all are
        bits = "".join(f"{code:03b}"[::-1] for code in [*codes, 5])  # of three bits; 5: the end
        bits += "0" * (-len(bits) % 8)
        packed = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
        body += b"".join(bytes([len(b)]) + b for b in (packed[i : i + 255] for i in range(0, len(packed), 255))) + b"\0"
    return body + b";"


def exif(orientation: int) -> bytes:
    """EXIF that says which way up a picture is, and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def jpeg_with_exif(data: bytes, orientation: int) -> bytes:
    """The JPEG `data`, saying so."""
    body = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def riff(kind: bytes, body: bytes) -> bytes:
    """A chunk of a WebP."""
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp(size: tuple[int, int], flags: int, *chunks: bytes) -> bytes:
    """A WebP of (width, height) that says what it holds."""
    sides = b"".join(struct.pack("<I", side - 1)[:3] for side in size)
    return riff(b"RIFF", b"WEBP" + riff(b"VP8X", bytes([flags, 0, 0, 0]) + sides) + b"".join(chunks))


# --- ZIP ----------------------------------------------------------------------------------------------------------


def archive(files: Mapping[bytes, bytes], *, flags: int = 0) -> bytes:
    """A .zip that stores the files under these very bytes; of the flags 0x800 says that they are UTF-8."""
    body, directory = b"", b""
    for name, data in files.items():
        facts = struct.pack("<HHHHHIII", 20, flags, 0, 0, 33, zlib.crc32(data), len(data), len(data))
        directory += b"PK\1\2" + struct.pack("<H", 20) + facts
        directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(body)) + name
        body += b"PK\3\4" + facts + struct.pack("<HH", len(name), 0) + name + data
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return body + directory + b"PK\5\6" + end
