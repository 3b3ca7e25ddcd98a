"""Validation during training: bits on held-out pictures, and samples."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from pixelart.engine.completion import complete_picture
from pixelart.errors import Cancelled
from pixelart.images.codec import Codec
from pixelart.images.io import contact_sheet, encode_png
from pixelart.models import AutoregressiveModel
from pixelart.sampling import Controls
from pixelart.training.data.encoded import CodedPictures
from pixelart.training.evaluation import bits_per_dim, hole_bits, nats_per_image

LOG_FIELDS = ("step", "minutes", "train_bits", "validation_bits", "hole_bits", "seam_bits", "seam_ratio")
VALIDATION_HOLES = "brush"
SAMPLES, MAX_CLASSES = 4, 16
"""Pictures per class on a sample sheet, and the most classes on it."""


def log_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of log.csv: one line of LOG_FIELDS per row."""
    table = io.StringIO()
    csv.writer(table).writerows([LOG_FIELDS, *([row.get(field, "") for field in LOG_FIELDS] for row in rows)])
    return table.getvalue().encode()


def measure(
    model: AutoregressiveModel,
    sets: Sequence[CodedPictures],
    num_classes: int,
    *,
    cancel: Callable[[], bool],
) -> dict[str, float]:
    """Validation bits by name: bits per dimension of each size in `sets`, and bits in holes for the first size.

    Raises:
        Cancelled: `cancel` returned True.
    """

    def check_cancel(*_: int) -> None:
        if cancel():
            raise Cancelled

    measured, device = dict[str, float](), next(model.parameters()).device
    for number, pictures in enumerate(sets):
        x, palettes = pictures.x, pictures.palettes
        weights = F.one_hot(pictures.classes, num_classes).float().to(device)
        nats = nats_per_image(model, x, weights, palettes=palettes, progress=check_cancel)
        size = f"_{x.shape[3]}x{x.shape[2]}" if number else ""
        measured[f"validation_bits{size}"] = bits_per_dim(nats, dimensions=math.prod(x.shape[1:]))
        if number == 0:
            measured |= hole_bits(
                model, x, weights, holes=VALIDATION_HOLES, palettes=palettes, progress=check_cancel
            ).values()
    return measured


def draw_samples(
    model: AutoregressiveModel,
    codec: Codec,
    class_weights: Tensor,
    *,
    size: tuple[int, int],
    cancel: Callable[[], bool],
) -> bytes:
    """A PNG with a row of SAMPLES pictures of `size` for each row of class_weights (N, K); the seeds are always the
    same.

    Raises:
        Cancelled: `cancel` returned True.
    """
    hidden, blank = np.ones(size, np.bool_), np.zeros((*size, 4), np.uint8)
    options: dict[str, Any] = {"count": SAMPLES, "seed": 0, "controls": Controls(), "cancel": cancel}
    shown = class_weights[:MAX_CLASSES]
    rows = [complete_picture(model, codec, blank, hidden, weights, **options) for weights in shown]
    pictures = np.stack([candidate.picture for row in rows for candidate in row])
    return encode_png(contact_sheet(pictures, columns=SAMPLES), scale=2)
