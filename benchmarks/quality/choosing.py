"""Choose the presets of a checkpoint from the settings of a grid, measured on the validation tiles."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.quality.orders import ranks
from pixelart.checkpoint.presets import PRESET_NAMES, Preset
from pixelart.sampling import Controls

MOST_BLANK = 0.02
"""Largest share of blank pictures of a preset, if any setting has so few."""
Figures = Mapping[str, Any]
WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "calm": {"kernel_distance": -1, "precision": 2, "class_accuracy": 2, "lone_pixels": -1},
    "balanced": {"kernel_distance": -2, "precision": 1, "recall": 1, "class_accuracy": 2},
    "wild": {"kernel_distance": -1, "recall": 3, "class_accuracy": 1},
}
"""Preset -> figure -> weight of a setting's rank in the grid; negative if less is better. Figures are pooled, except
kernel distance and lone pixels, which are means over classes. `lone_pixels` is how far their share exceeds that of real
tiles."""


def grid(temperatures: Sequence[float], top_ps: Sequence[float], guidances: Sequence[float]) -> list[Controls]:
    """All combinations of the values."""
    combinations = itertools.product(temperatures, top_ps, guidances)
    return [Controls(temperature=t, top_p=p, guidance=g) for t, p, g in combinations]


def choose_presets(rows: Sequence[Figures]) -> dict[str, Preset]:
    """The presets by name, from the figures (`quality`) of a grid.

    They differ if there are enough settings. Calm has at most the temperature of Balanced and at least its guidance;
    Wild the reverse.

    Raises:
        ValueError: no figures.
    """
    if not rows:
        raise ValueError("no settings to choose from")
    least = min(_blank(row) for row in rows)
    able = [row for row in rows if _blank(row) <= max(MOST_BLANK, least)]
    chosen = {"balanced": _best(able, rows, "balanced")}
    middle = chosen["balanced"]["controls"]
    for name, side in (("calm", -1), ("wild", 1)):
        beyond = [
            row
            for row in able
            if all(row is not other for other in chosen.values())
            and side * (row["controls"]["temperature"] - middle["temperature"]) >= 0
            and side * (row["controls"]["top_p"] - middle["top_p"]) >= 0
            and side * (middle["guidance"] - row["controls"]["guidance"]) >= 0
        ]
        chosen[name] = _best(beyond or [chosen["balanced"]], rows, name)
    return {name: Preset(**chosen[name]["controls"]) for name in PRESET_NAMES}


def _best(able: Sequence[Figures], rows: Sequence[Figures], name: str) -> Figures:
    scores = sum(
        weight * ranks(np.array([_value(row, kind) for row in rows])) for kind, weight in WEIGHTS[name].items()
    )
    places = [i for i, row in enumerate(rows) if any(row is one for one in able)]
    return rows[max(places, key=lambda i: float(np.asarray(scores)[i]))]


def _value(row: Figures, kind: str) -> float:
    means = row["mean_of_classes"]
    if kind == "kernel_distance":
        return means[kind] or 0.0
    if kind == "lone_pixels":
        return max(0.0, (means[kind]["drawn"] or 0.0) - (means[kind]["real"] or 0.0))
    return row["pooled"][kind]["value"] or 0.0


def _blank(row: Figures) -> float:
    return row["pooled"]["blank"]["value"] or 0.0
