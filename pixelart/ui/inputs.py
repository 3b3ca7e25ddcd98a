"""gradio's inputs with other checks, so that every bad value gets a one-line message.

gradio itself raises a TypeError for an emptied box, and rejects choices that it has forgotten (after a restart, for
example). These inputs pass such values on; `form.py` and the engine check them. `is_template` keeps the front end of
the parent class, even after a handler has updated the component.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.ui.events import AT_ONCE
from pixelart.ui.gradio_parts import component_id


def _is_whole(payload: Any) -> bool:
    number = isinstance(payload, int | float) and not isinstance(payload, bool) and abs(payload) < 2**63
    return number and payload == int(payload)


class CheckedSlider(gr.Slider):
    """A slider. An emptied box, text or a value out of range raises a one-line gr.Error."""

    is_template = True

    def preprocess(self, payload: Any) -> float:
        """The number."""
        try:
            return super().preprocess(payload)
        except (TypeError, ValueError, OverflowError, gr.Error) as error:
            limits = f"{self.minimum:g} to {self.maximum:g}"
            raise gr.Error(f"{self.label}: must be a number from {limits}.", print_exception=False) from error


class WholeNumber(gr.Number):
    """A box for a whole number; anything else arrives as None."""

    is_template = True

    def preprocess(self, payload: Any) -> int | None:
        """The number, or None."""
        return int(payload) if _is_whole(payload) else None


class Real(gr.Number):
    """A box for a number; anything else arrives as None."""

    is_template = True

    def preprocess(self, payload: Any) -> float | None:
        """The number, or None."""
        number = isinstance(payload, int | float) and not isinstance(payload, bool)
        return float(payload) if number and abs(payload) < 2**63 else None


class CheckedTextbox(gr.Textbox):
    """A line of text; the posted value arrives unchecked."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Ticket(gr.Number):
    """The number of the button press that an event belongs to, set by the page's script (see `Session`)."""

    is_template = True

    def preprocess(self, payload: Any) -> int:
        """The number. Raises gr.Error with one plain line."""
        if not _is_whole(payload) or payload < 0:
            raise gr.Error("ticket: must be a whole number of 0 or more.", print_exception=False)
        return int(payload)


class Choice(gr.Dropdown):
    """A drop-down list; the posted value arrives unchecked."""

    is_template = True

    def chosen(self) -> Dependency:
        """The event that the visitor has chosen another value. Chain handlers with `success`.

        gradio's own `input` also fires when the list loses focus, and twice for a click on an entry. This event fails
        if the value equals that of the opened list, or the one chosen last.
        """
        own = f"(window.choices ??= {{}})[{component_id(self)}]"
        self.focus(None, self, None, js=f"(value) => {{ {own} = value; }}", **AT_ONCE)
        guard = f"(value) => {{ if ({own} === value) throw new Error('unchanged'); {own} = value; }}"
        return self.input(None, self, None, js=guard, **AT_ONCE)

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Switch(gr.Radio):
    """One of a few choices; the posted value arrives unchecked."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Style(gr.Radio):
    """One of a few choices, or none; the posted value arrives unchecked."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class CheckedCheckbox(gr.Checkbox):
    """A checkbox; the posted value arrives unchecked."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class CheckedCheckboxGroup(gr.CheckboxGroup):
    """Any of a few choices; the posted value arrives unchecked."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload


class Colour(gr.ColorPicker):
    """A colour; the posted value arrives unchecked."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """The payload."""
        return payload
