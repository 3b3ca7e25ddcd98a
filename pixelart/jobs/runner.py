"""Takes one job after another from the queue and sees its child through."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.jobs.child import Child
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.outcome import outcome
from pixelart.jobs.record import AT_WORK, Job, State
from pixelart.jobs.store import JobStore
from pixelart.training.checkpoint import exclusive

log = logging.getLogger(__name__)
TICK = 0.1
"""Seconds between two looks at a child."""
LINGER = 0.4
"""Seconds after a drawing in which a child still gives way: another one often follows."""
STOP_PATIENCE, CLOSE_PATIENCE, ORPHAN_PATIENCE = 60.0, 7.0, 10.0
"""Seconds that a child has to save and end: told by its owner, at the end of the server, and when its server died."""
_AGAIN = 1.0


class Runner:
    """As many jobs at a time as it has threads; each is looked at every TICK seconds."""

    def __init__(
        self,
        store: JobStore,
        *,
        folder: Callable[[Job], JobFolder],
        command: Callable[[Job], Sequence[str]],
        threads: int,
        minutes: float,
    ) -> None:
        """`folder` and `command` of a job; `threads` of its child, and how many minutes it may take."""
        self._store, self._folder, self._command = store, folder, command
        self._threads_each, self._minutes = threads, minutes
        self._changed = threading.Condition()
        self._children: dict[str, Child] = {}
        self._closing = threading.Event()
        self._drawing, self._drew = False, 0.0
        self._threads: list[threading.Thread] = []

    def start(self, orphans: Sequence[Job], *, count: int) -> None:
        """Begin, with `count` threads, once the children of a dead server have left the runs of `orphans`."""
        self._threads = [
            threading.Thread(target=self._work, args=(orphans,), name=f"jobs-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let the children save and end, at most CLOSE_PATIENCE seconds."""
        self._closing.set()
        self.wake()
        for thread in self._threads:
            thread.join()

    def wake(self) -> None:
        """There may be something new in the queue."""
        with self._changed:
            self._changed.notify_all()

    def wait_until_idle(self) -> None:
        """Returns when no job runs and none is queued."""
        with self._changed:
            self._changed.wait_for(lambda: not self._store.in_state("queued", *AT_WORK))

    def stop(self, job_id: str) -> None:
        """Tell the child of a job whose record says that it is stopping."""
        with self._changed:
            child = self._children.get(job_id)
        if child:
            child.stop("owner")

    def give_way(self, drawing: bool) -> None:
        """The children pause while someone is drawing, and LINGER seconds longer."""
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
                with self._changed:
                    job = None if self._closing.is_set() else self._store.claim()
                    if job is None and not self._closing.is_set():
                        self._changed.wait()
                if job:
                    self._run(job)
            except sqlite3.OperationalError as error:  # a full disk, ...
                log.warning("records of jobs: %s", error)
                self._closing.wait(_AGAIN)

    def _await_release(self, job: Job) -> None:
        """Wait for the lock of a run, not for a process: its number may be another's by now."""
        end = time.monotonic() + ORPHAN_PATIENCE
        run = self._folder(job).run
        while run.is_dir() and time.monotonic() < end and not self._closing.is_set():
            with suppress(RequestRejected), exclusive(run):
                return
            time.sleep(TICK)

    def _run(self, job: Job) -> None:
        """From the start of its child to the record of its end."""
        folder = self._folder(job)
        try:
            child = Child(self._command(job), log=folder.log, threads=self._threads_each)
        except OSError as error:
            self._end(job, "failed", f"could not be started: {error.strerror}")
            return
        with self._changed:
            self._children[job.id] = child
        self._record(job, pid=child.pid)
        code = self._see_through(job, child)
        with self._changed:
            del self._children[job.id]
        self._end(job, *outcome(child, code, folder, minutes=self._minutes))

    def _end(self, job: Job, state: State, reason: str) -> None:
        self._record(job, state=state, reason=reason, ended=time.time())
        self.wake()

    def _see_through(self, job: Job, child: Child) -> int:
        """Exit code of a child, which is told what it must know meanwhile."""
        record = self._store.get(job.id)
        if record and record.state == "stopping":  # told after the claim and before the child was there
            child.stop("owner")
        while (code := child.wait(TICK)) is None:
            if self._closing.is_set():
                child.stop("server")
            elif child.seconds > 60 * self._minutes:
                child.stop("limit")
            if child.stopping_for > (CLOSE_PATIENCE if self._closing.is_set() else STOP_PATIENCE):
                child.kill()
            self._let_go(child)
        return code

    def _let_go(self, child: Child) -> None:
        with self._changed:  # or a drawing that begins now is overtaken by this order
            if self._drawing:
                child.pause()  # it was started while someone drew
            elif time.monotonic() - self._drew > LINGER:
                child.go()

    def _record(self, job: Job, **values: Any) -> None:
        """Change the record of a job at work, if need be as soon as there is room for it."""
        while True:
            try:
                self._store.change(job.id, was=AT_WORK, **values)
                return
            except sqlite3.OperationalError as error:
                log.warning("record of job %s: %s", job.id, error)
                if self._closing.wait(_AGAIN):
                    return
