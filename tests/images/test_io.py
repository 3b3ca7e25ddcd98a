"""Files to pictures within limits, whatever the bytes are, and back to PNG exactly."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pixelart.errors import ImageRejected
from pixelart.images.codec import Picture
from pixelart.images.io import (
    MAX_READS,
    READABLE_FORMATS,
    contact_sheet,
    decode_frames,
    decode_picture,
    encode_png,
    is_animation,
    read_facts,
    read_picture,
)
from pixelart.settings import SETTINGS

BOMB_SECONDS = 0.5


def _picture(height: int = 6, width: int = 9, *, colours: int = 5, seed: int = 0) -> Picture:
    """A picture of a few colours with transparent pixels."""
    random = np.random.default_rng(seed)
    palette = random.integers(0, 256, (colours, 4)).astype(np.uint8)
    palette[:, 3] = 255
    palette[0] = 0
    return palette[random.integers(0, colours, (height, width))]


def _file(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = image or Image.fromarray(_picture()).convert("RGB" if kind in ("JPEG", "BMP") else "RGBA")
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# --- what is accepted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", READABLE_FORMATS)
def test_each_format_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.bin"
    path.write_bytes(_file(kind, lossless=True) if kind == "WEBP" else _file(kind))
    read = read_picture(path)
    assert read.shape == (6, 9, 4) and read.dtype == np.uint8
    if kind in ("PNG", "WEBP"):
        assert np.array_equal(read, _picture())
    elif kind == "BMP":
        assert np.array_equal(read[..., :3], _picture()[..., :3])


def test_the_array_may_be_written_to() -> None:
    read = decode_picture(_file("PNG"), name="a.png")
    read[0, 0] = 1
    assert read[0, 0].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_every_mode_is_read(mode: str) -> None:
    image = Image.fromarray(_picture()[..., 0]).convert("I;16") if mode == "I;16" else None
    data = _file("PNG", image or Image.fromarray(_picture()).convert(mode))
    assert decode_picture(data, name="a.png").shape == (6, 9, 4)


def test_16_bits_of_grey_are_scaled_not_clipped() -> None:
    image = Image.fromarray(np.array([[0, 256, 10_000, 32_768, 65_535]], np.uint16))
    for options, clear in (({}, []), ({"transparency": 10_000}, [2])):
        read = decode_picture(_file("PNG", image, **options), name="a.png")
        assert read[0, :, :3].tolist() == [[grey] * 3 for grey in (0, 1, 39, 128, 255)]
        assert np.flatnonzero(read[0, :, 3] == 0).tolist() == clear


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    data = _file(kind, frames[0], save_all=True, append_images=frames[1:], **({} if kind == "GIF" else {"lossless": 1}))
    assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(data))))) == 3
    assert (decode_picture(data, name="a") == [255, 0, 0, 255]).all()


def test_the_limits_are_inclusive() -> None:
    side = SETTINGS.max_side
    assert decode_picture(_file("PNG", Image.new("1", (side, 1))), name="a").shape == (1, side, 4)
    for size in [(side + 1, 1), (1, side + 1)]:
        with pytest.raises(ImageRejected, match=rf"^wide\.png: {size[0]} x {size[1]} pixels; the limit is {side}"):
            decode_picture(_file("PNG", Image.new("1", size)), name="wide.png")


# --- what is refused ----------------------------------------------------------------------------------------------

SAVED_BY_PILLOW = ["BLP", "DDS", "DIB", "EPS", "ICNS", "ICO", "IM", "JPEG2000", "MSP", "PALM", "PCX", "PDF", "PPM"]
SAVED_BY_PILLOW += ["SGI", "SPIDER", "TGA", "TIFF", "XBM"]
MODES = {"BLP": "P", "MSP": "1", "PALM": "P", "XBM": "1", "SPIDER": "F", "EPS": "RGB", "PCX": "RGB", "PDF": "RGB"}
BY_HAND = {
    "PSD": b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + b"\0" * 40,
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>',
    "HTML": b"<html><script>alert(1)</script></html>",
    "FITS": b"SIMPLE  =                    T".ljust(2880),
    "CUR": b"\0\0\2\0\1\0" + b"\x08\x08\0\0\1\0\1\0" + struct.pack("<II", 40, 22) + b"\0" * 80,
    "QOI": b"qoif" + struct.pack(">IIBB", 8, 8, 4, 0) + b"\xfe\1\2\3" * 64 + b"\0" * 7 + b"\1",
    "XPM": b'/* XPM */\nstatic char *a[]={"1 1 1 1","a c #ff0000","a"};',
    "FLI": struct.pack("<IHHHHHHI", 128, 0xAF11, 1, 8, 8, 8, 0, 5).ljust(144, b"\0"),
    "WMF": b"\xd7\xcd\xc6\x9a".ljust(80, b"\0"),
    "SUN": struct.pack(">IIIIIIII", 0x59A66A95, 8, 8, 24, 192, 1, 0, 0) + b"\0" * 192,
    "HDF5": b"\x89HDF\r\n\x1a\n".ljust(100, b"\0"),
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf".ljust(200, b"\0"),
    "ZIP": b"PK\3\4".ljust(60, b"\0"),
    "nothing": b"",
    "text": b"hello",
    "zeros": b"\0" * 4096,
    "a lone PNG signature": b"\x89PNG\r\n\x1a\n",
    "a lone GIF signature": b"GIF89a",
    "a lone JPEG signature": b"\xff\xd8\xff",
    "a lone BMP signature": b"BM",
    "a lone WebP signature": b"RIFF\x10\0\0\0WEBP",
}


def foreign_file(kind: str) -> bytes:
    """A file of another format."""
    if kind in BY_HAND:
        return BY_HAND[kind]
    size = (64, 64) if kind in ("ICNS", "ICO") else (16, 16)
    return _file(kind, Image.new("RGBA", size, "red").convert(MODES.get(kind, "RGB")))


def test_a_picture_in_too_many_parts_is_refused_by_that_limit() -> None:
    side = 96  # run-length BMP: a line of single pixels, each a run of its own
    lines = b"".join(bytes([1, (x + y) % 2]) if x < side else b"\0\0" for y in range(side) for x in range(side + 1))
    table = b"\0\0\0\0" + b"\xff\xff\xff\0"
    start = 54 + len(table)
    header = struct.pack("<2sIHHI", b"BM", start + len(lines), 0, 0, start)
    header += struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(lines), 2835, 2835, 2, 0)
    data = header + table + lines + b"\0\1"
    with pytest.raises(ImageRejected, match=rf"^a\.bmp: is read in more than {MAX_READS} parts, the limit"):
        decode_picture(data, name="a.bmp")


@pytest.fixture
def foreign_plugins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of Pillow plugins outside READABLE_FORMATS that were asked about a file since the test began."""
    Image.init()
    asked: list[str] = []
    for kind, (factory, accept) in list(Image.OPEN.items()):
        if kind not in READABLE_FORMATS:

            def spy(*arguments: Any, kind: str = kind, call: Callable[..., Any] | None = accept) -> Any:
                asked.append(kind)
                return True if call is None else call(*arguments)

            monkeypatch.setitem(Image.OPEN, kind, (factory, spy))
    return asked


