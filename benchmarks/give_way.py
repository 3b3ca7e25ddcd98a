"""How much a background training slows drawing down, and drawing the training.

    python -m benchmarks.give_way --checkpoint dungeon-gated --data examples/dungeon.zip --completions 100

Completions of one hole are timed alone and during a fine-tuning of the same checkpoint, which pauses for drawing as in
the app. They follow each other without a pause, then with `--pause` seconds between them, like a user who looks at each
result. The training's steps per second are measured without drawing and in both cases.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from pixelart.engine import Engine, Request
from pixelart.images.masks import named_hole
from pixelart.jobs import Job, Jobs

OWNER = "benchmark"
BAR = 2.0
"""Largest accepted ratio of the p95 during a training to the p95 alone."""


def measure(jobs: Jobs, engine: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """p95 seconds of a completion without and with a training, and the training's steps per second in each case."""
    draw = _completion(engine, options.checkpoint)
    draw()  # compiles kernels on first use
    alone = _times(draw, options.completions, 0.0)
    job = jobs.submit(
        OWNER, "give-way", {"base": options.checkpoint, "steps": 10**6, "save_every": 10**6}, options.data
    )
    while not (progress := jobs.folder(OWNER, job.id).progress()) or progress.step < options.warm_steps:
        if jobs.get(OWNER, job.id).state not in ("queued", "running"):
            raise SystemExit(f"the training ended: {jobs.get(OWNER, job.id).reason}")
        time.sleep(0.2)
    speeds = {"nobody draws": _speed(jobs, job, lambda: time.sleep(options.seconds))}
    beside: dict[str, list[float]] = {}
    for name, pause in (("one after another", 0.0), (f"{options.pause:g} s between", options.pause)):
        beside[name] = []

        def work(name: str = name, pause: float = pause) -> None:
            beside[name] += _times(draw, options.completions, pause)

        speeds[name] = _speed(jobs, job, work)
    jobs.stop(OWNER, job.id)
    return {
        "completions": options.completions,
        "alone_p95": float(np.percentile(alone, 95)),
        "beside_p95": {name: float(np.percentile(times, 95)) for name, times in beside.items()},
        "steps_per_second": speeds,
    }


def _completion(engine: Engine, checkpoint: str) -> Callable[[], None]:
    info = engine.info(checkpoint)
    picture = np.zeros((info.height, info.width, 4), np.uint8)
    mask = named_hole("centre16", info.height, info.width, seed=0)

    def draw() -> None:
        engine.complete(Request(checkpoint), picture, mask)

    return draw


def _times(draw: Callable[[], None], count: int, pause: float) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        draw()
        times.append(time.perf_counter() - began)
        time.sleep(pause)
    return times


def _speed(jobs: Jobs, job: Job, work: Callable[[], None]) -> float:
    """Steps per second of the training during `work`."""

    def step() -> int:
        progress = jobs.folder(OWNER, job.id).progress()
        return progress.step if progress else 0

    before, began = step(), time.monotonic()
    work()
    return (step() - before) / (time.monotonic() - began)


def main() -> None:
    """Print two tables, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--completions", type=int, default=100)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between two completions (3)")
    parser.add_argument("--seconds", type=float, default=60.0, help="duration of timing the training alone (60)")
    parser.add_argument("--warm-steps", type=int, default=5, help="training steps before timing starts (5)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Jobs(Path(folder), checkpoints=options.checkpoints) as jobs:
        found = measure(jobs, Engine(options.checkpoints, on_drawing=jobs.pause_for_drawing), options)
    if options.json:
        print(json.dumps({"checkpoint": options.checkpoint, "machine": describe_machine(), **found}))
        return
    alone, speeds = found["alone_p95"], found["steps_per_second"]
    print(f"{options.checkpoint}, {options.completions} completions of 16 x 16 pixels, on {describe_machine()}\n")
    print("| completions | p95 alone | p95 beside a training | ratio |\n|---|---|---|---|")
    for name, beside in found["beside_p95"].items():
        ratio = beside / alone
        print(f"| {name} | {alone:.2f} s | {beside:.2f} s | {ratio:.2f}{'' if ratio <= BAR else ' > the bar of 2'} |")
    print("\n| while | steps a second | of its speed |\n|---|---|---|")
    for name, speed in speeds.items():
        print(f"| {name} | {speed:.2f} | {speed / max(speeds['nobody draws'], 1e-9):.0%} |")


if __name__ == "__main__":
    main()
