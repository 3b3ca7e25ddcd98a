"""Events that carry data, such as a click on a result: of several at once, only the answer to the newest counts.

gradio can drop all but the first of them ("once"), repeat the data of the first ("always_last"), or run all at the same
time ("multiple"), so that the slowest answer stays on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.ui.events import listen
from pixelart.ui.inputs import Ticket
from pixelart.ui.session import Session

NOW = "Math.round(performance.now())"
"""Script: the moment of an event, in milliseconds since the page was opened."""
_EXTRA = [Parameter(name, Parameter.KEYWORD_ONLY) for name in ("page", "moment")]


def listen_newest(
    trigger: Callable[..., Dependency],
    handler: Callable[..., Any],
    inputs: Mapping[str, Any],
    outputs: Any,
    *,
    session: gr.State,
    clock: Ticket,
    scripts: Mapping[str, str] | None = None,
    **settings: Any,
) -> Dependency:
    """Like `listen`, but a handler whose event is not the newest changes nothing on the page. `clock`: an input whose
    posted value is replaced by the moment of the event."""
    inputs = {**inputs, "page": session, "moment": clock}
    scripts = {**(scripts or {}), "moment": NOW}
    return listen(
        trigger, newest_only(handler), inputs, outputs, scripts=scripts, **{**settings, "trigger_mode": "multiple"}
    )


def newest_only(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler with two more parameters: the session of its page, and the moment of the event.

    The handler runs for one event of a page at a time, and not for one that came after a newer one. Its answer is
    dropped if a newer event has come meanwhile."""
    about, name = signature(handler), handler.__qualname__

    @wraps(handler)
    def call(*values: Any, page: Session, moment: int, **named: Any) -> Any:
        turn = page.turn(name)
        answer = turn.run(moment, lambda: handler(*values, **named))
        return answer if turn.is_newest(moment) else gr.skip()

    parameters = [*about.parameters.values(), *_EXTRA]
    call.__signature__ = about.replace(parameters=parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return call
