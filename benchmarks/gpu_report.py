"""The tables of `benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Figures = Mapping[str, Any]


def report(found: Figures) -> str:
    """The figures as Markdown."""
    parts = [_head(found), _equality(found), _drawing(found), _fixed_point(found), _training(found)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(found: Figures) -> Iterator[str]:
    yield "# Figures of a GPU"
    yield ""
    peaks = ", ".join(f"{name} {value / 1e12:.3g}" for name, value in found["peaks"].items())
    yield f"`python -m benchmarks.gpu` on {found['machine']}; device {found['device']}, {found['seconds']:.0f} s."
    yield f"Peak of matrix products in 10^12 operations per second: {peaks}."
    yield f"Preset {found['preset']}, pictures of {found['side'][1]} x {found['side'][0]}, random weights."
    if found["left_out"]:
        yield f"The time did not suffice for {', '.join(found['left_out'])}."


def _rows(found: Figures, part: str) -> Iterator[tuple[str, Figures]]:
    for name, parts in found["models"].items():
        if part in parts:
            yield name, parts[part]


def _failed(name: str, made: Figures, columns: int) -> str:
    return f"| {name} | {made['error']} |" + " |" * (columns - 2)


def _equality(found: Figures) -> Iterator[str]:
    yield "## The same pictures as on the CPU"
    yield ""
    yield "| variant | pictures | same | same by fixed point | largest difference of log p | |"
    yield "|---|---|---|---|---|---|"
    for name, made in _rows(found, "equality"):
        if "error" in made:
            yield _failed(name, made, 6)
            continue
        verdict = "equal" if made["is_equal"] else "DIFFERENT"
        counts = f"{made['pictures']} | {made['same']} | {made['same_by_fixed_point']}"
        yield f"| {name} | {counts} | {made['log_p']:.1e} | {verdict} |"


def _drawing(found: Figures) -> Iterator[str]:
    yield "## Drawing"
    yield ""
    yield "| variant | batch | us a pixel step | operations | pictures/s | over a forward pass | MiB |"
    yield "|---|---|---|---|---|---|---|"
    for name, made in _rows(found, "drawing"):
        if "error" in made:
            yield _failed(name, made, 7)
            continue
        for batch, row in made.items():
            speed = f"{row['us_per_step']:.0f} | {row['launches']:.0f} | {row['pictures_per_second']:.3g}"
            speed += f" | {row['ratio']:.1f}"
            yield f"| {name} | {batch} | {speed} | {_or_dash(row['mib'], '.0f')} |"


def _fixed_point(found: Figures) -> Iterator[str]:
    yield "## Fixed point against cached, one picture"
    yield ""
    yield "| variant | weights | passes | fixed point | cached | faster |"
    yield "|---|---|---|---|---|---|"
    for name, made in _rows(found, "fixed_point"):
        if "error" in made:
            yield _failed(name, made, 6)
            continue
        faster = "fixed_point" if made["fixed_seconds"] < made["cached_seconds"] else "cached"
        times = f"{made['fixed_seconds']:.3g} s | {made['cached_seconds']:.3g} s"
        weights = "trained" if made["is_trained"] else "random"
        yield f"| {name} | {weights} | {made['passes']} | {times} | {faster} |"


def _training(found: Figures) -> Iterator[str]:
    yield "## Training"
    yield ""
    yield "| variant | precision | pictures/s | share of the peak | MiB a picture |"
    yield "|---|---|---|---|---|"
    names = {"fp32": "float32", "bf16": "bfloat16"}
    for name, made in _rows(found, "training"):
        if "error" in made:
            yield _failed(name, made, 5)
            continue
        for precision, row in made.items():
            share = row["operations_per_second"] / found["peaks"][names[precision]]
            memory = _or_dash(row["mib_per_picture"], ".2f")
            yield f"| {name} | {precision} | {row['pictures_per_second']:.4g} | {share:.1%} | {memory} |"


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
