"""What every event of the app goes through: it takes no files, keeps nothing that was posted, and tells a fault of the
program itself in one plain line, in full only to its log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from inspect import Parameter, signature
from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig
from gradio.state_holder import StateHolder

from pixelart.checkpoint.ownership import request_owner
from pixelart.ui.events import ENDPOINTS
from pixelart.ui.security.memory_budget import BoundedQueue
from pixelart.ui.security.sessions import NoTimes, Sessions

is_faulty: ContextVar[bool] = ContextVar("is_faulty", default=False)
"""Whether the program itself failed while it answered this request."""
log = logging.getLogger(__name__)
FAULT = "Something went wrong; the program's log says more. If it happens again, reload the page."
NO_FILES = "Files are not taken by their path or address; send what is in them, in base64."


class _Components(dict[int, Any]):
    """id -> the component of a session. One that is updated is made anew, and gradio would keep each under an id of its
    own beside the one that it stands for."""

    def __setitem__(self, key: int, component: Any) -> None:
        component._id = key
        super().__setitem__(key, component)


class _PageConfig(BlocksConfig):
    """The components and events of the page, and by copies those of each session."""

    def __copy__(self) -> BlocksConfig:
        """Of a new session. gradio describes every component anew for it, which takes most of a first request, and
        keeps in it what is posted, for links to a session: there are none."""
        session = super().__copy__()
        session.blocks = _Components(session.blocks)
        session.config_for_block = _undescribed
        return session


def _undescribed(_id: int, rendered_ids: list[int], block: Any, renderable: Any = None) -> dict[str, Any]:
    return {}


class PlainBlocks(gr.Blocks):
    """An app whose visitors see the text of a gr.Error, and of no other exception: neither of a handler, nor of gradio
    when it reads what a page posted."""

    owner: gr.State | None = None
    """The visitor of each page (see checkpoint.ownership), as the server keeps it; None = not told."""

    def __init__(self, **settings: Any) -> None:
        self.sessions = Sessions()
        super().__init__(**settings)
        self.default_config = _PageConfig(self)

    @property
    def state_holder(self) -> StateHolder:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What gradio keeps of sessions, in `sessions`."""
        return self._state_holder

    @state_holder.setter
    def state_holder(self, holder: StateHolder) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        holder.session_data, holder.time_last_used = self.sessions, NoTimes()
        self._state_holder = holder

    def queue(self, *args: Any, **settings: Any) -> PlainBlocks:
        """As of gradio, within limits of memory, and without its statistics of the last 10,000 events, made after each:
        nobody sees them."""
        super().queue(*args, **settings)
        self._queue.__class__ = BoundedQueue  # gradio makes it and the app around it in one
        self._queue.bound()  # pyright: ignore[reportAttributeAccessIssue]
        self._queue.ANALYTICS_MAX_EVENTS = 1
        self._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize  # spelt as gradio does
        return self

    def _asked(self, session: Any) -> Any:
        if self.owner is None:
            return nullcontext()
        return request_owner(session.get(self.owner._id, "") if session is not None else "")

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **settings: Any) -> dict[str, Any]:
        """What every event goes through. Raises gr.Error alone."""
        event = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        inputs = _filled(event, inputs)
        if refusal := _refusal(event, inputs, settings):
            raise gr.Error(refusal, print_exception=False)
        try:
            with self.sessions.at_work(settings.get("session_hash")), self._asked(settings.get("state")):
                return await super().process_api(block_fn, inputs, *args, **settings)
        except gr.Error:
            raise
        except Exception as error:
            log.exception("an event failed")
            is_faulty.set(True)
            raise gr.Error(FAULT, print_exception=False) from error

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **settings: Any) -> list[Any]:
        """What the handler gets. gradio would fetch a file that a client names: from its cache, or from any address."""
        if names_a_file(inputs):
            raise gr.Error(NO_FILES, print_exception=False)
        return await super().preprocess_data(block_fn, inputs, *args, **settings)


def _filled(block_fn: Any, inputs: Any) -> Any:
    """What a program sent to an endpoint, with the usual values of inputs that it does not know yet."""
    if block_fn.api_name not in ENDPOINTS or block_fn.fn is None or not isinstance(inputs, list):
        return inputs
    usual = [parameter.default for parameter in signature(block_fn.fn).parameters.values()][len(inputs) :]
    return inputs if any(value is Parameter.empty for value in usual) else [*inputs, *usual]


def _refusal(block_fn: Any, inputs: Any, settings: Mapping[str, Any]) -> str:
    """Why an event cannot be run at all with what a client sent, or nothing."""
    if block_fn.fn is None:
        return "This event is of the page alone."
    needed, given = len(block_fn.inputs), len(inputs) if isinstance(inputs, list) else 0
    if given < needed and not settings.get("iterator"):
        return f"This event takes {needed} values; {given} came."
    told = getattr(settings.get("event_data"), "_data", None)
    if isinstance(told, dict) and isinstance(told.get("value"), dict) and "image" in told["value"]:
        del told["value"]  # a gallery tells which file it shows, and no handler reads that
    if names_a_file(told):
        return NO_FILES
    return ""


def names_a_file(value: Any) -> bool:
    """Whether anything in a JSON value is gradio's description of a file."""
    waiting = [value]
    while waiting:  # no recursion: a client decides how deep it is
        part = waiting.pop()
        if isinstance(part, dict):
            if "path" in part and "meta" in part:
                return True
            waiting.extend(part.values())
        elif isinstance(part, Sequence) and not isinstance(part, str):
            waiting.extend(part)
    return False
