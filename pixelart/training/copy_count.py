"""Counts near copies of training pictures among the samples of a finished run, and finds the pictures nearest to them.

This happens at the end of training, because a server then deletes the pictures and a checkpoint holds none.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pixelart.checkpoint.info import CheckpointInfo
from pixelart.engine import Engine
from pixelart.engine.samples import COLUMNS, MAX_ROWS, draw_class_samples, draw_of_class, shown_classes
from pixelart.images.codec import Picture
from pixelart.storage import write_file
from pixelart.training.export import export_run
from pixelart.training.near_copies import COPIES_FILE, Counted, near_copies
from pixelart.training.nearest import write_nearest

if TYPE_CHECKING:
    from pixelart.training.trainer import Trainer

MAX_COMPARED_PIXELS = 1000 * 32 * 32
"""Pixels of training pictures that samples are compared with, evenly chosen from larger sets; takes some seconds."""
SHOWN_NEAREST = 4
"""Samples per class whose nearest training pictures are stored."""


def count_copies(trainer: Trainer, *, cancel: Callable[[], bool]) -> None:
    """Write near_copies.json into a run: how many samples of its model card are near copies of training pictures; and
    the pictures nearest to some of the samples (`pixelart.training.nearest`).

    Raises:
        Cancelled: `cancel` returned True; nothing is written.
        OSError: the disk is full or cannot be written to.
    """
    with tempfile.TemporaryDirectory(prefix=".copies-", dir=trainer.run) as place:
        engine = Engine(export_run(trainer.run, Path(place, "model")).parent, device=trainer.device)
        info = engine.info("model")
        size = info.height, info.width  # that of the training pictures that they are compared with
        samples = np.stack(draw_class_samples(engine, "model", size=size, cancel=cancel))

        def draw(label: str) -> Picture:
            drawn = draw_of_class(engine, "model", label, count=SHOWN_NEAREST, size=size, cancel=cancel)
            return np.stack(drawn)

        few, labels = _of_trained_classes(trainer, info, samples, draw)
        rows, most = trainer.train_rows, MAX_COMPARED_PIXELS // (info.height * info.width)
        chosen = rows[np.linspace(0, len(rows) - 1, min(max(1, most), len(rows))).round().astype(int)]
        learned = trainer.sets[0].pictures(chosen, trainer.codec)
        share = near_copies(samples, learned, cancel=cancel)
    step = info.training["kept_step"]
    found = Counted(step, round(share * len(samples)), len(samples), len(chosen))
    write_file(trainer.run / COPIES_FILE, json.dumps(asdict(found)).encode())
    write_nearest(trainer.run, step, few, labels, learned, cancel=cancel)


def _of_trained_classes(
    trainer: Trainer, info: CheckpointInfo, samples: Picture, draw: Callable[[str], Picture]
) -> tuple[Picture, list[str]]:
    """SHOWN_NEAREST samples of each class that the run trains on, and the class of each; from `samples` if they show
    the class."""
    shown, classes = shown_classes(info), trainer.config.classes
    trained = [classes[number] for number in trainer.classes[trainer.train_rows].unique().tolist()][:MAX_ROWS]
    few = list[Picture]()
    for label in trained:
        if label in shown:
            first = shown.index(label) * COLUMNS
            few.append(samples[first : first + SHOWN_NEAREST])
        else:
            few.append(draw(label))
    return np.concatenate(few), [label for label in trained for _ in range(SHOWN_NEAREST)]
