"""The controls of the page that draw a picture again, read from the settings that it carries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pixelart.controls import COMPLETE, CONTROLS, ENLARGE, GENERATE
from pixelart.engine import CheckpointInfo, Request
from pixelart.engine.completion import mask_of_runs
from pixelart.engine.temperature import Painted, painted
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.coercion import as_map, map_settings
from pixelart.images.palette_choice import OF_MODEL
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.drawing import ENLARGED
from pixelart.ui.create.form import labels_in, only_for, request_from
from pixelart.ui.create.palette_value import AllowedColours, everything_allowed, hex_colours

_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")
BUTTONS = {GENERATE: "Generate", COMPLETE: "Complete mask", ENLARGE: "Enlarge"}
SEVERAL_STEPS = {"extended": "extending a picture", "tile": "a tileset"}
_COMPARED = (
    "class_weights",
    "temperature",
    "top_k",
    "top_p",
    "guidance",
    "allowed",
    "own_colours",
    "keep",
    "look",
    "kind",
    "window",
)


@dataclass(frozen=True)
class Recipe:
    """How to draw a picture again.

    action: the button to press. values: of the page's inputs by name, with `class_name` and `own_colours`, without
    those that the action does not read. colours: the allowed ones. canvas: what must be on the canvas, with its painted
    temperature; for a new picture, that one. differs: settings that the page cannot set.
    """

    action: str
    values: Mapping[str, Any]
    colours: AllowedColours
    canvas: Canvas
    differs: tuple[str, ...]


def recipe_of(settings: Mapping[str, Any], picture: Picture, info: CheckpointInfo) -> Recipe:
    """The recipe of `picture` (H, W, 4), which the checkpoint `info` drew with `settings`. It may be enlarged, as an
    export is.

    Raises:
        RequestRejected: settings that are not understood or outside the page's limits, or a picture that the page
            cannot draw in one step.
    """
    for key, what in SEVERAL_STEPS.items():
        if key in settings:
            raise RequestRejected(f"This picture is from {what}, which takes several steps: draw these again.")
    picture = _at_true_size(picture, settings)
    height, width = picture.shape[:2]
    mask = mask_of_runs(settings.get("mask"), height, width)
    if mask is None:
        raise RequestRejected("The settings do not say where it was drawn.")
    keep, factor = settings.get("keep", ""), settings.get("factor", 1)
    if type(factor) is not int or not 1 <= factor <= 4:
        raise RequestRejected(f"factor {factor!r:.20}: not understood")
    is_new = mask.all() and not keep and info.draws_size(height, width)
    action = ENLARGE if factor > 1 else GENERATE if is_new else COMPLETE
    temperature = _temperature(settings.get("temperature", 1.0), (height, width))
    small = None if temperature.percent is None else np.ascontiguousarray(temperature.percent[::factor, ::factor])
    canvas = Canvas(
        np.ascontiguousarray(picture[::factor, ::factor]),
        mask if action == COMPLETE else np.zeros_like(mask[::factor, ::factor]),
        window=_corner(settings.get("window")) if action == COMPLETE else None,
        temperature=small,
    )
    values = {
        **_numbers(settings), "temperature": temperature.top, "bottom_temperature": temperature.bottom,
        "size": f"{width} x {height}", "keep": keep, **labels_in(settings, info),
    }  # fmt: skip
    colours, percent = _colours(settings, info), None if small is None else small.repeat(factor, 0).repeat(factor, 1)
    there = replace(info, height=height, width=width)
    values = {**only_for(action, values), "seamless": values["seamless"]}  # Enlarge is refused if the page has an axis
    asked = request_from({**values, "colours": colours, "temperature_percent": percent}, there)
    differs = _differences(replace(asked, window=canvas.window), settings, info, action)
    return Recipe(action, values, colours, canvas, (*differs, *(["factor"] if factor not in (1, ENLARGED) else [])))


def _at_true_size(picture: Picture, settings: Mapping[str, Any]) -> Picture:
    """Raises RequestRejected if the picture is not a whole multiple of the recorded size."""
    found = _SIZE.fullmatch(str(settings.get("size", "")))
    if not found:
        return picture
    (height, width), (w, h) = picture.shape[:2], (int(found[1]), int(found[2]))
    times = height // h if h else 0
    if times < 1 or (height, width) != (times * h, times * w):
        raise RequestRejected(f"The picture is {width} x {height}; it was drawn as {w} x {h}.")
    small = picture[::times, ::times]
    if not np.array_equal(small.repeat(times, 0).repeat(times, 1), picture):
        raise RequestRejected("The picture was changed after it was drawn.")
    return np.ascontiguousarray(small)


def _numbers(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are a number or a word, by the names of the page's inputs."""
    axes = settings.get("seamless", "")
    return {
        **{name: settings.get(name, usual) for name, usual in (("top_p", 1.0), ("top_k", 0), ("guidance", 1.0))},
        "seed": settings.get("seed", -1),
        "images": 1,
        "seamless": [axis for axis in "xy" if axis in str(axes)],
        "own_colours": settings.get("own_colours") is True,
    }


