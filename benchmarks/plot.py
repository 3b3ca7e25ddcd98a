"""Curves on doubly logarithmic axes, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

SIZE, MARGIN, LEGEND = (560, 280), 48, 190
MOST_LABELS = 6
COLOURS = ("#4f46e5", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#65a30d", "#334155")


class Panel(NamedTuple):
    """One plot. curves: name -> its points (x, y), all positive. notes: name -> what the legend adds."""

    title: str
    x: str
    y: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    notes: Mapping[str, str] = {}


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The exponent k of y = c x^k that fits the points best; 0 for fewer than two."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    if len(logs) < 2:
        return 0.0
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread if spread else 0.0


def draw_panels(panels: Sequence[Panel], *, columns: int = 2) -> Image.Image:
    """The panels in rows of `columns`; curves of one name have one colour."""
    names = dict.fromkeys(name for panel in panels for name in panel.curves)
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    rows = -(-len(panels) // columns)
    image = Image.new("RGB", (SIZE[0] * min(columns, len(panels)), SIZE[1] * rows), "white")
    for number, panel in enumerate(panels):
        place = (number % columns * SIZE[0], number // columns * SIZE[1])
        image.paste(_draw(panel, colours), place)
    return image


def _draw(panel: Panel, colours: Mapping[str, str]) -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    points = [point for curve in panel.curves.values() for point in curve]
    across, up = (_Axis([p[i] for p in points], *ends) for i, ends in enumerate(_ENDS))
    pen.rectangle((MARGIN, MARGIN // 2, SIZE[0] - LEGEND, SIZE[1] - MARGIN), outline="#a1a1aa")
    pen.text((MARGIN, 6), f"{panel.title}: {panel.y} against {panel.x}", fill="black")
    places = sorted({p[0] for p in points})
    for value in places if len(places) <= MOST_LABELS else (places[0], places[-1]):
        pen.text((across(value), SIZE[1] - MARGIN + 6), _short(value), fill="#52525b", anchor="mt")
    for value in (up.least, up.most):
        pen.text((MARGIN - 4, up(value)), f"{value:.2g}", fill="#52525b", anchor="rm")
    for number, (name, curve) in enumerate(panel.curves.items()):
        colour = colours[name]
        ends = [(across(x), up(y)) for x, y in curve]
        pen.line(ends, fill=colour, width=2)
        for x, y in ends:
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
        label = f"{name} {panel.notes.get(name, '')}"
        pen.text((SIZE[0] - LEGEND + 8, MARGIN // 2 + 6 + 14 * number), label, fill=colour)
    return image


def _short(value: float) -> str:
    """A number for an axis, such as 256 or 1.3 M."""
    return f"{value / 1e6:.2g} M" if value >= 1e6 else f"{value / 1e3:.3g} k" if value >= 1e4 else f"{value:g}"


_ENDS = ((MARGIN + 10, SIZE[0] - LEGEND - 24), (SIZE[1] - MARGIN - 10, MARGIN))
"""Pixels of the smallest and of the largest value, of both axes."""


class _Axis:
    """Maps values to pixels, by their logarithms."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self.least, self.most = min(values), max(values)
        self._first, self._last = first, last

    def __call__(self, value: float) -> float:
        whole = math.log(self.most / self.least)
        share = math.log(value / self.least) / whole if whole else 0.5
        return self._first + share * (self._last - self._first)
