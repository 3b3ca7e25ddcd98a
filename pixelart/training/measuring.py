"""What is looked at while a run trains: bits on pictures it does not learn from, and samples."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from pixelart.codec import Codec
from pixelart.completion import complete
from pixelart.errors import Cancelled
from pixelart.images import contact_sheet, encode_png
from pixelart.models import AutoregressiveModel
from pixelart.sampling import Controls
from pixelart.training.evaluation import bits_per_dim, hole_bits, nats_per_image
from pixelart.training.store import EncodedSet

LOG_FIELDS = ("step", "minutes", "train_bits", "validation_bits", "hole_bits", "seam_bits", "seam_ratio")
HOLES = "brush"
SAMPLES, MAX_CLASSES = 4, 16
"""How many pictures are drawn of a class, and of how many classes."""


def log_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of log.csv: a line of LOG_FIELDS for each of `rows`."""
    table = io.StringIO()
    csv.writer(table).writerows([LOG_FIELDS, *([row.get(field, "") for field in LOG_FIELDS] for row in rows)])
    return table.getvalue().encode()


def measure(
    model: AutoregressiveModel, x: Tensor | EncodedSet, class_weights: Tensor, *, cancel: Callable[[], bool]
) -> dict[str, float]:
    """Bits per dimension of x (N, C, H, W) of classes (N, K), and bits in holes, by name.

    Raises:
        Cancelled: `cancel` answered True.
    """

    def look_up(*_: int) -> None:
        if cancel():
            raise Cancelled

    nats = nats_per_image(model, x, class_weights, progress=look_up)
    holes = hole_bits(model, x, class_weights, holes=HOLES, progress=look_up)
    return {"validation_bits": bits_per_dim(nats, dimensions=x[0].numel()), **holes.values()}


def draw_samples(
    model: AutoregressiveModel,
    codec: Codec,
    class_weights: Tensor,
    *,
    size: tuple[int, int],
    cancel: Callable[[], bool],
) -> bytes:
    """A PNG: a row of SAMPLES pictures of `size` for each of class_weights (N, K), from the same seeds every time.

    Raises:
        Cancelled: `cancel` answered True.
    """
    hidden, blank = np.ones(size, np.bool_), np.zeros((*size, 4), np.uint8)
    options: dict[str, Any] = {"count": SAMPLES, "seed": 0, "controls": Controls(), "cancel": cancel}
    rows = [complete(model, codec, blank, hidden, weights, **options) for weights in class_weights[:MAX_CLASSES]]
    pictures = np.stack([candidate.picture for row in rows for candidate in row])
    return encode_png(contact_sheet(pictures, columns=SAMPLES), scale=2)
