"""The job records: a SQLite database with one writing process."""

from __future__ import annotations

import errno
import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.jobs.job import STATES, Job, State

DATABASE = "jobs.db"
SCHEMA_VERSION = 3
"""Version 1 had no `exported`, version 2 no `place`."""
LOCK_TIMEOUT = 5.0
"""Seconds to wait for another program that locks the database."""
_FIELDS = tuple(Job.__dataclass_fields__)
_NEXT_TURN = "(SELECT coalesce(max(turn), 0) + 1 FROM jobs)"
_EXPORTED, _PLACE = (f"{column} TEXT NOT NULL DEFAULT ''" for column in ("exported", "place"))
_SCHEMA = f"""
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    options TEXT NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({", ".join(f"'{state}'" for state in STATES if state != "damaged")})),
    reason TEXT NOT NULL,
    pid INTEGER,
    started REAL,
    ended REAL,
    turn INTEGER NOT NULL,
    {_EXPORTED},
    {_PLACE}
)"""
_ADDED = {1: _EXPORTED, 2: _PLACE}
"""Version -> the column that the next one added."""
_ERRNO = {"full": errno.ENOSPC, "readonly": errno.EROFS, "locked": errno.EBUSY}


class JobStore:
    """The records in the database `path`. A change is on the disk when its call returns. Thread-safe.

    Any call raises OSError if the disk is full, read-only, locked or broken, and RequestRejected if the store is closed
    or the file is damaged. A failed call has changed nothing.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the database; an older version is migrated.

        Raises:
            RequestRejected: the file is not a job database, or a newer version wrote it.
            OSError: it is locked, or the disk is full or read-only.
        """
        self._lock, self._closed = threading.RLock(), False
        try:
            _make_private(path)
            self._database = sqlite3.connect(path, timeout=LOCK_TIMEOUT, check_same_thread=False, isolation_level=None)
        except sqlite3.DatabaseError as error:
            raise _unreadable(path.name, error) from error
        _read_leniently(self._database)
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            with self._atomic():
                self._migrate(path.name)
        except sqlite3.OperationalError as error:
            self.close()
            raise _os_error(error) from error
        except sqlite3.DatabaseError as error:
            self.close()
            raise _unreadable(path.name, error) from error
        except BaseException:
            self.close()
            raise

    def _migrate(self, name: str) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            return
        if version and version not in _ADDED:
            raise RequestRejected(f"{name}: records of version {version}; this program reads {SCHEMA_VERSION}")
        if not version:
            self._database.execute(_SCHEMA)
        for older in range(version, SCHEMA_VERSION) if version else ():
            self._database.execute(f"ALTER TABLE jobs ADD COLUMN {_ADDED[older]}")
        self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Close the database; later calls are refused."""
        with self._lock:
            self._closed = True
            self._database.close()

    def add(self, job: Job) -> None:
        """Add a record at the end of the queue."""
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
        """The records of an owner, newest first."""
        return self._select("WHERE owner = ? ORDER BY created DESC, turn DESC", owner)

    def in_state(self, *states: State, here: bool = False) -> tuple[Job, ...]:
        """The records in any of these states, in queue order; a damaged record is in state "damaged" only. `here`: only
        those that no rented machine trains."""
        found = (job for job in self._select("ORDER BY turn") if job.state in states)
        return tuple(job for job in found if not (here and job.place))

    def change(self, job_id: str, *, was: Sequence[State], **values: Any) -> bool:
        """Set `values` of a record if its state is one of `was`; returns whether it was. Becoming queued moves it to
        the end."""
        if "options" in values:
            values["options"] = json.dumps(dict(values["options"]))
        sets = [f"{field} = ?" for field in values] + ([f"turn = {_NEXT_TURN}"] * (values.get("state") == "queued"))
        marks = ", ".join("?" * len(was))
        with self._transaction():
            changed = self._database.execute(
                f"UPDATE jobs SET {', '.join(sets)} WHERE id = ? AND state IN ({marks})",
                [*values.values(), job_id, *was],
            )
            return changed.rowcount == 1

    def claim(self) -> Job | None:
        """Mark the first queued record as running and return it; None if the queue is empty."""
        with self._transaction():
            waiting = self.in_state("queued")
            if waiting:
                self.change(waiting[0].id, was=["queued"], state="running", started=time.time(), ended=None, reason="")
            return self.get(waiting[0].id) if waiting else None

    def delete(self, job_id: str) -> None:
        """Delete a record."""
        with self._transaction():
            self._database.execute("DELETE FROM jobs WHERE id = ?", [job_id])

    def _select(self, rest: str, *values: Any) -> list[Job]:
        with self._locked():
            return [_job(row) for row in self._database.execute(f"SELECT * FROM jobs {rest}", values)]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._locked():
            if self._database.in_transaction:  # part of an outer transaction
                yield
                return
            with self._atomic():
                yield

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        """One transaction. A failed commit may leave it open, and then the next call would not be committed; other
        errors may have ended it already."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock out other threads, and translate SQLite's errors into those of the class docstring."""
        with self._lock:
            if self._closed:
                raise RequestRejected("the job queue is closed")
            try:
                yield
            except sqlite3.OperationalError as error:
                raise _os_error(error) from error
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # its subclasses are bugs
                    raise
                raise _unreadable(DATABASE, error) from error


