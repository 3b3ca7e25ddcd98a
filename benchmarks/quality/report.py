"""Make QUALITY.md and the contact sheet from the figures of checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.quality.drawing import Drawn
from benchmarks.quality.tiles import Part, Tiles, of_class
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet

Figures = Mapping[str, Any]
COLUMNS = ("setting", "temperature", "top-p", "guidance")
KINDS = {
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "class_accuracy": "class accuracy",
    "two_sample": "told from real",
    "blank": "blank",
    "near_copies": "near copies",
    "near_copies_without_heroes": "near copies without heroes",
    "distinct": "distinct",
}
_PLAIN = ("kernel_distance", "colours")
"""Figures that are no shares."""
PAIRS = {"colours": "colours, drawn / real", "lone_pixels": "lone pixels, drawn / real"}
NOTES = """\
All pictures are compared in a common palette of 64 colours. Kernel distance (KID x 100, 0 = equal, less is better),
precision (share of drawn pictures that look real) and recall (share of real ones that could be drawn; both k = 3) use
the features of the judge, a small residual classifier trained on the training tiles; figures of different judges cannot
be compared. Pooled figures use equally many drawn and real tiles of each class. Class accuracy: how often the judge
recognises the class of a drawn picture. Told from real: how often a small classifier distinguishes drawn from real
pictures that it was not trained on; 50 % is perfect. Blank: less than 5 % visible, in classes without such training
tiles. Near copies: of training tiles of the class, mirrored or not, shifted by up to 2 pixels. Lone pixels have no
neighbour of their colour among eight; they and the colours of a picture are means over classes. "As the app draws":
nearly empty pictures and confetti are drawn again, at most twice, which the app does unless a seed is given. In
brackets: the 95 % confidence interval and the number of pictures; the intervals of kernel distance, precision and
recall are the spread over random halves.
"""


def text(results: Sequence[Figures]) -> str:
    """The content of QUALITY.md, from the results of `measure_checkpoint`."""
    lines = ["# Quality of drawn pictures", "", NOTES]
    for result in results:
        lines += [_section(result), ""]
    return "\n".join(lines).rstrip() + "\n"


def _section(result: Figures) -> str:
    judge, look = result["judge"], result.get("look")
    lines = [
        f"## {result['checkpoint']}",
        "",
        f"    {result['command']}",
        "",
        f"Measured on {result['machine']}. The judge ({judge['digest']}) is right on {_cell(judge['accuracy'])} of the "
        f"held-out tiles, {judge['of_classes']:.0%} as mean over classes; in the common palette on "
        f"{_cell(judge['common'])}." + (f" Drawn in the look {look}, that of the tiles." if look else ""),
        "",
        f"![{result['checkpoint']}: real held-out tiles, then {', '.join(result['sheet'])}](quality-"
        f"{result['checkpoint']}.png)",
        "",
        f"From left to right: real held-out tiles, {', '.join(result['sheet'])}; seeds from {result['first_seed']}, "
        "nothing chosen by hand. One row per class.",
        "",
        "### Held-out tiles, pooled",
        "",
        table([("real training tiles", result["ceiling"]), *result["held_out"].items()]),
        "",
        "Mean over classes:",
        "",
        means([("real training tiles", result["ceiling"]), *result["held_out"].items()]),
    ]
    for name, figures in [("real training tiles", result["ceiling"]), *result["held_out"].items()]:
        lines += ["", f"### {name}, by class", "", class_table(figures)]
    if result["grid"]:
        lines += ["", "### The grid, on validation tiles", "", result["note"], "", grid_table(result["grid"])]
    if result.get("orders"):
        lines += ["", "### The order of results", "", orders_table(result["orders"])]
    return "\n".join(lines)


def table(rows: Sequence[tuple[str, Figures]]) -> str:
    """Pooled figures, one row per setting."""
    kinds = [k for k in KINDS if any(k in figures["pooled"] for _, figures in rows)]
    head = [*COLUMNS, *(KINDS[k] for k in kinds)]
    lines = [_row(head), "|---" * len(head) + "|"]
    for name, figures in rows:
        cells = [_cell(figures["pooled"].get(k), plain=k in _PLAIN) for k in kinds]
        lines.append(_row([name, *_controls(figures), *cells]))
    return "\n".join(lines)


def means(rows: Sequence[tuple[str, Figures]]) -> str:
    """Means over classes, one row per setting."""
    kinds = [kind for kind in rows[0][1]["mean_of_classes"] if kind in KINDS]
    head = ["setting", *(KINDS[k] for k in kinds), *PAIRS.values()]
    lines = [_row(head), "|---" * len(head) + "|"]
    for name, figures in rows:
        means = figures["mean_of_classes"]
        values = [_number(means[k], plain=k in _PLAIN) for k in kinds]
        lines.append(_row([name, *values, *(_pair(means[k], k) for k in PAIRS)]))
    return "\n".join(lines)


def class_table(figures: Figures) -> str:
    """The figures of one setting, one row per class."""
    kinds = [k for k in KINDS if any(k in row for row in figures["classes"].values())]
    head = ["class", *(KINDS[k] for k in kinds), *PAIRS.values()]
    lines = [_row(head), "|---" * len(head) + "|"]
    for name, row in figures["classes"].items():
        cells = [_cell(row.get(k), plain=k in _PLAIN) for k in kinds]
        pairs = {k: {side: one["value"] for side, one in row[k].items()} for k in PAIRS}
        lines.append(_row([name, *cells, *(_pair(pairs[k], k) for k in PAIRS)]))
    return "\n".join(lines)


def grid_table(rows: Sequence[Figures]) -> str:
    """Pooled figures of a grid without intervals, and means over classes of colours and lone pixels, one row per
    setting."""
    kinds = ["kernel_distance", "precision", "recall", "class_accuracy", "blank"]
    kinds = [k for k in kinds if any(k in row["pooled"] for row in rows)]
    head = [*COLUMNS[1:], *(KINDS[k] for k in kinds), *PAIRS.values()]
    lines = [_row(head), "|---" * len(head) + "|"]
    for row in rows:
        cells = [_number(row["pooled"][k]["value"], plain=k in _PLAIN) for k in kinds]
        lines.append(_row([*_controls(row), *cells, *(_pair(row["mean_of_classes"][k], k) for k in PAIRS)]))
    return "\n".join(lines)


def orders_table(orders: Figures) -> str:
    """How well each order agrees with the judge, per setting."""
    head = ["drawn at", "order", "pairs put right", "rank correlation", "first of 4 of its class", "first of 4 blank"]
    lines = [orders["note"], "", _row(head), "|---" * len(head) + "|"]
    for setting, rows in orders["settings"].items():
        for name, row in rows.items():
            pairs = f"{_number(row['pairs']['value'])} ({row['pairs']['count']})"
            lines.append(_row([setting, name, pairs, f"{row['rank']:.2f}", _cell(row["first"]), _cell(row["blank"])]))
    if not orders["completions"]:
        return "\n".join(lines)
    head = ["hole", "order", "pairs put right", "distance of the first of 4, over the mean"]
    lines += ["", orders["completions_note"], "", _row(head), "|---" * len(head) + "|"]
    for hole, rows in orders["completions"].items():
        for name, row in rows.items():
            lines.append(_row([hole, name, _cell(row["pairs"]), _cell(row["first"])]))
    return "\n".join(lines)


def sheet(tiles: Tiles, part: Part, settings: Sequence[Drawn], classes: Sequence[str], *, columns: int = 8) -> Picture:
    """Real tiles of a part, then the pictures of each setting: `columns` of each, one row per class."""
    blank = np.zeros((columns, *tiles.training.array.shape[1:]), np.uint8)
    rows = []
    for name in classes:
        for pictures in [of_class(tiles.part(part), name), *(drawn.of(name) for drawn in settings)]:
            rows.append(np.concatenate([pictures[:columns], blank[len(pictures[:columns]) :]]))
    return contact_sheet(np.concatenate(rows), columns=columns * (1 + len(settings)))


def machine() -> str:
    """The machine of the figures."""
    return describe_machine()


def _controls(figures: Figures) -> list[str]:
    values = figures.get("controls")
    return ["", "", ""] if values is None else [f"{values[k]:g}" for k in ("temperature", "top_p", "guidance")]


def _pair(values: Figures, kind: str) -> str:
    return " / ".join(_number(values[side], plain=kind in _PLAIN) for side in ("drawn", "real"))


def _cell(figure: Figures | None, *, plain: bool = False) -> str:
    """A figure as text, such as "85 % (80 to 90; 160)"."""
    if figure is None or figure["value"] is None:
        return "none"
    reach = ""
    if figure["low"] is not None:
        low, high = (_number(figure[k], plain=plain).removesuffix(" %") for k in ("low", "high"))
        reach = f"{low} to {high}; "
    return f"{_number(figure['value'], plain=plain)} ({reach}{figure['count']})"


def _number(value: float | None, *, plain: bool = False) -> str:
    if value is None:
        return "none"
    return f"{value:.1f}" if plain else f"{100 * value:.1f} %"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
