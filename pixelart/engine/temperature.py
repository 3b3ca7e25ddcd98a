"""The temperature map of a request, made of its temperature, its bottom temperature and its percents."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pixelart.controls import CONTROLS, Control
from pixelart.errors import RequestRejected
from pixelart.images.coercion import as_map

Temperature = float | NDArray[np.float64]
"""A number, or a map (H, W)."""
PAINTED_PERCENTS = (50, 70, 130, 160)
"""What the page's temperature brush paints."""
_MOST_BASES = 6
_PERCENT = Control("of a temperature", limits=(0, 1000))


def as_percent(given: Any) -> NDArray[Any] | None:
    """A map of percents as an array; None stays.

    Raises:
        RequestRejected: something else.
    """
    values = as_map(given, "temperature_percent")
    if values is not None and not isinstance(values, np.ndarray):
        raise RequestRejected(f"temperature_percent {given!r:.40}: needs a map (height, width) of percents, or None")
    return values


def with_rows(top: Temperature, bottom: float, size: tuple[int, int]) -> Temperature:
    """Temperatures that change evenly from `top` to `bottom`, which counts as 0.1 if it is less; 0 = `top` everywhere.

    Raises:
        RequestRejected: `bottom` is out of range, or `top` is a map already.
    """
    if not bottom or not isinstance(bottom, float):  # `Request.check` rejects it
        return top
    CONTROLS["bottom_temperature"].check("bottom_temperature", bottom)
    if isinstance(top, np.ndarray):
        raise RequestRejected("bottom_temperature: cannot be combined with a temperature map")
    if bottom == top or not isinstance(top, float):
        return top
    rows = np.linspace(top, max(bottom, CONTROLS["temperature"].shown[0]), size[0])
    return np.repeat(rows[:, None], size[1], axis=1)


def scaled(temperature: Temperature, percent: NDArray[Any], size: tuple[int, int]) -> Temperature:
    """The temperatures times `percent`, within the limits of a temperature.

    Raises:
        RequestRejected: a map of another size than (height, width), or a value out of range.
    """
    if any(np.asarray(values).dtype.kind not in "fiu" for values in (temperature, percent)):
        return temperature  # `Request.check` rejects what is not a number
    temperatures = temperature if isinstance(temperature, np.ndarray) else np.full(percent.shape, temperature)
    _check("temperature_percent", _PERCENT, percent, size)
    _check("temperature", CONTROLS["temperature"], temperatures, size)
    least, most = CONTROLS["temperature"].limits or (0, 0)
    return np.clip(temperatures * (percent / 100), least, most)


class Painted(NamedTuple):
    """A temperature and what is painted over it, as a request has them: `top` is the temperature, `bottom` that of the
    bottom row (0 = the same), `percent` the map of percents (None = 100 everywhere)."""

    top: float
    bottom: float = 0.0
    percent: NDArray[np.uint8] | None = None


def painted(values: NDArray[Any]) -> Painted | None:
    """What `with_rows` and `scaled` make into exactly this map (H, W); None if it is not found.

    Each temperature of the map is tried as the one that is not painted, the most frequent ones first; then, because all
    may be painted, those of which it is a percent that the page paints. What needs only such percents is preferred.
    """
    found: list[Painted] = []
    for top, bottom in _pairs(values):
        if not _is_painted(values[[0, -1]], with_rows(top, bottom, (2, values.shape[1]))):
            continue  # most are sorted out by two rows
        rows = with_rows(top, bottom, values.shape)
        percent = np.rint(values / rows * 100).clip(0, 255).astype(np.uint8)
        if not np.array_equal(scaled(rows, percent, values.shape), values):
            continue
        found.append(Painted(top, bottom, None if (percent == 100).all() else percent))
        if np.isin(percent, (100, *PAINTED_PERCENTS)).all():
            return found[-1]
    return found[0] if found else None


def _is_painted(values: NDArray[Any], below: Temperature) -> bool:
    """Whether the temperatures are whole percents of those `below`."""
    percents = values / below * 100
    return bool((np.abs(percents - np.rint(percents)) < 1e-6).all())


def _pairs(values: NDArray[Any]) -> Iterator[tuple[float, float]]:
    """Temperatures at the top and at the bottom (0 = the same) that may lie below what is painted."""
    yield from ((top, 0.0) for top in _bases(values))
    yield from product(_bases(values[0]), _bases(values[-1]))


def _bases(values: NDArray[Any]) -> list[float]:
    """Temperatures that may lie below what is painted."""
    found, counts = np.unique(values, return_counts=True)
    plain = [float(value) for value in found[np.argsort(-counts, kind="stable")][:_MOST_BASES] if value > 0]
    below = [round(value * 100 / percent, 4) for percent in PAINTED_PERCENTS for value in plain]
    return [*plain, *(value for value in below if value <= (CONTROLS["temperature"].limits or (0, 0))[1])]


def _check(name: str, control: Control, values: NDArray[Any], size: tuple[int, int]) -> None:
    if values.shape != size:
        shape = " x ".join(map(str, reversed(values.shape)))
        raise RequestRejected(f"{name} map is {shape}; the picture is {size[1]} x {size[0]}")
    for extreme in (values.min(), values.max()):  # both are nan if one is
        control.check(name, float(extreme))
