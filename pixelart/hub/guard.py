"""What the Hub may do to us: an answer has a size, an errand has an end, and a token goes to its own host alone.

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
"""In which an errand that only asks has its answers."""
SLOWEST = 32 * 1024
"""Bytes a second: whatever comes or goes more slowly is given up."""
TOO_SLOW = "the Hub answers too slowly, and was given up"
_GRACE = 30.0
"""Seconds after the end of an errand in which an answer that trickles notices by itself."""
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_limit: ContextVar[int] = ContextVar("limit", default=MAX_ANSWER)
_hosts: set[str] = set()


class BareFailure(HubFailure):
    """One that does not say yet what was asked for; `translate_errors` does."""


def trust(endpoint: str) -> None:
    """Tokens may go to this server."""
    _hosts.add(_origin(endpoint))


def check_commit(value: object) -> str:
    """What the Hub calls a commit. Raises HubFailure for anything else: it becomes part of addresses and records."""
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise BareFailure("the Hub's answer is not understood (it names no commit)")
    return value


def seconds_for(size: int) -> float:
    """How long an errand may take that moves so many bytes."""
    return ERRAND_SECONDS + size / SLOWEST


@contextmanager
def errand(seconds: float | None = None) -> Iterator[Callable[[], bool]]:
    """All that is asked inside, by this thread, ends within `seconds` (ERRAND_SECONDS); an outer errand may end it
    sooner. Whether it has ended by now is what the context gives.

    Raises:
        HubFailure: it did not; raised by the request or the answer that comes too late.
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
    """An answer inside has at most `size` bytes."""
    token = _limit.set(size)
    try:
        yield
    finally:
        _limit.reset(token)


def check_request(request: Any) -> None:
    """A hook of the client. Raises HubFailure where a token would go elsewhere, or the time is over."""
    if time.monotonic() > (_deadline.get() or float("inf")):
        raise _too_late()
    if "authorization" in request.headers and _origin(str(request.url)) not in _hosts:
        raise BareFailure("the Hub leads to another server, which is not given the token")


def check_response(response: Any) -> None:
    """A hook of the client: what is read of the answer is counted, and must not be compressed, for a small body can
    hold a huge one."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise BareFailure("the Hub's answer is not understood (it is compressed, which was not asked for)")
    response.stream = _counted(response.stream)


def _counted(stream: Any) -> Any:
    """The same stream, of which no more is read than its limit, nor later than its end."""
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
