"""Validation during training: bits on held-out pictures, and samples."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelart.engine.completion import complete_picture
from pixelart.errors import Cancelled
from pixelart.images.codec import Codec
from pixelart.images.io import contact_sheet, encode_png
from pixelart.models import AutoregressiveModel
from pixelart.progress import OnProgress
from pixelart.sampling import Controls
from pixelart.training.data.encoded import CodedPictures
from pixelart.training.evaluation import hole_bits, nats_per_image
from pixelart.training.improvement import Comparison

LOG_FIELDS = ("step", "minutes", "train_bits", "validation_bits", "hole_bits", "seam_bits", "seam_ratio")
VALIDATION_HOLES = "brush"
SAMPLES, MAX_CLASSES = 4, 16
"""Pictures per class on a sample sheet, and the most classes on it."""


def log_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of log.csv: one line of LOG_FIELDS per row."""
    table = io.StringIO()
    csv.writer(table).writerows([LOG_FIELDS, *([row.get(field, "") for field in LOG_FIELDS] for row in rows)])
    return table.getvalue().encode()


class Validation:
    """Measures a model on the validation pictures of a run, and compares it with the run's base."""

    def __init__(self, run: Path, sets: Sequence[CodedPictures], num_labels: int) -> None:
        """`sets`: the pictures by size; empty = there are none. `num_labels`: how many labels the network has."""
        self._sets, self._num_labels, self._comparison = sets, num_labels, Comparison(run)

    def measure_base(self, base: AutoregressiveModel, *, cancel: Callable[[], bool]) -> None:
        """Measure and store what later saves are compared with, unless that was done; nothing is stored if `cancel`
        returns True. Raises OSError."""
        if self._sets and not self._comparison.has_base:
            with suppress(Cancelled):
                bits = [self._bits(base, pictures, cancel) for pictures in self._sets]
                self._comparison.set_base(torch.cat(bits).tolist())

    def measure(self, model: AutoregressiveModel, step: int, *, cancel: Callable[[], bool]) -> dict[str, float]:
        """Bits by name: bits per dimension of each size, and bits in holes for the first size. Also stores the
        comparison of `step` with the base.

        Raises:
            Cancelled: `cancel` returned True.
            OSError: a write failed.
        """
        measured, of_pictures = dict[str, float](), list[Tensor]()
        for number, pictures in enumerate(self._sets):
            x = pictures.x
            of_pictures.append(bits := self._bits(model, pictures, cancel))
            size = f"_{x.shape[3]}x{x.shape[2]}" if number else ""
            measured[f"validation_bits{size}"] = float(bits.mean())
            if number == 0:
                weights, check = self._weights(model, pictures), check_cancel(cancel)
                options: dict[str, Any] = {"holes": VALIDATION_HOLES, "palettes": pictures.palettes}
                measured |= hole_bits(model, x, weights, **options, progress=check).values()
        if of_pictures:
            self._comparison.add(step, torch.cat(of_pictures).tolist())
        return measured

    def _bits(self, model: AutoregressiveModel, pictures: CodedPictures, cancel: Callable[[], bool]) -> Tensor:
        """Bits per dimension of each picture, (N,)."""
        weights, check = self._weights(model, pictures), check_cancel(cancel)
        nats = nats_per_image(model, pictures.x, weights, palettes=pictures.palettes, progress=check)
        return nats / (math.prod(pictures.x.shape[1:]) * math.log(2))

    def _weights(self, model: AutoregressiveModel, pictures: CodedPictures) -> Tensor:
        return pictures.labels(slice(None), self._num_labels).to(next(model.parameters()).device)


def check_cancel(cancel: Callable[[], bool]) -> OnProgress:
    """A progress callback that raises Cancelled once `cancel` returns True."""

    def check(*_: int) -> None:
        if cancel():
            raise Cancelled

    return check


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
