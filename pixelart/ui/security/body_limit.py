"""Bodies of requests: refused before they fill the memory, or hold a connection for long."""

from __future__ import annotations

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixelart.settings import SETTINGS

SMALL = 2**16
"""Bytes of a body that is always taken."""


class BodyLimit:
    """ASGI middleware: whoever reads a body of more than `limit` bytes, announced or streamed, answers 413 and one
    plain line, and reads no more of it; of one that takes more than `seconds` to arrive, 408; and while the bodies of
    all requests that are not answered yet are more than `together`, 503 where one is more than SMALL."""

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
            if whole:  # what follows the body is the end of the connection, however late
                return await receive()
            if max(size, read) <= self.limit:
                try:
                    message = await asyncio.wait_for(receive(), deadline - time.monotonic())
                except asyncio.TimeoutError as error:
                    raise HTTPException(408, f"The request took more than {self.seconds:g} s to arrive.") from error
                more = len(message.get("body", b""))
                read, self.held = read + more, self.held + more
                if read > SMALL and self.held > self.together:
                    raise HTTPException(503, f"The server is reading {self.together >> 20} MiB, the limit; try again.")
                whole = not message.get("more_body", False)
                if read <= self.limit:
                    return message
            raise HTTPException(413, f"The request is too large; the limit is {self.limit >> 20} MiB.")

        try:
            await self.app(scope, limited, send)
        finally:
            self.held -= read
