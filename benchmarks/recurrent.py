"""Compare training steps of the networks of LSTMs with the compiled scan and with its twin in PyTorch.

    python -m benchmarks.recurrent

Both take turns, with the usual preset and the batch size of the shipped checkpoints; medians, best times, and their
ratios. The twin computes front by front, with a product and a cell each, as networks of LSTMs usually do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from statistics import median
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.gpu_parts import Sizes, trial
from benchmarks.machine import describe_machine
from pixelart.layers import lstm_scan
from pixelart.training.autotune import in_threads, timed
from pixelart.training.config import PRECISIONS

BATCHES = {"row_lstm": 16, "diagonal_bilstm": 8}


def measure(name: str, precision: str, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a step of each kind, by turns."""
    batch = options.batch_size or BATCHES[name]
    sizes = Sizes(options.preset, (options.side, options.side), (), timed_rows=0, trained=0, matrix=0)
    step = trial(name, sizes, torch.device("cpu"), batch, precision)
    seconds: dict[str, list[float]] = {"plain": [], "compiled": []}
    for _ in range(options.rounds + 1):
        for kind, kept in seconds.items():
            with patch.object(lstm_scan, "is_fast", (lambda _: False) if kind == "plain" else lstm_scan.is_fast):
                kept.append(timed(step, time.perf_counter))
    seconds = {kind: kept[1:] for kind, kept in seconds.items()}  # the first ones warm up
    return {"model": name, "precision": precision, "batch": batch, "seconds": seconds}


def line(found: dict[str, Any], threads: int) -> str:
    """A row of the table."""
    plain, compiled = found["seconds"]["plain"], found["seconds"]["compiled"]
    speeds = " | ".join(f"{found['batch'] / min(kind):.1f}" for kind in (plain, compiled))
    ratios = f"{min(plain) / min(compiled):.2f} | {median(plain) / median(compiled):.2f}"
    return f"| {found['model']} | {found['batch']} | {found['precision']} | {threads} | {speeds} | {ratios} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", choices=BATCHES, default=list(BATCHES))
    parser.add_argument("--precisions", nargs="+", metavar="NAME", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--preset", default="default")
    parser.add_argument("--side", type=int, default=32, help="side of the pictures in pixels (32)")
    parser.add_argument("--batch-size", type=int, default=0, help="pictures of a step (that of the checkpoints)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table or one JSON value."""
    options = _parser().parse_args(arguments)
    with in_threads(options.threads):
        head = "variant | batch | precision | threads | plain, pictures/s | compiled | ratio of best | of medians"
        if not options.json:
            print(f"On {describe_machine()}\n\n| {head} |\n|{'---|' * 8}", flush=True)
        found = list[dict[str, Any]]()
        for name in options.models:
            for precision in options.precisions:
                found.append(measure(name, precision, options))
                if not options.json:
                    print(line(found[-1], options.threads), flush=True)
        if options.json:
            print(json.dumps({"machine": describe_machine(), "threads": options.threads, "models": found}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