def test_the_spy_sees_an_unguarded_open(foreign_plugins: list[str]) -> None:
    Image.open(io.BytesIO(foreign_file("TGA"))).close()
    assert "TGA" in foreign_plugins


@pytest.mark.parametrize("kind", [*SAVED_BY_PILLOW, *BY_HAND])
def test_other_formats_renamed_to_png_are_refused_by_name(
    kind: str, tmp_path: Path, foreign_plugins: list[str]
) -> None:
    path = tmp_path / "sprite.png"
    path.write_bytes(foreign_file(kind))
    with pytest.raises(ImageRejected, match=r"^sprite\.png: .*formats are PNG, GIF, JPEG, WEBP, BMP$"):
        read_picture(path)
    assert not foreign_plugins


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageRejected, match=r"^folder\.png: "):
        read_picture(tmp_path / "folder.png")
    with pytest.raises(ImageRejected, match=r"^gone\.png: No such file"):
        read_picture(tmp_path / "gone.png")


def test_a_heavy_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "heavy.png"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: reading it would end the test run
    with pytest.raises(ImageRejected, match=r"^heavy\.png: 1048576\.0 MiB; the limit is 5 MiB$"):
        read_picture(path)
    padded = _file("PNG") + b"\0" * SETTINGS.max_file_bytes
    with pytest.raises(ImageRejected, match="the limit is 5 MiB"):
        decode_picture(padded, name="padded.png")


