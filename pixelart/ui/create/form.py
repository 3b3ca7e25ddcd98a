"""Check the settings beside the canvas and turn them into a request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.controls import CONTROLS, GENERATE, Control, number
from pixelart.engine import CheckpointInfo, Request
from pixelart.errors import RequestRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK, find_class
from pixelart.images.palette_choice import OF_MODEL, WORDS
from pixelart.settings import SETTINGS
from pixelart.ui.create.palette_value import AllowedColours, hex_colours

ANY_CLASS = "Any"
"""Any class; or the model's class of this name, if it has one."""
NO_CLASS = ""
"""Any class, whatever the classes are called."""
NO_BLEND = ""
"""No second class."""
MAX_IMAGES = int(CONTROLS["count"].shown[1])
_SIZE = re.compile(r"(\d{1,4})(?:\s*[x*, ]\s*(\d{1,4}))?")
RANDOM_SEEDS = 1_000_000  # short enough to read and to write down
OF_PRESET = tuple(field for field, control in CONTROLS.items() if control.of_preset)
"""The controls that a preset sets."""
Values = Mapping[str, Any]
"""Posted values of the controls by name (see `name_of`), and of the page's own inputs `colours`, `own_colours`,
`blend_class` and `blend_share`. A page may post anything in them; missing ones have their defaults."""
_OWN_WAY = ("class_name", "count", "seed", "seamless", "palette", "size", "preset", "temperature_percent")
"""Controls that are not read as a number or a word."""


def name_of(field: str) -> str:
    """The name of a control on the page and in the API."""
    return CONTROLS[field].name or field


def label_of(field: str, control: Control) -> str:
    """The name of a control in messages, such as "Top-p"."""
    return control.page.label if control.page else name_of(field).replace("_", " ").capitalize()


def request_from(values: Values, info: CheckpointInfo) -> Request:
    """The request for a model, in the size of `info`; a seed of -1 becomes a random one.

    Raises:
        RequestRejected: a value that is missing, of a wrong type, or out of range.
    """
    posted = {field: values.get(name_of(field), control.default) for field, control in CONTROLS.items()}
    count = CONTROLS["count"].read("Images", posted["count"])
    _check_room(count, info)
    seed = CONTROLS["seed"].read("Seed", posted["seed"])
    read = {
        field: control.read(label_of(field, control), posted[field]) if control.limits else posted[field]
        for field, control in CONTROLS.items()
        if field not in _OWN_WAY
    }
    weights = _blended(weights_of_class(posted["class_name"], info), values, info)
    if not (weights or read["look"] or read["kind"]):
        read["guidance"] = 1.0  # there is nothing to guide to
    palette = posted["palette"]
    request = Request(
        checkpoint=info.name,
        class_weights=weights,
        count=count,
        seed=secrets.randbelow(RANDOM_SEEDS) if seed == -1 else seed,
        **read,
        **(_palette(palette) if palette else _colours(values.get("colours"), info, values.get("own_colours"))),
        seamless=_seamless(posted["seamless"]),
        temperature_percent=_percent(posted["temperature_percent"]),
        own_colours=values.get("own_colours") is True,
    )
    return request.with_map(info.height, info.width)


def only_for(action: str, values: Values) -> Values:
    """The values without controls that do not apply to generate, complete or enlarge."""
    others = {name_of(field) for field, control in CONTROLS.items() if action not in control.actions}
    if action == GENERATE:
        others.add("own_colours")  # there is no picture yet
    return {name: value for name, value in values.items() if name not in others}


def sized(info: CheckpointInfo, values: Values) -> CheckpointInfo:
    """The model with the `size` among the values, such as "48 x 32" or "32"; if none is given, with the usual size of
    the class and look; with its own if it has only one.

    Raises:
        RequestRejected: not a size, or a size that the model does not draw.
    """
    size = values.get("size")
    if not info.any_size:
        return info
    if size is None or size == "":
        class_name = values.get("class_name")
        weights = {class_name: 1.0} if class_name in info.classes else {}
        height, width = info.usual_size(weights, values.get("look"))
        return replace(info, height=height, width=width)
    sides = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    if sides is None:
        raise RequestRejected(f"Size {size!r:.20}: write width x height, such as 48 x 32.")
    width, height = int(sides[1]), int(sides[2] or sides[1])
    info.check_size(height, width, what="Size")
    return replace(info, height=height, width=width)


def _check_room(images: int, info: CheckpointInfo) -> None:
    """Raises RequestRejected if a page may not keep that many results."""
    size, most = 4 * images * info.height * info.width, SETTINGS.max_session_bytes
    if size > most:
        pictures = f"{images} pictures of {info.width} x {info.height} take {size >> 20} MiB"
        raise RequestRejected(f"Images: {pictures}; a page may keep {most >> 20} MiB. Choose fewer.")


