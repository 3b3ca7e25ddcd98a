"""Decode the bytes of a picture file to uint8 RGBA (H, W, 4), within limits.

Only PNG, GIF, JPEG, WebP and BMP are decoded, and of PNG and GIF only the parts that pixels need. Everything else, and
anything over the limits, raises ImageRejected with the name, the value and the limit.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixelart.errors import ImageRejected
from pixelart.images.codec import Picture
from pixelart.images.formats.exif import upright
from pixelart.images.formats.frames import FramePart, composed
from pixelart.images.formats.gif import canvas_size, gif_parts, is_gif
from pixelart.images.formats.png import MAX_PROFILE_BYTES, Png, is_png, read_png
from pixelart.settings import SETTINGS

READABLE_FORMATS = ("PNG", "GIF", "JPEG", "WEBP", "BMP")
MAX_READS, MAX_SCANS = 10_000, 100
_FAULTS = (OSError, ValueError, TypeError, SyntaxError, EOFError, IndexError, KeyError, OverflowError, MemoryError)


@dataclass(frozen=True)
class Facts:
    """Metadata of a picture file that a result should keep: the palette in its order, RGBA (K, 4), and the RGB ICC
    profile.
    """

    palette: NDArray[np.uint8] | None = None
    profile: bytes | None = None


def is_picture(data: bytes) -> bool:
    """Whether `data` starts like one of READABLE_FORMATS. The two-letter mark of BMP is too short, so more
    is checked."""
    is_bmp = data[:2] == b"BM" and data[6:10] == b"\0" * 4
    return is_png(data) or is_gif(data) or _is_webp(data) or is_bmp or data[:3] == b"\xff\xd8\xff"


def decode_picture(data: bytes, *, name: str, max_pixels: int | None = None) -> Picture:
    """Decode `data` upright to uint8 RGBA (H, W, 4); an animation gives its first frame. `name` is used in errors.

    The limit is `Settings.max_side` pixels per side, or `max_pixels` in total if given.

    Raises:
        ImageRejected: not one of READABLE_FORMATS, damaged, or outside the limits.
    """
    with _plain_refusals(data, name):
        if is_gif(data):
            return next(_gif_frames(data, name, max_pixels))
        if is_png(data):
            png = read_png(data, name)
            return upright(_decoded(png.still, name, max_pixels, png), png.exif)
        return _decoded(data, name, max_pixels)


def decode_frames(data: bytes, *, name: str, max_pixels: int | None = None) -> Iterator[Picture]:
    """Every frame of the animation in `data`, composed; a still gives one picture. Limits as in `decode_picture`.

    Raises:
        ImageRejected: as `decode_picture`, or over `Settings.max_frames`; possibly after some frames were yielded.
    """
    frames = _frames(data, name, max_pixels)
    for number in range(SETTINGS.max_frames + 1):
        with _plain_refusals(data, name):  # not around the yield: the caller's errors must pass unchanged
            frame = next(frames, None)
        if frame is None:
            return
        if number == SETTINGS.max_frames:
            raise ImageRejected(f"{name}: more than {SETTINGS.max_frames} frames, the limit")
        yield frame


def is_animation(data: bytes, *, name: str) -> bool:
    """Whether `data` has several frames, without decoding any. Raises ImageRejected if it is damaged."""
    with _plain_refusals(data, name):
        if is_gif(data):
            parts = gif_parts(data, name)
            return next(parts, None) is not None and next(parts, None) is not None
        if is_png(data):
            return bool(read_png(data, name).parts)
        if not _is_webp(data):  # the other READABLE_FORMATS cannot be animated
            return False
        with _opened(data, name, None, every_size=True) as image:
            return _count(image) > 1


def is_cut(data: bytes, *, name: str) -> bool:
    """Whether `decode_picture` drops bits: of a PNG of 16 bits per channel. Raises ImageRejected if it is damaged."""
    with _plain_refusals(data, name):
        return is_png(data) and read_png(data, name).header.depth > 8


def read_facts(data: bytes, *, name: str) -> Facts:
    """The metadata of the picture in `data`.

    Raises:
        ImageRejected: as `decode_picture`.
    """
    with _plain_refusals(data, name):
        if is_gif(data):
            return _facts(_first_part(data, name).data, name)
        if is_png(data):
            png = read_png(data, name)
            return _facts(png.still, name, png.profile())
        return _facts(data, name)


def _frames(data: bytes, name: str, max_pixels: int | None) -> Iterator[Picture]:
    if is_gif(data):
        yield from _gif_frames(data, name, max_pixels)
    elif is_png(data) and (png := read_png(data, name)).parts:
        size = (png.header.width, png.header.height)
        _check_size(size, name, max_pixels)
        for frame in composed(png.parts, size, lambda part: _part(part, name, max_pixels, png)):
            yield upright(frame, png.exif)
    elif is_png(data):
        yield decode_picture(data, name=name, max_pixels=max_pixels)
    else:
        with _opened(data, name, max_pixels) as image:
            for number in range(_count(image)):
                image.seek(number)
                yield rgba(image)


def _gif_frames(data: bytes, name: str, max_pixels: int | None) -> Iterator[Picture]:
    """The composed frames. A first frame larger than the canvas enlarges the canvas."""
    first = _first_part(data, name)
    width, height = canvas_size(data)
    size = max(width, first.left + first.width), max(height, first.top + first.height)
    _check_size(size, name, max_pixels)
    yield from composed(gif_parts(data, name), size, lambda part: _part(part, name, max_pixels))


def _count(image: Image.Image) -> int:
    """Number of frames of an animation; a JPEG with several views counts as one."""
    return getattr(image, "n_frames", 1) if image.format == "WEBP" else 1


def _first_part(data: bytes, name: str) -> FramePart:
    part = next(gif_parts(data, name), None)
    if part is None:
        raise ValueError("no frame")
    return part


def _part(part: FramePart, name: str, max_pixels: int | None, png: Png | None = None) -> Picture:
    _check_size((part.width, part.height), name, max_pixels)
    return _decoded(part.data, name, max_pixels, png)


def _decoded(data: bytes, name: str, max_pixels: int | None, png: Png | None = None) -> Picture:
    """Decode the picture in `data`. `png`: gives the transparent colour of a PNG."""
    with _opened(data, name, max_pixels) as image:
        picture = rgba(image)
        if png and png.clear:
            values = _grey(image, png.header.depth) if len(png.clear) == 1 else np.asarray(image, np.uint16)
            if image.mode == "RGB" and png.header.depth == 16:
                values = values << 8 | _low_bytes(data, name)
            clear = (values.reshape(*picture.shape[:2], -1) == png.clear).all(-1)
            picture[..., 3] = np.where(clear, 0, 255)
    return picture


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def rgba(image: Image.Image) -> Picture:
    """An image of any mode as an upright picture (H, W, 4)."""
    if image.mode.startswith("I;16"):
        high = np.asarray(image) >> 8  # Pillow's own conversion clips
        picture = np.stack([high, high, high, np.full_like(high, 255)], axis=-1).astype(np.uint8)
    else:
        picture = np.asarray(image.convert("RGBA"), np.uint8).copy()
    exif = image.info.get("exif")
    return upright(picture, exif) if isinstance(exif, bytes) else picture


def _grey(image: Image.Image, depth: int) -> NDArray[Any]:
    """The values of a grey PNG in file units: Pillow scales depths below 8 bits to a full byte."""
    return np.asarray(image, np.uint16) if depth >= 8 else np.asarray(image.convert("L")) // (255 // (2**depth - 1))


def _low_bytes(data: bytes, name: str) -> NDArray[np.uint8]:
    """The low bytes of a 16-bit RGB PNG. Pillow reads only the high bytes, so the byte order is set to reversed."""
    with _opened(data, name, None, every_size=True) as image:
        image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]  # pyright: ignore[reportAttributeAccessIssue]
        return np.asarray(image)


def _facts(data: bytes, name: str, profile: bytes | None = None) -> Facts:
    with _opened(data, name, None) as image:
        image.load()
        return facts_of(image, profile)


def facts_of(image: Image.Image, profile: bytes | None = None) -> Facts:
    """The metadata of a loaded image; the ICC profile is `profile`, or else the image's own."""
    profile = profile or image.info.get("icc_profile")
    if not profile or len(profile) > MAX_PROFILE_BYTES or profile[16:20] != b"RGB ":
        profile = None  # results are RGB, so a profile for grey or CMYK would be wrong
    if image.mode != "P":
        return Facts(None, profile)
    colours = np.frombuffer(bytes(image.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
    palette = np.concatenate([colours, np.full((len(colours), 1), 255, np.uint8)], axis=1)
    clear = image.info.get("transparency", b"")
    if isinstance(clear, bytes):
        palette[: len(clear), 3] = np.frombuffer(clear, np.uint8)[: len(palette)]
    else:
        palette[clear : clear + 1, 3] = 0
    return Facts(palette, profile)


@contextmanager
def _plain_refusals(data: bytes, name: str) -> Iterator[None]:
    """Turn any decoder error into ImageRejected, and silence decoder warnings."""
    if len(data) > SETTINGS.max_file_bytes:
        raise ImageRejected(too_heavy(name, len(data)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImageRejected:
        raise
    except Image.DecompressionBombError as error:
        raise ImageRejected(f"{name}: too many pixels") from error
    except (*_FAULTS, struct.error, zlib.error) as error:
        kinds = ", ".join(READABLE_FORMATS)
        raise ImageRejected(f"{name}: not a readable picture; the formats are {kinds}") from error


@contextmanager
def _opened(data: bytes, name: str, max_pixels: int | None, *, every_size: bool = False) -> Iterator[Image.Image]:
    with Image.open(_Source(data, name), formats=READABLE_FORMATS) as image:
        if not every_size:
            _check_size(image.size, name, max_pixels)
        if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > MAX_SCANS:  # each scan visits all pixels
            raise ImageRejected(f"{name}: more than {MAX_SCANS} scans")
        yield image


class _Source(io.BytesIO):
    """Bytes with a limited number of reads: a decoder reads once for every chunk, block and segment."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name, self.reads = name, 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageRejected(f"{self.name}: is read in more than {MAX_READS} parts, the limit; save it as PNG")
        return super().read(size)


def _check_size(size: tuple[int, int], name: str, max_pixels: int | None) -> None:
    width, height = size
    if max_pixels is not None and width and height:
        if width * height > max_pixels:
            raise ImageRejected(f"{name}: {width} x {height} pixels; the limit is {max_pixels:,} in all")
    elif not all(1 <= side <= SETTINGS.max_side for side in size):
        raise ImageRejected(f"{name}: {width} x {height} pixels; the limit is {SETTINGS.max_side} a side")


def too_heavy(name: str, size: int) -> str:
    return f"{name}: {size / 2**20:.1f} MiB; the limit is {SETTINGS.max_file_bytes // 2**20} MiB"
