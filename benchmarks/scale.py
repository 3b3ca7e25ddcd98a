"""Measure how the cost of drawing grows with the side, the batch, the palette and the number of parameters.

    python -m benchmarks.scale --plot scale.png
    python -m benchmarks.scale --models row_lstm pixelsnail --json
    python -m benchmarks.scale --short

Each figure is the time to draw whole pictures with random weights (the best of several), and beside it the operations
of a teacher-forced forward pass. The slope is the exponent that fits best: 2 against the side means as many times as
there are pixels. A measured slope above the theoretical one means that something else grows, below it that overhead is
shared. `--short` takes debug presets and tiny pictures, and only shows that the command ends.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_parts import PLAIN, blank
from benchmarks.machine import describe_machine
from benchmarks.peaks import operations_of, seconds_of
from benchmarks.plot import Panel, draw_panels, slope
from pixelart.devices import pick_device
from pixelart.models import AutoregressiveModel, create_model, get_variant, list_models
from pixelart.sampling import sample_cached

AXES: dict[str, tuple[int, ...]] = {
    "side": (16, 24, 32, 48, 64, 96),
    "batch": (1, 2, 4, 8, 16, 32),
    "palette": (8, 16, 32, 64, 128, 256),
    "width": (16, 32, 64, 96, 128),
}
SHORT: dict[str, tuple[int, ...]] = {"side": (4, 6), "batch": (1, 2), "palette": (4, 8), "width": (4, 8)}
USUAL = {"side": 32, "batch": 1, "palette": 64}
SHORT_USUAL = {"side": 4, "batch": 1, "palette": 4}
WIDTHS = ("hidden", "features")
"""The field of a config that is the number of features per layer."""


def model_at(name: str, preset: str, place: dict[str, int]) -> AutoregressiveModel:
    """A network with random weights; `place`: side, palette, and width if it is not the preset's."""
    codecs, config = get_variant(name).codecs, get_variant(name).config
    is_rgb = "rgb" in codecs
    size: dict[str, Any] = {"height": place["side"], "width": place["side"], "num_classes": 10}
    size |= {"channels": 3 if is_rgb else 1, "levels": 256 if is_rgb else place["palette"]}
    if "width" in place:
        size |= {field.name: place["width"] for field in dataclasses.fields(config) if field.name in WIDTHS}
    torch.manual_seed(0)
    return create_model(name, preset=preset, **size).eval()


def axes_of(name: str, axes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The axes that a variant has."""
    variant = get_variant(name)
    lacking = {"palette"} if "rgb" in variant.codecs else set[str]()
    if not {field.name for field in dataclasses.fields(variant.config)} & set(WIDTHS):
        lacking.add("width")
    return {axis: places for axis, places in axes.items() if axis not in lacking}


@torch.no_grad()
def measure(model: AutoregressiveModel, batch: int, device: torch.device, *, rounds: int) -> dict[str, float]:
    """Seconds and operations of `batch` pictures, and the number of parameters."""
    context, noise = blank(model, batch)
    operations = operations_of(lambda: model(context.pixels, context))
    model, there = model.to(device), context.to(device)
    seconds = seconds_of(lambda: sample_cached(model, there, controls=PLAIN, noise=noise), device, rounds=rounds)
    return {"seconds": seconds, "operations": operations, "parameters": sum(p.numel() for p in model.parameters())}


def curves_of(name: str, options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """axis -> its points and slopes, of one variant."""
    preset, usual = ("debug", SHORT_USUAL) if options.short else ("default", USUAL)
    found = dict[str, Any]()
    for axis, places in axes_of(name, SHORT if options.short else AXES).items():
        points = []
        for value in places:
            place = {**usual, axis: value}
            made = measure(model_at(name, preset, place), place["batch"], device, rounds=options.rounds)
            points.append({"at": value, **made})
        key = "parameters" if axis == "width" else "at"
        ways = {way: [(p[key], max(p[way], 1e-9)) for p in points] for way in ("seconds", "operations")}
        slopes = {"measured": slope(ways["seconds"]), "theoretical": slope(ways["operations"])}
        found["parameters" if axis == "width" else axis] = {"points": points, **slopes}
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """The table as Markdown."""
    rows = ["| variant | against | from | to | ms at first | ms at last | slope | theoretical |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for name, curves in found.items():
        for axis, curve in curves.items():
            first, last = curve["points"][0], curve["points"][-1]
            key = "parameters" if axis == "parameters" else "at"
            ends = f"{first[key]:,} | {last[key]:,}"
            times = f"{1e3 * first['seconds']:.1f} | {1e3 * last['seconds']:.1f}"
            rows.append(
                f"| {name} | {axis} | {ends} | {times} | {curve['measured']:.2f} | {curve['theoretical']:.2f} |"
            )
    return rows


def panels_of(found: dict[str, Any]) -> list[Panel]:
    """A plot for each axis."""
    panels = []
    for axis in ("side", "batch", "palette", "parameters"):
        key = "parameters" if axis == "parameters" else "at"
        here = {name: curves[axis] for name, curves in found.items() if axis in curves}
        curves = {name: [(p[key], p["seconds"]) for p in curve["points"]] for name, curve in here.items()}
        notes = {name: f"{curve['measured']:.2f} ({curve['theoretical']:.2f})" for name, curve in here.items()}
        if curves:
            panels.append(Panel("slope (theoretical)", axis, "seconds", curves, notes))
    return panels


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table or one JSON value."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", choices=list_models(), default=["gated_pixelcnn"])
    parser.add_argument("--device", type=torch.device, default=None, help="cuda, mps or cpu (the app's choice)")
    parser.add_argument("--rounds", type=int, default=3, help="number of timings; the best counts (3)")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also write the curves to this picture")
    parser.add_argument("--short", action="store_true", help="debug presets, tiny pictures; shows that it ends")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    device = options.device or pick_device()
    found = {name: curves_of(name, options, device) for name in options.models}
    if options.plot:
        draw_panels(panels_of(found)).save(options.plot)
    if options.json:
        print(json.dumps({"machine": describe_machine(), "device": str(device), "models": found}))
        return 0
    print(f"Drawing on {describe_machine()}\n", *lines(found), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
