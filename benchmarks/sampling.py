"""Measure sampling time in units of one teacher-forced forward pass of the same batch.

    python -m benchmarks.sampling --checkpoint dungeon-gated --json
    python -m benchmarks.sampling --all

The second command compares cached with fixed-point sampling for every variant; set `fastest_sampler` of each by the
result. The number of fixed-point passes depends on the trained weights. A variant without a checkpoint is timed with
random weights; then only the column "pays below" counts: with fewer passes, fixed-point sampling is faster.

The first command also gives the time of a hole of 8 x 8 pixels in the middle as a share of the whole picture, and the
time of a pixel of a picture of twice the side in units of one of the model's size.

Each time is the median of several rounds in one process; the samplers take turns. Naive sampling is timed over a few
rows in the middle of the picture and extrapolated to all rows, because every pixel costs the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import describe_machine
from pixelart.engine import Engine
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, create_model, get_variant, list_models
from pixelart.sampling import Controls, draw_noise, sample_cached, sample_fixed_point, sample_naive

HOLE = 8
UNTRAINED: dict[str, Any] = {"height": 32, "width": 32, "num_classes": 10}


def measure(model: AutoregressiveModel, *, batch: int, rounds: int) -> dict[str, Any]:
    """Seconds to sample `batch` whole pictures, cached and naively, and their ratios to a forward pass."""
    context, noise = blank(model, batch)
    drawn = sample_cached(model, context, controls=Controls(), noise=noise).x
    height, some = model.config.height, torch.zeros_like(context.mask)
    timed = 2 ** (
        len(model.stages()) - 1
    )  # rows of a multi-scale model belong to different stages: time a representative group
    some[:, height // 2 : height // 2 + timed] = True

    def naive() -> None:
        sample_naive(model, Context(context.class_weights, drawn, some), controls=Controls(), noise=noise)

    times = measure_cached(model, batch=batch, rounds=rounds)
    naive_time = _medians([naive], 1)[0] * height / timed
    return {
        **times,
        **measure_parts(model, batch=batch, rounds=rounds),
        "naive_seconds_extrapolated": naive_time,
        "naive_rows_timed": timed,
        "naive_ratio": naive_time / times["forward_seconds"],
    }


def measure_cached(model: AutoregressiveModel, *, batch: int, rounds: int) -> dict[str, Any]:
    """Seconds of cached sampling of `batch` whole pictures and of one forward pass over them, and their ratio."""
    context, noise = blank(model, batch)
    drawn = sample_cached(model, context, controls=Controls(), noise=noise).x

    @torch.no_grad()
    def forward() -> None:
        model(drawn, context)

    def cached() -> None:
        sample_cached(model, context, controls=Controls(), noise=noise)

    forward_time, cached_time = _medians([forward, cached], rounds)
    return {
        "batch": batch,
        "forward_seconds": forward_time,
        "cached_seconds": cached_time,
        "cached_ratio": cached_time / forward_time,
    }


def measure_parts(model: AutoregressiveModel, *, batch: int, rounds: int) -> dict[str, Any]:
    """The time of a hole of 8 x 8 pixels in the middle as a share of that of whole pictures, and the time of a pixel at
    twice the side in units of one at the model's size, or None if the model has one size."""
    config, (context, noise) = model.config, blank(model, batch)
    drawn = sample_cached(model, context, controls=Controls(), noise=noise).x
    hole, top, left = torch.zeros_like(context.mask), config.height // 2 - HOLE // 2, config.width // 2 - HOLE // 2
    hole[:, top : top + HOLE, left : left + HOLE] = True
    pictures = [(context, noise), (Context(context.class_weights, drawn, hole), noise)]
    if model.any_size:
        pictures.append(blank(model, batch, times=2))
        sample_cached(model, pictures[2][0], controls=Controls(), noise=pictures[2][1])

    def cached(given: Context, noise: Tensor) -> None:
        sample_cached(model, given, controls=Controls(), noise=noise)

    whole, part, *large = _medians([partial(cached, *one) for one in pictures], rounds)
    return {"hole_share": part / whole, "pixel_at_twice_the_side": large[0] / 4 / whole if large else None}


