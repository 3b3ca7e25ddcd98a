"""Bytes of a picture file to uint8 RGBA (H, W, 4), within limits, and back to PNG.

Only PNG, GIF, JPEG, WebP and BMP are ever handed to a decoder; only the first frame is read; nothing larger than
`max_side` is decoded. Everything else raises ImageRejected with the name, the value and the limit.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from pixelart.codec import Picture
from pixelart.errors import ImageRejected
from pixelart.settings import SETTINGS

FORMATS = ("PNG", "GIF", "JPEG", "WEBP", "BMP")
SUFFIXES = (".png", ".gif", ".jpg", ".jpeg", ".webp", ".bmp")
MAX_READS, MAX_SCANS = 10_000, 100
_FAULTS = (OSError, ValueError, TypeError, SyntaxError, EOFError, IndexError, KeyError, OverflowError, MemoryError)


def read_picture(path: Path, *, name: str | None = None, max_side: int = SETTINGS.max_side) -> Picture:
    """The picture at `path`, uint8 RGBA (H, W, 4), of at most `max_side` a side; `name`, else the file's own, is used
    in errors.

    Raises:
        ImageRejected: not there, not one of FORMATS, or outside the limits.
    """
    name = path.name if name is None else name
    try:
        if path.stat().st_size > SETTINGS.max_file_bytes:
            raise ImageRejected(_too_heavy(name, path.stat().st_size))
        return decode_picture(path.read_bytes(), name=name, max_side=max_side)
    except OSError as error:
        raise ImageRejected(f"{name}: {error.strerror or 'cannot be read'}") from error


def decode_picture(data: bytes, *, name: str, max_side: int = SETTINGS.max_side) -> Picture:
    """The first frame of the picture in `data`, uint8 RGBA (H, W, 4), of at most `max_side` a side; `name` is used in
    errors.

    Raises:
        ImageRejected: not one of FORMATS, damaged, or outside the limits.
    """
    if len(data) > SETTINGS.max_file_bytes:
        raise ImageRejected(_too_heavy(name, len(data)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a decoder's remarks on odd files; what is too large is refused below
            with Image.open(_Source(data, name), formats=FORMATS) as image:
                _check_size(image.size, name, max_side)
                if image.format == "JPEG" and data.count(b"\xff\xda") > MAX_SCANS:  # each is a pass over all pixels
                    raise ImageRejected(f"{name}: more than {MAX_SCANS} scans")
                if image.mode.startswith("I;16"):
                    return _of_grey16(np.asarray(image), image.info.get("transparency", -1))
                return np.asarray(image.convert("RGBA"), np.uint8).copy()
    except ImageRejected:
        raise
    except Image.DecompressionBombError as error:
        raise ImageRejected(f"{name}: larger than {max_side} x {max_side} pixels") from error
    except (*_FAULTS, struct.error, zlib.error) as error:
        kinds = ", ".join(FORMATS)
        raise ImageRejected(f"{name}: not a readable picture; the formats are {kinds}") from error


def mask_of(picture: Picture) -> NDArray[np.bool_]:
    """bool (H, W) of a mask that was painted: light pixels of `picture` (H, W, 4) that are there are to be drawn."""
    return (picture[..., :3].astype(int).sum(-1) >= 3 * 128) & (picture[..., 3] >= 128)


def resize_nearest(array: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """`array` (h, w, ...) sampled at pixel centres."""
    rows = ((np.arange(height) + 0.5) * array.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * array.shape[1] / width).astype(int)
    return array[rows][:, columns]


def encode_png(
    picture: Picture,
    *,
    scale: int = 1,
    text: Mapping[str, str] | None = None,
    palette: NDArray[np.uint8] | None = None,
) -> bytes:
    """PNG bytes of `picture` (H, W, 4), each pixel `scale` wide: indexed with its palette when it has at most 256
    colours and no soft alpha, else RGBA. `text` becomes text chunks. `palette`, RGBA (K, 4) with K <= 256, is stored
    whole and in its order when it holds every colour of the picture."""
    image, alpha = _indexed(picture, palette) or (Image.fromarray(picture), None)
    return _png(image, scale, text, **({} if alpha is None else {"transparency": alpha}))


def encode_rgba_png(picture: Picture, *, scale: int = 1, text: Mapping[str, str] | None = None) -> bytes:
    """PNG bytes of `picture` (H, W, 4), each pixel `scale` wide, four values a pixel whatever its colours are."""
    return _png(Image.fromarray(picture), scale, text)


def is_indexable(picture: Picture) -> bool:
    """Whether an indexed PNG can hold `picture` (H, W, 4) exactly."""
    return _indexed(picture, None) is not None


def _png(image: Image.Image, scale: int, text: Mapping[str, str] | None, **settings: Any) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    large = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    large.save(buffer, "PNG", pnginfo=info, **settings)
    return buffer.getvalue()


def contact_sheet(pictures: Picture, *, columns: int, gap: int = 1) -> Picture:
    """Pictures (N, H, W, 4) side by side, `columns` in a row, `gap` clear pixels between them."""
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _of_grey16(values: NDArray[np.uint16], transparent: int) -> Picture:
    """The high bytes of grey (H, W); Pillow's own conversion clips. The value `transparent` is clear."""
    high, alpha = values >> 8, np.where(values == transparent, 0, 255)
    return np.stack([high, high, high, alpha], axis=-1).astype(np.uint8)


def _indexed(picture: Picture, palette: NDArray[np.uint8] | None) -> tuple[Image.Image, bytes | None] | None:
    """A palette image of exactly these values and the alpha of its entries; None when 256 entries do not suffice."""
    alpha = picture[..., 3]
    if not np.isin(alpha, (0, 255)).all():
        return None
    colours, indices = np.unique(picture.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        return None
    indices = indices.reshape(-1)
    if palette is not None:
        same = (colours[:, None] == palette).all(-1)
        if same.any(1).all():
            colours, indices = palette, same.argmax(1)[indices]
    image = Image.frombytes("P", alpha.shape[::-1], indices.astype(np.uint8).tobytes())
    image.putpalette(colours[:, :3].tobytes(), "RGB")
    return image, None if (colours[:, 3] == 255).all() else colours[:, 3].tobytes()


class _Source(io.BytesIO):
    """Bytes that may be read so many times: a decoder spends a read on every chunk, block and segment it walks over."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name, self.reads = name, 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageRejected(f"{self.name}: is read in more than {MAX_READS} parts, the limit; save it as PNG")
        return super().read(size)


def _check_size(size: tuple[int, int], name: str, max_side: int) -> None:
    if not all(1 <= side <= max_side for side in size):
        raise ImageRejected(f"{name}: {size[0]} x {size[1]} pixels; the limit is {max_side} a side")


def _too_heavy(name: str, size: int) -> str:
    return f"{name}: {size / 2**20:.1f} MiB; the limit is {SETTINGS.max_file_bytes // 2**20} MiB"
