"""The folder of a job: its pictures, its run, and what the child tells there. A server only reads it."""

from __future__ import annotations

import csv
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pixelart.training.progress_file import CURVE_FILE, PROGRESS_FILE, read_curve

TAIL_BYTES = 8192


@dataclass(frozen=True)
class Progress:
    """How far a run is. `steps`: of the whole schedule, 0 where that is of minutes; `progress`: its share 0..1 that is
    done; `seconds`: of training so far; `seconds_left`: as it seems, or None; `bits`: per hidden sub-pixel, of the
    latest steps. `phase`: starting, reading (`done` of `total` pictures), preparing, training, measuring, finished or
    stopped. `execution`: how its machine computes ("bf16, channels_last, 2 threads"), which was measured at its start.

    `passes`: how often it has learned from each of its pictures; `step_seconds`: what a step takes lately; `since`:
    what the present one took so far; `waits`: whether it is paused; `cpu`: how many cores it gets; `told`: when all
    this was written, in seconds since 1970. None is what is not known yet, or was not told by an older version."""

    phase: str
    step: int
    steps: int
    progress: float
    seconds: float
    seconds_left: float | None
    bits: float | None
    execution: str = ""
    passes: float | None = None
    done: int = 0
    total: int = 0
    step_seconds: float | None = None
    since: float = 0.0
    waits: bool = False
    cpu: float | None = None
    told: float = 0.0


@dataclass(frozen=True)
class JobFolder:
    """`path`/ data.zip, job.log and run/, and what can be read there at any moment."""

    path: Path

    @property
    def data(self) -> Path:
        """The pictures to train on, and nothing else: read at every start, and gone once the job is done."""
        return self.path / "data.zip"

    @property
    def run(self) -> Path:
        """The run folder: checkpoints, log.csv, samples."""
        return self.path / "run"

    @property
    def log(self) -> Path:
        """All that the child printed, over all its lives."""
        return self.path / "job.log"

    def drop_data(self) -> None:
        """Free the disk of the pictures, which a job that is done reads no more: it is not resumed, and a checkpoint of
        it needs none."""
        with suppress(OSError):  # the next server tries again
            self.data.unlink(missing_ok=True)

    def progress(self) -> Progress | None:
        """How far the run is; None before it has told anything."""
        try:
            with (self.run / PROGRESS_FILE).open("rb") as file:
                return Progress(**json.loads(file.read()), told=os.fstat(file.fileno()).st_mtime)
        except (OSError, ValueError, TypeError):
            return None

    def curve(self) -> list[tuple[int, float]]:
        """(step, training bits per hidden sub-pixel), about two a second."""
        return read_curve(self.run / CURVE_FILE)

    def measures(self) -> list[dict[str, float]]:
        """What was measured at each save, by the names of log.csv: step, validation_bits, ... where there is such."""
        try:
            with (self.run / "log.csv").open(encoding="ascii", newline="") as file:
                return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
        except (OSError, ValueError, TypeError):
            return []

    @property
    def has_saved(self) -> bool:
        """Whether there is something to go on from, or to make a checkpoint of."""
        return self.saved_step is not None

    @property
    def saved_step(self) -> int | None:
        """The step of the newest save, or None."""
        found = [path.name for path in self.run.glob("step-????????")]
        return int(max(found).removeprefix("step-")) if found else None

    def samples(self) -> list[Path]:
        """The sheets of pictures drawn from the same seeds at each save, in order of step."""
        return sorted((self.run / "samples").glob("step-*.png"))

    def log_tail(self, *, lines: int = 20) -> list[str]:
        """The last lines of the log; where this folder lies is left out."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        return self.without_path(text).splitlines()[-lines:]

    def without_path(self, text: str) -> str:
        """A text for whoever need not know where this folder lies."""
        return text.replace(f"{self.path}{os.sep}", "")


def size_of(folder: Path) -> int:
    """Bytes of all files in it; one that goes meanwhile counts nothing."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.stat(os.path.join(place, name), follow_symlinks=False).st_size
    return size
