"""The chosen model: find it, fit the canvas to its size, and find a model that enlarges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pixelart.engine import CheckpointInfo, Engine
from pixelart.errors import RequestRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK
from pixelart.images.codec import Picture
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.fit import fit_mask, fit_to_canvas
from pixelart.ui.create.form import ANY_CLASS, NO_BLEND, Values
from pixelart.ui.create.palette_value import hex_colours

NO_MODEL = "No model is installed. The notice at the top says how to get one."
MAX_DOCUMENT = 256
"""Longest side of a picture that the page completes in windows. Larger ones are fitted to the model's size: even one
window takes memory and time by the whole picture, for its noise, its previews and its own colours."""
LOADING = "The page is still loading. Try again in a moment."


def model_info(engine: Engine, model: Any) -> CheckpointInfo:
    """The chosen model. Raises RequestRejected when none is chosen, or it is gone."""
    if not isinstance(model, str | None):
        raise RequestRejected("Model: must be a name.")
    if not model:
        raise RequestRejected(LOADING if engine.list_checkpoints() else NO_MODEL)
    return engine.info(model)


def size_for(picture: Picture, info: CheckpointInfo) -> tuple[int, int]:
    """(height, width) in which a model completes a picture (H, W, 4): the picture's own size up to MAX_DOCUMENT pixels
    a side, if the model draws it or windows of it; else the model's size."""
    height, width = picture.shape[:2]
    try:
        info.window_of(height, width)
    except RequestRejected:
        return info.height, info.width
    return (height, width) if max(height, width) <= MAX_DOCUMENT else (info.height, info.width)


def fitted_canvas(canvas: Canvas, info: CheckpointInfo) -> Canvas:
    """The canvas in a size that the model draws; the same object if it already is."""
    size = size_for(canvas.picture, info)
    if canvas.picture.shape[:2] == size:
        return canvas
    mask = fit_mask(canvas.painted_mask, canvas.picture, *size)
    return Canvas(fit_to_canvas(canvas.picture, *size), mask)


def enlarger(chosen: CheckpointInfo, models: Sequence[CheckpointInfo]) -> CheckpointInfo:
    """The chosen model if it enlarges, else the most similar model that does.

    If there is none, the chosen one: the engine then says why it cannot."""
    if chosen.enlarges:
        return chosen
    can, known = [info for info in models if info.enlarges], {*chosen.classes}
    return max(can, key=lambda info: (same_colours(info, chosen), len(known & {*info.classes})), default=chosen)


def values_for(values: Values, info: CheckpointInfo, chosen: CheckpointInfo) -> Values:
    """Adapt the values for the `chosen` model to `info`.

    Class, look and kind stay if `info` has them, the second class if `info` has both, and the allowed colours stay if
    both palettes match; else `info` uses all of its colours.
    """
    if info is chosen:
        return values
    class_name, colours = values.get("class_name"), values.get("colours")
    same = colours is not None and colours.colours == hex_colours(info.colours)
    known = class_name if class_name in info.classes else ANY_CLASS
    look = values.get("look") if values.get("look") in info.looks else NO_LOOK
    kind = values.get("kind") if values.get("kind") in info.labels.kinds_of([known]) else NO_KIND
    has_both = {class_name, values.get("blend_class")} <= {*info.classes}
    labels = {"class_name": known, "blend_class": values["blend_class"] if has_both else NO_BLEND}
    return {**values, **labels, "look": look, "kind": kind, "colours": colours if same else None}


def same_colours(one: CheckpointInfo, other: CheckpointInfo) -> bool:
    """Whether two models have the same palette."""
    if one.colours is None or other.colours is None:
        return False
    return np.array_equal(one.colours, other.colours)
