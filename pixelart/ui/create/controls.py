"""The inputs of the controls that `pixelart.controls` declares for the page."""

from __future__ import annotations

from typing import Any

from pixelart.controls import CONTROLS
from pixelart.ui.create.form import name_of
from pixelart.ui.inputs import CheckedSlider, Style, Switch


def control_input(field: str) -> Any:
    """The input of a control: a slider for a number, a list of choices otherwise."""
    control = CONTROLS[field]
    page = control.page
    if page is None:
        raise ValueError(f"{field}: not declared for the page")
    look: dict[str, Any] = {"label": page.label, "info": page.info, "elem_id": name_of(field).replace("_", "-")}
    first = control.default if page.first is None else page.first
    if control.choices:
        kind = Switch if page.advanced else Style
        choices = [*zip(page.words, control.choices, strict=True)]
        return kind(choices, value=first, elem_classes="choices", **look)
    least, most = control.shown
    return CheckedSlider(least, most, value=first, step=page.step, buttons=[], **look)


def advanced_controls() -> dict[str, Any]:
    """The inputs of all controls that belong under Advanced, by name."""
    return {name_of(field): control_input(field) for field, c in CONTROLS.items() if c.page and c.page.advanced}
