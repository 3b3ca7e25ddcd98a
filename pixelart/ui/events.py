"""Events of the page: settings that all tabs share, and handlers that get their inputs by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gradio.events import Dependency

SESSION_SECONDS = 24 * 3600
"""How long a visitor's state is kept while the page is open."""
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False, "show_progress": "hidden"}
LATEST: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last"}
"""Of an event whose handler reads inputs, such as a choice: while one is being answered, the next one waits and then
reads the inputs anew. By default gradio drops it. Events that carry data need `newest.py`, because gradio would repeat
the data of the first one."""
ENDPOINTS = ("generate", "complete")
"""The events that API clients may call."""


def listen(
    trigger: Callable[..., Dependency],
    handler: Callable[..., Any] | None,
    inputs: Mapping[str, Any],
    outputs: Any = None,
    *,
    scripts: Mapping[str, str] | None = None,
    **settings: Any,
) -> Dependency:
    """Call `handler` when `trigger` (such as `button.click`) fires.

    inputs: parameter of the handler -> component whose value it gets.
    scripts: input -> JavaScript expression, which may await and use the values of all inputs by their names. The page
        posts its value instead of the component's.
    settings: of the gradio event.
    """
    if scripts:
        settings["js"] = _script(list(inputs), scripts)
    return trigger(handler, None, outputs, inputs_kwargs=dict(inputs), **settings)


def _script(names: list[str], scripts: Mapping[str, str]) -> str:
    """A function of all inputs that replaces those of `scripts`."""
    return f"async ({', '.join(names)}) => [{', '.join(scripts.get(name, name) for name in names)}]"