def _temperature(value: Any, size: tuple[int, int]) -> Painted:
    """The temperature of settings, a number or a map; what is not found of a map shows in `_differences`."""
    try:
        rows = as_map(value, "temperature")
    except RequestRejected as error:
        raise RequestRejected("temperature: not understood") from error
    if not isinstance(rows, np.ndarray):
        return Painted(value)
    if rows.shape != size or rows.dtype.kind not in "fiu":
        raise RequestRejected("temperature: not understood")
    CONTROLS["temperature"].check("temperature", float(rows.min()))
    CONTROLS["temperature"].check("temperature", float(rows.max()))
    return painted(rows) or Painted(float(rows[0, 0]), float(rows[-1, 0]))


def _colours(settings: Mapping[str, Any], info: CheckpointInfo) -> AllowedColours:
    allowed, own = settings.get("allowed"), settings.get("colours")
    if allowed is not None and not (isinstance(allowed, list) and all(type(level) is int for level in allowed)):
        raise RequestRejected("allowed: not understood")
    names = hex_colours(info.colours)
    if info.takes_palettes and isinstance(own, list) and all(isinstance(one, str) and len(one) == 6 for one in own):
        names = ("", *own)
    if not names:
        return everything_allowed(None)
    return AllowedColours(names, tuple(allowed is None or level in allowed for level in range(len(names))))


def _corner(value: Any) -> tuple[int, int] | None:
    is_corner = isinstance(value, list) and len(value) == 2 and all(type(one) is int and one >= 0 for one in value)
    return (value[0], value[1]) if is_corner else None


def _plain(temperature: Any) -> Any:
    """A temperature as settings have it; a map of one number is that number."""
    values = as_map(temperature, "temperature")
    is_even = isinstance(values, np.ndarray) and values.min() == values.max()
    return float(values.flat[0]) if is_even else map_settings(values)


def _differences(asked: Request, settings: Mapping[str, Any], info: CheckpointInfo, action: str) -> tuple[str, ...]:
    """The names of settings that the request of the page would not have."""
    mine = json.loads(json.dumps(asked.settings()))
    mine, settings = ({**each, "temperature": _plain(each.get("temperature"))} for each in (mine, settings))
    unread = {"own_colours"} if action == GENERATE or info.takes_palettes else set[str]()
    different = [name for name in _COMPARED if name not in unread and mine.get(name) != settings.get(name)]
    own = settings.get("colours")
    of_model = [colour for colour in hex_colours(info.colours) if colour]
    is_of_model = own == of_model and (asked.palette == OF_MODEL or (not asked.palette and asked.allowed is not None))
    if info.takes_palettes and own is not None and not is_of_model and list(asked.palette) != own:
        different.append("palette")
    return tuple(name.replace("_", " ") for name in different)