# --- bombs --------------------------------------------------------------------------------------------------------


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *, extra: bytes = b"", depth: int = 8, kind: int = 6, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = zlib.compress(rows, 9) if rows else zlib.compress(b"\0" * ((1 + 4 * width) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _gif(extension: bytes = b"", *, size: tuple[int, int] | None = None) -> bytes:
    data = bytearray(_file("GIF", Image.new("P", (8, 8))))
    if size:
        data[6:10] = struct.pack("<HH", *size)
    start = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    return bytes(data[:start]) + extension + bytes(data[start:])


def _gif_with_huge_frame() -> bytes:
    data = _gif()
    at = data.rindex(b",\0\0\0\0")
    return data[: at + 5] + struct.pack("<HH", 65535, 65535) + data[at + 9 :]


def _jpeg(extra: bytes = b"", *, size: tuple[int, int] | None = None) -> bytes:
    data = _file("JPEG", Image.new("RGB", (8, 8), "red"))
    if size:
        at = data.index(b"\xff\xc0") + 5
        data = data[:at] + struct.pack(">HH", *size) + data[at + 4 :]
    return data[:2] + extra + data[2:]


def _jpeg_of_many_scans(scans: int) -> bytes:
    data = _file("JPEG", Image.new("RGB", (1024, 1024), "red"), progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * scans + b"\xff\xd9"


def _webp(width: int, height: int) -> bytes:
    frame = _file("WEBP", Image.new("RGBA", (8, 8)), lossless=True)[12:]
    three = [struct.pack("<I", n)[:3] for n in (width - 1, height - 1, 7, 100)]
    inside = b"\0" * 6 + three[2] + three[2] + three[3] + b"\0" + frame
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes([18, 0, 0, 0]) + three[0] + three[1]
    body += b"ANIM" + struct.pack("<I", 6) + b"\0" * 6 + b"ANMF" + struct.pack("<I", len(inside)) + inside
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _bmp(width: int, height: int) -> bytes:
    data = bytearray(_file("BMP", Image.new("RGB", (8, 8))))
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
    frames = _file("GIF", Image.new("P", (8, 8)))
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


def test_large_honest_pictures_are_read() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1024, 1024, 3)).astype(np.uint8))
    for data in (_file("PNG", noise, compress_level=1), _file("JPEG", noise.reduce(2), progressive=True)):
        assert min(decode_picture(data, name="noise").shape[:2]) >= 512


# --- damaged files ------------------------------------------------------------------------------------------------


def seeds() -> list[bytes]:
    """Good files of every format, to be damaged."""
    colours = Image.fromarray(_picture(13, 17, colours=9)).convert("RGB")
    palette, grey = colours.convert("P"), colours.convert("L")
    frames = [Image.new("P", (9, 9), i) for i in range(3)]
    exif = Image.Exif()
    exif[0x010E] = "canary"
    return [
        _file("PNG"),
        _file("PNG", palette, transparency=0),
        _file("PNG", grey.convert("1")),
        _file("PNG", frames[0], save_all=True, append_images=frames[1:]),
        _file("PNG", colours, exif=exif, dpi=(72, 72)),
        encode_png(_picture(), text={"parameters": "seed: 1"}),
        _file("GIF", palette, transparency=0),
        _file("GIF", frames[0], save_all=True, append_images=frames[1:], comment=b"hello"),
        _file("JPEG", colours, exif=exif),
        _file("JPEG", grey, progressive=True),
        _file("JPEG", colours.convert("CMYK")),
        _file("WEBP", colours, lossless=True),
        _file("WEBP", colours, quality=50),
        _file("WEBP", frames[0].convert("RGBA"), save_all=True, append_images=[f.convert("RGBA") for f in frames[1:]]),
        _file("BMP", colours),
        _file("BMP", palette),
        _file("BMP", Image.fromarray(_picture())),
    ]


