"""Lets another process stop and pause a training through a pipe. The training ends when that process dies.

Imports nothing heavy, so that a child reads commands long before it can train.
"""

from __future__ import annotations

import functools
import math
import os
import threading
import time

MAX_PAUSE = 15.0
"""Seconds that a paused training waits before it takes one more step, so that it never stalls."""
GRACE = 4.0
"""Seconds to save after the parent process is gone; then this process exits."""
ORPHANED = 70
"""Exit code of a process that did not save in time."""


class ControlPipe:
    """Reads the commands `stop`, `leave`, `pause` and `go` from a pipe, one per line.

    `stop` waits until something is saved. `leave` does not: before `begin` there is nothing to save, and the process
    exits at once. The end of the pipe means that the parent process is gone, and counts as `leave`.
    """

    def __init__(self, pipe: int) -> None:
        """Start to read the file descriptor `pipe`."""
        self._waited, self._waits_since = 0.0, math.inf
        self._changed = threading.Condition()  # its lock is reentrant
        self._paused = self._stopping = self._training = False
        threading.Thread(target=self._listen, args=(pipe,), name="control", daemon=True).start()

    def begin(self) -> None:
        """From now on there is something to save."""
        with self._changed:
            self._training = True

    def stop(self) -> bool:
        """Whether to save and stop; while paused, waits up to MAX_PAUSE seconds."""
        with self._changed:
            self._waits_since = time.monotonic()
            self._changed.wait_for(lambda: self._stopping or not self._paused, timeout=MAX_PAUSE)
            self._waited, self._waits_since = self.waited, math.inf
            return self._stopping

    def is_stopping(self) -> bool:
        """Whether to save and stop, without waiting."""
        return self._stopping

    @property
    def waited(self) -> float:
        """Seconds spent paused, the current pause included."""
        with self._changed:
            return self._waited + max(0.0, time.monotonic() - self._waits_since)

    @property
    def waits(self) -> bool:
        """Whether the training is waiting in a pause now."""
        with self._changed:
            return self._paused and self._waits_since < math.inf

    def _listen(self, pipe: int) -> None:
        rest = b""  # os.read: a thread that waits in sys.stdin holds its lock and breaks interpreter exit
        while chunk := os.read(pipe, 1024):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._apply(line)
        self._apply(b"leave")
        time.sleep(GRACE)
        os._exit(ORPHANED)

    def _apply(self, command: bytes) -> None:
        with self._changed:
            if command == b"leave" and not self._training:
                os._exit(0)
            if command in (b"stop", b"leave"):
                self._stopping = True
            elif command in (b"pause", b"go"):
                self._paused = command == b"pause"
            self._changed.notify_all()


@functools.cache
def stdin_control() -> ControlPipe:
    """The commands of the parent process; one object per process, because there is one standard input."""
    return ControlPipe(0)
