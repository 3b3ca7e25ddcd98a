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
from pixelart.settings import SETTINGS

MAX_SIDE = SETTINGS.max_side


class CanvasRejected(PixelArtError):
    """A canvas value whose size, length or encoding is outside the limits."""


@dataclass(frozen=True)
class Canvas:
    """What the visitor paints: uint8 RGBA (H, W, 4), and bool (H, W) where True = repaint.

    Sent to the page, a `mask` of None keeps the page's own mask, `palette` (hexadecimal colours; empty = any colour)
    replaces its swatches, and a `preview` is a frame of a drawing in progress, without its own undo step. Output of a
    drawing carries its `ticket`, so that the page can drop output it no longer wants.
    """

    picture: Picture
    mask: NDArray[np.bool_] | None = None
    preview: bool = False
    palette: tuple[str, ...] | None = None
    ticket: int | None = None

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
    """Sent to the page: the chosen model's `palette`, as in `Canvas`, and the size (height, width) of new pictures. The
    painting stays."""

    palette: tuple[str, ...]
    size: tuple[int, int]


def blank_canvas(height: int, width: int) -> Canvas:
    """A transparent picture with nothing masked."""
    return Canvas(np.zeros((height, width, 4), np.uint8), np.zeros((height, width), np.bool_))


def canvas_to_payload(canvas: Canvas | Painting | Swatches) -> dict[str, Any]:
    """The value as JSON for canvas/value.js."""
    if isinstance(canvas, Swatches):
        height, width = canvas.size
        return {"width": width, "height": height, "pixels": None, "palette": list(canvas.palette), "ticket": None}
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
    }


def canvas_from_payload(payload: Any) -> Canvas:
    """The canvas that a page posted.

    Raises:
        CanvasRejected: a wrong type, a side outside 1 to MAX_SIDE, bytes of another length, or not base64.
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
    return Canvas(picture, marks.reshape(height, width) == 1)


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
