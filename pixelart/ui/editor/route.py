"""The route itself: a message posted by HTTP, or messages over a WebSocket, with the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pixelart.errors import PixelArtError
from pixelart.settings import SETTINGS
from pixelart.ui.editor.desk import desk_of
from pixelart.ui.editor.messages import EditorAnswer, read_message

PATH = "/editor"
EDITOR_ROUTES: Mapping[str, tuple[str, ...]] = {PATH: ("POST",)}
"""For the request filter of an app that only its own machine reaches."""
_TOO_LARGE = 1009


async def answers_to(text: str | bytes, scope: Mapping[str, Any]) -> AsyncGenerator[EditorAnswer, None]:
    """The answers to one message."""
    try:
        message = read_message(text)
    except PixelArtError as error:
        yield {"error": str(error)}
        return
    desk = desk_of(scope)
    if desk is None:
        yield {"error": "This app answers editors on its own machine only."}
        return
    async with aclosing(desk.answers(message, scope)) as answers:
        async for answer in answers:
            yield answer


async def _post(request: Request) -> Response:
    """Answer a posted message by JSON objects, one a line. A client that closes the connection ends the drawing."""
    body = await request.body()

    async def lines() -> AsyncIterator[str]:
        async with aclosing(answers_to(body, request.scope)) as answers:
            async for answer in answers:
                yield json.dumps(answer) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})


async def _socket(socket: WebSocket) -> None:
    """Answer each message by messages. A new message, or closing the connection, ends the drawing before it."""
    await socket.accept()
    task: asyncio.Task[None] | None = None
    try:
        while True:
            text = await socket.receive_text()
            if len(text) > SETTINGS.max_body_bytes:
                await socket.close(_TOO_LARGE)
                return
            await _ended(task)
            task = asyncio.create_task(_send_all(socket, text))
    except (WebSocketDisconnect, KeyError):  # KeyError: a binary message
        return
    finally:
        await _ended(task)


async def _send_all(socket: WebSocket, text: str) -> None:
    async with aclosing(answers_to(text, socket.scope)) as answers:
        async for answer in answers:
            await socket.send_text(json.dumps(answer))


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait for its end."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):  # the connection may be closed
            await task


SERVED = [Route(PATH, _post, methods=["POST"]), WebSocketRoute(PATH, _socket)]
