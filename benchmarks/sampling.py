"""What drawing costs, in units of one teacher-forced forward pass of the same batch, which does the same arithmetic.

    python -m benchmarks.sampling --checkpoint dungeon-gated --json

Every time is the best of some rounds in this one process, the kinds taken in turn. Naive sampling is timed over a few
rows in the middle of the picture and extrapolated to all rows: it costs the same for every pixel.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import describe_machine
from pixelart.engine import Engine
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel
from pixelart.sampling import Controls, draw_noise, sample_cached, sample_naive

NAIVE_ROWS = 1


def measure(model: AutoregressiveModel, *, batch: int, rounds: int) -> dict[str, Any]:
    """Seconds of each way to draw `batch` whole pictures, and their ratios to a forward pass."""
    context, noise = _blank(model, batch)
    drawn = sample_cached(model, context, controls=Controls(), noise=noise).x
    height = model.config.height
    some = torch.zeros_like(context.mask)
    some[:, height // 2 : height // 2 + NAIVE_ROWS] = True

    def naive() -> None:
        sample_naive(model, Context(context.class_weights, drawn, some), controls=Controls(), noise=noise)

    times = measure_cached(model, batch=batch, rounds=rounds)
    naive_time = _best([naive], 1)[0] * height / NAIVE_ROWS
    return {
        **times,
        "naive_seconds_extrapolated": naive_time,
        "naive_rows_timed": NAIVE_ROWS,
        "naive_ratio": naive_time / times["forward_seconds"],
    }


def measure_cached(model: AutoregressiveModel, *, batch: int, rounds: int) -> dict[str, Any]:
    """Seconds to draw `batch` whole pictures with caches and to judge them in one forward pass, and their ratio."""
    context, noise = _blank(model, batch)
    drawn = sample_cached(model, context, controls=Controls(), noise=noise).x

    @torch.no_grad()
    def forward() -> None:
        model(drawn, context)

    def cached() -> None:
        sample_cached(model, context, controls=Controls(), noise=noise)

    forward_time, cached_time = _best([forward, cached], rounds)
    return {
        "batch": batch,
        "forward_seconds": forward_time,
        "cached_seconds": cached_time,
        "cached_ratio": cached_time / forward_time,
    }


def _blank(model: AutoregressiveModel, batch: int) -> tuple[Context, Tensor]:
    """Nothing known but a class, those there are in turn, and the noise to draw with."""
    config = model.config
    shape = (batch, config.channels, config.height, config.width)
    weights = torch.eye(config.num_classes)[torch.arange(batch) % config.num_classes]
    context = Context(weights, torch.zeros(shape, dtype=torch.long), torch.ones(batch, *shape[2:], dtype=torch.bool))
    return context, draw_noise(0, count=batch, channels=config.channels, height=config.height, width=config.width)


def _best(calls: list[Callable[[], None]], rounds: int) -> list[float]:
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            began = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - began)
    return best


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    loaded = Engine(options.checkpoints, device=torch.device("cpu")).library.load(options.checkpoint)
    rows = [measure(loaded.model, batch=batch, rounds=options.rounds) for batch in (1, 16)]
    if options.json:
        print(json.dumps({"checkpoint": options.checkpoint, "machine": describe_machine(), "rows": rows}))
        return
    print(f"{options.checkpoint} on {describe_machine()}\n")
    print("| batch | forward pass | cached | ratio | naive (extrapolated) | ratio |\n|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['batch']} | {row['forward_seconds'] * 1e3:.0f} ms | {row['cached_seconds'] * 1e3:.0f} ms "
            f"| {row['cached_ratio']:.1f} | {row['naive_seconds_extrapolated']:.1f} s | {row['naive_ratio']:.0f} |"
        )


if __name__ == "__main__":
    main()
