"""The records of jobs, in a SQLite database of which one process is the writer."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.jobs.record import STATES, Job, State

DATABASE = "jobs.db"
VERSION = 1
_FIELDS = tuple(Job.__dataclass_fields__)
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM jobs"
_SCHEMA = f"""
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    options TEXT NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({", ".join(f"'{state}'" for state in STATES)})),
    reason TEXT NOT NULL,
    pid INTEGER,
    started REAL,
    ended REAL,
    turn INTEGER NOT NULL
)"""


class JobStore:
    """The records in `path`. A change is on the disk when its call returns. Safe under threads."""

    def __init__(self, path: Path) -> None:
        """Opens the database, or makes it.

        Raises:
            RequestRejected: the file is none, or of another version.
        """
        self._lock = threading.RLock()
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                (version,) = self._database.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    self._database.execute(_SCHEMA)
                    self._database.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.DatabaseError as error:
            raise RequestRejected(f"{path.name}: no readable records of jobs ({error})") from error
        if version not in (0, VERSION):
            raise RequestRejected(f"{path.name}: records of version {version}; this program reads {VERSION}")

    def close(self) -> None:
        """Nothing may be asked afterwards."""
        with self._lock:
            self._database.close()

    def add(self, job: Job) -> None:
        """A new record, last in the queue."""
        values = [getattr(job, field) for field in _FIELDS]
        values[_FIELDS.index("options")] = json.dumps(dict(job.options))
        marks = ", ".join("?" * len(_FIELDS))
        with self._transaction():
            self._database.execute(
                f"INSERT INTO jobs ({', '.join(_FIELDS)}, turn) VALUES ({marks}, {_NEXT_TURN})", values
            )

    def get(self, job_id: str) -> Job | None:
        """One record, or None."""
        return next(iter(self._select("WHERE id = ?", job_id)), None)

    def list(self, owner: str) -> list[Job]:
        """The records of an owner, the newest first."""
        return self._select("WHERE owner = ? ORDER BY created DESC, turn DESC", owner)

    def in_state(self, *states: State) -> tuple[Job, ...]:
        """The records in any of these states, in the order of the queue."""
        marks = ", ".join("?" * len(states))
        return tuple(self._select(f"WHERE state IN ({marks}) ORDER BY turn", *states))

    def change(self, job_id: str, *, was: Sequence[State], **values: Any) -> bool:
        """Set `values` of a record that is in one of the states `was`; whether there was such a one. A record that
        becomes queued is the last in the queue."""
        sets = [f"{field} = ?" for field in values] + ([f"turn = {_NEXT_TURN}"] * (values.get("state") == "queued"))
        marks = ", ".join("?" * len(was))
        with self._transaction():
            changed = self._database.execute(
                f"UPDATE jobs SET {', '.join(sets)} WHERE id = ? AND state IN ({marks})",
                [*values.values(), job_id, *was],
            )
            return changed.rowcount == 1

    def claim(self) -> Job | None:
        """The first in the queue, which is running from now on; None when the queue is empty."""
        with self._transaction():
            waiting = self.in_state("queued")
            if waiting:
                self.change(waiting[0].id, was=["queued"], state="running", started=time.time(), ended=None, reason="")
            return self.get(waiting[0].id) if waiting else None

    def delete(self, job_id: str) -> None:
        """Forget a record."""
        with self._transaction():
            self._database.execute("DELETE FROM jobs WHERE id = ?", [job_id])

    def _select(self, rest: str, *values: Any) -> list[Job]:
        with self._lock:
            return [_job(row) for row in self._database.execute(f"{_SELECT} {rest}", values)]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._database.in_transaction:  # part of a larger one
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


_NEXT_TURN = "(SELECT coalesce(max(turn), 0) + 1 FROM jobs)"


def read_jobs(folder: Path) -> list[Job]:
    """The records of a folder of jobs, the oldest first, whether or not a server runs them; nothing where there is no
    such folder.

    Raises:
        RequestRejected: the records cannot be read.
    """
    path = folder / DATABASE
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return [_job(row) for row in database.execute(f"{_SELECT} ORDER BY created, turn")]
    except sqlite3.DatabaseError as error:
        raise RequestRejected(f"{path}: no readable records of jobs ({error})") from error


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip(_FIELDS, row, strict=True))
    return Job(**{**values, "options": json.loads(values["options"])})