def read_jobs(folder: Path) -> list[Job]:
    """All records of a folder of jobs, oldest first; empty if the folder has none.

    Works while a server runs them, and on older versions.

    Raises:
        RequestRejected: the records cannot be read.
    """
    path = folder / DATABASE
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            _read_leniently(database)
            return [_job(row) for row in database.execute("SELECT * FROM jobs ORDER BY created, turn")]
    except sqlite3.DatabaseError as error:
        raise _unreadable(str(path), error) from error


def _make_private(path: Path) -> None:
    """SQLite gives its side files the mode of the database file."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def _read_leniently(database: sqlite3.Connection) -> None:
    """Return rows by name, and replace invalid UTF-8; otherwise SQLite would refuse the whole result."""
    database.row_factory = sqlite3.Row
    database.text_factory = lambda data: data.decode("utf-8", "replace")


def _os_error(error: sqlite3.OperationalError) -> OSError:
    number = next((number for word, number in _ERRNO.items() if word in str(error)), errno.EIO)
    return OSError(number, f"records of jobs: {error}")


def _unreadable(name: str, error: sqlite3.Error) -> RequestRejected:
    return RequestRejected(f"{name}: the job records cannot be read ({error})")


def _job(row: sqlite3.Row) -> Job:
    """The job of a row; if the row is damaged, as much of it as can be shown."""
    values = {field: row[field] for field in set(_FIELDS) & set(row.keys())}
    try:
        values["options"] = json.loads(values["options"])
        fault = next((field for field, value in values.items() if not _FITS[field](value)), "")
    except (ValueError, TypeError, RecursionError):
        fault = "options"
    if not fault:
        return Job(**values)
    id_, owner, name = (str(values.get(field, "")) for field in ("id", "owner", "name"))
    created = values["created"] if _is_time(values["created"]) else 0.0
    return Job(id_, owner, name[:80], {}, created, "damaged", f"the record is damaged ({fault}); delete it")


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\N{REPLACEMENT CHARACTER}" not in value


def _are_options(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str | int | float) for each in value.values())


_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("id", "owner", "name", "reason", "exported", "place"), _is_text),
    **dict.fromkeys(("started", "ended"), lambda value: value is None or _is_time(value)),
    "created": _is_time,
    "pid": lambda value: value is None or isinstance(value, int),
    "state": lambda value: value in STATES and value != "damaged",
    "options": _are_options,
}
"""Field -> whether a value is valid for it."""
