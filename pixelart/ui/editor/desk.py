"""Draws for editors in the same queue as the page and the API: one drawing at a time, in order of arrival."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.events import api
from starlette.concurrency import run_in_threadpool

from pixelart.engine import Engine
from pixelart.errors import Cancelled, PixelArtError
from pixelart.ui.create.drawing_job import DRAWING_FAULT, Frame, drawing_worker
from pixelart.ui.editor.drawing import EditorJob, editor_job
from pixelart.ui.editor.messages import (
    CANCEL,
    LAST,
    MODELS,
    STILL_WAITING,
    WAS_CANCELLED,
    EditorAnswer,
    Message,
    models_answer,
)
from pixelart.ui.gradio_parts import is_queued, join_queue, leave_queue

_log = logging.getLogger(__name__)
TURN = "page_editor"
"""The event whose place in gradio's queue is an editor's turn."""
HEARTBEAT_SECONDS = 1.0
"""An answer is sent at least this often, so that a closed connection is noticed."""
READING_FAULT = "Something went wrong; the log of the app has details."
TURN_LOST = "The app has too much to do; try again in a moment."


@dataclass
class _Order:
    """A job that waits for its turn, or is drawn. `tell` may be called from any thread."""

    job: EditorJob
    tell: Callable[[EditorAnswer], None]
    stopped: threading.Event = field(default_factory=threading.Event)
    is_running: bool = False


class EditorDesk:
    """Answers the messages of editors. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._orders: dict[str, _Order] = {}

    def offer(self, **event: Any) -> None:
        """Add the event TURN to the open Blocks."""
        api(self.take_turn, api_name=TURN, **event)

    def take_turn(self, ticket: str) -> str:
        """Draw the job with this ticket, if an editor still waits for it."""
        order = self._orders.get(ticket) if isinstance(ticket, str) else None
        if order is not None and not order.is_running:
            order.is_running = True
            order.tell(_drawn(order))
        return ""

    async def answers(self, message: Message, scope: Mapping[str, Any]) -> AsyncGenerator[EditorAnswer, None]:
        """The answers to a message, see LAST. Closing the iterator ends the drawing. `scope`: of the connection."""
        if message["action"] == CANCEL:
            yield WAS_CANCELLED
            return
        try:
            if message["action"] == MODELS:
                yield models_answer(await run_in_threadpool(self.engine.list_checkpoints))
                return
            job = await run_in_threadpool(editor_job, self.engine, message)
        except PixelArtError as error:
            yield {"error": str(error)}
            return
        except Exception:
            _log.exception("a message failed")
            yield {"error": READING_FAULT}
            return
        loop, told = asyncio.get_running_loop(), asyncio.Queue[EditorAnswer]()
        order = _Order(job, lambda answer: loop.call_soon_threadsafe(told.put_nowait, answer) and None)
        async for answer in self._in_turn(order, told, scope):
            yield answer

    async def _in_turn(
        self, order: _Order, told: asyncio.Queue[EditorAnswer], scope: Mapping[str, Any]
    ) -> AsyncGenerator[EditorAnswer, None]:
        ticket, session, blocks = secrets.token_hex(), secrets.token_hex(), scope["app"].get_blocks()
        self._orders[ticket] = order
        try:
            yield STILL_WAITING
            if reason := await join_queue(blocks, TURN, [ticket], session, scope):
                yield {"error": reason}
                return
            answer = STILL_WAITING
            while not any(key in answer for key in LAST):
                answer = await _next(told)
                if answer is STILL_WAITING and not order.is_running and not is_queued(blocks, session):
                    answer = {"error": TURN_LOST}
                yield answer
        finally:
            order.stopped.set()
            self._orders.pop(ticket, None)
            await leave_queue(blocks, session)


async def _next(told: asyncio.Queue[EditorAnswer]) -> EditorAnswer:
    try:
        return await asyncio.wait_for(told.get(), HEARTBEAT_SECONDS)
    except asyncio.TimeoutError:
        return STILL_WAITING


def _drawn(order: _Order) -> EditorAnswer:
    """Draw, telling the progress. Returns the last answer."""
    worker = drawing_worker(order.job.draw, order.stopped.is_set)
    for frame in worker.watch():
        if frame is not None:
            order.tell({"progress": _progress(frame, worker.seconds)})
    try:
        return order.job.answer(worker.result())
    except Cancelled:
        return WAS_CANCELLED
    except PixelArtError as error:
        return {"error": str(error)}
    except Exception:
        _log.exception("drawing failed")
        return {"error": DRAWING_FAULT}


def _progress(frame: Frame, seconds: float) -> dict[str, Any]:
    return {"done": frame.done, "rows": frame.rows, "seconds": round(seconds, 1)}


def desk_of(scope: Mapping[str, Any]) -> EditorDesk | None:
    """The desk of the app that a connection has reached."""
    blocks: gr.Blocks = scope["app"].get_blocks()
    return getattr(blocks, "editor_desk", None)
