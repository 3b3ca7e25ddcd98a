"""A training that another process watches over: it obeys orders from a pipe, and never outlives who started it.

Nothing heavy is imported here, so that a child listens long before it can train.
"""

from __future__ import annotations

import functools
import math
import os
import threading
import time

PATIENCE = 15.0
"""Seconds that a paused training waits before one more step: slow while someone draws all the time, never stuck."""
GRACE = 4.0
"""Seconds to save in, once who started us is gone; then the process ends whatever it is doing."""
ORPHANED = 70
"""Exit code of a process that did not save in time."""


class ControlPipe:
    """`stop`, `leave`, `pause` and `go`, a line each, from a pipe. To leave is to stop without delay: before `begin`
    there is nothing to save, and the process ends at once; a stop waits until something is saved. The end of the pipe
    means that who started us is gone, and is a leave."""

    def __init__(self, pipe: int) -> None:
        """Listens to the file descriptor `pipe` from now on."""
        self._waited, self._waits_since = 0.0, math.inf
        self._changed = threading.Condition()  # of a lock that one thread may take twice
        self._paused = self._stopping = self._training = False
        threading.Thread(target=self._listen, args=(pipe,), name="orders", daemon=True).start()

    def begin(self) -> None:
        """From now on there is something to save."""
        with self._changed:
            self._training = True

    def stop(self) -> bool:
        """Whether to save and stop; while paused the answer waits."""
        with self._changed:
            self._waits_since = time.monotonic()
            self._changed.wait_for(lambda: self._stopping or not self._paused, timeout=PATIENCE)
            self._waited, self._waits_since = self.waited, math.inf
            return self._stopping

    def is_stopping(self) -> bool:
        """Whether to save and stop, told at once."""
        return self._stopping

    @property
    def waited(self) -> float:
        """Seconds spent paused, those of now included."""
        with self._changed:
            return self._waited + max(0.0, time.monotonic() - self._waits_since)

    @property
    def waits(self) -> bool:
        """Whether it is paused now, and does nothing."""
        with self._changed:
            return self._paused and self._waits_since < math.inf

    def _listen(self, pipe: int) -> None:
        rest = b""  # os.read, not sys.stdin: whose lock, held by a thread that waits, breaks the end of the interpreter
        while heard := os.read(pipe, 1024):
            *lines, rest = (rest + heard).split(b"\n")
            for line in lines:
                self._obey(line)
        self._obey(b"leave")
        time.sleep(GRACE)
        os._exit(ORPHANED)

    def _obey(self, order: bytes) -> None:
        with self._changed:
            if order == b"leave" and not self._training:
                os._exit(0)
            if order in (b"stop", b"leave"):
                self._stopping = True
            elif order in (b"pause", b"go"):
                self._paused = order == b"pause"
            self._changed.notify_all()


@functools.cache
def orders_of_stdin() -> ControlPipe:
    """The orders of who started this process: there is one, as there is one standard input."""
    return ControlPipe(0)
