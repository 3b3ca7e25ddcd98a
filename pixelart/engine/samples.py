"""The sample grid of a checkpoint: one row of pictures per class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pixelart.checkpoint.library import Checkpoint
from pixelart.engine.request import Drawing, Request
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet

COLUMNS, MAX_ROWS = 8, 16
"""Pictures per class, and the most classes shown."""


def shown_classes(loaded: Checkpoint) -> tuple[str | None, ...]:
    """The classes of the sample grid, one per row; (None,) if the checkpoint has no classes."""
    return loaded.info.classes[:MAX_ROWS] or (None,)


def draw_class_samples(loaded: Checkpoint, name: str, draw: Callable[[Request], list[Drawing]]) -> Picture:
    """Pictures (N, H, W, 4) for the sample grid: COLUMNS of each of `shown_classes`, seeds 0 to COLUMNS - 1."""
    rows = [
        drawing.picture
        for label in shown_classes(loaded)
        for drawing in draw(sample_request(loaded, name, label, count=COLUMNS))
    ]
    return np.stack(rows)


def sample_request(loaded: Checkpoint, name: str, label: str | None, *, count: int) -> Request:
    """A request for samples of a class, or of any class, as the checkpoint `name`: all have the checkpoint's size, so
    that they fit into one grid and can be compared with what it was trained on."""
    size = loaded.info.height, loaded.info.width
    return Request(name, class_weights={} if label is None else {label: 1.0}, count=count, size=size)


def sample_sheet(samples: Picture) -> Picture:
    """The sample grid of the pictures from `draw_class_samples`."""
    return contact_sheet(samples, columns=COLUMNS)
