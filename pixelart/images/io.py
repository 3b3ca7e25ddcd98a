"""Read picture files within limits (see `pixelart.images.formats.decoding`), and write PNGs exactly."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from pixelart.errors import ImageRejected
from pixelart.images.codec import Picture
from pixelart.images.formats.decoding import MAX_READS as MAX_READS
from pixelart.images.formats.decoding import READABLE_FORMATS as READABLE_FORMATS
from pixelart.images.formats.decoding import Facts as Facts
from pixelart.images.formats.decoding import decode_frames as decode_frames
from pixelart.images.formats.decoding import decode_picture as decode_picture
from pixelart.images.formats.decoding import is_animation as is_animation
from pixelart.images.formats.decoding import is_cut as is_cut
from pixelart.images.formats.decoding import read_facts as read_facts
from pixelart.images.formats.decoding import too_heavy
from pixelart.settings import SETTINGS

SUFFIXES = (".png", ".gif", ".jpg", ".jpeg", ".webp", ".bmp")


def read_picture(path: Path | str, *, name: str | None = None, max_pixels: int | None = None) -> Picture:
    """Read the picture at `path` as uint8 RGBA (H, W, 4).

    `name`, by default the file name, is used in errors; `max_pixels` as in `decode_picture`.

    Raises:
        ImageRejected: missing, not one of READABLE_FORMATS, or outside the limits.
    """
    path = Path(path)
    name = path.name if name is None else name
    return decode_picture(read_file(path, name=name), name=name, max_pixels=max_pixels)


def read_file(path: Path, *, name: str) -> bytes:
    """The bytes at `path`; `name` is used in errors. Raises ImageRejected if missing or too large."""
    try:
        if path.stat().st_size > SETTINGS.max_file_bytes:
            raise ImageRejected(too_heavy(name, path.stat().st_size))
        return path.read_bytes()
    except OSError as error:
        raise ImageRejected(f"{name}: {error.strerror or 'cannot be read'}") from error


def mask_of(picture: Picture) -> NDArray[np.bool_]:
    """bool (H, W): the mask painted in `picture` (H, W, 4); light visible pixels are to be repainted."""
    return (picture[..., :3].astype(int).sum(-1) >= 3 * 128) & (picture[..., 3] >= 128)


def resize_nearest(array: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize `array` (h, w, ...) by nearest neighbour, sampled at pixel centres."""
    rows = ((np.arange(height) + 0.5) * array.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * array.shape[1] / width).astype(int)
    return array[rows][:, columns]


def encode_png(
    picture: Picture,
    *,
    scale: int = 1,
    text: Mapping[str, str] | None = None,
    palette: NDArray[np.uint8] | None = None,
    profile: bytes | None = None,
) -> bytes:
    """PNG bytes of `picture` (H, W, 4) with `scale` x `scale` blocks per pixel.

    The PNG is indexed if it has at most 256 colours and no partial alpha, else RGBA. `text` becomes text chunks,
    `profile` the ICC profile. `palette`, RGBA (K, 4) with K <= 256, is stored in its order, followed by missing
    colours, if all fit.
    """
    image, alpha = _indexed(picture, palette) or (Image.fromarray(picture), None)
    return _png(image, scale, text, icc_profile=profile, **({} if alpha is None else {"transparency": alpha}))


def encode_rgba_png(picture: Picture, *, scale: int = 1, text: Mapping[str, str] | None = None) -> bytes:
    """RGBA PNG bytes of `picture` (H, W, 4) with `scale` x `scale` blocks per pixel, never indexed."""
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
    """Arrange pictures (N, H, W, 4) in a grid with `columns` per row and `gap` transparent pixels between them."""
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _indexed(picture: Picture, palette: NDArray[np.uint8] | None) -> tuple[Image.Image, bytes | None] | None:
    """A palette image with exactly these values, and the alpha of its entries; None if it needs over 256 entries."""
    alpha = picture[..., 3]
    if not np.isin(alpha, (0, 255)).all():
        return None
    colours, indices = np.unique(picture.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        return None
    indices = indices.reshape(-1)
    if palette is not None and (extended := _extended(palette, colours)) is not None:
        same = (colours[:, None] == extended).all(-1)
        colours, indices = extended, same.argmax(1)[indices]
    image = Image.frombytes("P", alpha.shape[::-1], indices.astype(np.uint8).tobytes())
    image.putpalette(colours[:, :3].tobytes(), "RGB")
    return image, None if (colours[:, 3] == 255).all() else colours[:, 3].tobytes()


def _extended(palette: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """`palette` (K, 4) followed by those of `colours` (N, 4) that it lacks.

    If that exceeds 256 entries, they replace duplicates, last ones first; None if that is not enough either.
    """
    missing = colours[~(colours[:, None] == palette).all(-1).any(1)]
    room = 256 - len(palette)
    if len(missing) > room:
        first = np.unique(palette, axis=0, return_index=True)[1]
        repeated = np.setdiff1d(np.arange(len(palette)), first)[-(len(missing) - room) :]
        if len(repeated) < len(missing) - room:
            return None
        palette = palette.copy()
        palette[repeated], missing = missing[room:], missing[:room]
    return np.concatenate([palette, missing])