def weights_of_class(name: Any, info: CheckpointInfo) -> dict[str, float]:
    """The class weights of `Request` for a chosen class; empty for any class.

    Raises:
        RequestRejected: no class is chosen, or the model does not have it.
    """
    if name is None:
        raise RequestRejected(f"Choose a class, or {ANY_CLASS}.")
    meant = find_class(name, info.classes) if isinstance(name, str) else None
    if meant is not None:
        return {meant: 1.0}
    if name in (ANY_CLASS, NO_CLASS):
        return {}
    raise RequestRejected(f"Class {name!r:.60}: {info.name} does not have it.")


def _blended(weights: dict[str, float], values: Values, info: CheckpointInfo) -> dict[str, float]:
    """The class weights with a second class, which has `blend_share` per cent.

    Raises:
        RequestRejected: there is no first class, the model lacks the second one, or the share is out of range.
    """
    second = values.get("blend_class", NO_BLEND)
    share = number(values.get("blend_share", 0), "Second class, %", 0, 100) / 100
    if second is None or second == NO_BLEND:
        return weights
    if not weights:
        raise RequestRejected("Second class: choose a first class too, or set the second one to None.")
    parts = [(weights, 1 - share), (weights_of_class(second, info), share)]
    blended = dict[str, float]()
    for name, part in [(name, weight * part) for of, part in parts for name, weight in of.items()]:
        blended[name] = blended.get(name, 0.0) + part
    return {name: round(part, 4) for name, part in blended.items() if part}


def second_classes(classes: Sequence[str]) -> list[tuple[str, str]]:
    """(label, value) of each choice of a second class; the first is none."""
    return [("None", NO_BLEND), *((name, name) for name in classes)]


def class_choices(classes: Sequence[str]) -> list[tuple[str, str]]:
    """(label, value) of each choice of a class; the first is any class."""
    nothing = ("Any class", NO_CLASS) if ANY_CLASS in classes else (ANY_CLASS, ANY_CLASS)
    return [nothing, *((name, name) for name in classes)]


def labels_in(settings: Mapping[str, Any], info: CheckpointInfo) -> dict[str, Any]:
    """The values of the class, the second class and its share, the look and the kind that the settings of a drawing
    name. Of a mix that the page cannot set, it is the class with the largest weight; a kind that the page does not
    offer for this class is any kind."""
    weights = settings.get("class_weights") or {}
    nothing = class_choices(info.classes)[0][1] if info.classes else ANY_CLASS
    chosen = max(weights, key=lambda name: weights[name]) if weights else nothing or NO_CLASS
    classes = {"class_name": chosen, "blend_class": NO_BLEND, "blend_share": 50}
    if len(weights) == 2 and round(sum(weights.values()), 3) == 1:
        (first, _), (second, share) = weights.items()
        classes = {"class_name": first, "blend_class": second, "blend_share": round(100 * share, 2)}
    kind = settings.get("kind", NO_KIND)
    offered = info.labels.kinds_of([classes["class_name"]])
    return {**classes, "look": settings.get("look", NO_LOOK), "kind": kind if kind in offered else NO_KIND}


def _colours(colours: AllowedColours | None, info: CheckpointInfo, own_colours: Any = None) -> dict[str, Any]:
    """The request arguments for the allowed colours, the visitor's palette, or (`own_colours` False) the model's."""
    of_model = {"palette": OF_MODEL} if own_colours is False and info.takes_palettes else {}
    if colours is None or info.colours is None:
        return of_model
    if not any(colours.allowed):
        raise RequestRejected("Palette: allow at least one colour.")
    if info.takes_palettes and colours.colours != hex_colours(info.colours):  # the visitor's own palette
        chosen = [(colour, on) for colour, on in zip(colours.colours, colours.allowed, strict=True) if colour]
        kept = tuple(colour for colour, on in chosen if on)
        clear = any(on and not colour for colour, on in zip(colours.colours, colours.allowed, strict=True))
        return {"palette": kept, "allowed": None if clear else tuple(range(1, len(kept) + 1))}
    if len(colours.allowed) != len(info.colours):
        raise RequestRejected(f"Palette: {len(colours.allowed)} colours; {info.name} has {len(info.colours)}.")
    return {"allowed": colours.indices(), **of_model}


def _palette(text: Any) -> dict[str, Any]:
    """The palette of an API request: a word, or hexadecimal colours separated by commas."""
    if not isinstance(text, str):
        raise RequestRejected("Palette: must be picture, model, or colours such as ff0044,ffffff.")
    return {"palette": text if text in WORDS else [part.strip() for part in text.split(",")]}


def _percent(given: Any) -> NDArray[np.uint8] | None:
    """The map that a handler has read from the canvas or from a file; what a client posts itself is refused."""
    if isinstance(given, np.ndarray):
        return given
    if given is None or given == "":
        return None
    raise RequestRejected(f"{label_of('temperature_percent', CONTROLS['temperature_percent'])}: must be a PNG.")


def _seamless(axes: Any) -> str:
    """The axes of a list, or of a word such as "xy"."""
    axes = list(axes) if isinstance(axes, str) else axes
    if not isinstance(axes, list) or not all(axis in ("x", "y") for axis in axes):
        raise RequestRejected("Seamless: must be some of x and y.")
    return "".join(axis for axis in "xy" if axis in axes)
