"""Results that belong together, the tiles of a tileset and the frames of an animation: as files and on the page."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from pixelart.engine import Animation, Drawing, Tileset
from pixelart.engine.variations import FRAMES, REDRAWN
from pixelart.errors import RequestRejected
from pixelart.images.corner_tiles import sheet_order
from pixelart.images.gif import frames_gif
from pixelart.images.sprite_json import SpriteSheet, sprite_sheet

SHOWN_MS = 200
"""How long a frame of an animation is shown."""
SHOWN_SIDE = 256
"""About the longest side of a tileset or a frame on the page, in CSS pixels."""
_ORDER = sheet_order().flatten().tolist()
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ResultSet:
    """A sheet of all results. `name`: of its files. `about`: a line for the page. `moves`: whether its pictures are
    the frames of an animation."""

    sheet: SpriteSheet
    name: str
    about: str
    moves: bool = False

    def files(self) -> tuple[str, bytes]:
        """(name, bytes) of a .zip with the sheet and its JSON."""
        how: dict[str, Any] = {"frame_ms": SHOWN_MS, "tag": "animation"} if self.moves else {}
        return sheet_archive(self.sheet, self.sheet.png(), self.name, **how)

    def html(self) -> str:
        """The sheet, or the frames one after the other."""
        sheet = self.sheet
        height, width = (sheet.height, sheet.width) if self.moves else sheet.picture.shape[:2]
        across = width * max(1, SHOWN_SIDE // max(height, width))
        picture = f"url(data:image/png;base64,{base64.b64encode(sheet.png()).decode()})"
        count = len(sheet.names) if self.moves else 1
        style = f"width: {across}px; aspect-ratio: {width} / {height}; --sheet: {picture}; --count: {count};"
        if self.moves:
            style += f" animation-duration: {count * SHOWN_MS}ms; animation-timing-function: steps({count}, jump-none);"
        name = "frames" if self.moves else "tiles"
        picture = f'<div class="{name}" role="img" aria-label="{escape(self.about)}" style="{style}"></div>'
        return f'<figure class="result-set">{picture}<figcaption>{escape(self.about)}</figcaption></figure>'


def sheet_archive(sheet: SpriteSheet, png: bytes, name: str, **how: Any) -> tuple[str, bytes]:
    """(name, bytes) of a .zip: the file `png` of a sheet, and its JSON. `how`: see `SpriteSheet.json`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for suffix, data in (("png", png), ("json", sheet.json(image=f"{name}.png", **how).encode())):
            archive.writestr(zipfile.ZipInfo(f"{name}.{suffix}", _DATE), data)
    return f"{name}.zip", buffer.getvalue()


def tileset_results(tiles: Tileset, seed: int, checkpoint: str) -> list[Drawing]:
    """The 16 tiles in the order of their sheet. The two given ones have no settings of a drawing."""
    given = {"checkpoint": checkpoint, "given": True}
    return [
        tiles.drawings.get(n) or Drawing(tiles.pictures[n], seed, 0.0, {**given, "tile": n}) for n in _ORDER
    ]  # fmt: skip


def animation_results(made: Animation, seed: int, checkpoint: str) -> list[Drawing]:
    """The frames. The first one is the given picture, which has no settings of a drawing."""
    settings = {"checkpoint": checkpoint, "given": True, "animation": REDRAWN}
    return [Drawing(made.frames[0], seed, 0.0, settings), *made.drawings]


def result_set(drawings: Sequence[Drawing]) -> ResultSet | None:
    """The set that the results form, if they do."""
    pictures = [drawing.picture for drawing in drawings]
    if [drawing.settings.get("tile") for drawing in drawings] == _ORDER:
        sheet = sprite_sheet(pictures, [f"tile_{n}" for n in _ORDER], columns=4)
        return ResultSet(sheet, "tileset", "16 tiles: all edges that touch in this sheet meet.")
    if FRAMES[0] <= len(drawings) <= FRAMES[1] and all("animation" in drawing.settings for drawing in drawings):
        strip = sprite_sheet(pictures, [f"frame_{n}" for n in range(1, len(pictures) + 1)], columns=len(pictures))
        return ResultSet(strip, "strip", f"{len(pictures)} frames: {REDRAWN}.", moves=True)
    return None


def animation_gif(drawings: Sequence[Drawing]) -> tuple[str, bytes]:
    """(name, bytes) of the animation that the results form.

    Raises:
        RequestRejected: they do not form one.
        ImageRejected: a GIF cannot hold their colours.
    """
    made = result_set(drawings)
    if made is None or not made.moves:
        raise RequestRejected("There is no animation yet.")
    return "animation.gif", frames_gif([drawing.picture for drawing in drawings], frame_ms=SHOWN_MS)
