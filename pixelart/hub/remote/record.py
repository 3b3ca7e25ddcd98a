"""What a run folder knows of its training on a rented machine: remote.json. It never holds a token."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.hub.repo_files import MODEL, RepoKind, repo_url
from pixelart.hub.repo_id import check_repo_id
from pixelart.storage import write_file

REMOTE_FILE = "remote.json"
_DATASET = RepoKind("dataset", {}.get)
_KEY = re.compile("[0-9a-f]{8}")
_LONGEST = 30
"""Characters of a model's name in the names of its repositories."""


@dataclass(frozen=True)
class RemoteRecord:
    """A training on rented machines.

    Attributes:
        account: who pays, and owns the repositories.
        key: in the names of the repositories and the label of the jobs.
        pictures: the private dataset repository with the uploaded set; "" = deleted, or not uploaded yet.
        run: the private model repository with the saves.
        attempt: how many jobs were started for it; `ended`: how many of them have ended and been fetched.
        job: the id of the last one; "" = its start was not confirmed.
        asked: when its start was asked for, in seconds since 1970.
        lines: how many lines of its log were read.
        flavor, minutes, hourly: the machine that was offered last, its time limit, and its price in US dollars.
    """

    account: str
    key: str
    pictures: str
    run: str
    attempt: int = 0
    ended: int = 0
    job: str = ""
    asked: float = 0.0
    lines: int = 0
    flavor: str = ""
    minutes: float = 0.0
    hourly: float = 0.0

    @property
    def most(self) -> float:
        """What another job like the last one costs at most, in US dollars."""
        return self.hourly * self.minutes / 60

    @property
    def pictures_url(self) -> str:
        """The page of the uploaded set, or ""."""
        return repo_url(self.pictures, _DATASET) if self.pictures else ""

    @property
    def run_url(self) -> str:
        """The page of the saves."""
        return repo_url(self.run, MODEL)

    @property
    def is_under_way(self) -> bool:
        """Whether a job was started whose end is not known yet."""
        return self.attempt > self.ended

    @property
    def is_followed(self) -> bool:
        """Whether to go on means to follow a job that is paid for already, so that nothing is rented."""
        return self.is_under_way and bool(self.job)

    def write(self, run: Path) -> None:
        """Store as `run`/remote.json. Raises OSError."""
        run.mkdir(parents=True, exist_ok=True)
        write_file(run / REMOTE_FILE, json.dumps(asdict(self), indent=1).encode())


def new_record(account: str, name: str) -> RemoteRecord:
    """The record of a new training. `name`: of its model."""
    key = secrets.token_hex(4)
    stem = re.sub("[^A-Za-z0-9]+", "-", name)[:_LONGEST].strip("-") or "model"  # the Hub refuses "--"
    return RemoteRecord(account, key, "", f"{account}/pixelart-{stem}-{key}")


def pictures_repository(record: RemoteRecord) -> str:
    """The dataset repository of a training."""
    return f"{record.run}-pictures"


def read_record(run: Path) -> RemoteRecord | None:
    """The record of a run folder; None without one.

    Raises:
        RequestRejected: it cannot be read.
    """
    path = run / REMOTE_FILE
    if not path.exists():
        return None
    try:
        found = RemoteRecord(**json.loads(path.read_bytes()))
        numbers = (found.attempt, found.ended, found.lines)
        texts = (found.account, found.key, found.pictures, found.run, found.job, found.flavor)
        if any(type(n) not in (int, float) for n in (found.asked, found.minutes, found.hourly)) or not (
            all(type(n) is int for n in numbers) and all(type(t) is str for t in texts)
        ):
            raise ValueError("a value of a wrong type")
        for repository in (found.run, *filter(None, [found.pictures])):
            check_repo_id(repository)
        if not _KEY.fullmatch(found.key) or found.run.partition("/")[0] != found.account:
            raise ValueError("names that do not belong together")
        return found
    except (OSError, ValueError, TypeError) as error:
        raise RequestRejected(f"{path}: not readable ({error!s:.80})") from error
