"""gradio's inputs, so read that any bad value is answered in one plain line.

gradio's own reading raises a TypeError for an emptied box, and refuses a choice that it no longer remembers offering
(after a restart of the program, say). What these let through, `form.py` and the engine check. `is_template` keeps the
front end of the class that each is made from, also after a handler has changed it.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.ui.events import AT_ONCE


def _is_whole(payload: Any) -> bool:
    number = isinstance(payload, int | float) and not isinstance(payload, bool) and abs(payload) < 2**63
    return number and payload == int(payload)


class CheckedSlider(gr.Slider):
    """A slider; an emptied box, text or a value outside its range is a plain gr.Error."""

    is_template = True

    def preprocess(self, payload: Any) -> float:
        """The number."""
        try:
            return super().preprocess(payload)
        except (TypeError, ValueError, OverflowError, gr.Error) as error:
            limits = f"{self.minimum:g} to {self.maximum:g}"
            raise gr.Error(f"{self.label}: must be a number of {limits}.", print_exception=False) from error


class WholeNumber(gr.Number):
    """A box for a whole number; what is none arrives as None."""

    is_template = True

    def preprocess(self, payload: Any) -> int | None:
        """The number, or None."""
        return int(payload) if _is_whole(payload) else None


class Real(gr.Number):
    """A box for a number; what is none arrives as None."""

    is_template = True

    def preprocess(self, payload: Any) -> float | None:
        """The number, or None."""
        number = isinstance(payload, int | float) and not isinstance(payload, bool)
        return float(payload) if number and abs(payload) < 2**63 else None


class CheckedTextbox(gr.Textbox):
    """A line of text; whatever was posted arrives as it is."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Ticket(gr.Number):
    """Which press of a drawing button an event belongs to: filled in by the page's script (see `Session`)."""

    is_template = True

    def preprocess(self, payload: Any) -> int:
        """The number. Raises gr.Error in one plain line."""
        if not _is_whole(payload) or payload < 0:
            raise gr.Error("ticket: must be a whole number of 0 or more.", print_exception=False)
        return int(payload)


class Choice(gr.Dropdown):
    """A drop-down list; whatever was posted arrives as it is."""

    is_template = True

    def chosen(self) -> Dependency:
        """The event that the visitor has chosen another value: what is to follow is chained with `success`.

        gradio's own `input` comes whenever the list is left too, and twice for a click on an entry. This one fails
        unless the value differs from the one that the list had when it was opened, or from the one chosen since.
        """
        own = f"(window.choices ??= {{}})[{self._id}]"
        self.focus(None, self, None, js=f"(value) => {{ {own} = value; }}", **AT_ONCE)
        guard = f"(value) => {{ if ({own} === value) throw new Error('unchanged'); {own} = value; }}"
        return self.input(None, self, None, js=guard, **AT_ONCE)

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Switch(gr.Radio):
    """One of a few; whatever was posted arrives as it is."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Style(gr.Radio):
    """One of a few, or none of them; whatever was posted arrives as it is."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class CheckedCheckbox(gr.Checkbox):
    """A tick; whatever was posted arrives as it is."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class CheckedCheckboxGroup(gr.CheckboxGroup):
    """Some of a few; whatever was posted arrives as it is."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Colour(gr.ColorPicker):
    """A colour; whatever was posted arrives as it is."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload
