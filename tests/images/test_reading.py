"""Files are read to pictures: every format and mode, the first frame, and within limits."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pixelart.errors import ImageRejected
from pixelart.images.io import MAX_READS, READABLE_FORMATS, decode_picture, read_picture
from pixelart.settings import SETTINGS
from tests.images.made_files import few_colours, saved


@pytest.mark.parametrize("kind", READABLE_FORMATS)
def test_each_format_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.bin"
    path.write_bytes(saved(kind, lossless=True) if kind == "WEBP" else saved(kind))
    read = read_picture(path)
    assert read.shape == (6, 9, 4) and read.dtype == np.uint8
    if kind in ("PNG", "WEBP"):
        assert np.array_equal(read, few_colours())
    elif kind == "BMP":
        assert np.array_equal(read[..., :3], few_colours()[..., :3])


def test_the_array_may_be_written_to() -> None:
    read = decode_picture(saved("PNG"), name="a.png")
    read[0, 0] = 1
    assert read[0, 0].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_every_mode_is_read(mode: str) -> None:
    image = Image.fromarray(few_colours()[..., 0]).convert("I;16") if mode == "I;16" else None
    data = saved("PNG", image or Image.fromarray(few_colours()).convert(mode))
    assert decode_picture(data, name="a.png").shape == (6, 9, 4)


def test_16_bits_of_grey_are_scaled_not_clipped() -> None:
    image = Image.fromarray(np.array([[0, 256, 10_000, 32_768, 65_535]], np.uint16))
    for options, clear in (({}, []), ({"transparency": 10_000}, [2])):
        read = decode_picture(saved("PNG", image, **options), name="a.png")
        assert read[0, :, :3].tolist() == [[grey] * 3 for grey in (0, 1, 39, 128, 255)]
        assert np.flatnonzero(read[0, :, 3] == 0).tolist() == clear


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    data = saved(kind, frames[0], save_all=True, append_images=frames[1:], **({} if kind == "GIF" else {"lossless": 1}))
    assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(data))))) == 3
    assert (decode_picture(data, name="a") == [255, 0, 0, 255]).all()


def test_large_honest_pictures_are_read() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1024, 1024, 3)).astype(np.uint8))
    for data in (saved("PNG", noise, compress_level=1), saved("JPEG", noise.reduce(2), progressive=True)):
        assert min(decode_picture(data, name="noise").shape[:2]) >= 512


# --- limits -------------------------------------------------------------------------------------------------------


def test_the_limits_are_inclusive() -> None:
    side = SETTINGS.max_side
    assert decode_picture(saved("PNG", Image.new("1", (side, 1))), name="a").shape == (1, side, 4)
    for size in [(side + 1, 1), (1, side + 1)]:
        with pytest.raises(ImageRejected, match=rf"^wide\.png: {size[0]} x {size[1]} pixels; the limit is {side}"):
            decode_picture(saved("PNG", Image.new("1", size)), name="wide.png")


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
    padded = saved("PNG") + b"\0" * SETTINGS.max_file_bytes
    with pytest.raises(ImageRejected, match="the limit is 5 MiB"):
        decode_picture(padded, name="padded.png")
