"""Check the settings beside the canvas and turn them into a request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pixelart.engine import CheckpointInfo, Request
from pixelart.errors import RequestRejected
from pixelart.images.class_names import find_class
from pixelart.images.kept_kinds import KEEP_NOTHING
from pixelart.images.palette_choice import WORDS
from pixelart.settings import SETTINGS
from pixelart.ui.create.palette_value import AllowedColours, hex_colours

ANY_CLASS = "Any"
"""No class in particular; or the model's class of this name, if it has one."""
NO_CLASS = ""
"""No class in particular, whatever the classes are called."""
MAX_IMAGES = 16
MAX_PAGE_SEED = 2**31 - 1
_SIZE = re.compile(r"(\d{1,4})(?:\s*[x*, ]\s*(\d{1,4}))?")
RANDOM_SEEDS = 1_000_000  # short enough to read and to write down
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 2.0


@dataclass(frozen=True)
class Form:
    """The raw values, in the order of the page's inputs; a page may post anything in them."""

    class_name: Any
    temperature: Any
    seed: Any
    images: Any
    colours: AllowedColours | None
    top_p: Any
    top_k: Any
    guidance: Any
    bottom_temperature: Any
    seamless: Any
    own_colours: Any = False
    keep: Any = KEEP_NOTHING
    size: Any = ""
    palette: Any = ""


def request_from(form: Form, info: CheckpointInfo) -> Request:
    """The request for a model, in the size of `info`; a seed of -1 becomes a random one.

    Raises:
        RequestRejected: a value that is missing, of a wrong type, or out of range.
    """
    images = whole(form.images, "Images", 1, MAX_IMAGES)
    _check_room(images, info)
    seed = whole(form.seed, "Seed", -1, MAX_PAGE_SEED)
    weights, guidance = weights_of_class(form.class_name, info), number(form.guidance, "Guidance", 0, 10)
    return Request(
        checkpoint=info.name,
        class_weights=weights,
        count=images,
        seed=secrets.randbelow(RANDOM_SEEDS) if seed == -1 else seed,
        temperature=_temperature(form, info),
        top_k=whole(form.top_k, "Top-k", 0, 256),
        top_p=number(form.top_p, "Top-p", 0.01, 1),
        guidance=guidance if weights else 1.0,  # guidance needs a class
        **(_palette(form.palette) if form.palette else _colours(form.colours, info)),
        seamless=_seamless(form.seamless),
        own_colours=form.own_colours is True,
        keep=form.keep,
    )


def sized(info: CheckpointInfo, size: Any) -> CheckpointInfo:
    """The model with a size such as "48 x 32" or "32"; its own size if none is given or it has only one.

    Raises:
        RequestRejected: not a size, or a size that the model does not draw.
    """
    if not info.any_size or size is None or size == "":
        return info
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
        raise RequestRejected(f"Images: {pictures}; a page may keep {most >> 20} MiB. Ask for fewer.")


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


def class_choices(classes: Sequence[str]) -> list[tuple[str, str]]:
    """(label, value) of each choice of a class; the first is any class."""
    nothing = ("Any class", NO_CLASS) if ANY_CLASS in classes else (ANY_CLASS, ANY_CLASS)
    return [nothing, *((name, name) for name in classes)]


def _temperature(form: Form, info: CheckpointInfo) -> float | np.ndarray[Any, np.dtype[np.float64]]:
    top = number(form.temperature, "Temperature", MIN_TEMPERATURE, MAX_TEMPERATURE)
    bottom = number(form.bottom_temperature, "Temperature at bottom", 0, MAX_TEMPERATURE)
    if bottom == 0 or bottom == top:
        return top
    rows = np.linspace(top, max(bottom, MIN_TEMPERATURE), info.height)
    return np.repeat(rows[:, None], info.width, axis=1)


def _colours(colours: AllowedColours | None, info: CheckpointInfo) -> dict[str, Any]:
    """The arguments of a request about the colours to draw in."""
    if colours is None or info.colours is None:
        return {}
    if not any(colours.allowed):
        raise RequestRejected("Palette: allow at least one colour.")
    if info.takes_palettes and colours.colours != hex_colours(info.colours):  # the visitor's own palette
        chosen = [(colour, on) for colour, on in zip(colours.colours, colours.allowed, strict=True) if colour]
        kept = tuple(colour for colour, on in chosen if on)
        clear = any(on and not colour for colour, on in zip(colours.colours, colours.allowed, strict=True))
        return {"palette": kept, "allowed": None if clear else tuple(range(1, len(kept) + 1))}
    if len(colours.allowed) != len(info.colours):
        raise RequestRejected(f"Palette: {len(colours.allowed)} colours; {info.name} has {len(info.colours)}.")
    return {"allowed": colours.indices()}


def _palette(text: Any) -> dict[str, Any]:
    """The palette of an API request: a word, or hexadecimal colours separated by commas."""
    if not isinstance(text, str):
        raise RequestRejected("Palette: must be picture, model, or colours such as ff0044,ffffff.")
    return {"palette": text if text in WORDS else [part.strip() for part in text.split(",")]}


def _seamless(axes: Any) -> str:
    if not isinstance(axes, list) or not all(axis in ("x", "y") for axis in axes):
        raise RequestRejected("Seamless: must be some of x and y.")
    return "".join(axis for axis in "xy" if axis in axes)


def number(value: Any, name: str, least: float, most: float) -> float:
    """Check a posted number. Raises RequestRejected, with the limits, for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RequestRejected(f"{name}: must be a number of {least} to {most}.")
    return float(value)


def whole(value: Any, name: str, least: int, most: int) -> int:
    """Check a posted whole number. Raises RequestRejected, with the limits, for anything else."""
    if number(value, name, least, most) != value // 1:
        raise RequestRejected(f"{name}: must be a whole number of {least} to {most}.")
    return int(value)
