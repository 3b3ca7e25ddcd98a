"""Limit request bodies, so that they neither fill the memory nor hold a connection for long."""

from __future__ import annotations

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixelart.settings import SETTINGS

SMALL_BODY = 2**16
"""Bodies up to this many bytes are always accepted."""


class BodyLimit:
    """ASGI middleware that limits request bodies.

    It answers 413 to a body of more than `limit` bytes (announced or streamed), 408 to one that takes more than
    `seconds` to arrive, and 503 to one of more than SMALL_BODY bytes while all open requests hold more than `together`.
    """

    def __init__(self, app: ASGIApp, limit: int, seconds: float, *, together: int = SETTINGS.max_held_bytes) -> None:
        self.app, self.limit, self.seconds, self.together = app, limit, seconds, together
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope.get("headers", ())).get(b"content-length", b"0")
        size = int(announced) if announced.isdigit() else 0
        read, whole, deadline = 0, False, time.monotonic() + self.seconds

        async def limited() -> Message:
            nonlocal read, whole
            if whole:  # after the body comes only the disconnect, at any time
                return await receive()
            if max(size, read) <= self.limit:
                try:
                    message = await asyncio.wait_for(receive(), deadline - time.monotonic())
                except asyncio.TimeoutError as error:
                    raise HTTPException(408, f"The request took more than {self.seconds:g} s to arrive.") from error
                more = len(message.get("body", b""))
                read, self.held = read + more, self.held + more
                if read > SMALL_BODY and self.held > self.together:
                    raise HTTPException(503, f"The server is reading {self.together >> 20} MiB, the limit; try again.")
                whole = not message.get("more_body", False)
                if read <= self.limit:
                    return message
            raise HTTPException(413, f"The request is too large; the limit is {self.limit >> 20} MiB.")

        try:
            await self.app(scope, limited, send)
        finally:
            self.held -= read
