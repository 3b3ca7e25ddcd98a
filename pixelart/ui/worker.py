"""Run a long call on its own thread while a handler shows its progress."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Generic, TypeVar

from pixelart.errors import Cancelled, RequestRejected

Result = TypeVar("Result")
Step = TypeVar("Step")


class Worker(Generic[Result, Step]):
    """Runs `work(tell, cancel)` once on a thread. The work reports steps through `tell` and ends when `cancel()` is
    True.

    `watch` yields the steps. The work is cancelled by `stop`, when `is_stopped()` is True, or after `limit` seconds."""

    def __init__(
        self,
        work: Callable[[Callable[[Step], None], Callable[[], bool]], Result],
        is_stopped: Callable[[], bool] = lambda: False,
        *,
        limit: float = math.inf,
    ) -> None:
        self._work, self._is_stopped, self._limit = work, is_stopped, limit
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._step: Step | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._finished = self._is_overdue = False
        self.started = time.monotonic()
        context = copy_context()  # the owner, and gradio's request
        threading.Thread(target=context.run, args=(self._run,), name="work", daemon=True).start()

    @property
    def step(self) -> Step | None:
        """The latest step."""
        return self._step

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def stop(self) -> None:
        """Ask the work to end."""
        self._stop.set()

    def watch(self, *, interval: float = 0.12) -> Iterator[Step | None]:
        """Yield the latest step at least every `interval` seconds until the work ends; None when none is new."""
        shown: Step | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._finished, timeout=interval)
                step, finished = self._step, self._finished
            if finished:
                return
            yield step if step is not shown else None
            shown = step

    def wait(self) -> None:
        """Wait until the work has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._finished)

    def result(self) -> Result:
        """The result of the finished work.

        Raises what the work raised, and RequestRejected when it passed its limit.
        """
        if isinstance(self._error, Cancelled) and self._is_overdue:
            raise RequestRejected(f"This took more than {self._limit:g} s, the limit. Draw fewer or smaller pictures.")
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work(self._tell, self._cancel)
            if self._cancel() and not self._result:
                raise Cancelled
        except BaseException as error:  # `result` raises it in the handler
            self._error = error
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _cancel(self) -> bool:
        if self.seconds > self._limit:
            self._is_overdue = True
        return self._is_overdue or self._stop.is_set() or self._is_stopped()

    def _tell(self, step: Step) -> None:
        with self._changed:
            self._step = step
