"""The tables of `benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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


def _table(
    title: str, columns: str, found: Figures, part: str, rows: Callable[[Figures], Iterable[str]]
) -> Iterator[str]:
    """A table with the `rows` of each model that has this part; a model that failed has its error."""
    yield f"## {title}"
    yield ""
    yield f"| {columns} |"
    count = columns.count("|") + 1
    yield "|" + "---|" * count
    for name, parts in found["models"].items():
        if "error" in (made := parts.get(part, {})):
            yield f"| {name} | {made['error']} |" + " |" * (count - 2)
        elif made:
            yield from (f"| {name} | {row} |" for row in rows(made))


def _equality(found: Figures) -> Iterator[str]:
    def rows(made: Figures) -> Iterator[str]:
        verdict = "equal" if made["is_equal"] else "DIFFERENT"
        counts = ", ".join(f"{way} {count}" for way, count in made["same"].items())
        yield f"{made['pictures']} | {counts} | {made['log_p']:.1e} | {verdict}"

    columns = "variant | pictures | same | largest difference of log p | "
    return _table("The same pictures as on the CPU", columns, found, "equality", rows)


def _drawing(found: Figures) -> Iterator[str]:
    def rows(made: Figures) -> Iterator[str]:
        for place, row in made.items():
            speed = (
                f"{row['us_per_step']:.0f} | {_or_dash(row['operations'], '.0f')} | {row['pictures_per_second']:.3g}"
            )
            yield f"{' | '.join(place.split())} | {speed} | {row['ratio']:.1f} | {_or_dash(row['mib'], '.0f')}"

    columns = "variant | batch | sampler | us a pixel step | operations | pictures/s | over a forward pass | MiB"
    return _table("Drawing", columns, found, "drawing", rows)


def _fixed_point(found: Figures) -> Iterator[str]:
    def rows(made: Figures) -> Iterator[str]:
        fastest = min(made["seconds"], key=made["seconds"].__getitem__)
        times = ", ".join(f"{way} {seconds:.3g} s" for way, seconds in made["seconds"].items())
        weights = "trained" if made["is_trained"] else "random"
        yield f"{weights} | {made['passes']} | {times} | {fastest}"

    columns = "variant | weights | passes of fixed point | seconds | fastest"
    return _table("The fastest sampler of one picture", columns, found, "fixed_point", rows)


def _training(found: Figures) -> Iterator[str]:
    def rows(made: Figures) -> Iterator[str]:
        for precision, row in made.items():
            share = row["operations_per_second"] / found["peaks"][names[precision]]
            memory = _or_dash(row["mib_per_picture"], ".2f")
            yield f"{precision} | {row['pictures_per_second']:.4g} | {share:.1%} | {memory}"

    names = {"fp32": "float32", "bf16": "bfloat16"}
    columns = "variant | precision | pictures/s | share of the peak | MiB a picture"
    return _table("Training", columns, found, "training", rows)


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
