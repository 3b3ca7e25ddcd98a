"""The work that a page stores in its browser, so that a reload, a closed tab or a restart loses nothing.

`static/work.js` stores it and sends it back. It is checked here like any value of a page, because another version or
a hostile client may have written it. Unusable parts are dropped silently; the rest is restored.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from pixelart.engine import Drawing
from pixelart.engine.completion import mask_of_runs
from pixelart.errors import PixelArtError
from pixelart.images.coercion import as_map
from pixelart.images.io import decode_picture, encode_png
from pixelart.settings import SETTINGS
from pixelart.ui.create.form import MAX_IMAGES
from pixelart.ui.events import AT_ONCE
from pixelart.ui.inputs import (
    CheckedCheckbox,
    CheckedCheckboxGroup,
    CheckedSlider,
    CheckedTextbox,
    Choice,
    Colour,
    Real,
    Style,
    Switch,
    WholeNumber,
)

STORED = "(await window.work)?.results() ?? null"
"""Script: the results that the page has stored, for an input of a `Work`."""
MAX_CUSTOM = 20
"""Longest value typed into a list, in characters."""
MAX_TEXT = 4000
"""Longest text that is stored, in characters."""
_FAULTS = (PixelArtError, ValueError, TypeError, KeyError, RecursionError, OverflowError)


@dataclass(frozen=True)
class Kept:
    """What a page has stored: the `values` of its inputs by name, its results, and whether it has a painting (which
    stays in the browser)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    drawings: list[Drawing] = field(default_factory=list)
    mask: NDArray[np.bool_] | None = None
    has_painting: bool = False


NOTHING_KEPT = Kept()


def kept_from_payload(payload: Any) -> Kept:
    """Read the stored work that `work.js` sends back, without unusable parts."""
    if not isinstance(payload, dict):
        return Kept()
    values = payload.get("values")
    try:
        drawings = _drawings(payload.get("results"))
    except _FAULTS:
        drawings = []
    return Kept(
        values if isinstance(values, dict) else {},
        drawings,
        _mask(drawings),
        payload.get("painting") is True,
    )


def results_to_payload(drawings: Sequence[Drawing]) -> dict[str, Any]:
    """The results as JSON for `work.js`: the first ones that fit the limits."""
    results, size, pixels = list[dict[str, Any]](), 0, 0
    for drawing in drawings:
        data, settings = encode_png(drawing.picture), json.dumps(drawing.settings)
        size, pixels = size + len(data) + len(settings), pixels + drawing.picture[..., 0].size
        if size > SETTINGS.max_page_bytes or pixels > SETTINGS.max_page_pixels:
            break
        about = {"seed": drawing.seed, "log_prob": drawing.log_prob, "settings": settings}
        results.append({"png": base64.b64encode(data).decode(), **about})
    return {"results": results}


def usable(component: Any, value: Any) -> bool:
    """Whether an input may be set to a stored value."""
    if isinstance(component, CheckedSlider):
        return _is_number(value) and component.minimum <= value <= component.maximum
    if isinstance(component, WholeNumber | Real):
        whole = isinstance(component, Real) or value == value // 1 if _is_number(value) else False
        return whole and abs(value) < 2**63
    if isinstance(component, CheckedCheckbox):
        return isinstance(value, bool)
    if value is None:
        return isinstance(component, Style)
    if isinstance(component, Choice) and component.allow_custom_value:
        return isinstance(value, str) and len(value) <= MAX_CUSTOM
    if isinstance(component, Choice | Switch | Style):
        return not isinstance(value, list | dict) and value in [choice for _, choice in component.choices]
    if isinstance(component, CheckedCheckboxGroup):
        choices = [choice for _, choice in component.choices]
        return isinstance(value, list) and len(value) <= len(choices) and all(part in choices for part in value)
    longest = 60 if isinstance(component, Colour) else MAX_TEXT
    return isinstance(component, Colour | CheckedTextbox) and isinstance(value, str) and len(value) <= longest


def restored(components: Mapping[str, Any], values: Mapping[str, Any]) -> list[Any]:
    """Updates of the components, in their order: the stored value if it is usable, else no change."""
    return [
        gr.update(value=values[name]) if name in values and usable(component, values[name]) else gr.skip()
        for name, component in components.items()
    ]


def keep(part: str, components: Mapping[str, Any]) -> None:
    """Have the page store the values of these inputs whenever they change."""
    names, inputs = json.dumps(list(components)), list(components.values())
    js = f"async (...values) => {{ (await window.work)?.keepValues({part!r}, {names}, values); }}"
    gr.on([component.change for component in inputs], None, inputs, None, js=js, **AT_ONCE)


def recalled(part: str) -> str:
    """Script: the stored values of a part of the page, for an input of a `Work`."""
    return f"await (await window.work)?.recall({part!r}) ?? null"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _drawings(results: Any) -> list[Drawing]:
    """Raises one of _FAULTS."""
    drawings, size, pixels = list[Drawing](), 0, 0
    for result in results if isinstance(results, list) else []:
        data = _bytes(result["png"], SETTINGS.max_page_bytes - size)
        picture, settings = decode_picture(data, name="result"), result["settings"]
        size, pixels = size + len(data) + len(settings), pixels + picture[..., 0].size
        if len(drawings) == MAX_IMAGES or pixels > SETTINGS.max_page_pixels:
            raise ValueError("more than the limit")
        if drawings and drawings[0].picture.shape != picture.shape:
            raise ValueError("results of one drawing have one size")
        drawings.append(Drawing(picture, _seed(result["seed"]), _log_prob(result["log_prob"]), settings_of(settings)))
    return drawings


def _bytes(text: Any, most: int) -> bytes:
    if not isinstance(text, str) or len(text) > most * 4 // 3 + 4:
        raise ValueError("larger than the limit")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError("no seed")
    return value


def _log_prob(value: Any) -> float:
    if not _is_number(value):
        raise ValueError("no probability")
    return float(value)


def settings_of(text: Any) -> dict[str, Any]:
    """The settings of a result from its JSON; file names use its class and checkpoint. Raises one of
    _FAULTS."""
    if not isinstance(text, str) or len(text) > SETTINGS.max_page_bytes:
        raise ValueError("no settings")
    settings = json.loads(text, parse_constant=lambda name: None)
    if not isinstance(settings, dict) or not isinstance(settings.get("checkpoint", ""), str):
        raise ValueError("no settings")
    weights = settings.get("class_weights") or {}
    if not isinstance(weights, dict) or not all(_is_number(weight) for weight in weights.values()):
        raise ValueError("no class weights")
    as_map(settings.get("temperature"), "temperature")  # `Drawing.text` needs it
    return settings


def _mask(drawings: Sequence[Drawing]) -> NDArray[np.bool_] | None:
    """Where the results were drawn, from the run lengths in their settings; None = everywhere."""
    if not drawings:
        return None
    mask = mask_of_runs(drawings[0].settings.get("mask"), *drawings[0].picture.shape[:2])
    return None if mask is None or mask.all() else mask
