"""gradio's inputs, so read that any bad value is answered in one plain line.

gradio's own reading raises a TypeError for an emptied box, and refuses a choice that it no longer remembers offering
(after a restart of the program, say). A subclass would need a front end of its own, so the one method that reads a
value is replaced on each. What these let through, `form.py` and the engine check.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


def dial(minimum: float, maximum: float, *, label: str, **settings: Any) -> gr.Slider:
    """A slider; an emptied box, text or a value outside its range is a plain gr.Error."""
    slider = gr.Slider(minimum, maximum, label=label, buttons=[], **settings)
    read = slider.preprocess

    def preprocess(payload: Any) -> float:
        try:
            return read(payload)
        except (TypeError, ValueError, OverflowError, gr.Error) as error:
            limits = f"{minimum:g} to {maximum:g}"
            raise gr.Error(f"{label}: must be a number of {limits}.", print_exception=False) from error

    slider.preprocess = preprocess
    return slider


def whole_number(value: int, **settings: Any) -> gr.Number:
    """A box for a whole number; what is none arrives as None."""
    box = gr.Number(value, precision=0, **settings)

    def preprocess(payload: Any) -> int | None:
        number = isinstance(payload, int | float) and not isinstance(payload, bool) and abs(payload) < 2**63
        return int(payload) if number and payload == int(payload) else None

    box.preprocess = preprocess
    return box


def choice(**settings: Any) -> gr.Dropdown:
    """A drop-down list; whatever was posted arrives as it is."""
    dropdown = gr.Dropdown(**settings)

    def preprocess(payload: Any) -> Any:
        return payload

    dropdown.preprocess = preprocess
    return dropdown
