"""What the program uses of gradio that is not public is still there, and only `gradio_parts` uses it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

import gradio as gr
import pytest

from pixelart.ui.gradio_parts import (
    BlocksConfig,
    Event,
    PageConfig,
    Queue,
    SessionState,
    StateHolder,
    component_id,
    event_data,
    has_timed_state,
    session_values,
    written_files,
)
from tests.test_tree import MODULES
from tests.ui.serving import without_resource_warnings

PUBLIC = {"gradio", "gradio.events", "gradio.themes", "gradio.data_classes"}
EXTENDS = {"pixelart.ui.gradio_parts", "pixelart.ui.security.memory_budget", "pixelart.ui.security.safe_blocks"}
"""Modules with a class of gradio's that they extend."""


def _private(tree: ast.Module) -> Iterator[str]:
    """Attributes of other objects whose names begin with an underscore, and modules of gradio that are not public."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            if ast.unparse(node.value) not in ("self", "cls"):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("gradio.") and node.module not in PUBLIC:
            yield f"line {node.lineno}: {node.module}"


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("pixelart.ui") and name not in EXTENDS])
def test_only_one_module_leans_on_private_parts(module: str) -> None:
    assert list(_private(MODULES[module])) == []


def test_the_check_finds_what_it_looks_for() -> None:
    found = list(_private(ast.parse("from gradio.utils import a\nevent._data\nself._own\nx.__class__")))
    assert found == ["line 1: gradio.utils", "line 2: event._data"]


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (Queue.push, ["self", "body", "request", "username"]),
        (Queue.send_message, ["self", "event", "event_message"]),
        (BlocksConfig.config_for_block, ["_id", "rendered_ids", "block", "renderable"]),
        (gr.Blocks.process_api, ["self", "block_fn", "inputs"]),
        (gr.Blocks.preprocess_data, ["self", "block_fn", "inputs"]),
    ],
)
def test_methods_that_are_extended_take_the_same_arguments(method: object, parameters: list[str]) -> None:
    assert [*inspect.signature(method).parameters][: len(parameters)] == parameters  # pyright: ignore[reportArgumentType]


def test_every_part_is_where_it_is_looked_for() -> None:
    with without_resource_warnings():
        _look()


def _look() -> None:
    with gr.Blocks() as app:
        state = gr.State({"a": 1}, delete_callback=lambda value: None)
    app.queue()
    for name in ("ANALYTICS_MAX_EVENTS", "ANAYLTICS_CACHE_FREQUENCY", "pending_messages_per_session"):
        assert hasattr(app._queue, name), name
    for name in ("event_ids_to_events", "pending_event_ids_session", "server_app", "set_server_app", "clean_events"):
        assert hasattr(app._queue, name), name
    assert component_id(state) in app.blocks and written_files(app) is app.temp_file_sets
    session = SessionState(app)
    session[component_id(state)] = {"a": 2}
    assert session_values(session) == [{"a": 2}] and [*session.state_components] and has_timed_state(session)
    holder = StateHolder()
    assert hasattr(holder, "session_data") and hasattr(holder, "time_last_used")
    assert event_data(gr.EventData(None, {"index": 3})) == {"index": 3} and event_data(None) is None
    assert {"session_hash", "alive"} <= set(inspect.signature(Event).parameters) | set(Event.__init__.__code__.co_names)
    copy = PageConfig(app).__copy__()
    assert copy.config_for_block(0, [], state) == {}
