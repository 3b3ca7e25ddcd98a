"""What is asked of an engine, and what comes back."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelart.errors import RequestRejected
from pixelart.images.class_names import plain_class
from pixelart.images.codec import Picture
from pixelart.images.coercion import as_blend, as_heat
from pixelart.images.io import Facts, encode_png
from pixelart.images.kept_kinds import KEEP_NOTHING, KEEP_SHAPE, KEEP_SKETCH, KEEPS
from pixelart.images.palette_choice import as_palette
from pixelart.images.tiling import AXES
from pixelart.plain_json import to_json
from pixelart.sampling import AUTO, Controls, check_sampler
from pixelart.settings import SETTINGS, VERSION

MAX_SEED = 2**63 - 1 - SETTINGS.max_count


@dataclass(frozen=True)
class Request:
    """What to draw. `class_weights` blends classes by name, of which one alone may be given as text; empty = any class.
    Picture i uses seed + i.

    temperature: a number, or a map (H, W). top_k 0 and top_p 1 keep everything. guidance 1 is the plain model.
    seamless: axes along which the picture tiles, "x", "y" or "xy"; "" = none.
    allowed: the codec's levels that may be drawn (for an indexed codec: palette indices, 0 = transparent); None = all.
    sampler: "cached", "fixed_point" or "naive", which draw the same pictures; "auto" = the fastest for the model.
    own_colours: what is drawn into a picture comes in its own colours where it has one near (`own_colours.NEAR`), by a
    model that draws in its own alone.
    palette: of a model whose palette is an input, see `palette_choice.codec_of`.
    size: (height, width) of new pictures, of a model that draws any size; None = that of the checkpoint.
    keep: what the masked pixels of a completion keep: "shape" (transparent or not), "sketch" (also how light), by a
        model that draws sketches; "" = nothing.
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

    def __post_init__(self) -> None:
        """Numbers of any library become plain ones here, and the name of a class its weight, so that no later step
        meets others; `check` refuses what is no number.

        Raises:
            RequestRejected: a checkpoint, class weights, a temperature, a palette, a size or allowed levels that are
                nothing of the kind.
        """
        if not isinstance(self.checkpoint, str | os.PathLike):
            raise RequestRejected(f"checkpoint {self.checkpoint!r:.40}: needs the name of a checkpoint")
        plain = {name: _whole(getattr(self, name)) for name in ("count", "seed", "top_k")}
        plain |= {name: _number(getattr(self, name)) for name in ("top_p", "guidance")}
        plain["temperature"] = _number(as_heat(self.temperature))
        plain["class_weights"] = {
            plain_class(name) if isinstance(name, str) else name: _number(weight)
            for name, weight in as_blend(self.class_weights).items()
        }
        plain["allowed"], plain["palette"] = _levels(self.allowed), as_palette(self.palette)
        plain["size"] = _size(self.size)
        if isinstance(self.checkpoint, os.PathLike):
            plain["checkpoint"] = os.fspath(self.checkpoint)
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def check(self) -> None:
        """Raises RequestRejected, with the limit, when a value is of the wrong kind, or count or seed out of range."""
        levels = self.allowed or ()
        whole = {"count": self.count, "seed": self.seed, "top_k": self.top_k, **{f"allowed {k}": k for k in levels}}
        for name, value in whole.items():
            if isinstance(value, bool) or not isinstance(value, int):
                raise RequestRejected(f"{name} {value!r:.40}: must be a whole number")
        heat = {} if isinstance(self.temperature, np.ndarray) else {"temperature": self.temperature}
        numbers = {"top_p": self.top_p, "guidance": self.guidance, **heat}
        numbers |= {f"weight of class {name}": weight for name, weight in self.class_weights.items()}
        if isinstance(self.temperature, np.ndarray) and self.temperature.dtype.kind not in "fiu":
            raise RequestRejected(f"temperature of {self.temperature.dtype}: must be a map of numbers")
        for name, value in numbers.items():
            if not isinstance(value, float):
                raise RequestRejected(f"{name} {value!r:.40}: must be a number")
        check_sampler(self.sampler)
        if not isinstance(self.own_colours, bool):
            raise RequestRejected(f"own_colours {self.own_colours!r:.40}: must be True or False")
        if self.keep not in KEEPS:
            raise RequestRejected(f"keep {self.keep!r:.40}: must be {KEEP_SHAPE} or {KEEP_SKETCH}")
        if not 1 <= self.count <= SETTINGS.max_count:
            raise RequestRejected(f"count {self.count}: must lie in 1 to {SETTINGS.max_count}")
        if self.seamless not in AXES:
            raise RequestRejected(f"seamless {self.seamless!r:.40}: must be x, y or xy")
        if not 0 <= self.seed <= MAX_SEED:
            raise RequestRejected(f"seed {self.seed}: must lie in 0 to {MAX_SEED}")

    def controls(self) -> Controls:
        """The part that a sampler reads."""
        heat = self.temperature
        temperature = torch.from_numpy(heat.astype(np.float64)) if isinstance(heat, np.ndarray) else float(heat)
        return Controls(temperature, self.top_k, self.top_p, self.guidance, self.allowed)

    def settings(self) -> dict[str, Any]:
        """JSON-able form of what shapes every picture alike: not the count, nor the seed, of which each has its own."""
        heat = self.temperature
        return {
            "version": VERSION,
            "checkpoint": self.checkpoint,
            "class_weights": self.class_weights,
            "temperature": heat.tolist() if isinstance(heat, np.ndarray) else heat,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "guidance": self.guidance,
            "allowed": self.allowed,
            **({"own_colours": True} if self.own_colours else {}),
            **({"keep": self.keep} if self.keep else {}),
        }


