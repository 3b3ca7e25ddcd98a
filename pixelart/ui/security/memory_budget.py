"""Limit the memory held for pages: their requests, their unread messages and their results.

gradio keeps every message until its page reads it, for 2,000 pages, of any size; a client that never reads would fill
the memory. Here a page may hold `Settings.max_session_bytes`, and all pages `Settings.max_held_bytes`. Beyond that, the
messages unread for the longest time are dropped, first of pages without running events.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pixelart.settings import SETTINGS, Settings
from pixelart.ui.gradio_parts import Event, ProcessCompletedMessage, Queue
from pixelart.ui.security.sessions import held_bytes

if TYPE_CHECKING:
    from pixelart.ui.security.safe_blocks import SafeBlocks

UNREAD = "This page has stopped reading its messages; reload it."
MOST_PAGES = 2000
"""Messages are kept for this many pages."""
_NUMBER = 8


def size_of(value: Any) -> int:
    """Approximate bytes of memory that a JSON value takes."""
    size, waiting = 0, [value]
    while waiting:  # no recursion: a client chooses the depth
        part = waiting.pop()
        if isinstance(part, str | bytes):
            size += len(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
            size += sum(len(key) for key in part if isinstance(key, str))
        elif isinstance(part, Sequence):
            if part and isinstance(part[0], int | float):
                size += _NUMBER * len(part)
            else:
                waiting.extend(part)
        size += _NUMBER
    return size


class Unread(asyncio.Queue[Any]):
    """The unread messages of a page, with their size in bytes and the time of last use."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self.used = 0, time.monotonic()
        self._sizes: list[int] = []

    def _put(self, item: Any) -> None:
        self._sizes.append(size_of(getattr(item, "output", None)))
        self.held, self.used = self.held + self._sizes[-1], time.monotonic()
        super()._put(item)

    def _get(self) -> Any:
        self.held, self.used = self.held - self._sizes.pop(0), time.monotonic()
        return super()._get()


class UnreadByPage(OrderedDict[str, Unread]):
    """Session -> unread messages of its page."""

    def __init__(self, queue: BoundedQueue) -> None:
        super().__init__()
        self._queue = queue

    def __setitem__(self, session: str, _: Any) -> None:
        """Replaces gradio's own queue."""
        while len(self) >= MOST_PAGES and (oldest := self._queue.oldest()) is not None:
            self._queue.drop(oldest)
        super().__setitem__(session, Unread())


class BoundedQueue(Queue):
    """gradio's event queue with memory limits."""

    blocks: SafeBlocks
    settings: Settings = SETTINGS

    def bound(self) -> None:
        """Set up the limits; call once, before the first event."""
        self.pending_messages_per_session = UnreadByPage(self)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def unread(self) -> UnreadByPage:
        """Unread messages by page."""
        return self.pending_messages_per_session  # pyright: ignore[reportReturnType]

    def held(self, session: str | None = None) -> int:
        """Bytes held for a session, or for all."""
        sessions = self.unread.values() if session is None else self._messages(session)
        sent = sum(held_bytes(event) for event in self._events(session))
        return sum(messages.held for messages in sessions) + sent + self.blocks.sessions.held(session)

    async def push(self, body: Any, request: Any, username: Any) -> Any:
        """Queue an event, or return why not."""
        size, session = size_of(body.data) + size_of(body.event_data), body.session_hash
        if session is not None and (refused := self._refused(session, size)):
            return False, refused, "error"
        if not self._make_room(size, keep=session):
            limit = self.settings.max_held_bytes >> 20
            return False, f"The server's memory for pages ({limit} MiB) is full; try again in a moment.", "queue_full"
        taken = await super().push(body, request, username)
        event = self.event_ids_to_events.get(taken[1]) if taken[0] and isinstance(taken[1], str) else None
        if event:
            event.held_bytes = size  # pyright: ignore[reportAttributeAccessIssue]
        return taken

    def send_message(self, event: Event, event_message: Any) -> None:
        """Keep a message until the page reads it. If the page does not read, end its event with an error."""
        session, size = event.session_hash, size_of(getattr(event_message, "output", None))
        if session not in self.unread:
            event.alive = False
        elif event.alive and (refused := self._refused(session, size)):
            message = ProcessCompletedMessage(output={"error": refused, "title": "Error"}, success=False)
            super().send_message(event, message)
            event.alive = False
        elif event.alive:
            self._make_room(size, keep=session)
            super().send_message(event, event_message)

    def oldest(self, *, keep: str | None = None, holding: bool = False) -> str | None:
        """The session unread for the longest time, preferably without running events. With `holding`, only
        sessions that hold messages."""
        at_work = {event.session_hash for event in self._events(None)}
        found = [(s in at_work, m.used, s) for s, m in self.unread.items() if s != keep and (m.held or not holding)]
        return min(found, default=(False, 0.0, None))[2]

    def drop(self, session: str) -> None:
        """Drop a session's unread messages and end its events."""
        for event in self._events(session):
            event.alive = False
        self.unread.pop(session, None)
        self.pending_event_ids_session.pop(session, None)

    def _refused(self, session: str, more: int) -> str:
        """Why a session may not hold `more` bytes, or ""."""
        limit, unread = self.settings.max_session_bytes, self.unread.get(session)
        if unread is not None and unread.qsize() > self.settings.max_unread:
            return UNREAD
        held = self.held(session) - self.blocks.sessions.held(session)  # results make room by themselves
        return f"{UNREAD} It holds {held >> 20} MiB; the limit is {limit >> 20} MiB." if held + more > limit else ""

    def _make_room(self, more: int, *, keep: str | None) -> bool:
        """Whether `more` bytes may be held, after dropping the data unused for the longest time."""
        limit = self.settings.max_held_bytes
        while self.held() + more > limit:
            session = self.oldest(keep=keep, holding=True)
            if session is not None:
                self.drop(session)
            elif not self.blocks.sessions.drop_results(keep=keep):
                return False
        return True

    def _messages(self, session: str) -> list[Unread]:
        return [self.unread[session]] if session in self.unread else []

    def _events(self, session: str | None) -> Iterator[Event]:
        """The queued and running events of one session, or of all."""
        every = list(self.event_ids_to_events.values())
        return (event for event in every if session is None or event.session_hash == session)
