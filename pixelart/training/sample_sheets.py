"""Sample sheets: pictures drawn at each save from the same seeds, one row per class."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.nn import functional as F

from pixelart.errors import Cancelled
from pixelart.images.class_names import Labels
from pixelart.images.codec import Codec
from pixelart.models import AutoregressiveModel
from pixelart.storage import write_file
from pixelart.training.validation import MAX_CLASSES, draw_samples

SAMPLES_FOLDER, ROWS_FILE = "samples", "sample_rows.json"


class SampleSheets:
    """The sample sheets in the run folder `run`, of pictures of `size`. `learned`: the numbers of the trained
    classes. Any look and any kind of them is drawn."""

    def __init__(self, run: Path, labels: Labels, learned: Sequence[int], *, size: tuple[int, int]) -> None:
        self._folder, self._rows, self._size = run / SAMPLES_FOLDER, run / ROWS_FILE, size
        self._shown, self._labels = list(learned)[:MAX_CLASSES], labels

    def has(self, step: int) -> bool:
        """Whether the sheet of `step` exists."""
        return self._path(step).exists()

    def draw(self, model: AutoregressiveModel, codec: Codec, step: int, *, cancel: Callable[[], bool]) -> None:
        """Draw and write the sheet of a step and the classes of its rows; nothing is written if `cancel` returns True.

        Raises:
            OSError: a write failed.
        """
        device = next(model.parameters()).device
        weights = F.one_hot(torch.tensor(self._shown), len(self._labels)).float().to(device)
        try:
            data = draw_samples(model, codec, weights, size=self._size, cancel=cancel)
        except Cancelled:
            return
        self._folder.mkdir(exist_ok=True)
        rows = json.dumps([self._labels.classes[number] for number in self._shown]).encode()
        if not self._rows.exists():
            write_file(self._rows, rows)
        write_file(self._path(step), data)

    def _path(self, step: int) -> Path:
        return self._folder / f"step-{step:08d}.png"


def read_rows(run: Path) -> list[str]:
    """The class of each row of a run's sheets; empty if it is not recorded."""
    try:
        rows = json.loads((run / ROWS_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    return rows if isinstance(rows, list) and all(isinstance(row, str) for row in rows) else []
