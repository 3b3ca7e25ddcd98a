"""A small picture, and files of each format that hold it or another one."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from pixelart.images.codec import Picture


def few_colours(height: int = 6, width: int = 9, *, colours: int = 5, seed: int = 0) -> Picture:
    """A picture of a few colours with transparent pixels."""
    random = np.random.default_rng(seed)
    palette = random.integers(0, 256, (colours, 4)).astype(np.uint8)
    palette[:, 3] = 255
    palette[0] = 0
    return palette[random.integers(0, colours, (height, width))]


def saved(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """The bytes of a file of a format, with `few_colours` where no image is given."""
    buffer = io.BytesIO()
    image = image or Image.fromarray(few_colours()).convert("RGB" if kind in ("JPEG", "BMP") else "RGBA")
    image.save(buffer, kind, **options)
    return buffer.getvalue()
