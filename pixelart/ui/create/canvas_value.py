"""The value that the canvas and Python exchange. It is checked, because any client can post anything."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import PixelArtError
from pixelart.images.codec import Picture
from pixelart.images.sprite_sheets import Grid
from pixelart.settings import SETTINGS

MAX_SIDE = SETTINGS.max_side


class CanvasRejected(PixelArtError):
    """A canvas value whose size, length or encoding is outside the limits."""


@dataclass(frozen=True)
class Canvas:
    """What the visitor paints: uint8 RGBA (H, W, 4), bool (H, W) where True = repaint, and the percents of the
    temperature, uint8 (H, W); None = 100 everywhere.

    Sent to the page, a `mask` of None keeps the page's own mask, `palette` (hexadecimal colours; empty = any colour)
    replaces its swatches, and a `preview` is a frame of a drawing in progress, without its own undo step. Output of a
    drawing carries its `ticket`, so that the page can drop output it no longer wants. `largest`: see `Swatches`.

    `window`: the corner (top, left) of the model's window where Complete uses it. Sent to the page with a `mask`, it
    and the `temperature` replace the page's; a `window` of None follows the mask.
    """

    picture: Picture
    mask: NDArray[np.bool_] | None = None
    preview: bool = False
    palette: tuple[str, ...] | None = None
    ticket: int | None = None
    largest: tuple[int, int] | None = None
    window: tuple[int, int] | None = None
    temperature: NDArray[np.uint8] | None = None

    @property
    def painted_mask(self) -> NDArray[np.bool_]:
        """The mask, or an empty one."""
        return np.zeros(self.picture.shape[:2], np.bool_) if self.mask is None else self.mask


@dataclass(frozen=True)
class Painting:
    """Sent to the page: remove the frames of the drawing `ticket` and show the visitor's painting again."""

    ticket: int


@dataclass(frozen=True)
class Swatches:
    """Sent to the page: the chosen model's `palette`, as in `Canvas`, the size (height, width) of new pictures, and the
    `largest` that it draws at once (None = the same). The painting stays."""

    palette: tuple[str, ...]
    size: tuple[int, int]
    largest: tuple[int, int] | None = None


@dataclass(frozen=True)
class Imported:
    """Sent to the page: a picture file at its true size, uint8 RGBA (H, W, 4), and the grid of its enlarged pixels. The
    page asks what it shall become. `open`: it replaces the picture without a question."""

    name: str
    picture: Picture
    grid: Grid
    open: bool = False


@dataclass(frozen=True)
class LoadedColours:
    """Sent to the page: hexadecimal `colours` that are added to the visitor's own. The painting stays."""

    colours: tuple[str, ...]


Sent = Canvas | Painting | Swatches | Imported | LoadedColours
"""What a handler may return for the canvas."""


def blank_canvas(height: int, width: int) -> Canvas:
    """A transparent picture with nothing masked."""
    return Canvas(np.zeros((height, width, 4), np.uint8), np.zeros((height, width), np.bool_))


def canvas_to_payload(canvas: Sent) -> dict[str, Any]:
    """The value as JSON for canvas/value.js."""
    if isinstance(canvas, LoadedColours):
        return {"own": list(canvas.colours)}
    if isinstance(canvas, Swatches):
        height, width = canvas.size
        palette = {"palette": list(canvas.palette), "largest": _across(canvas.largest)}
        return {"width": width, "height": height, "pixels": None, "ticket": None, **palette}
    if isinstance(canvas, Imported):
        height, width = canvas.picture.shape[:2]
        grid = {"factor": canvas.grid.factor, "top": canvas.grid.top, "left": canvas.grid.left}
        shown = {"name": canvas.name, "width": width, "height": height, "pixels": _encode(canvas.picture)}
        return {"imported": {**shown, "mask": None, "grid": grid, "open": canvas.open}, "ticket": None}
    if isinstance(canvas, Painting):
        return {"pixels": None, "ticket": canvas.ticket}
    height, width = canvas.picture.shape[:2]
    mask = None if canvas.mask is None else _encode(canvas.mask.astype(np.uint8))
    return {
        "width": width,
        "height": height,
        "pixels": _encode(canvas.picture),
        "mask": mask,
        "preview": canvas.preview,
        "palette": None if canvas.palette is None else list(canvas.palette),
        "ticket": canvas.ticket,
        "largest": _across(canvas.largest),
        **({} if canvas.temperature is None else {"temperature": _encode(canvas.temperature)}),
        **({} if canvas.mask is None else {"window": None if canvas.window is None else list(canvas.window)}),
    }


def canvas_from_payload(payload: Any) -> Canvas:
    """The canvas that a page posted.

    Raises:
        CanvasRejected: a wrong type, a side or window outside the limits, bytes of another length, or not base64.
    """
    if not isinstance(payload, dict):
        raise CanvasRejected("canvas: expected width, height, pixels and mask")
    height, width = (_side(payload.get(name), name) for name in ("height", "width"))
    pixels = _decode(payload.get("pixels"), height * width * 4, "pixels")
    mask = _decode(payload["mask"], height * width, "mask") if payload.get("mask") else bytes(height * width)
    marks = np.frombuffer(mask, np.uint8)
    if marks.max() > 1:
        raise CanvasRejected(f"canvas mask holds {int(marks.max())}; only 0 and 1 are allowed")
    picture = np.frombuffer(pixels, np.uint8).reshape(height, width, 4).copy()
    percents = _decode(payload["temperature"], height * width, "temperature") if payload.get("temperature") else None
    temperature = None if percents is None else np.frombuffer(percents, np.uint8).reshape(height, width)
    window = _corner(payload.get("window"))
    return Canvas(picture, marks.reshape(height, width) == 1, window=window, temperature=temperature)


def _across(size: tuple[int, int] | None) -> list[int] | None:
    """[width, height]."""
    return None if size is None else [size[1], size[0]]


def _corner(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(type(v) is int and 0 <= v < MAX_SIDE for v in value):
        raise CanvasRejected(f"canvas window {value!r:.40}: must be a top and a left from 0 to {MAX_SIDE - 1}")
    return value[0], value[1]


def _encode(array: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _side(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_SIDE:
        raise CanvasRejected(f"canvas {name} {value!r:.40}: must be a whole number from 1 to {MAX_SIDE}")
    return value


def _decode(text: Any, length: int, name: str) -> bytes:
    if not isinstance(text, str) or len(text) != -(-length // 3) * 4:
        raise CanvasRejected(f"canvas {name}: does not match the size of the canvas")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CanvasRejected(f"canvas {name}: not base64") from error
    if len(data) != length:
        raise CanvasRejected(f"canvas {name}: {len(data)} bytes; the canvas has {length}")
    return data
