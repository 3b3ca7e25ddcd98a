"""The training pictures nearest to each sample of a finished run, so that people see what it copies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pixelart.errors import ImageRejected
from pixelart.images.codec import Picture
from pixelart.images.io import decode_picture, encode_png
from pixelart.storage import write_file
from pixelart.training.near_copies import nearest_pictures

NEAREST_FILE, NEAREST_SHEET = "nearest.json", "nearest.png"
NEIGHBOURS = 3
"""Training pictures shown for each sample."""
MAX_NEAREST_PIXELS = 2**26
"""Most pixels of NEAREST_SHEET."""


@dataclass(frozen=True)
class Neighbour:
    """A sample (H, W, 4) of the class `label` ("" = any), and the training pictures nearest to it (K, H, W, 4), nearest
    first, with their `differences` (0..1, as in `nearest_difference`)."""

    label: str
    sample: Picture
    pictures: Picture
    differences: tuple[float, ...]


@dataclass(frozen=True)
class _Facts:
    step: int
    size: tuple[int, int]
    labels: tuple[str, ...]
    differences: tuple[tuple[float, ...], ...]


def write_nearest(
    run: Path,
    step: int,
    samples: Picture,
    labels: Sequence[str],
    learned: Picture,
    *,
    cancel: Callable[[], bool],
) -> None:
    """Find the nearest of `learned` (M, H, W, 4) for `samples` (N, H, W, 4) of the classes `labels`, and store them in
    a run; only as many of the first samples as fit into MAX_NEAREST_PIXELS.

    Raises:
        Cancelled: `cancel` returned True; nothing is written.
        OSError: a write failed.
    """
    height, width = samples.shape[1:3]
    most = MAX_NEAREST_PIXELS // ((1 + NEIGHBOURS) * height * width)
    samples, labels = samples[:most], labels[:most]
    places, differences = nearest_pictures(samples, learned, count=NEIGHBOURS, cancel=cancel)
    rows = np.concatenate([samples[:, None], learned[places]], axis=1)  # (N, 1 + K, H, W, 4)
    sheet = rows.swapaxes(1, 2).reshape(len(rows) * height, -1, 4)
    facts = _Facts(step, (height, width), tuple(labels), tuple(map(tuple, differences.round(4).tolist())))
    write_file(run / NEAREST_SHEET, encode_png(np.ascontiguousarray(sheet)))
    write_file(run / NEAREST_FILE, json.dumps(asdict(facts)).encode())


def read_nearest(run: Path) -> list[Neighbour]:
    """What `write_nearest` stored, smallest difference first; empty if there is nothing readable."""
    try:
        facts = _Facts(**json.loads((run / NEAREST_FILE).read_bytes()))
        sheet = decode_picture((run / NEAREST_SHEET).read_bytes(), name=NEAREST_SHEET, max_pixels=MAX_NEAREST_PIXELS)
        height, width = facts.size
        rows = sheet.reshape(len(facts.labels), height, -1, width, 4).swapaxes(1, 2)
        found = [
            Neighbour(str(label), row[0], row[1:], tuple(map(float, differences)))
            for label, row, differences in zip(facts.labels, rows, facts.differences, strict=True)
            if differences
        ]
    except (OSError, ValueError, TypeError, RecursionError, ImageRejected):
        return []
    return sorted(found, key=lambda each: each.differences[0])
