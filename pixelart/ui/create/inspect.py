"""Inspect: answer the page's questions about the picture on the canvas.

No state is kept between questions. A page asks one numbered question at a time; the answer repeats the number.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import gradio as gr

from pixelart.engine import ColourChance, Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.codec import ALPHA_THRESHOLD, Picture
from pixelart.ui.create.canvas_value import canvas_from_payload
from pixelart.ui.create.form import weights_of_class
from pixelart.ui.create.model_choice import model_info
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.security.safe_blocks import FAULT

_log = logging.getLogger(__name__)
COLOURS = 5
CLASSES = 3
MAX_NUMBER = 2**53  # the page counts in doubles
Answer = dict[str, Any]
"""JSON for canvas/inspect.js: `number`, and the result, or `waits`, or `error` as one plain line."""


class InspectHandlers:
    """The handlers of one page."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def inspect(self, model: Any, class_name: Any, event: gr.EventData) -> Answer:
        """Answer the question {number, width, height, pixels, pixel}.

        A `pixel` [column, row] asks for its most probable colours; null asks for the bits of all pixels and the most
        probable classes. Drawings go first: during one, the answer asks the page to try again.
        """
        data = event_data(event)
        question: dict[str, Any] = data if isinstance(data, dict) else {}
        number = question.get("number")
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_NUMBER:
            raise gr.Error(f"question: must have a number from 0 to {MAX_NUMBER}.", print_exception=False)
        if self.engine.is_drawing:
            return {"number": number, "waits": True}
        try:
            info = model_info(self.engine, model)
            weights = weights_of_class(class_name, info)
            picture, pixel = canvas_from_payload(question).picture, _pixel(question.get("pixel"))
            spec = (info.name, picture, weights)
            result = self._colours(*spec, *pixel) if pixel else self._map(*spec)
        except PixelArtError as error:
            result = {"error": str(error)}
        except Exception:
            _log.exception("inspecting failed")
            result = {"error": FAULT}
        return {"number": number, **result}

    def _map(self, model: str, picture: Picture, weights: Mapping[str, float]) -> Answer:
        found = self.engine.inspect(model, picture, class_weights=weights)
        return {
            "bits": [round(bits, 3) for bits in found.bits.ravel().tolist()],
            "most": float(found.bits.max()),
            "total": found.total_bits,
            "given": next(iter(weights), None),
            "classes": [*found.class_probabilities.items()][:CLASSES],
        }

    def _colours(self, model: str, picture: Picture, weights: Mapping[str, float], column: int, row: int) -> Answer:
        found = self.engine.colours_at(model, picture, row=row, column=column, top=COLOURS, class_weights=weights)
        likely, current = [_chance(c) for c in found.likely], _chance(found.current)
        return {"likely": likely, "current": current, "exact": found.is_exact, "bound": found.bound}


def _pixel(value: Any) -> tuple[int, int] | None:
    """(column, row). The engine checks that they lie inside the picture."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise RequestRejected("pixel: must be a column and a row")
    return value[0], value[1]


def _chance(chance: ColourChance) -> Answer:
    colour = bytes(chance.colour[:3]).hex() if chance.colour[3] >= ALPHA_THRESHOLD else ""
    return {"colour": colour, "probability": chance.probability}
