"""The parts of gradio that are not public. Only this module and the classes that extend them depend on these parts.

A new version of gradio may change them; tests/ui/test_gradio_parts.py checks that each still works as used here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import gradio as gr
from fastapi import Request
from gradio.blocks import BlocksConfig
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import get_upload_folder

__all__ = [
    "BlocksConfig", "Event", "PageConfig", "ProcessCompletedMessage", "Queue", "SessionState", "StateHolder",
    "component_id", "end_session", "event_data", "get_upload_folder", "has_timed_state", "is_queued", "join_queue",
    "leave_queue", "session_values", "use_queue", "written_files",
]  # fmt: skip


def event_data(event: gr.EventData | None) -> Any:
    """What the page sent with an event: JSON."""
    return getattr(event, "_data", None)


def component_id(component: Any) -> int:
    """The id of a component; a session stores its value under this id."""
    return component._id


def written_files(blocks: gr.Blocks) -> list[set[str]]:
    """The sets in which gradio records the paths of files that it may serve."""
    return blocks.temp_file_sets


def use_queue(blocks: gr.Blocks, kind: type[Queue]) -> None:
    """Make the app's event queue one of `kind`, without its statistics over the last 10,000 events, which are
    not used. gradio creates the queue together with the app."""
    blocks._queue.__class__ = kind
    blocks._queue.ANALYTICS_MAX_EVENTS = 1
    blocks._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize  # spelt as gradio does


async def join_queue(blocks: gr.Blocks, event: str, data: list[Any], session: str, scope: Mapping[str, Any]) -> str:
    """Queue the event with this api_name, as a page's POST does. `scope`: of the connection, HTTP or WebSocket.

    Returns why it is not queued, or "".
    """
    queue, app = blocks._queue, scope["app"]
    if queue.server_app is None:
        queue.set_server_app(app)
    number = next(number for number, fn in blocks.fns.items() if fn.api_name == event)
    path = "/gradio_api/queue/join"  # gradio takes the page's address from it
    posted = {**scope, "type": "http", "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode()}
    request = Request(posted)
    body = PredictBodyInternal(data=data, fn_index=number, session_hash=session, request=request)
    is_queued, reason, _ = await queue.push(body, request, None)
    return "" if is_queued else str(reason)


def is_queued(blocks: gr.Blocks, session: str) -> bool:
    """Whether gradio still keeps messages for a session, so that its event will run."""
    return session in blocks._queue.pending_messages_per_session


async def leave_queue(blocks: gr.Blocks, session: str) -> None:
    """Drop the events and messages of a session."""
    queue = blocks._queue
    await queue.clean_events(session_hash=session)
    queue.pending_messages_per_session.pop(session, None)
    queue.pending_event_ids_session.pop(session, None)


def session_values(state: SessionState | None) -> list[Any]:
    """The values of the gr.State components of a session."""
    return [] if state is None else list(state.state_data.values())


def has_timed_state(state: SessionState) -> bool:
    """Whether a session has a gr.State that gradio deletes after some time."""
    return bool(state._state_ttl)


def end_session(state: SessionState) -> None:
    """Call the delete callbacks of a session's gr.State components."""
    for component, value, _ in list(state.state_components):
        component.delete_callback(value)


class _Components(dict[int, Any]):
    """id -> component of a session. gradio re-creates an updated component under a new id and would keep every copy;
    here it replaces the old one."""

    def __setitem__(self, key: int, component: Any) -> None:
        component._id = key
        super().__setitem__(key, component)


class PageConfig(BlocksConfig):
    """The components and events of the page; a copy for each session."""

    def __copy__(self) -> BlocksConfig:
        """Copy for a new session, without the component descriptions. gradio would rebuild them, which takes most of
        the first request, and store posted values in them for deep links, which the app does not use."""
        session = super().__copy__()
        session.blocks = _Components(session.blocks)
        session.config_for_block = _undescribed
        return session


def _undescribed(_id: int, rendered_ids: list[int], block: Any, renderable: Any = None) -> dict[str, Any]:
    return {}
