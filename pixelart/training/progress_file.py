"""Progress files of a run: its phase, step, speed, and whether it is paused.

Imports nothing heavy, so that progress is written from the first second on.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelart.plain_json import to_json
from pixelart.training.remote_control import ControlPipe

if TYPE_CHECKING:
    from pixelart.training.trainer import Trainer

PROGRESS_FILE, CURVE_FILE = "progress.json", "curve.csv"
CURVE_FIELDS = ("step", "train_bits")
EVERY = 0.5
"""Least time in seconds between two written steps."""
BEAT = 1.0
"""Seconds between two updates while a run takes no step."""
RECENT = 10
"""Number of steps and beats that speed and CPU use are averaged over."""
LEAST = 3.0
"""Seconds of work before CPU use is reported."""


class ProgressWriter:
    """Writes progress.json and curve.csv into the folder of a run. As a context, it also updates progress.json every
    BEAT seconds.

    progress.json is replaced atomically but not fsynced: it is useless after a power cut. Failed writes never stop a
    training.
    """

    def __init__(self, run: Path, control_pipe: ControlPipe) -> None:
        self._run, self._control = run, control_pipe
        self._writing, self._over = threading.RLock(), threading.Event()
        self._began = self._stepped = self._written = self._at_work()
        self._done_before = 0.0
        self._steps, self._beats = deque[float](maxlen=RECENT + 1), deque[tuple[float, float]](maxlen=RECENT + 1)
        self._bits: list[float] = []
        self._facts: dict[str, Any] = {
            "phase": "starting", "done": 0, "total": 0, "step": 0, "steps": 0, "progress": 0.0, "seconds": 0.0,
            "seconds_left": None, "bits": None, "passes": None, "execution": "",
        }  # fmt: skip
        with contextlib.suppress(OSError):
            run.mkdir(parents=True, exist_ok=True)
        self._write()

    def __enter__(self) -> ProgressWriter:
        threading.Thread(target=self._beat, name="progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def read(self, done: int, total: int) -> None:
        """Report that `done` of `total` pictures are read."""
        self._facts.update(phase="reading" if done < total else "preparing", done=done, total=total)
        if self._at_work() - self._written >= EVERY or done == total:
            self._write()

    def begin(self, trainer: Trainer) -> None:
        """Call before the first step of this process."""
        self._began, self._done_before = self._at_work(), trainer.progress()
        self._steps.append(self._began)
        self._stepped = self._began
        with contextlib.suppress(OSError):
            _replace(self._run / CURVE_FILE, _curve_until(self._run / CURVE_FILE, trainer.step))
        self._record(trainer, "training")

    def report(self, trainer: Trainer) -> None:
        """Call after each step."""
        self._bits.append(trainer.last_bits)
        self._stepped = self._at_work()
        self._steps.append(self._stepped)
        measures = trainer.saves_now()
        if measures or self._stepped - self._written >= EVERY:
            self._record(trainer, "measuring" if measures else "training")
        else:
            self._facts["phase"] = "training"

    def close(self, trainer: Trainer) -> None:
        """Call after the last step."""
        self._over.set()
        self._record(trainer, "finished" if trainer.progress() >= 1 else "stopped")

    def _at_work(self) -> float:
        """Seconds on a clock that stops while the run is paused."""
        return time.monotonic() - self._control.waited

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            self._beats.append((self._at_work(), time.process_time()))
            with self._writing:
                if not self._over.is_set():
                    self._write()

    def _record(self, trainer: Trainer, phase: str) -> None:
        with self._writing:
            self._facts.update(
                phase=phase,
                step=trainer.step,
                steps=trainer.config.schedule.steps,
                progress=trainer.progress(),
                seconds=trainer.seconds,
                seconds_left=self._seconds_left(trainer),
                bits=self._mean(),
                passes=trainer.passes,
                execution=trainer.config.schedule.execution,
            )
            self._write()
            if self._bits:
                with contextlib.suppress(OSError), (self._run / CURVE_FILE).open("a", encoding="ascii") as file:
                    file.write(f"{trainer.step},{self._mean():.4f}\n")
            self._bits = []

    def _write(self) -> None:
        with self._writing:
            self._written = self._at_work()
            now = {
                "step_seconds": self._step_seconds(),
                "since": self._written - self._stepped,
                "waits": self._control.waits,
                "cpu": self._cpu(),
            }
            with contextlib.suppress(OSError):
                _replace(self._run / PROGRESS_FILE, to_json({**self._facts, **now}))

    def _mean(self) -> float | None:
        return sum(self._bits) / len(self._bits) if self._bits else None

    def _step_seconds(self) -> float | None:
        """Recent time per step, with the work between steps."""
        return (self._steps[-1] - self._steps[0]) / (len(self._steps) - 1) if len(self._steps) > 1 else None

    def _cpu(self) -> float | None:
        """Recent CPU use of this process in cores."""
        if len(self._beats) < 2:
            return None
        (began, used_before), (now, used) = self._beats[0], self._beats[-1]
        return (used - used_before) / (now - began) if now - began >= LEAST else None

    def _seconds_left(self, trainer: Trainer) -> float | None:
        """Estimated from the speed of this process, validation and saves included; None before any progress."""
        gained = trainer.progress() - self._done_before
        return (self._at_work() - self._began) / gained * (1 - trainer.progress()) if gained > 0 else None


def _curve_until(path: Path, step: int) -> str:
    """The content of curve.csv up to `step`; a resumed run repeats the later steps."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(CURVE_FIELDS)
    writer.writerows(row for row in read_curve(path) if row[0] <= step)
    return lines.getvalue()


def read_curve(path: Path) -> list[tuple[int, float]]:
    """(step, bits per hidden sub-pixel) from a curve.csv that may be growing; empty if there is none."""
    try:
        lines = path.read_text(encoding="ascii").split("\n")[1:-1]  # the last line may be incomplete
        return [(int(step), float(bits)) for step, bits in (line.split(",") for line in lines)]
    except (OSError, ValueError):
        return []


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".tmp")
    partial.write_text(text, encoding="ascii")
    os.replace(partial, path)
