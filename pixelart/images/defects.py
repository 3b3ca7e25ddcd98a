"""Defects of drawn pictures: nearly empty, or confetti, which is many lone pixels.

What is usual differs by class, so the limits are measured on the pictures that a model was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.images.codec import Picture, normalise

NEARLY_EMPTY = 0.05
"""A picture with a smaller share of visible pixels counts as nearly empty."""
CONFETTI = 0.25
"""A picture with a smaller share of lone pixels never counts as confetti."""
USUAL = 0.99
"""The share of real pictures that limits must allow."""
FEWEST_PICTURES = 20
"""Limits are not measured on fewer pictures."""


def visible_share(pictures: Picture) -> NDArray[np.float64]:
    """The share of visible pixels of each picture (N, H, W, 4), (N,)."""
    return (normalise(pictures)[..., 3] > 0).mean((1, 2))


def lone_share(pictures: Picture) -> NDArray[np.float64]:
    """The share of visible pixels without a neighbour of the same colour among eight, (N,); 0 if nothing is
    visible."""
    values = colour_numbers(pictures)
    height, width = values.shape[1:]
    wide = np.pad(values, ((0, 0), (1, 1), (1, 1)))  # 0 is not a visible colour
    alike = np.zeros(values.shape, np.bool_)
    for row in range(3):
        for column in range(3):
            if (row, column) != (1, 1):
                alike |= wide[:, row : row + height, column : column + width] == values
    visible = values != 0
    return (visible & ~alike).sum((1, 2)) / np.maximum(1, visible.sum((1, 2)))


def colour_numbers(pictures: Picture) -> NDArray[np.uint32]:
    """(N, H, W): one number per colour, 0 = transparent."""
    return np.ascontiguousarray(normalise(pictures)).view(np.uint32)[..., 0]


@dataclass(frozen=True)
class DefectLimits:
    """What pictures of a class have: at least the share `visible` of visible pixels, at most the share `lone` of lone
    ones."""

    visible: float
    lone: float

    def exceeded_by(self, pictures: Picture) -> NDArray[np.bool_]:
        """bool (N,): which of the pictures (N, H, W, 4) are nearly empty or confetti."""
        return (visible_share(pictures) < self.visible) | (lone_share(pictures) > self.lone)

    def values(self) -> dict[str, float]:
        """The fields by name, for a config."""
        return asdict(self)


NO_LIMITS = DefectLimits(0, 1)


def limits_of(sets: Sequence[Picture]) -> DefectLimits:
    """The limits that USUAL of real pictures keep, given as sets (N, H, W, 4) of one size each. `visible` is at most
    NEARLY_EMPTY, and `lone` at least CONFETTI; below FEWEST_PICTURES pictures there are no limits."""
    if sum(map(len, sets)) < FEWEST_PICTURES:
        return NO_LIMITS
    visible, lone = (np.concatenate([measure(one) for one in sets]) for measure in (visible_share, lone_share))
    least, most = min(NEARLY_EMPTY, float(np.quantile(visible, 1 - USUAL))), float(np.quantile(lone, USUAL))
    return DefectLimits(round(least, 4), round(max(CONFETTI, most), 4))


def limits_of_mix(limits: Mapping[str, DefectLimits], classes: Sequence[str]) -> DefectLimits:
    """The limits of pictures of any of the classes: the loosest ones; no limits if those of a class are unknown."""
    each = [limits.get(name, NO_LIMITS) for name in classes]
    return DefectLimits(min(e.visible for e in each), max(e.lone for e in each)) if each else NO_LIMITS


def parse_limits(values: Any) -> dict[str, DefectLimits]:
    """The limits in a config, by class. Raises ValueError if a value is missing or not a share."""
    if not isinstance(values, dict):
        raise ValueError("defect limits must be an object")
    return {name: _limits(name, given) for name, given in values.items()}


def _limits(name: str, values: Any) -> DefectLimits:
    if not isinstance(values, dict) or set(values) != {"visible", "lone"}:
        raise ValueError(f"defect limits of {name:.60} must be visible and lone")
    for key, value in values.items():
        if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
            raise ValueError(f"{key} {value!r:.20} of {name:.60}: must be from 0 to 1")
    return DefectLimits(float(values["visible"]), float(values["lone"]))
