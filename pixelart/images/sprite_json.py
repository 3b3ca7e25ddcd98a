"""Sprite sheets with the JSON that Aseprite writes in its "hash" form, which game engines read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet, encode_rgba_png
from pixelart.settings import VERSION

FRAME_MS = 100
"""How long a frame is shown, as in Aseprite."""


@dataclass(frozen=True)
class SpriteSheet:
    """Pictures of one size in rows of `columns`, without gaps. `picture`: the sheet (H, W, 4); `names`: of the frames;
    `height` and `width`: of each frame."""

    picture: Picture
    names: tuple[str, ...]
    columns: int
    height: int
    width: int

    @property
    def rows(self) -> int:
        """How many rows of frames it has."""
        return -(-len(self.names) // self.columns)

    def png(self, *, scale: int = 1) -> bytes:
        """RGBA PNG with `scale` x `scale` blocks per pixel."""
        return encode_rgba_png(self.picture, scale=scale)

    def json(self, *, image: str, scale: int = 1, frame_ms: int = FRAME_MS, tag: str = "") -> str:
        """The description of the file `image`, written by `png` with the same `scale`.

        All lengths are in pixels of the file, so the scale in `meta` is 1, as in Aseprite. `tag`: the name of the
        animation that all frames make; "" = none.
        """
        height, width = scale * self.height, scale * self.width
        meta: dict[str, Any] = {
            "app": "Pixel Art Studio",
            "version": VERSION,
            "image": image,
            "format": "RGBA8888",
            "size": {"w": scale * self.picture.shape[1], "h": scale * self.picture.shape[0]},
            "scale": "1",
            "frameTags": [{"name": tag, "from": 0, "to": len(self.names) - 1, "direction": "forward"}] if tag else [],
        }
        frames = {
            name: {
                "frame": {"x": i % self.columns * width, "y": i // self.columns * height, "w": width, "h": height},
                "rotated": False,
                "trimmed": False,
                "spriteSourceSize": {"x": 0, "y": 0, "w": width, "h": height},
                "sourceSize": {"w": width, "h": height},
                "duration": frame_ms,
            }
            for i, name in enumerate(self.names)
        }
        return json.dumps({"frames": frames, "meta": meta}, ensure_ascii=False, indent=1) + "\n"


def sprite_sheet(pictures: Sequence[Picture], names: Sequence[str], *, columns: int = 0) -> SpriteSheet:
    """The sheet of `pictures`, each (H, W, 4), with at most `columns` per row; 0 = about as many rows as columns.

    A name that occurs again gets a number: hero_7, hero_7_2.

    Raises:
        RequestRejected: there is no picture, or they have several sizes.
    """
    if not pictures:
        raise RequestRejected("sprite sheet: there is no picture")
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        found = ", ".join(f"{width} x {height}" for height, width in sorted(sizes))
        raise RequestRejected(f"sprite sheet: the pictures have several sizes: {found}")
    columns = min(columns or math.isqrt(len(pictures) - 1) + 1, len(pictures))
    picture = contact_sheet(np.stack(pictures), columns=columns, gap=0)
    return SpriteSheet(picture, _numbered(names), columns, *next(iter(sizes)))


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """The names; one that is taken gets the first free number after it."""
    taken = dict[str, None]()
    for name in names:
        free, number = name, 2
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        taken[free] = None
    return tuple(taken)
