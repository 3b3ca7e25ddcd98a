"""A training that another process watches over: it obeys orders from a pipe, tells in its folder how far it is, and
never outlives who started it.

Nothing heavy is imported here, so that a child listens long before it can train.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelart.plain_json import to_json

if TYPE_CHECKING:
    from pixelart.training.trainer import Trainer

PROGRESS_FILE, CURVE_FILE = "progress.json", "curve.csv"
CURVE_FIELDS = ("step", "train_bits")
PATIENCE = 15.0
"""Seconds that a paused training waits before one more step: slow while someone draws all the time, never stuck."""
GRACE = 4.0
"""Seconds to save in, once who started us is gone; then the process ends whatever it is doing."""
ORPHANED = 70
"""Exit code of a process that did not save in time."""
EVERY = 0.5
"""Seconds between two looks at the run that are written down."""


class Orders:
    """`stop`, `pause` and `go`, a line each, from a pipe; its end means that who started us is gone, and is a stop.

    Before `begin` there is nothing to save, and a stop ends the process at once.
    """

    def __init__(self, pipe: int) -> None:
        """Listens to the file descriptor `pipe` from now on."""
        self.waited = 0.0  # seconds spent paused
        self._changed = threading.Condition()
        self._paused = self._stopping = self._training = False
        threading.Thread(target=self._listen, args=(pipe,), name="orders", daemon=True).start()

    def begin(self) -> None:
        """From now on there is something to save."""
        with self._changed:
            self._training = True

    def stop(self) -> bool:
        """Whether to save and stop; while paused the answer waits."""
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or not self._paused, timeout=PATIENCE)
            self.waited += time.monotonic() - began
            return self._stopping

    def _listen(self, pipe: int) -> None:
        rest = b""  # os.read, not sys.stdin: whose lock, held by a thread that waits, breaks the end of the interpreter
        while heard := os.read(pipe, 1024):
            *lines, rest = (rest + heard).split(b"\n")
            for line in lines:
                self._obey(line)
        self._obey(b"stop")
        time.sleep(GRACE)
        os._exit(ORPHANED)

    def _obey(self, order: bytes) -> None:
        with self._changed:
            if order == b"stop":
                if not self._training:
                    os._exit(0)
                self._stopping = True
            elif order in (b"pause", b"go"):
                self._paused = order == b"pause"
            self._changed.notify_all()


@functools.cache
def orders_of_stdin() -> Orders:
    """The orders of who started this process: there is one, as there is one standard input."""
    return Orders(0)


class Diary:
    """Tells of a run in its folder, at most every EVERY seconds: progress.json (whole at every moment, not synced: it
    is worth nothing after a power cut) and the lines of curve.csv. That neither can be written stops no training."""

    def __init__(self, trainer: Trainer, orders: Orders) -> None:
        self._run, self._orders = trainer.run, orders
        self._began, self._done_before, self._written = time.monotonic(), trainer.progress(), 0.0
        self._bits: list[float] = []
        with contextlib.suppress(OSError):
            _replace(self._run / CURVE_FILE, _curve_until(self._run / CURVE_FILE, trainer.step))
        self._write(trainer, "training")

    def report(self, trainer: Trainer) -> None:
        """After a step."""
        self._bits.append(trainer.last_bits)
        measures = trainer.saves_now()
        if measures or time.monotonic() - self._written >= EVERY:
            self._write(trainer, "measuring" if measures else "training")

    def close(self, trainer: Trainer) -> None:
        """After the last step."""
        self._write(trainer, "finished" if trainer.progress() >= 1 else "stopped")

    def _write(self, trainer: Trainer, phase: str) -> None:
        facts: dict[str, Any] = {
            "phase": phase,
            "step": trainer.step,
            "steps": trainer.config.schedule.steps,
            "progress": trainer.progress(),
            "seconds": trainer.seconds,
            "seconds_left": self._seconds_left(trainer),
            "bits": self._mean(),
        }
        with contextlib.suppress(OSError):
            _replace(self._run / PROGRESS_FILE, to_json(facts))
            if self._bits:
                with (self._run / CURVE_FILE).open("a", encoding="ascii") as file:
                    file.write(f"{trainer.step},{self._mean():.4f}\n")
        self._bits, self._written = [], time.monotonic()

    def _mean(self) -> float | None:
        return sum(self._bits) / len(self._bits) if self._bits else None

    def _seconds_left(self, trainer: Trainer) -> float | None:
        """By the pace of this life of the run, measuring and saving included; None while there is none."""
        spent = time.monotonic() - self._began - self._orders.waited
        gained = trainer.progress() - self._done_before
        return spent / gained * (1 - trainer.progress()) if gained > 0 else None


def _curve_until(path: Path, step: int) -> str:
    """curve.csv without the steps that a resumed run takes again."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(CURVE_FIELDS)
    writer.writerows(row for row in read_curve(path) if row[0] <= step)
    return lines.getvalue()


def read_curve(path: Path) -> list[tuple[int, float]]:
    """(step, bits per hidden sub-pixel) of a curve.csv that may be growing; nothing where there is none."""
    try:
        lines = path.read_text(encoding="ascii").split("\n")[1:-1]  # the last may be half written
        return [(int(step), float(bits)) for step, bits in (line.split(",") for line in lines)]
    except (OSError, ValueError):
        return []


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".tmp")
    partial.write_text(text, encoding="ascii")
    os.replace(partial, path)
