"""Compare training steps of the networks of LSTMs with the compiled scan and with its twin in PyTorch.

    python -m benchmarks.recurrent
    python -m benchmarks.recurrent --sides 16 24 32 48 64 --plot recurrent.png

Both take turns, with the usual preset and the batch size of the shipped checkpoints; medians, best times, and their
ratios. The twin computes front by front, with a product and a cell each, as networks of LSTMs usually do. The plot
shows the best time of a step against the width of its pictures, with the slopes: 2 means as many times as there are
pixels.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.gpu_parts import Sizes, trial
from benchmarks.machine import describe_machine
from benchmarks.plot import Panel, draw_panels, slope
from pixelart.layers import lstm_scan
from pixelart.training.autotune import in_threads, timed
from pixelart.training.config import PRECISIONS

BATCHES = {"row_lstm": 16, "diagonal_bilstm": 8}


def measure(name: str, precision: str, side: int, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a step of each kind, by turns."""
    batch = options.batch_size or BATCHES[name]
    sizes = Sizes(options.preset, (side, side), (), timed_rows=0, trained=0, matrix=0)
    step = trial(name, sizes, torch.device("cpu"), batch, precision)
    seconds: dict[str, list[float]] = {"plain": [], "compiled": []}
    for _ in range(options.rounds + 1):
        for kind, kept in seconds.items():
            with patch.object(lstm_scan, "is_fast", (lambda _: False) if kind == "plain" else lstm_scan.is_fast):
                kept.append(timed(step, time.perf_counter))
    seconds = {kind: kept[1:] for kind, kept in seconds.items()}  # the first ones warm up
    return {"model": name, "precision": precision, "side": side, "batch": batch, "seconds": seconds}


def line(found: dict[str, Any], threads: int) -> str:
    """A row of the table."""
    plain, compiled = found["seconds"]["plain"], found["seconds"]["compiled"]
    speeds = " | ".join(f"{found['batch'] / min(kind):.1f}" for kind in (plain, compiled))
    ratios = f"{min(plain) / min(compiled):.2f} | {median(plain) / median(compiled):.2f}"
    what = f"{found['model']} | {found['side']} | {found['batch']} | {found['precision']} | {threads}"
    return f"| {what} | {speeds} | {ratios} |"


def panels_of(found: Sequence[dict[str, Any]]) -> list[Panel]:
    """A plot for each variant: the best time of a step against the width of its pictures."""
    plots: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for one in found:
        for kind, seconds in one["seconds"].items():
            curves = plots.setdefault(f"{one['model']}, {one['batch']} pictures", {})
            curves.setdefault(f"{kind}, {one['precision']}", []).append((one["side"], min(seconds)))
    return [
        Panel(
            name,
            "width",
            "seconds",
            curves,
            {kind: f"{slope(points):.2f}" for kind, points in curves.items() if len(points) > 1},
        )
        for name, curves in plots.items()
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", choices=BATCHES, default=list(BATCHES))
    parser.add_argument("--precisions", nargs="+", metavar="NAME", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--preset", default="default")
    parser.add_argument("--sides", type=int, nargs="+", metavar="PIXELS", default=[32], help="of the pictures (32)")
    parser.add_argument("--batch-size", type=int, default=0, help="pictures of a step (that of the checkpoints)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also write the times against the width")
    parser.add_argument("--json", action="store_true")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table or one JSON value."""
    options = _parser().parse_args(arguments)
    with in_threads(options.threads):
        head = "variant | side | batch | precision | threads | plain, pictures/s | compiled | ratio | of medians"
        if not options.json:
            print(f"On {describe_machine()}\n\n| {head} |\n|{'---|' * 9}", flush=True)
        found = list[dict[str, Any]]()
        for name, precision, side in product(options.models, options.precisions, options.sides):
            found.append(measure(name, precision, side, options))
            if not options.json:
                print(line(found[-1], options.threads), flush=True)
        if options.plot:
            draw_panels(panels_of(found)).save(options.plot)
        if options.json:
            print(json.dumps({"machine": describe_machine(), "threads": options.threads, "models": found}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
