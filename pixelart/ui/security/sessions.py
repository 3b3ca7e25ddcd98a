"""Limit the sessions that gradio keeps: open pages first, and none without state.

Clients choose session ids freely, so a client may invent any number of them.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from pixelart.ui.gradio_parts import SessionState, end_session, has_timed_state, session_values

HEARTBEAT = "/gradio_api/heartbeat/"
"""Path prefix of the connection that an open page holds; its session id follows."""


class Sessions(OrderedDict[str, SessionState]):
    """Session id -> its state, the last used one at the end. As thread-safe as gradio, which adds and removes under its
    own lock."""

    def __init__(self) -> None:
        super().__init__()
        self._living, self._at_work, self._held = Counter[str](), Counter[str](), dict[str, int]()
        self._lock = threading.Lock()

    def __setitem__(self, session: str, state: SessionState) -> None:
        """Add a session, and drop those without state."""
        for other in [other for other in self if self._holds_nothing(other) and not self._in_use(other)]:
            self.pop(other, None)
        super().__setitem__(session, state)

    def popitem(self, last: bool = True) -> tuple[str, SessionState]:
        """With `last` False, evict the longest unused session, first of those without an open page.

        The newest stays.
        """
        if last:
            return super().popitem()
        others = list(islice(self, max(1, len(self) - 1)))
        session = next((other for other in others if not self.is_living(other)), others[0])
        state = self.pop(session)
        end_session(state)
        self._count(session)
        return session, state

    @contextmanager
    def living(self, session: str) -> Iterator[None]:
        """Count the page as open inside this context."""
        with self._counted(self._living, session):
            yield

    @contextmanager
    def at_work(self, session: str | None) -> Iterator[None]:
        """Count a call as running. Afterwards, drop a session without an open page if it has no state, or had none
        before a call that fails."""
        if session is None:
            yield
            return
        was_nothing = self._holds_nothing(session)
        try:
            with self._counted(self._at_work, session):
                yield
        except BaseException:
            state = self.get(session)
            if was_nothing and not self._in_use(session) and state is not None and not has_timed_state(state):
                self.pop(session, None)
            raise
        finally:
            if self._holds_nothing(session) and not self._in_use(session):
                self.pop(session, None)
            self._count(session)

    def is_living(self, session: str) -> bool:
        """Whether a page of this session is open."""
        return self._living[session] > 0

    def held(self, session: str | None = None) -> int:
        """Bytes of results of a session, or of all."""
        return sum(list(self._held.values())) if session is None else self._held.get(session, 0)

    def drop_results(self, *, keep: str | None) -> bool:
        """Drop the results of the longest unused session except `keep`, closed pages first.

        Returns whether there were any.
        """
        holding = [session for session in list(self) if session != keep and session in self._held]
        for session in sorted(holding, key=self.is_living)[:1]:  # stable: the one unused longest comes first
            for value in session_values(self[session]):
                if held_bytes(value):
                    value.drop_results()
            self._count(session)
        return bool(holding)

    def _count(self, session: str) -> None:
        """Update the size of a session's results."""
        state = self.get(session)
        held = sum(map(held_bytes, session_values(state)))
        if held:
            self._held[session] = held
        else:
            self._held.pop(session, None)

    def _holds_nothing(self, session: str) -> bool:
        state = self.get(session)
        return not session_values(state)

    def _in_use(self, session: str) -> bool:
        return self._living[session] > 0 or self._at_work[session] > 0

    @contextmanager
    def _counted(self, counter: Counter[str], session: str) -> Iterator[None]:
        with self._lock:
            counter[session] += 1
        try:
            yield
        finally:
            with self._lock:
                counter[session] -= 1
                if counter[session] <= 0:
                    del counter[session]


class NoTimes(dict[str, Any]):
    """Replaces gradio's record of session ids, which would only grow: gradio never reads it."""

    def __setitem__(self, session: str, _: Any) -> None:
        """Store nothing."""


class Presence:
    """ASGI middleware: tells the app which pages are open."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if not path.startswith(HEARTBEAT):
            await self.app(scope, receive, send)
            return
        sessions: Any = scope["app"].get_blocks().sessions
        with sessions.living(path[len(HEARTBEAT) :]):
            await self.app(scope, receive, send)


def held_bytes(value: Any) -> int:
    """Bytes of memory of a page's value or an event, from its attribute `held_bytes`; else 0."""
    return getattr(value, "held_bytes", 0)
