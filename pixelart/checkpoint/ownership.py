"""Owners of checkpoints: on a server with several visitors, only its owner sees a checkpoint.

A checkpoint without an owner file is visible to all. The file holds a hash, so reading it does not reveal the owner's
secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

OWNER_FILE = "owner.sha256"
_request_owner: ContextVar[str | None] = ContextVar("request_owner", default=None)


@contextmanager
def request_owner(owner: str) -> Iterator[None]:
    """Set the owner of requests in this context, and in threads that run with a copy of it; "" = unknown visitor."""
    token = _request_owner.set(owner)
    try:
        yield
    finally:
        _request_owner.reset(token)


def current_owner() -> str | None:
    """The owner of the current request; None if none is set, as in a program with one user."""
    return _request_owner.get()


def owner_digest(owner: str) -> bytes:
    """The content of OWNER_FILE."""
    return hashlib.sha256(owner.encode()).hexdigest().encode()


def may_see(folder: Path, owner: str) -> bool:
    """Whether `owner` may use the checkpoint in `folder`: it is theirs or has no owner."""
    record = _record(folder)
    return record is None or _matches(record, owner)


def owns(folder: Path, owner: str) -> bool:
    """Whether the checkpoint in `folder` belongs to `owner`."""
    record = _record(folder)
    return record is not None and _matches(record, owner)


def _record(folder: Path) -> bytes | None:
    try:
        return (folder / OWNER_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:  # an unreadable owner file matches no owner
        return b""


def _matches(record: bytes, owner: str) -> bool:
    return bool(owner) and hmac.compare_digest(record, owner_digest(owner))
