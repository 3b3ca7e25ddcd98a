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
"""Bytes of an answer, unless `at_most` says otherwise."""
ERRAND_SECONDS = 120.0
"""Time limit in seconds of a task without file transfer."""
SLOWEST = 32 * 1024
"""Slowest accepted transfer, in bytes per second."""
TOO_SLOW = "the Hub answers too slowly; gave up"
_GRACE = 30.0
"""Seconds after the end of an errand in which an answer that trickles notices by itself."""
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_limit: ContextVar[int] = ContextVar("limit", default=MAX_ANSWER)
_hosts: set[str] = set()


class BareFailure(HubFailure):
    """A failure without its subject; `translate_errors` adds it."""


def trust(endpoint: str) -> None:
    """Tokens may go to this server."""
    _hosts.add(_origin(endpoint))


def check_commit(value: object) -> str:
    """What the Hub calls a commit. Raises HubFailure for anything else: it becomes part of addresses and records."""
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise BareFailure("the Hub's answer is not understood (it names no commit)")
    return value


def seconds_for(size: int) -> float:
    """Time limit of a task that transfers `size` bytes."""
    return ERRAND_SECONDS + size / SLOWEST


@contextmanager
def errand(seconds: float | None = None) -> Iterator[Callable[[], bool]]:
    """Limit this thread's Hub calls inside to `seconds` (ERRAND_SECONDS); an outer errand may end sooner.

    Gives a function that tells whether the time is over.

    Raises:
        HubFailure: a request or an answer came too late.
    """
    seconds = ERRAND_SECONDS if seconds is None else seconds
    outer, end = _deadline.get(), time.monotonic() + seconds
    end = end if outer is None else min(outer, end)
    token = _deadline.set(end)
    watch = threading.Timer(seconds + _GRACE, close_session)  # headers that trickle are seen by no hook
    watch.daemon = True
    watch.start()
    try:
        yield lambda: time.monotonic() > end
    finally:
        watch.cancel()
        _deadline.reset(token)


@contextmanager
def at_most(size: int) -> Iterator[None]:
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
        raise BareFailure("the Hub leads to another server, which is not given the token")


def check_response(response: Any) -> None:
    """Response hook: counts the bytes read and refuses compression, because a small body can expand to a huge one."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise BareFailure("the Hub's answer is not understood (it is compressed, which was not asked for)")
    response.stream = _counted(response.stream)


def _counted(stream: Any) -> Any:
    """The same stream, limited in size and time."""
    most, end = _limit.get(), _deadline.get() or time.monotonic() + seconds_for(_limit.get())

    class Counted(type(stream).__mro__[-2]):  # the class of all streams of the client's HTTP library
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
