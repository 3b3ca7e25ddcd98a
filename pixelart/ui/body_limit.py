"""Bodies of requests: refused before they fill the memory."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: whoever reads a body of more than `limit` bytes, announced or streamed, answers 413 and one
    plain line, and reads no more of it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = dict(scope.get("headers", ())).get(b"content-length", b"0")
        size = int(announced) if announced.isdigit() else 0
        read = 0

        async def limited() -> Message:
            nonlocal read
            if max(size, read) <= self.limit:
                message = await receive()
                read += len(message.get("body", b""))
                if read <= self.limit:
                    return message
            raise HTTPException(413, f"The request is too large; the limit is {self.limit >> 20} MiB.")

        await self.app(scope, limited, send)
