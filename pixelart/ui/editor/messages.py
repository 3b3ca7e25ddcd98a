"""What an editor asks, and what it is answered: JSON objects, see docs/editors.md."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pixelart.controls import COMPLETE, EXTEND, GENERATE, controls_of
from pixelart.engine import CheckpointInfo, Drawing
from pixelart.engine.margins import Margins
from pixelart.errors import RequestRejected
from pixelart.images.io import encode_rgba_png
from pixelart.settings import VERSION
from pixelart.ui.create.form import name_of
from pixelart.ui.results import bits

MODELS, CANCEL = "models", "cancel"
Message = Mapping[str, Any]
EditorAnswer = dict[str, Any]
STILL_WAITING: EditorAnswer = {"waiting": True}
WAS_CANCELLED: EditorAnswer = {"cancelled": True}
LAST = ("models", "results", "error", "cancelled")
"""Each request is answered by exactly one object with one of these keys, after any number of others."""
_MARGINS = ("left", "right", "up", "down")
_OWN: Mapping[str, tuple[str, ...]] = {
    GENERATE: ("palette", "raw"),
    COMPLETE: ("palette", "raw", "picture", "mask"),
    EXTEND: ("palette", "raw", "picture", *_MARGINS),
    MODELS: (),
    CANCEL: (),
}
"""Action -> its values besides the model and the API's parameters."""


def read_message(text: str | bytes) -> Message:
    """The object that an editor has sent.

    Raises:
        RequestRejected: not a JSON object, an unknown action, or a value that the action does not take.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestRejected("The message must be a JSON object.") from error
    if not isinstance(message, dict):
        raise RequestRejected("The message must be a JSON object.")
    action = message.get("action")
    if not isinstance(action, str) or action not in _OWN:
        raise RequestRejected(f"action {action!r:.40}: must be {', '.join(_OWN)}")
    known = {"action", "model", *_OWN[action], *(name_of(field) for field, _ in controls_of(action))}
    if unknown := sorted(set(message) - known):
        raise RequestRejected(f"{action} does not take {unknown[0]!r:.40}")
    return message


def controls_in(message: Message) -> dict[str, Any]:
    """The model and the values of the controls, by the API's names."""
    own = {"action", *_OWN[message["action"]]}
    return {name: value for name, value in message.items() if name not in own}


def margins_in(message: Message) -> Margins:
    """The pixels to add. Raises RequestRejected unless they are whole numbers within the limit."""
    margins = Margins(**{side: message.get(side, 0) for side in _MARGINS})
    margins.check()
    return margins


def models_answer(models: Sequence[CheckpointInfo]) -> EditorAnswer:
    """What an editor needs to know of the models."""
    return {"version": VERSION, "models": [_described(info) for info in models]}


def _described(info: CheckpointInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "width": info.width,
        "height": info.height,
        "classes": list(info.classes),
        "looks": list(info.looks),
        "kinds": info.kinds_by_class(),
        "presets": list(info.presets),
        "any_size": info.any_size,
        "takes_palettes": info.takes_palettes,
    }


def results_answer(drawings: Sequence[Drawing], margins: Margins, *, raw: bool) -> EditorAnswer:
    """The drawings of one size. `margins`: what was added around the picture that was sent. `raw`: their pixels
    instead of PNG files, for programs that cannot decode them."""
    height, width = drawings[0].picture.shape[:2]
    results = [_result(drawing, raw) for drawing in drawings]
    return {"results": results, "width": width, "height": height, "left": margins.left, "up": margins.up}


def _result(drawing: Drawing, raw: bool) -> dict[str, Any]:
    data = drawing.picture.tobytes() if raw else encode_rgba_png(drawing.picture, text=drawing.text())
    file = {"rgba" if raw else "png": base64.b64encode(data).decode()}
    return {"seed": drawing.seed, "bits": round(bits(drawing), 2), **file}
