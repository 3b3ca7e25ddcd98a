"""Counts near copies of training pictures among the samples of a finished run.

This happens at the end of training, because a server then deletes the pictures and a checkpoint holds none.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pixelart.engine import Engine
from pixelart.engine.samples import draw_class_samples
from pixelart.storage import write_file
from pixelart.training.export import export_run
from pixelart.training.near_copies import COPIES_FILE, Counted, near_copies

if TYPE_CHECKING:
    from pixelart.training.trainer import Trainer

MAX_COMPARED_PIXELS = 1000 * 32 * 32
"""Pixels of training pictures that samples are compared with, evenly chosen from larger sets; takes some seconds."""


def count_copies(trainer: Trainer, *, cancel: Callable[[], bool]) -> None:
    """Write near_copies.json into a run: how many samples of its model card are near copies of training pictures.

    Raises:
        Cancelled: `cancel` returned True; nothing is written.
        OSError: the disk is full or cannot be written to.
    """
    with tempfile.TemporaryDirectory(prefix=".copies-", dir=trainer.run) as place:
        engine = Engine(export_run(trainer.run, Path(place, "model")).parent, device=trainer.device)
        loaded = engine.library.load("model")
        samples = draw_class_samples(loaded, "model", partial(engine.generate, cancel=cancel))
        rows, most = trainer.train_rows, MAX_COMPARED_PIXELS // (loaded.info.height * loaded.info.width)
        chosen = rows[np.linspace(0, len(rows) - 1, min(max(1, most), len(rows))).round().astype(int)]
        learned = trainer.sets[0].pictures(chosen, trainer.codec)
        share = near_copies(samples, learned, cancel=cancel)
    step = loaded.info.training["kept_step"]
    found = Counted(step, round(share * len(samples)), len(samples), len(chosen))
    write_file(trainer.run / COPIES_FILE, json.dumps(asdict(found)).encode())
