"""The input and output of an engine: `Request`, `Preview` and `Drawing`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelart.controls import CONTROLS
from pixelart.engine.temperature import as_percent, scaled, with_rows
from pixelart.errors import RequestRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK, label_settings, plain_class
from pixelart.images.codec import Picture
from pixelart.images.coercion import as_blend, as_map, map_settings
from pixelart.images.io import Facts, encode_png
from pixelart.images.kept_kinds import KEEP_NOTHING
from pixelart.images.palette_choice import FEWEST, as_palette
from pixelart.plain_json import to_json
from pixelart.sampling import AUTO, Controls, check_sampler
from pixelart.settings import VERSION


@dataclass(frozen=True)
class Request:
    """What to draw. Picture i uses the seed `seed + i`.

    class_weights: a blend of classes by name; one class may be given as text; empty = any class.
    temperature: a number, or a map (H, W). top_k 0 and top_p 1 keep everything. guidance 1 = no guidance.
    bottom_temperature: that of the bottom row, changing evenly from `temperature` at the top; 0 = the same in all
        rows, and less than 0.1 counts as 0.1.
    temperature_percent: a map (H, W) of percents that multiplies the temperatures; None = 100 everywhere. The products
        stay within the limits of a temperature.
    seamless: axes along which the picture tiles, "x", "y" or "xy"; "" = none.
    allowed: the codec's levels that may be drawn (for an indexed codec: palette indices, 0 = transparent); None = all.
    sampler: "cached", "graph", "persistent", "fixed_point" or "naive", which draw the same pictures; "auto" = the
        fastest for the model.
    own_colours: map drawn colours to close colours of the picture (`own_colours.NEAR`). Ignored by models whose palette
        is an input.
    palette: for models whose palette is an input, see `palette_choice.codec_of`.
    size: (height, width) of new pictures, for models that draw any size; None = the usual one of the class and look.
    look: for models that know several looks, the one to draw in; "" = any.
    kind: for models that know kinds within the classes, the one to draw, such as "sword"; "" = any. Instead of "", a
        new picture of one class by a model whose palette is an input gets the look or kind that its seed picks.
    keep: what masked pixels of a completion keep: "shape" (transparent or opaque), or "sketch" (also the lightness
        level; only for models that draw sketches); "" = nothing.
    redraw: how often pictures with a defect are drawn again, see `redrawing`.
    window: (top, left) of the window that completes a picture larger than the model draws, if the whole mask lies in
        it; else, and if None, overlapping windows do. A seamless request ignores it.
    """

    checkpoint: str
    class_weights: Mapping[str, float] = field(default_factory=dict)
    count: int = 1
    seed: int = 0
    temperature: float | NDArray[np.float64] = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0
    allowed: tuple[int, ...] | None = None
    seamless: str = ""
    sampler: str = AUTO
    own_colours: bool = False
    palette: str | tuple[str, ...] = ""
    size: tuple[int, int] | None = None
    keep: str = KEEP_NOTHING
    bottom_temperature: float = 0.0
    redraw: int = 0
    window: tuple[int, int] | None = None
    temperature_percent: NDArray[Any] | None = None
    look: str = NO_LOOK
    kind: str = NO_KIND

    def __post_init__(self) -> None:
        """Convert numbers of any library to Python numbers, and a class name to class weights. `check` rejects values
        that are not numbers.

        Raises:
            RequestRejected: a checkpoint, class weights, temperature, palette, size, window or allowed levels of the
            wrong type.
        """
        if not isinstance(self.checkpoint, str | os.PathLike):
            raise RequestRejected(f"checkpoint {self.checkpoint!r:.40}: needs the name of a checkpoint")
        plain = {name: _whole(getattr(self, name)) for name in ("count", "seed", "top_k", "redraw")}
        plain |= {name: _number(getattr(self, name)) for name in ("top_p", "guidance", "bottom_temperature")}
        plain["temperature"] = _number(as_map(self.temperature, "temperature"))
        plain["temperature_percent"] = as_percent(self.temperature_percent)
        blend = as_blend(self.class_weights)
        plain["class_weights"] = {_name(name): _number(weight) for name, weight in blend.items()}
        plain["look"], plain["kind"] = _name(self.look), _name(self.kind)
        plain["allowed"], plain["palette"] = _levels(self.allowed), as_palette(self.palette)
        plain["size"] = _pair(self.size, "size", "a height and a width")
        plain["window"] = _pair(self.window, "window", "a top and a left")
        if isinstance(self.checkpoint, os.PathLike):
            plain["checkpoint"] = os.fspath(self.checkpoint)
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def check(self) -> None:
        """Raises RequestRejected, naming the limit, if a value has the wrong type or count or seed is out of range."""
        levels = self.allowed or ()
        whole = {name: getattr(self, name) for name in ("count", "seed", "top_k", "redraw")}
        whole |= {f"allowed {k}": k for k in levels}
        for name, value in whole.items():
            if isinstance(value, bool) or not isinstance(value, int):
                raise RequestRejected(f"{name} {value!r:.40}: must be a whole number")
        numbers = {name: getattr(self, name) for name in ("top_p", "guidance", "bottom_temperature")}
        numbers |= {} if isinstance(self.temperature, np.ndarray) else {"temperature": self.temperature}
        numbers |= {f"weight of class {name}": weight for name, weight in self.class_weights.items()}
        for name in ("temperature", "temperature_percent"):
            values = getattr(self, name)
            if isinstance(values, np.ndarray) and values.dtype.kind not in "fiu":
                raise RequestRejected(f"{name} of {values.dtype}: must be a map of numbers")
        for name, value in numbers.items():
            if not isinstance(value, float):
                raise RequestRejected(f"{name} {value!r:.40}: must be a number")
        check_sampler(self.sampler)
        for name in ("look", "kind"):
            if not isinstance(value := getattr(self, name), str):
                raise RequestRejected(f"{name} {value!r:.40}: must be the name of a {name}, or empty")
        if not isinstance(self.own_colours, bool):
            raise RequestRejected(f"own_colours {self.own_colours!r:.40}: must be True or False")
        others = ("keep", "count", "seamless", "seed", "bottom_temperature", "redraw")
        for name in others:  # `Controls` checks the rest
            CONTROLS[name].check(name, getattr(self, name))

    def checked(self, height: int, width: int) -> Request:
        """The request for a picture (height, width), see `with_map` and `check`."""
        request = self.with_map(height, width)
        request.check()
        return request

    def without_keep(self) -> Request:
        """The same request. Raises RequestRejected if it sets `keep`, which only completions support."""
        if self.keep:
            raise RequestRejected(f"keep {self.keep!r:.40}: only a completion can keep shape or sketch")
        return self

    def with_map(self, height: int, width: int) -> Request:
        """The same request with one temperature map (height, width) instead of a bottom temperature and percents.

        Raises:
            RequestRejected: a temperature or a percent is out of range, a map has another size, or a bottom temperature
            is combined with a map of temperatures.
        """
        size, bottom, percent = (height, width), self.bottom_temperature, self.temperature_percent
        temperature = with_rows(self.temperature, bottom, size)
        if percent is not None:
            temperature = scaled(temperature, percent, size)
            percent = None if percent.dtype.kind in "fiu" else percent  # `check` rejects it
        bottom = 0.0 if isinstance(bottom, float) else bottom  # `check` rejects it
        return replace(self, temperature=temperature, bottom_temperature=bottom, temperature_percent=percent)

    def controls(self) -> Controls:
        """The controls that a sampler reads."""
        given = self.temperature
        temperature = torch.from_numpy(given.astype(np.float64)) if isinstance(given, np.ndarray) else float(given)
        return Controls(temperature, self.top_k, self.top_p, self.guidance, self.allowed)

    def settings(self) -> dict[str, Any]:
        """The settings that all pictures share, as JSON types. Count and seed are left out."""
        return {
            "version": VERSION,
            "checkpoint": self.checkpoint,
            "class_weights": self.class_weights,
            "temperature": map_settings(self.temperature),
            "top_k": self.top_k,
            "top_p": self.top_p,
            "guidance": self.guidance,
            "allowed": self.allowed,
            **({"own_colours": True} if self.own_colours else {}),
            **label_settings(self.look, self.kind),
            **({"keep": self.keep} if self.keep else {}),
            **({"window": self.window} if self.window else {}),
        }


RequestLike = Request | str
"""A request, or the name of a checkpoint, which stands for a request with default values."""


def as_request(given: RequestLike) -> Request:
    """Return the request; the name of a checkpoint becomes a request with default values.

    Raises:
        RequestRejected: neither of these.
    """
    if isinstance(given, Request):
        return given
    if isinstance(given, str):
        return Request(given)
    raise RequestRejected(f"request {given!r:.40}: needs a Request, or the name of a checkpoint")


def _pair(given: Any, name: str, what: str) -> tuple[int, int] | None:
    if given is None:
        return None
    values = tuple(map(_whole, given)) if isinstance(given, tuple | list) else ()
    if len(values) != 2 or not all(type(value) is int for value in values):
        raise RequestRejected(f"{name} {given!r:.40}: needs {what} such as (32, 48)")
    return values[0], values[1]


def _levels(given: Any) -> tuple[Any, ...] | None:
    if given is None:
        return None
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise RequestRejected(f"allowed {given!r:.40}: needs the numbers of levels such as (0, 3, 5), or None for all")
    return tuple(map(_whole, given))


def _name(value: Any) -> Any:
    return plain_class(value) if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    try:
        return float(value)
    except OverflowError:  # an integer larger than any float
        return math.inf


@dataclass(frozen=True)
class Preview:
    """The pictures of a request so far. Calling it decodes them to uint8 (count, H, W, 4). undrawn: returns the pixels
    (H, W) of the first one that are not final, such as a sketch. passes: over all pixels so far; 0 = drawn row by row.
    sketch: whether only the sketch is drawn so far; its rows are extra rows. parts: of how many completions the drawing
    consists; its rows are then shares of them."""

    decode: Callable[[], Picture]
    undrawn: Callable[[], NDArray[np.bool_]]
    passes: int = 0
    sketch: bool = False
    parts: int = 1

    def __call__(self) -> Picture:
        return self.decode()


@dataclass(frozen=True)
class Drawing:
    """One result.

    picture: uint8 (H, W, 4). log_prob: log p in nats of the whole picture; for an enlarged one, given the small one.
    settings: how it was made. facts: metadata kept from the source file.
    """

    picture: Picture
    seed: int
    log_prob: float
    settings: Mapping[str, Any]
    facts: Facts = field(default_factory=Facts)

    @property
    def name(self) -> str:
        """Its class and its seed, such as hero_1234."""
        return f"{next(iter(self.settings.get('class_weights') or {}), 'any')}_{self.seed}"

    def text(self) -> dict[str, str]:
        """The settings as PNG text chunks: one readable line, and JSON."""
        short = {key: value for key, value in self.settings.items() if isinstance(value, str | int | float | dict)}
        temperature = as_map(short.get("temperature"), "temperature")
        if isinstance(temperature, np.ndarray):
            short["temperature"] = f"{temperature.min():g} to {temperature.max():g}"
        line = ", ".join(f"{key}: {value}" for key, value in short.items())
        return {"parameters": line, "pixelart": to_json(self.settings)}

    def png(self, *, scale: int = 1) -> bytes:
        """Encode as PNG with `scale` x `scale` blocks per pixel and the settings in text chunks.

        The PNG is indexed unless kept pixels have partial alpha or there are over 256 colours.
        """
        facts = self.facts
        return encode_png(self.picture, scale=scale, text=self.text(), palette=facts.palette, profile=facts.profile)


def once_more(request: Request, drawing: Drawing) -> Request:
    """A request for one picture with the palette, the look, the kind and the seed of a drawing, but not its size."""
    colours = tuple(drawing.settings.get("colours", ()))
    look, kind = (drawing.settings.get(what, getattr(request, what)) for what in ("look", "kind"))
    palette = colours if len(colours) >= FEWEST else request.palette
    return replace(request, count=1, seed=drawing.seed, palette=palette, look=look, kind=kind)


def later_seed(request: Request, count: int) -> int:
    """The seed `count` places after that of a request; after the largest one comes 0."""
    return (request.seed + count) % (int((CONTROLS["seed"].limits or (0, 0))[1]) + 1)
