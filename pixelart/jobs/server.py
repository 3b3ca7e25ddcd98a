"""The server of a folder of jobs: it holds the folder's lock, its database and its runner."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from pixelart.errors import PixelArtError, RequestRejected
from pixelart.jobs.recovery import make_private, recover
from pixelart.jobs.runner import Runner
from pixelart.jobs.store import DATABASE, JobStore
from pixelart.settings import Settings
from pixelart.storage import Busy, exclusive

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_PASSING = (errno.EBUSY, errno.EIO, *DISK_FULL)
"""Error codes of the disk or the database that may be temporary."""
AGAIN = 2.0
"""Seconds between two tries to open the folder."""


class Opened(NamedTuple):
    """What a server holds: the database, the runner, and the stack that closes the database and the lock."""

    store: JobStore
    runner: Runner
    held: ExitStack


class JobServer:
    """Opens a folder of jobs; with `patient`, it retries until it can. Thread-safe; close it with `close`."""

    def __init__(
        self,
        folder: Path,
        incoming: Path,
        new_runner: Callable[[JobStore], Runner],
        *,
        settings: Settings,
        patient: bool,
        keeps_data: bool,
    ) -> None:
        """Open `folder`. `incoming`: the folder in it for uploads. `new_runner`: makes the runner of a database.
        `keeps_data`: keep the pictures of done jobs.

        Raises:
            RequestRejected: the database cannot be read.
            Busy, OSError: without `patient`: the folder is locked, or the disk failed.
        """
        self._keeps_data = keeps_data
        self._folder, self._incoming, self._new_runner, self._settings = folder, incoming, new_runner, settings
        self._opening, self._closing = threading.Lock(), threading.Event()
        self.opened: Opened | None = None
        self.why_not = ""
        try:
            self._open()
        except (Busy, OSError) as error:
            if not patient or (isinstance(error, OSError) and error.errno not in _PASSING):
                raise
            self.why_not = self._without_paths(error)
            threading.Thread(target=self._open_later, name="jobs-opening", daemon=True).start()

    def get(self) -> Opened:
        """The database and the runner. Raises RequestRejected, with the reason, until the folder is open."""
        if self.opened is None:
            raise RequestRejected(f"trainings are not ready: {self.why_not}; trying again")
        return self.opened

    def close(self) -> None:
        """Close the runner, whose jobs save within a few seconds; then close the database and release the lock."""
        self._closing.set()
        with self._opening:
            opened = self.opened
        if opened:
            opened.runner.close()
            opened.held.close()

    def _open(self) -> None:
        make_private(self._folder)
        with ExitStack() as stack:
            stack.enter_context(exclusive(self._folder, busy="another server runs the jobs of this folder"))
            (self._folder / "lock").chmod(0o600)
            store = stack.enter_context(closing(JobStore(self._folder / DATABASE)))
            orphans = recover(store, self._folder, self._incoming, keeps_data=self._keeps_data)
            stack.callback(shutil.rmtree, self._incoming, ignore_errors=True)
            runner = self._new_runner(store)
            runner.start(orphans, count=self._settings.max_running_jobs)
            self.opened = Opened(store, runner, stack.pop_all())

    def _open_later(self) -> None:
        while not self._closing.wait(AGAIN):
            with self._opening:
                if self._closing.is_set():
                    return
                try:
                    return self._open()
                except (PixelArtError, OSError) as error:
                    self.why_not = self._without_paths(error)

    def _without_paths(self, error: Exception) -> str:
        reason = str(getattr(error, "strerror", None) or error)
        return reason.replace(f"{self._folder}: ", "").replace(f"{self._folder}", "the folder of trainings")
