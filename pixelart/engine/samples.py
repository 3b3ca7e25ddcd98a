"""The sample sheet of a checkpoint: one row of pictures per class, as the app draws them by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pixelart.checkpoint.info import CheckpointInfo
from pixelart.engine.engine import Engine
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet, encode_png

COLUMNS, MAX_ROWS = 8, 24
"""Pictures per class, and the most classes shown."""
SHEET_WIDTH = 640
"""Approximate width of a sample sheet in pixels."""


def shown_classes(info: CheckpointInfo) -> tuple[str | None, ...]:
    """The classes of the sample sheet, one per row; (None,) if the checkpoint has no classes."""
    return info.classes[:MAX_ROWS] or (None,)


def draw_class_samples(
    engine: Engine, checkpoint: str, *, size: tuple[int, int] | None = None, cancel: Callable[[], bool] = lambda: False
) -> list[Picture]:
    """COLUMNS pictures of each of `shown_classes`, seeds 0 to COLUMNS - 1, see `draw_of_class`."""
    return [
        picture
        for label in shown_classes(engine.info(checkpoint))
        for picture in draw_of_class(engine, checkpoint, label, count=COLUMNS, size=size, cancel=cancel)
    ]


def draw_of_class(
    engine: Engine,
    checkpoint: str,
    label: str | None,
    *,
    count: int,
    size: tuple[int, int] | None,
    cancel: Callable[[], bool],
) -> list[Picture]:
    """Pictures of a class, or of any class, by the default preset: of (height, width) `size`, or of the usual size of
    the class. Seeds from 0."""
    weights = {} if label is None else {label: 1.0}
    request = engine.request(checkpoint, class_weights=weights, count=count, size=size)
    return [drawing.picture for drawing in engine.generate(request, cancel=cancel)]


def sample_sheet(samples: Sequence[Picture]) -> bytes:
    """The sample sheet as a PNG. Smaller pictures are enlarged by a whole number and stand in the middle of their
    cell."""
    height, width = (max(sides) for sides in zip(*(picture.shape[:2] for picture in samples), strict=True))
    sheet = contact_sheet(np.stack([_in_cell(picture, height, width) for picture in samples]), columns=COLUMNS)
    return encode_png(sheet, scale=max(1, SHEET_WIDTH // sheet.shape[1]))


def _in_cell(picture: Picture, height: int, width: int) -> Picture:
    scale = min(height // picture.shape[0], width // picture.shape[1])
    enlarged = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    free = height - enlarged.shape[0], width - enlarged.shape[1]
    return np.pad(enlarged, (*((space // 2, space - space // 2) for space in free), (0, 0)))