def measure_samplers(model: AutoregressiveModel, *, batch: int, rounds: int) -> dict[str, Any]:
    """Seconds of cached and fixed-point sampling of `batch` whole pictures and of one forward pass.

    Also the number of fixed-point passes, and the number at which both samplers take the same time.
    """
    context, noise = blank(model, batch)
    passes: list[int] = []

    @torch.no_grad()
    def forward() -> None:
        model(context.pixels, context)

    def cached() -> None:
        sample_cached(model, context, controls=Controls(), noise=noise)

    def fixed_point() -> None:
        passes.clear()
        sample_fixed_point(
            model, context, controls=Controls(), noise=noise, on_row=lambda done, rows, x: passes.append(done)
        )

    cached()  # compiles kernels on first use
    calls = [_awaited(call, context) for call in (forward, cached, fixed_point)]
    forward_time, cached_time, fixed_time = _medians(calls, rounds)
    return {
        "batch": batch,
        "forward_seconds": forward_time,
        "cached_seconds": cached_time,
        "fixed_point_seconds": fixed_time,
        "passes": len(passes),
        "passes_that_pay": cached_time / fixed_time * len(passes),
    }


def compare_all(folder: Path, device: torch.device, *, rounds: int) -> list[dict[str, Any]]:
    """`measure_samplers` for one and four pictures of every variant, with its first checkpoint in `folder` or with
    random weights."""
    engine = Engine(folder, device=device)
    trained = {info.model: info.name for info in reversed(engine.list_checkpoints())}
    rows = []
    for name in list_models():
        checkpoint = trained.get(name)
        if checkpoint:
            model = engine.library.load(checkpoint).model
        else:
            channels, levels = (3, 256) if get_variant(name).codecs else (1, 64)
            model = create_model(name, channels=channels, levels=levels, **UNTRAINED).to(device).eval()
        times = [measure_samplers(model, batch=batch, rounds=rounds) for batch in (1, 4)]
        rows += [{"model": name, "checkpoint": checkpoint, **row} for row in times]
    return rows


def _awaited(call: Callable[[], None], context: Context) -> Callable[[], None]:
    """The call, which then also waits for the device."""

    def waiting() -> None:
        call()
        if context.mask.device.type == "cuda":
            torch.cuda.synchronize()

    return waiting


def blank(model: AutoregressiveModel, batch: int, *, times: int = 1) -> tuple[Context, Tensor]:
    """A context without known pixels, with the classes in turn, and the noise; `times` the model's side."""
    config = model.config
    shape = (batch, config.channels, times * config.height, times * config.width)
    weights = torch.eye(config.num_classes)[torch.arange(batch) % config.num_classes]
    context = Context(weights, torch.zeros(shape, dtype=torch.long), torch.ones(batch, *shape[2:], dtype=torch.bool))
    context = context.to(next(model.parameters()).device)
    return context, draw_noise(0, count=batch, channels=model.noise_channels, height=shape[2], width=shape[3])


def _medians(calls: Sequence[Callable[[], None]], rounds: int) -> list[float]:
    """Seconds of each call: medians of rounds in which they take turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, own in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            own.append(time.perf_counter() - began)
    return list(map(statistics.median, times))


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--all", action="store_true", help="compare cached with fixed-point sampling for every variant")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="device of --all (cpu)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.all:
        _print_comparison(compare_all(options.checkpoints, options.device, rounds=options.rounds), options)
        return
    loaded = Engine(options.checkpoints, device=torch.device("cpu")).library.load(options.checkpoint)
    rows = [measure(loaded.model, batch=batch, rounds=options.rounds) for batch in (1, 16)]
    if options.json:
        print(json.dumps({"checkpoint": options.checkpoint, "machine": describe_machine(), "rows": rows}))
        return
    print(f"{options.checkpoint} on {describe_machine()}\n")
    print("| batch | forward pass | cached | ratio | hole | at twice the side | naive (extrapolated) | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['batch']} | {row['forward_seconds'] * 1e3:.0f} ms | {row['cached_seconds'] * 1e3:.0f} ms "
            f"| {row['cached_ratio']:.1f} | {row['hole_share']:.2f} | {_or_dash(row['pixel_at_twice_the_side'])} "
            f"| {row['naive_seconds_extrapolated']:.1f} s | {row['naive_ratio']:.0f} |"
        )


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _print_comparison(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps({"device": str(options.device), "machine": describe_machine(), "rows": rows}))
        return
    print(f"{options.device} of {describe_machine()}\n")
    print("| variant | weights | batch | forward pass | cached | fixed point | passes | pays below | faster |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        wins = row["passes"] < row["passes_that_pay"]
        faster = ("fixed_point" if wins else "cached") if row["checkpoint"] else "-"
        print(
            f"| {row['model']} | {row['checkpoint'] or 'random'} | {row['batch']} "
            f"| {row['forward_seconds']:.3f} s | {row['cached_seconds']:.2f} s | {row['fixed_point_seconds']:.2f} s "
            f"| {row['passes']} | {row['passes_that_pay']:.0f} | {faster} |"
        )


if __name__ == "__main__":
    main()
