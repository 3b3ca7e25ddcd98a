"""Jobs on rented machines: a thread for each keeps the folder and the record of the job up to date.

Who rents is passed in (`RemoteTrainer`), because this room knows no network. It holds the token of whoever pays, in
memory only: a server that starts anew does not know it, so its remote jobs are interrupted until their owner resumes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pixelart.checkpoint.library import Library
from pixelart.checkpoint.ownership import request_owner
from pixelart.errors import Hint, PixelArtError, RequestRejected, tag_hint
from pixelart.jobs.folder import JobFolder, open_private
from pixelart.jobs.job import Job, State
from pixelart.jobs.options import command_options
from pixelart.jobs.runner import record_end
from pixelart.jobs.store import JobStore

_log = logging.getLogger(__name__)
_CLOSE_PATIENCE = 3.0
"""Seconds to wait for the threads when the server ends; the trainings go on without them."""
_FAULT = tag_hint("watching it failed for an unknown reason; the training may go on there", Hint.FOLLOW)
_Told = Callable[[], bool]


class RemoteTrainer(Protocol):
    """Trains on a rented machine."""

    @property
    def place(self) -> str:
        """The kind of machine."""
        ...

    def train(
        self,
        run: Path,
        name: str,
        pictures: Path,
        options: Sequence[str],
        base: Path | None,
        *,
        say: Callable[[str], None],
        stop: _Told,
        leave: _Told,
    ) -> tuple[State, str]:
        """Train to the end and keep the folder `run` up to date meanwhile; how it ended, and why.

        Raises:
            PixelArtError, OSError: it is not training, or nobody can tell.
        """
        ...


class RemoteRunner:
    """Watches the trainings on rented machines. Thread-safe."""

    def __init__(
        self,
        store: Callable[[], JobStore],
        folder: Callable[[Job], JobFolder],
        library: Library,
        export: Callable[[str, str], str],
        wake: Callable[[], None],
    ) -> None:
        """`library`: of the base models. `export`: of a job's owner and id. `wake`: called when a job has ended."""
        self._store, self._folder, self._library, self._export, self._wake = store, folder, library, export, wake
        self._leaving, self._changing = threading.Event(), threading.Lock()
        self._stops: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    def begin(self, job: Job, trainer: RemoteTrainer) -> None:
        """Train a job whose record is in state "running"; see `RemoteTrainer.train`."""
        with self._changing:
            stop = self._stops[job.id] = threading.Event()
            thread = threading.Thread(
                target=self._train, args=(job, trainer, stop), name=f"remote-{job.id}", daemon=True
            )
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def stop(self, job_id: str) -> None:
        """Stop a job whose record is in state "stopping"."""
        with self._changing:
            if stop := self._stops.get(job_id):
                stop.set()

    def close(self) -> None:
        """Leave the trainings alone, which go on there."""
        self._leaving.set()
        end = time.monotonic() + _CLOSE_PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _train(self, job: Job, trainer: RemoteTrainer, stop: threading.Event) -> None:
        folder, options = self._folder(job), {**job.options}
        try:
            if (now := self._store().get(job.id)) and now.state == "stopping":  # before `stop` knew of it
                stop.set()
            base = self._base(job, str(options.pop("base", "")), folder)
            words = command_options(options, checkpoints=Path())
            state, reason = trainer.train(
                folder.run, job.name, folder.data, words, base,
                say=lambda line: _append(folder.log, line), stop=stop.is_set, leave=self._leaving.is_set,
            )  # fmt: skip
            if state == "done":  # its model is to be in the list
                with suppress(RequestRejected, OSError):  # the page's Use this model says why not
                    self._export(job.owner, job.id)
        except PixelArtError as error:
            state, reason = "interrupted", folder.without_path(tag_hint(str(error), error.hint))
        except OSError as error:
            state, reason = "interrupted", folder.without_path(str(error.strerror or error))
        except Exception:
            _log.exception("job %s", job.id)
            state, reason = "interrupted", _FAULT
        with self._changing:
            del self._stops[job.id]
        ended = {"state": state, "reason": reason, "ended": time.time()}
        recorded = record_end(self._store, job, self._leaving, **ended)  # else the next server records an interruption
        if recorded and state == "done" and self._library.by_owner:
            folder.drop_data()
        with suppress(RequestRejected):  # the server is closed
            self._wake()

    def _base(self, job: Job, name: str, folder: JobFolder) -> Path | None:
        """The folder of a job's base model. A job that has saved does not need it."""
        with request_owner(job.owner):
            try:
                return self._library.path(name) if name else None
            except PixelArtError:
                if folder.has_saved:
                    return None
                raise


def _append(log: Path, line: str) -> None:
    """Add a line to the log of a job; a full disk must not end the training."""
    with suppress(OSError), open(log, "a", encoding="utf-8", opener=open_private) as file:
        file.write(f"{line}\n")