RequestLike = Request | str
"""A request, or the name of a checkpoint, of which one new picture or completion is asked for."""


def as_request(given: RequestLike) -> Request:
    """The request; of the name of a checkpoint one that says nothing else.

    Raises:
        RequestRejected: something else.
    """
    if isinstance(given, Request):
        return given
    if isinstance(given, str):
        return Request(given)
    raise RequestRejected(f"request {given!r:.40}: needs a Request, or the name of a checkpoint")


def _size(given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    sides = tuple(map(_whole, given)) if isinstance(given, tuple | list) else ()
    if len(sides) != 2 or not all(type(side) is int for side in sides):
        raise RequestRejected(f"size {given!r:.40}: needs a height and a width such as (32, 48)")
    return sides[0], sides[1]


def _levels(given: Any) -> tuple[Any, ...] | None:
    if given is None:
        return None
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise RequestRejected(f"allowed {given!r:.40}: needs the numbers of levels such as (0, 3, 5), or None for all")
    return tuple(map(_whole, given))


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all limits
        return math.inf


@dataclass(frozen=True)
class Preview:
    """The pictures of a request as far as they are drawn: calling it decodes them, uint8 (count, H, W, 4).

    passes: after how many passes over all pixels, which the rows that are not final show too; 0 = row by row.
    sketch: whether no more than the sketch is drawn yet; its rows count as rows of the picture do.
    """

    decode: Callable[[], Picture]
    passes: int = 0
    sketch: bool = False

    def __call__(self) -> Picture:
        return self.decode()


@dataclass(frozen=True)
class Drawing:
    """One result: uint8 (H, W, 4), its own seed, log p in nats of the whole picture (of an enlarged one: given the
    small one), how it was made, and what its file keeps of the file of the picture that it was made from."""

    picture: Picture
    seed: int
    log_prob: float
    settings: Mapping[str, Any]
    facts: Facts = field(default_factory=Facts)

    def text(self) -> dict[str, str]:
        """The settings as a PNG's text chunks: a line that other viewers show, and JSON."""
        short = {key: value for key, value in self.settings.items() if isinstance(value, str | int | float | dict)}
        line = ", ".join(f"{key}: {value}" for key, value in short.items())
        return {"parameters": line, "pixelart": to_json(self.settings)}

    def png(self, *, scale: int = 1) -> bytes:
        """A PNG, each pixel `scale` wide, with the settings in its text chunks; indexed, unless kept pixels bring soft
        alpha or over 256 colours."""
        facts = self.facts
        return encode_png(self.picture, scale=scale, text=self.text(), palette=facts.palette, profile=facts.profile)
