"""Folders and archives of made-up pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pixelart.images.codec import Picture
from pixelart.images.io import encode_png


def dot(colour: int, height: int = 4, width: int = 4) -> bytes:
    """A PNG of one colour."""
    picture = np.full((height, width, 4), 255, np.uint8)
    picture[..., 0] = colour
    return encode_png(picture)


def noise(seed: int, height: int = 8, width: int = 8) -> Picture:
    """A picture (H, W, 4) of opaque pixels of four colours: no two of them alike, none an enlarged one."""
    random = np.random.default_rng(seed)
    palette = random.integers(0, 256, (4, 4)).astype(np.uint8)
    palette[:, 3] = 255
    return palette[random.integers(0, 4, (height, width))]


def folder_of(place: Path, files: Mapping[str, bytes]) -> Path:
    """The folder `place` with these files."""
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def zip_of(path: Path, files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """The archive `path` with these files."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
