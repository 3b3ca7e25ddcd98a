"""gr.Blocks with safe events: they accept no files, keep no posted values, and show internal errors as one line.

The log has the full error."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from inspect import Parameter, signature
from typing import Any

import gradio as gr

from pixelart.checkpoint.ownership import request_owner
from pixelart.ui.events import ENDPOINTS
from pixelart.ui.gradio_parts import PageConfig, StateHolder, component_id, event_data, use_queue
from pixelart.ui.metrics import METRICS, CountedFault
from pixelart.ui.security.memory_budget import BoundedQueue
from pixelart.ui.security.sessions import NoTimes, Sessions

is_faulty: ContextVar[bool] = ContextVar("is_faulty", default=False)
"""Whether the program failed while it answered this request."""
_log = logging.getLogger(__name__)
FAULT = "Something went wrong; the program's log has details. If it happens again, reload the page."
NO_FILES = "Files are not accepted by path or URL; send their bytes as base64."


class SafeBlocks(gr.Blocks):
    """An app whose visitors see the text of a gr.Error and of no other exception."""

    owner: gr.State | None = None
    """The owner of each page (see checkpoint.ownership), kept on the server; None = not used."""
    health: Any = None
    """What /healthz answers, see ui/health.py."""
    editor_desk: Any = None
    """What answers other editors; None = nothing does."""

    def __init__(self, **settings: Any) -> None:
        self.sessions = Sessions()
        super().__init__(**settings)
        self.default_config = PageConfig(self)

    @property
    def state_holder(self) -> StateHolder:  # pyright: ignore[reportIncompatibleVariableOverride]
        """gradio's session state, stored in `sessions`."""
        return self._state_holder

    @state_holder.setter
    def state_holder(self, holder: StateHolder) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        holder.session_data, holder.time_last_used = self.sessions, NoTimes()
        self._state_holder = holder

    def queue(self, *args: Any, **settings: Any) -> SafeBlocks:
        """gradio's queue with memory limits."""
        super().queue(*args, **settings)
        use_queue(self, BoundedQueue)
        self._queue.bound()  # pyright: ignore[reportAttributeAccessIssue]
        return self

    @property
    def waiting(self) -> int:
        """How many events wait in the queue."""
        return len(self._queue)

    def _as_owner(self, session: Any) -> Any:
        if self.owner is None:
            return nullcontext()
        return request_owner(session.get(component_id(self.owner), "") if session is not None else "")

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **settings: Any) -> dict[str, Any]:
        """Run an event. Raises only gr.Error."""
        event = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        inputs = _filled(event, inputs)
        if refusal := _refusal(event, inputs, settings):
            raise gr.Error(refusal, print_exception=False)
        try:
            with self.sessions.at_work(settings.get("session_hash")), self._as_owner(settings.get("state")):
                return await super().process_api(block_fn, inputs, *args, **settings)
        except gr.Error:
            raise
        except Exception as error:
            _log.exception("an event failed")
            if not isinstance(error, CountedFault):
                METRICS.count_fault()
            is_faulty.set(True)
            raise gr.Error(FAULT, print_exception=False) from error

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **settings: Any) -> list[Any]:
        """The handler's arguments. gradio would fetch any file or URL that a client names; this refuses them."""
        if names_a_file(inputs):
            raise gr.Error(NO_FILES, print_exception=False)
        return await super().preprocess_data(block_fn, inputs, *args, **settings)


def _filled(block_fn: Any, inputs: Any) -> Any:
    """An endpoint's inputs, with defaults for those that an older client does not send."""
    if block_fn.api_name not in ENDPOINTS or block_fn.fn is None or not isinstance(inputs, list):
        return inputs
    usual = [parameter.default for parameter in signature(block_fn.fn).parameters.values()][len(inputs) :]
    return inputs if any(value is Parameter.empty for value in usual) else [*inputs, *usual]


def _refusal(block_fn: Any, inputs: Any, settings: Mapping[str, Any]) -> str:
    """Why an event cannot run with a client's input, or ""."""
    if block_fn.fn is None:
        return "This event is only for the page."
    needed, given = len(block_fn.inputs), len(inputs) if isinstance(inputs, list) else 0
    if given < needed and not settings.get("iterator"):
        return f"This event takes {needed} values, not {given}."
    data = event_data(settings.get("event_data"))
    if isinstance(data, dict) and isinstance(data.get("value"), dict) and "image" in data["value"]:
        del data["value"]  # a gallery sends the file that it shows; no handler reads it
    if names_a_file(data):
        return NO_FILES
    return ""


def names_a_file(value: Any) -> bool:
    """Whether anything in a JSON value is gradio's description of a file."""
    waiting = [value]
    while waiting:  # no recursion: a client chooses the depth
        part = waiting.pop()
        if isinstance(part, dict):
            if "path" in part and "meta" in part:
                return True
            waiting.extend(part.values())
        elif isinstance(part, Sequence) and not isinstance(part, str):
            waiting.extend(part)
    return False
