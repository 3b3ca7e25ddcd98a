"""Animations as GIF: how a picture is drawn, row by row, and frames."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixelart.errors import ImageRejected
from pixelart.images.codec import Picture

MAX_FRAMES = 64
DRAWING_MS, HOLD_MS, LEAST_MS = 2400, 1600, 20  # browsers slow down shorter frames
MAX_GIF_COLOURS = 255  # besides the transparent or background entry


def drawing_gif(
    picture: Picture, mask: NDArray[np.bool_], *, scale: int = 1, background: tuple[int, int, int] | None = None
) -> bytes:
    """GIF bytes of `picture` (H, W, 4) with `scale` x `scale` blocks per pixel, as a loop.

    The drawn pixels, where `mask` (H, W) is True, appear from top to bottom in at most MAX_FRAMES frames; the others
    are there from the start. All frames share one palette, whose entry 0 is transparent, or the `background`. Drawing
    takes about DRAWING_MS; the last frame holds for HOLD_MS.

    Raises:
        ImageRejected: partial alpha or over MAX_GIF_COLOURS colours, which a GIF cannot hold.
    """
    indices, palette = _indices(picture, background)
    rows = np.flatnonzero(mask.any(1))
    groups = np.array_split(rows, min(len(rows), MAX_FRAMES - 1)) if len(rows) else []
    hidden = mask.copy()
    frames = [np.where(hidden, np.uint8(0), indices)]
    for group in groups:
        hidden[group] = False
        frames.append(np.where(hidden, np.uint8(0), indices))
    pause = max(LEAST_MS, round(DRAWING_MS / len(frames) / 10) * 10)
    first, *rest = (_image(frame, palette, scale) for frame in frames)
    # disposal 1: keep what is drawn. Not optimised, because Pillow would then give each frame its own palette.
    settings: dict[str, Any] = {"disposal": 1, "optimize": False, "loop": 0}
    if background is None:
        settings["transparency"] = 0
    buffer = io.BytesIO()
    durations = [pause] * len(rest) + [HOLD_MS]
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=durations, **settings)
    return buffer.getvalue()


def frames_gif(frames: Sequence[Picture], *, scale: int = 1, frame_ms: int) -> bytes:
    """GIF bytes of pictures (H, W, 4) of one size with `scale` x `scale` blocks per pixel, as a loop. All frames share
    one palette, whose entry 0 is transparent. Pillow leaves out a later frame in which nothing is visible.

    Raises:
        ImageRejected: partial alpha or over MAX_GIF_COLOURS colours, which a GIF cannot hold.
    """
    indices, palette = _indices(np.concatenate(frames), None)
    first, *rest = (_image(frame, palette, scale) for frame in np.split(indices, len(frames)))
    buffer = io.BytesIO()
    # disposal 2: clear before the next frame, which may be transparent where this one is not
    settings: dict[str, Any] = {"disposal": 2, "optimize": False, "loop": 0, "transparency": 0}
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=frame_ms, **settings)
    return buffer.getvalue()


def _indices(picture: Picture, background: tuple[int, int, int] | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Palette indices (H, W), with 0 where transparent, and the palette, RGB (K, 3)."""
    if not np.isin(picture[..., 3], (0, 255)).all():
        raise ImageRejected("a GIF cannot hold half-transparent pixels; PNG RGBA can")
    opaque = picture[..., 3] == 255
    colours, inverse = np.unique(picture[opaque][:, :3], axis=0, return_inverse=True)
    if len(colours) > MAX_GIF_COLOURS:
        raise ImageRejected(f"{len(colours)} colours; a GIF holds {MAX_GIF_COLOURS}")
    indices = np.zeros(opaque.shape, np.uint8)
    indices[opaque] = 1 + inverse.reshape(-1)
    return indices, np.concatenate([np.array([background or (0, 0, 0)], np.uint8), colours])


def _image(indices: NDArray[np.uint8], palette: NDArray[np.uint8], scale: int) -> Image.Image:
    large = np.ascontiguousarray(indices.repeat(scale, 0).repeat(scale, 1))
    image = Image.frombytes("P", large.shape[::-1], large.tobytes())
    image.putpalette(palette.tobytes(), "RGB")
    return image
