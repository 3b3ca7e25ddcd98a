"""Limits on the Hub: the size of an answer, the time of a task, and the hosts that get a token.

The hooks here see every request and answer of the client, redirects and retries included.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import close_session

from pixelart.errors import HubFailure

MAX_ANSWER = 16 * 2**20
"""Bytes of an answer, unless `size_limit` says otherwise."""
TASK_SECONDS = 120.0
"""Time limit in seconds of a task without file transfer."""
SLOWEST = 32 * 1024
"""Slowest accepted transfer, in bytes per second."""
TOO_SLOW = "the Hub answers too slowly; gave up"
_GRACE = 30.0
"""Seconds that a slow answer has to notice the deadline itself, before its connection is closed."""
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_limit: ContextVar[int] = ContextVar("limit", default=MAX_ANSWER)
_hosts: set[str] = set()


class BareFailure(HubFailure):
    """A failure without its subject; `translate_errors` adds it."""


def allow_token(endpoint: str) -> None:
    """Allow tokens to be sent to this server."""
    _hosts.add(_origin(endpoint))


def check_commit(value: object) -> str:
    """The commit id in the Hub's answer. Raises HubFailure for anything else, because it is used in URLs and files."""
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise BareFailure("the Hub's answer is not understood (it contains no commit id)")
    return value


def seconds_for(size: int) -> float:
    """Time limit of a task that transfers `size` bytes."""
    return TASK_SECONDS + size / SLOWEST


@contextmanager
def time_limit(seconds: float | None = None) -> Iterator[Callable[[], bool]]:
    """Limit this thread's Hub calls inside to `seconds` (TASK_SECONDS); an outer limit may end sooner.

    Yields a function that tells whether the time is over.

    Raises:
        HubFailure: a request or an answer came too late.
    """
    seconds = TASK_SECONDS if seconds is None else seconds
    outer, end = _deadline.get(), time.monotonic() + seconds
    end = end if outer is None else min(outer, end)
    token = _deadline.set(end)
    watch = threading.Timer(seconds + _GRACE, close_session)  # no hook runs while headers arrive slowly
    watch.daemon = True
    watch.start()
    try:
        yield lambda: time.monotonic() > end
    finally:
        watch.cancel()
        _deadline.reset(token)


@contextmanager
def size_limit(size: int) -> Iterator[None]:
    """Limit answers inside to `size` bytes."""
    token = _limit.set(size)
    try:
        yield
    finally:
        _limit.reset(token)


def check_request(request: Any) -> None:
    """Request hook. Raises HubFailure if a token would go to another host, or the time is over."""
    if time.monotonic() > (_deadline.get() or float("inf")):
        raise _too_late()
    if "authorization" in request.headers and _origin(str(request.url)) not in _hosts:
        raise BareFailure("the Hub redirects to another server, which must not get the token")


def check_response(response: Any) -> None:
    """Response hook: counts the bytes read and refuses compression, because a small body can expand to a huge one."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise BareFailure("the Hub's answer is not understood (it is compressed without a request for that)")
    response.stream = _counted(response.stream)


def _counted(stream: Any) -> Any:
    """The same stream, limited in size and time."""
    most, end = _limit.get(), _deadline.get() or time.monotonic() + seconds_for(_limit.get())

    class Counted(type(stream).__mro__[-2]):  # the base class of streams in the client's HTTP library
        def __iter__(self) -> Iterator[bytes]:
            read = 0
            for part in stream:
                read += len(part)
                if read > most:
                    raise BareFailure(f"the Hub's answer is longer than announced or allowed ({most} bytes)")
                if time.monotonic() > end:
                    raise _too_late()
                yield part

        def close(self) -> None:
            stream.close()

    return Counted()


def _too_late() -> BareFailure:
    return BareFailure(TOO_SLOW)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"
