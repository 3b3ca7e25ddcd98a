"""One call of the engine on a thread of its own, watched by a handler that must answer several times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass

from pixelart.codec import Picture
from pixelart.engine import Drawing, OnRow, Preview
from pixelart.errors import Cancelled

Work = Callable[[OnRow, Callable[[], bool]], list[Drawing]]
"""work(on_row, cancel): the engine's call."""


@dataclass(frozen=True)
class Frame:
    """`done` of `rows` rows are final; `picture` (H, W, 4) is the first of the pictures so far, after `passes` passes
    over all its pixels, or, where that is 0, row by row."""

    done: int
    rows: int
    picture: Picture
    passes: int = 0


class Worker:
    """Runs `work` once; `watch` tells how far it is; `stop`, or `is_stopped` answering True, ends it within a row."""

    def __init__(self, work: Work, is_stopped: Callable[[], bool]) -> None:
        self._work, self._is_stopped = work, is_stopped
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._drawings: list[Drawing] = []
        self._error: BaseException | None = None
        self._finished = False
        self.started = time.monotonic()
        asked = copy_context()  # who asks, and what gradio knows of the request
        threading.Thread(target=asked.run, args=(self._run,), name="drawing", daemon=True).start()

    @property
    def frame(self) -> Frame | None:
        """The latest one."""
        return self._frame

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def stop(self) -> None:
        """Asks the sampler to end after the row it is drawing."""
        self._stop.set()

    def watch(self, *, interval: float = 0.12) -> Iterator[Frame | None]:
        """The latest frame at least every `interval` seconds, until the work ends; None when none is new."""
        shown: Frame | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._finished, timeout=interval)
                frame, finished = self._frame, self._finished
            if finished:
                return
            yield frame if frame is not shown else None
            shown = frame

    def drawings(self) -> list[Drawing]:
        """What the finished work returned. Raises what it raised: Cancelled, PixelArtError, ..."""
        if self._error is not None:
            raise self._error
        return self._drawings

    def _run(self) -> None:
        try:
            self._drawings = self._work(self._on_row, self._cancel)
            if self._cancel() and not self._drawings:
                raise Cancelled
        except BaseException as error:  # handed to the handler, which tells the visitor
            self._error = error
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _cancel(self) -> bool:
        return self._stop.is_set() or self._is_stopped()

    def _on_row(self, done: int, rows: int, pictures: Preview) -> None:
        frame = Frame(done, rows, pictures()[0].copy(), pictures.passes)
        with self._changed:
            self._frame = frame
