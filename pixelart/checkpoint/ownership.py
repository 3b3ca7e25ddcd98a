"""Whose a checkpoint is, and who asks: on a server that others reach, what a visitor made is that visitor's alone.

A checkpoint without a record of its owner is everybody's. The record holds a hash, so that whoever reads the folder
learns nothing that could be asked with.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

OWNER_FILE = "owner.sha256"
_asking: ContextVar[str | None] = ContextVar("asking", default=None)


@contextmanager
def request_owner(owner: str) -> Iterator[None]:
    """Inside, and in threads that are given a copy of this context, `owner` asks; "" is a visitor who is not known."""
    token = _asking.set(owner)
    try:
        yield
    finally:
        _asking.reset(token)


def current_owner() -> str | None:
    """Who asks; None where nobody told, as in a program that one person uses."""
    return _asking.get()


def owner_digest(owner: str) -> bytes:
    """The content of OWNER_FILE."""
    return hashlib.sha256(owner.encode()).hexdigest().encode()


def may_see(folder: Path, owner: str) -> bool:
    """Whether the checkpoint in `folder` is there for `owner`: it is everybody's, or this owner's."""
    record = _record(folder)
    return record is None or _is_of(record, owner)


def owns(folder: Path, owner: str) -> bool:
    """Whether the checkpoint in `folder` is this owner's, not everybody's."""
    record = _record(folder)
    return record is not None and _is_of(record, owner)


def _record(folder: Path) -> bytes | None:
    try:
        return (folder / OWNER_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:  # it has a record, which cannot be read: then it is nobody's
        return b""


def _is_of(record: bytes, owner: str) -> bool:
    return bool(owner) and hmac.compare_digest(record, owner_digest(owner))
