"""What is asked of an engine, and what comes back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelart.codec import Picture
from pixelart.errors import RequestRejected
from pixelart.images import encode_png
from pixelart.plain_json import to_json
from pixelart.sampling import AUTO, Controls, check_sampler
from pixelart.seams import AXES
from pixelart.settings import SETTINGS, VERSION

MAX_SEED = 2**63 - 1 - SETTINGS.max_count


@dataclass(frozen=True)
class Request:
    """What to draw. `class_weights` blends classes by name; empty = any class. Picture i uses seed + i.

    temperature: a number, or a map (H, W). top_k 0 and top_p 1 keep everything. guidance 1 is the plain model.
    seamless: axes along which the picture tiles, "x", "y" or "xy"; "" = none.
    allowed: the codec's levels that may be drawn (for an indexed codec: palette indices, 0 = transparent); None = all.
    sampler: "cached", "fixed_point" or "naive", which draw the same pictures; "auto" = the fastest for the model.
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

    def __post_init__(self) -> None:
        """Numbers of any library become plain ones here, so that no later step meets others; `check` refuses what is
        no number."""
        plain = {name: _whole(getattr(self, name)) for name in ("count", "seed", "top_k")}
        plain |= {name: _number(getattr(self, name)) for name in ("temperature", "top_p", "guidance")}
        plain["class_weights"] = {name: _number(weight) for name, weight in self.class_weights.items()}
        plain["allowed"] = None if self.allowed is None else tuple(map(_whole, self.allowed))
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
        }


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
    """

    decode: Callable[[], Picture]
    passes: int = 0

    def __call__(self) -> Picture:
        return self.decode()


@dataclass(frozen=True)
class Drawing:
    """One result: uint8 (H, W, 4), its own seed, log p in nats of the whole picture (of an enlarged one: given the
    small one), and how it was made."""

    picture: Picture
    seed: int
    log_prob: float
    settings: Mapping[str, Any]

    def text(self) -> dict[str, str]:
        """The settings as a PNG's text chunks: a line that other viewers show, and JSON."""
        short = {key: value for key, value in self.settings.items() if isinstance(value, str | int | float | dict)}
        line = ", ".join(f"{key}: {value}" for key, value in short.items())
        return {"parameters": line, "pixelart": to_json(self.settings)}

    def png(self, *, scale: int = 1) -> bytes:
        """A PNG, each pixel `scale` wide, with the settings in its text chunks; indexed, unless kept pixels bring soft
        alpha or over 256 colours."""
        return encode_png(self.picture, scale=scale, text=self.text())