def mutated(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """`data` cut short, spliced with `other`, or with wrong bytes or bits, more often in its header."""
    kind = random.integers(0, 5)
    if kind == 0:
        return data[: random.integers(0, len(data))]
    if kind == 1:
        cut, paste = random.integers(0, len(data)), random.integers(0, len(other))
        return data[:cut] + other[paste:]
    changed = np.frombuffer(data, np.uint8).copy()
    reach = len(data) if kind < 4 else min(64, len(data))  # headers decide most
    for place in random.integers(0, reach, 1 + random.integers(0, 8)):
        changed[place] = random.integers(0, 256) if kind == 2 else changed[place] ^ (1 << random.integers(0, 8))
    return changed.tobytes()


def test_a_thousand_damaged_files_give_a_picture_or_a_plain_refusal() -> None:
    good, random = seeds(), np.random.default_rng(20)
    outcomes: dict[str, int] = {"read": 0, "refused": 0}
    for number in range(1000):
        data = mutated(good[number % len(good)], good[int(random.integers(len(good)))], random)
        for look in (is_animation, read_facts, lambda data, name: sum(1 for _ in decode_frames(data, name=name))):
            with contextlib.suppress(ImageRejected):
                look(data, name="damaged")
        try:
            picture = decode_picture(data, name="damaged")
        except ImageRejected as error:
            assert str(error).startswith("damaged: ") and "\n" not in str(error)
            outcomes["refused"] += 1
        except BaseException as error:
            raise AssertionError(f"mutation {number}: {data.hex()}") from error
        else:
            assert picture.dtype == np.uint8 and picture.shape[2] == 4 and max(picture.shape) <= SETTINGS.max_side
            outcomes["read"] += 1
    assert min(outcomes.values()) > 100  # else the mutations are too tame, or too wild, to show anything


@pytest.mark.parametrize("index", range(len(seeds())))
def test_files_cut_anywhere_give_a_picture_or_a_plain_refusal(index: int) -> None:
    data = seeds()[index]
    for length in sorted({*range(0, min(60, len(data))), *range(0, len(data), max(1, len(data) // 40))}):
        try:
            picture = decode_picture(data[:length], name="cut")
        except ImageRejected:
            continue
        assert picture.ndim == 3


def test_odd_files_make_no_noise_in_the_terminal(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    odd = Image.new("P", (4, 4))
    data = _file("PNG", odd, transparency=bytes(range(200)))
    assert decode_picture(data, name="odd").shape == (4, 4, 4)
    assert not recwarn.list


# --- writing ------------------------------------------------------------------------------------------------------


def _open(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("colours", [1, 2, 5, 17, 255, 256])
def test_png_of_few_colours_is_indexed_and_exact(colours: int) -> None:
    palette = np.random.default_rng(0).integers(0, 256, (colours, 4)).astype(np.uint8)
    palette[:, 0] = np.arange(colours)
    palette[:, 3] = 255
    if colours > 1:
        palette[0] = 0
    picture = palette[np.arange(20 * 20).reshape(20, 20) % colours]
    data = encode_png(picture)
    assert _open(data).mode == "P"
    assert np.array_equal(decode_picture(data, name="a"), picture)
    assert np.array_equal(np.asarray(_open(data).convert("RGBA")), picture)


def test_png_of_many_colours_is_rgba_and_exact() -> None:
    picture = np.zeros((20, 20, 4), np.uint8)
    picture[..., 3] = 255
    picture.reshape(-1, 4)[:257, :2] = np.stack(np.divmod(np.arange(257), 256), 1)
    data = encode_png(picture)
    assert _open(data).mode == "RGBA"
    assert np.array_equal(decode_picture(data, name="a"), picture)


def test_png_with_soft_alpha_is_rgba_and_exact() -> None:
    picture = _picture()
    picture[0, 0] = (9, 8, 7, 100)
    data = encode_png(picture)
    assert _open(data).mode == "RGBA"
    assert np.array_equal(decode_picture(data, name="a"), picture)


def test_png_keeps_the_colours_under_transparent_pixels() -> None:
    picture = _picture()
    picture[0] = [(i, 2 * i, 200, 0) for i in range(9)]
    picture[1] = (0, 0, 0, 255)
    data = encode_png(picture)
    assert _open(data).mode == "P"
    assert np.array_equal(decode_picture(data, name="a"), picture)


def test_png_of_random_pictures_comes_back() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        shape = (*random.integers(1, 12, 2), 4)
        levels = random.choice([2, 4, 256])
        picture = (random.integers(0, levels, shape) * (255 // (levels - 1))).astype(np.uint8)
        assert np.array_equal(decode_picture(encode_png(picture), name="a"), picture)


@pytest.mark.parametrize("scale", [1, 2, 7])
def test_scale_repeats_every_pixel(scale: int) -> None:
    picture = _picture()
    large = decode_picture(encode_png(picture, scale=scale), name="a")
    assert np.array_equal(large, np.kron(picture, np.ones((scale, scale, 1), np.uint8)))


def test_text_becomes_text_chunks() -> None:
    text = {"parameters": "class: héros, 漢字", "pixelart": '{"seed": 1}'}
    assert getattr(_open(encode_png(_picture(), text=text)), "text") == text  # noqa: B009
    assert getattr(_open(encode_png(_picture())), "text") == {}  # noqa: B009


def test_equal_pictures_give_equal_bytes() -> None:
    assert encode_png(_picture()) == encode_png(_picture().copy())


def test_contact_sheet_sets_pictures_in_rows() -> None:
    pictures = np.stack([np.full((2, 3, 4), 10 * (i + 1), np.uint8) for i in range(3)])
    sheet = contact_sheet(pictures, columns=2, gap=1)
    assert sheet.shape == (5, 7, 4)
    assert np.array_equal(sheet[:2, :3], pictures[0]) and np.array_equal(sheet[:2, 4:], pictures[1])
    assert np.array_equal(sheet[3:, :3], pictures[2])
    assert not sheet[2].any() and not sheet[:, 3].any() and not sheet[3:, 4:].any()
    assert contact_sheet(pictures, columns=3, gap=0).shape == (2, 9, 4)
