"""Times real training steps on this machine, to tell how long a training will take before it starts."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from pixelart.checkpoint.format import read_config
from pixelart.checkpoint.growth import grown_config
from pixelart.images.codec import codec_from_config
from pixelart.training import tuning_cache
from pixelart.training.autotune import Trial, in_threads, is_quiet, tuned
from pixelart.training.config import FINE_TUNING, Schedule
from pixelart.training.data.encoded import code_pictures
from pixelart.training.data.pictures import PictureSet, check_sides
from pixelart.training.initialization import FROM_SCRATCH, base_weights, from_scratch
from pixelart.training.run_config import RunConfig
from pixelart.training.validation import Validation, draw_samples

TIMED = 3
"""Steps that are timed, after one to warm up; their median counts."""
MOST_TIMED = 16
"""Largest batch that is timed. Larger ones take as many times longer as they are larger."""
PICTURES = 4
"""Pictures that validation is timed with."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a run takes on this machine: per step, per validation picture of a save, and for the samples of one
    class at a save."""

    step: float
    validation: float
    samples: float

    def seconds(self, steps: int, *, save_every: int, validation_pictures: int, classes: int) -> float:
        """Seconds of a whole training, with its saves and the save before the first step."""
        saves = math.ceil(steps / save_every) + 1
        return steps * self.step + saves * (validation_pictures * self.validation + classes * self.samples)


def measure_pace(
    *, base: Path | None, model: str, size: tuple[int, int], batch_size: int, device: torch.device, preset: str = ""
) -> Pace:
    """Time a training from the checkpoint folder `base`, or of a new network `model` of `size` (height, width).

    `preset`: the size of the network; "" = that of the base, or the default.

    The pictures are random: their content does not change the time of a step. The result is cached for this machine,
    network and batch, unless other programs keep the machine busy.

    Raises:
        RequestRejected: an unknown model or preset, one that does not suit the size or the base, or a size or batch
            size outside its limits.
        WeightsRejected: a base that cannot be used.
    """
    Schedule(steps=1, batch_size=batch_size).check()
    check_sides(size)
    timed = min(batch_size, MOST_TIMED)
    config, pictures = _run_of(base, model, preset, size, timed)
    config = tuned(config, pictures, device)
    key = f"pace {size[1]} x {size[0]}: {tuning_cache.key(config, device)}"
    known = tuning_cache.recall(key, "pace", (1,))
    found = known["measured"] if known else _measured(config, pictures, device)
    if not known and is_quiet():
        tuning_cache.remember(key, {"pace": 1, "measured": found})
    pace = Pace(**found)
    return replace(pace, step=pace.step * batch_size / timed)


def _run_of(
    base: Path | None, model: str, preset: str, size: tuple[int, int], count: int
) -> tuple[RunConfig, PictureSet]:
    """The config of a run on `count` random pictures, and the pictures."""
    random = np.random.default_rng(0)
    classes = read_config(base).classes[:1] if base else ("a",)
    noise = random.integers(0, 256, (count, *size, 4), np.uint8) | np.array([0, 0, 0, 255], np.uint8)
    pictures = PictureSet(noise, tuple(classes or ("a",)) * count, tuple(map(str, range(count))))  # pyright: ignore[reportArgumentType]
    usual: dict[str, Any] = FINE_TUNING if base else {}
    given = {"model": model, **({"preset": preset} if preset else {})}
    start = read_config(base) if base else from_scratch({**FROM_SCRATCH, **given}, pictures, pictures)
    if base and preset:
        start = grown_config(start, preset)
    config = RunConfig(
        model=start.model, preset=preset, data="", size=size, fit="refuse", data_fingerprint="",
        classes=start.classes, looks=start.looks, kinds=start.kinds,
        colours=0, palette="keep", codec=start.codec, model_config=start.model_config,
        schedule=Schedule(**{**usual, "steps": 1, "batch_size": count}), base=str(base or ""),
    )  # fmt: skip
    return config, pictures


def _measured(config: RunConfig, pictures: PictureSet, device: torch.device) -> dict[str, float]:
    with in_threads(config.schedule.threads or torch.get_num_threads()):
        trial = Trial(config, pictures, device, pictures=config.schedule.batch_size)
        trial()
        step = statistics.median(_seconds(trial) for _ in range(TIMED))
        model = trial.model if (weights := base_weights(config)) is None else weights.to(device)
        model.eval()
        codec, labels = codec_from_config(config.codec), max(1, len(config.labels))
        few = code_pictures(
            codec, pictures.pictures[:PICTURES], torch.zeros(min(PICTURES, len(pictures)), dtype=torch.long)
        )
        validation = Validation(Path(), [few], labels)
        one_class = F.one_hot(torch.zeros(1, dtype=torch.long), labels).float().to(device)
        of_save = {"cancel": lambda: False}
        measuring = _seconds(lambda: validation.measure(model, 0, **of_save)) / len(few)
        drawing = _seconds(lambda: draw_samples(model, codec, one_class, size=config.size, **of_save))
    return asdict(Pace(step, measuring, drawing))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
