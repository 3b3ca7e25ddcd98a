"""How long a training will take on this machine, timed by a child process like that of a job."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pixelart.jobs.process import Child, ChildLimits
from pixelart.training.pace import Pace

MOST_TIMING = 300.0
"""Seconds that a child may take; the first one on a machine also chooses how to compute."""
POLL = 0.25
"""Seconds between two looks at the child."""


class Timing:
    """Times trainings, one at a time, and remembers the results. Thread-safe."""

    def __init__(
        self, program: Sequence[str], checkpoints: Path, limits: ChildLimits, must_wait: Callable[[], bool]
    ) -> None:
        """`program`: the command line of this program. `limits`: as of a job. `must_wait`: whether a training is
        running, beside which nothing can be timed; raises RequestRejected or OSError if that is unknown."""
        self._program, self._checkpoints, self._limits, self.must_wait = program, checkpoints, limits, must_wait
        self._known: dict[tuple[str, ...], Pace | None] = {}
        self._lock, self._closed = threading.Lock(), threading.Event()

    def close(self) -> None:
        """End the child, if there is one."""
        self._closed.set()

    def known(self, arguments: Sequence[str]) -> Pace | None:
        """The result of an earlier `measure`."""
        return self._known.get(tuple(arguments))

    def measure(self, arguments: Sequence[str], cancel: Callable[[], bool]) -> Pace | None:
        """The pace of a training; None if it cannot be timed, a training begins meanwhile, or `cancel` returns True.

        `arguments`: options of `python -m pixelart estimate`; the caller has checked them.

        Raises:
            RequestRejected, OSError: as `must_wait`.
        """
        key = tuple(arguments)
        while not self._lock.acquire(timeout=POLL):
            if cancel() or self._closed.is_set():
                return None
        try:
            if key in self._known:
                return self._known[key]
            return self._timed(key, cancel)
        finally:
            self._lock.release()

    def _timed(self, key: tuple[str, ...], cancel: Callable[[], bool]) -> Pace | None:
        command = [*self._program, "estimate", "--json", "--attended", f"--checkpoints={self._checkpoints}", *key]
        with tempfile.TemporaryDirectory(prefix="pixelart-pace-") as place:
            log = Path(place, "log")
            try:
                child = Child(command, log=log, limits=self._limits)
            except (OSError, ValueError):
                return None
            end, code = time.monotonic() + MOST_TIMING, None
            try:
                while (code := child.wait(POLL)) is None:
                    if cancel() or self._closed.is_set() or time.monotonic() > end or self.must_wait():
                        return None  # a later try may succeed
            finally:
                if code is None:
                    child.kill()
                    child.wait(1.0)
            self._known[key] = found = _pace(log.read_text(encoding="utf-8", errors="replace")) if code == 0 else None
            return found


def _pace(output: str) -> Pace | None:
    """The pace from the last line of a child's output."""
    try:
        values = json.loads(output.splitlines()[-1])
        return Pace(*(float(values[name]) for name in ("step", "validation", "samples")))
    except (IndexError, ValueError, TypeError, KeyError, RecursionError):
        return None
