"""Runs the queued jobs, one child process per worker thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.job import AT_WORK, Job, State
from pixelart.jobs.outcome import outcome
from pixelart.jobs.process import Child, ChildLimits
from pixelart.jobs.store import JobStore
from pixelart.storage import exclusive

_log = logging.getLogger(__name__)
TICK = 0.1
"""Seconds between two checks of a child."""
LINGER = 0.4
"""Seconds that a child stays paused after a drawing, because another one often follows."""
STOP_PATIENCE, CLOSE_PATIENCE, ORPHAN_PATIENCE = 900.0, 7.0, 10.0
"""Seconds that a child has to save and end: stopped by its owner, stopped by the server, and after the server died.

A child checks for a stop between two layers of a network, so it reacts within a second. The first limit only ends a
child that hangs on a slow machine: before the first step it reads its pictures, to have something to save.
"""
KILL_PATIENCE = 1.0
"""Seconds to wait for a killed child; a child that the system holds up must not block the end of the server."""
_RETRY_SECONDS = 1.0


class Runner:
    """Runs as many jobs at a time as it has threads, and checks each every TICK seconds."""

    def __init__(
        self,
        store: JobStore,
        *,
        folder: Callable[[Job], JobFolder],
        command: Callable[[Job], Sequence[str]],
        minutes: float,
        keeps_data: bool,
        limits: ChildLimits,
    ) -> None:
        """`folder` and `command`: of a job. `minutes`, `limits`: run time and resources of a child. `keeps_data`: keep
        the pictures of done jobs, so that they can be continued."""
        self._store, self._folder, self._command = store, folder, command
        self._minutes, self._keeps_data, self._limits = minutes, keeps_data, limits
        self._changed = threading.Condition()
        self._children: dict[str, Child] = {}
        self._closing = threading.Event()
        self._drawing, self._drew = False, 0.0
        self._threads: list[threading.Thread] = []

    def start(self, orphans: Sequence[Job], *, count: int) -> None:
        """Start `count` threads. They begin once the children of a dead server have released the runs of `orphans`."""
        self._threads = [
            threading.Thread(target=self._work, args=(orphans,), name=f"jobs-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let the children save and end within CLOSE_PATIENCE seconds, whatever deadline they had before."""
        end = time.monotonic() + CLOSE_PATIENCE + KILL_PATIENCE
        self._closing.set()
        self.wake()
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def wake(self) -> None:
        """Notify the threads that the queue may have changed."""
        with self._changed:
            self._changed.notify_all()

    def wait_until_idle(self) -> None:
        """Wait until no job is running or queued."""
        with self._changed:
            self._changed.wait_for(lambda: not self._store.in_state("queued", *AT_WORK))

    def stop(self, job_id: str) -> None:
        """Stop the child of a job whose record is in state "stopping"."""
        with self._changed:  # a job is claimed and gets its child under this lock
            child = self._children.get(job_id)
        if child:
            child.stop("owner", patience=STOP_PATIENCE)

    def pause_for_drawing(self, drawing: bool) -> None:
        """Pause the children while someone is drawing, and LINGER seconds longer."""
        with self._changed:
            self._drawing, self._drew = drawing, time.monotonic()
            children = [*self._children.values()]
        if drawing:
            for child in children:
                child.pause()

    def _work(self, orphans: Sequence[Job]) -> None:
        for job in orphans:
            self._await_release(job)
        while not self._closing.is_set():
            try:
                self._take_one()
            except Exception as error:  # a full disk or a bug: keep running the other jobs
                known = isinstance(error, OSError | RequestRejected)
                _log.warning("jobs: %s", error, exc_info=None if known else error)
                self._closing.wait(_RETRY_SECONDS)

    def _await_release(self, job: Job) -> None:
        """Wait for the lock of the run, not for a PID: PIDs get reused."""
        end = time.monotonic() + ORPHAN_PATIENCE
        run = self._folder(job).run
        while run.is_dir() and time.monotonic() < end and not self._closing.is_set():
            with suppress(RequestRejected, OSError), exclusive(run):  # OSError: of the disk; the child will report it
                return
            time.sleep(TICK)

    def _take_one(self) -> None:
        """Run the first queued job to its end, or wait until there may be one."""
        with self._changed:
            job = None if self._closing.is_set() else self._store.claim()
            if job is None:
                if not self._closing.is_set():
                    self._changed.wait()
                return
            child, reason = self._started(job)
        if child is None:
            self._end(job, "failed", reason)
            return
        with suppress(OSError, RequestRejected):  # only for display; the job's end writes it again
            self._store.change(job.id, was=AT_WORK, pid=child.pid)
        code = self._supervise(child)
        with self._changed:
            del self._children[job.id]
        self._end(job, *outcome(child, code, self._folder(job), minutes=self._minutes), pid=child.pid)

    def _started(self, job: Job) -> tuple[Child | None, str]:
        """The child of a job, or None and the reason."""
        try:
            log = self._folder(job).log
            child = Child(self._command(job), log=log, limits=self._limits)
        except (OSError, ValueError) as error:
            return None, f"could not be started: {getattr(error, 'strerror', None) or error}"
        self._children[job.id] = child
        return child, ""

    def _end(self, job: Job, state: State, reason: str, **values: Any) -> None:
        values = {"state": state, "reason": reason, "ended": time.time(), **values}
        recorded = record_end(lambda: self._store, job, self._closing, **values)
        if recorded and state == "done" and not self._keeps_data:
            self._folder(job).drop_data()
        self.wake()

    def _supervise(self, child: Child) -> int:
        """Watch a child until its end; returns its exit code. Disk errors cannot interrupt this."""
        while (code := child.wait(TICK)) is None:
            if self._closing.is_set():
                child.stop("server", patience=CLOSE_PATIENCE)
            elif child.seconds > 60 * self._minutes:
                child.stop("limit", patience=STOP_PATIENCE)
            if child.is_late:
                child.kill()
            self._pause_or_resume(child)
        return code

    def _pause_or_resume(self, child: Child) -> None:
        with self._changed:  # otherwise a drawing that starts now could be followed by this `go`
            if self._drawing:
                child.pause()  # the child started while someone was drawing
            elif time.monotonic() - self._drew > LINGER:
                child.go()


def record_end(store: Callable[[], JobStore], job: Job, closing: threading.Event, **values: Any) -> bool:
    """Change the record of a job at work, retrying while the disk fails; False if it is not, or the server ends."""
    while True:
        try:
            return store().change(job.id, was=AT_WORK, **values)
        except (OSError, RequestRejected) as error:
            _log.warning("record of job %s: %s", job.id, error)
            if closing.wait(_RETRY_SECONDS):
                return False
