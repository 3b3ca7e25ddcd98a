"""Measure the training speed of each variant for each precision, memory format and number of threads.

    python -m benchmarks.training
    python -m benchmarks.training --models gated_pixelcnn --compile
    python -m benchmarks.training --memory

Times real training steps on the example data, the best of several rounds; the settings of a variant take turns. The
share is that of the convolutions' peak in the same precision, measured in the same run with all threads: operations of
a step's convolutions and products, forward and backward, over what the fastest convolution does in that time.
`--memory` instead measures the bytes that a picture adds to a step, and how they grow with its side. "chosen" marks the
settings that autotuning picks on this machine. `ONEDNN_MAX_CPU_ISA=AVX2` before the command disables the bfloat16
instructions of a processor.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_parts import Sizes, trial
from benchmarks.machine import describe_machine
from benchmarks.peaks import convolution_peak, operations_of
from benchmarks.plot import slope
from benchmarks.train_all import QUEUE
from pixelart.devices import pick_device
from pixelart.models.footprint import Peak
from pixelart.training.autotune import Trial, in_threads, race
from pixelart.training.config import MEMORY_FORMATS, PRECISIONS, Schedule
from pixelart.training.data.pictures import PictureSet, read_pictures
from pixelart.training.run_config import RunConfig
from pixelart.training.runs import start_run

CODECS = {"gated_pixelcnn": "indexed", **QUEUE}
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SIDES = (16, 24, 32)


def measure(name: str, options: argparse.Namespace, pictures: PictureSet) -> dict[str, Any]:
    """Pictures per second of each combination of settings, and the chosen one."""
    device = pick_device()
    with tempfile.TemporaryDirectory() as folder:
        schedule = Schedule(steps=1, batch_size=options.batch_size, threads=options.threads)
        words: dict[str, Any] = {"model": name, "preset": options.preset, "codec": CODECS[name], "schedule": schedule}
        with start_run(Path(folder, "run"), options.data, **words) as trainer:
            config = trainer.config
    threads = [config.schedule.threads or torch.get_num_threads()]
    if not options.threads and device.type == "cpu":
        threads = sorted({torch.get_num_threads(), max(1, torch.get_num_threads() // 2)}, reverse=True)
    ways = {
        replace(config.schedule, threads=count, **words).execution: _way(config, pictures, device, count, **words)
        for compiled in (False, *[True] * options.compile)
        for count, precision, memory in product(threads, PRECISIONS, MEMORY_FORMATS)
        for words in [{"precision": precision, "memory_format": memory, "compile": compiled}]
    }
    seconds = race(ways, time.perf_counter, rounds=options.rounds)
    speeds = {way: options.batch_size / seconds[way] if way in seconds else None for way in ways}
    operations = operations_of(Trial(config, pictures, torch.device("cpu"), pictures=1))
    return {
        "model": name,
        "pictures_per_second": speeds,
        "chosen": config.schedule.execution,
        "operations_per_picture": operations,
    }


def memory_of(name: str, preset: str, sides: Sequence[int] = SIDES) -> dict[str, Any]:
    """MiB that one more picture adds to the largest memory of a training step in single precision on a CPU, by side,
    and the exponent of the side with which they grow."""
    found = {}
    for side in sides:
        sizes, peaks = Sizes(preset, (side, side), (), timed_rows=0, trained=0, matrix=0), list[int]()
        for batch in (4, 8):
            step = trial(name, sizes, torch.device("cpu"), batch, "fp32")
            with Peak() as peak:
                step()
            peaks.append(peak.most)
        found[side] = (peaks[1] - peaks[0]) / 4 / 2**20
    return {"model": name, "mib_per_picture": found, "slope": slope(list(found.items()))}


def _way(
    config: RunConfig, pictures: PictureSet, device: torch.device, count: int, **words: Any
) -> Callable[[], Callable[[], None]]:
    """A factory of a function that trains one step with these settings and `count` threads."""
    size = config.schedule.batch_size

    def make() -> Callable[[], None]:
        way = replace(config, schedule=replace(config.schedule, **words))
        return partial(_step, Trial(way, pictures, device, pictures=size), count)

    return make


def _step(trial: Trial, count: int) -> None:
    with in_threads(count):
        trial()


def lines(found: dict[str, Any], peaks: dict[str, float]) -> Iterator[str]:
    """Rows of the table. peaks: operations per second, by precision."""
    for way, speed in found["pictures_per_second"].items():
        share = "" if speed is None else f"{speed * found['operations_per_picture'] / peaks[way.split(',')[0]]:.0%}"
        text = "not computed here" if speed is None else f"{speed:.1f}"
        yield f"| {found['model']} | {way} | {text} | {'chosen' if way == found['chosen'] else ''} | {share} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", choices=CODECS, default=list(CODECS))
    parser.add_argument("--preset", default="default")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3, help="number of timings; the best counts (3)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (all, and half of them)")
    parser.add_argument("--compile", action="store_true", help="also time compiled steps; takes minutes more each")
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--memory", action="store_true", help="measure the memory of a picture instead")
    parser.add_argument("--json", action="store_true")
    return parser


def _print_memory(options: argparse.Namespace) -> None:
    """Print the table of `memory_of`, or one JSON value."""
    found = [memory_of(name, options.preset) for name in options.models]
    if options.json:
        print(json.dumps({"machine": describe_machine(), "models": found}))
        return
    print(f"MiB a picture, on {describe_machine()}\n\n| variant |", *(f"{n} x {n} |" for n in SIDES), "slope |")
    print("|---|" + "---|" * (len(SIDES) + 1))
    for row in found:
        cells = [f"{value:.2f}" for value in row["mib_per_picture"].values()]
        print(f"| {row['model']} | {' | '.join(cells)} | {row['slope']:.2f} |")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table or one JSON value."""
    options = _parser().parse_args(arguments)
    if options.memory:
        _print_memory(options)
        return 0
    pictures, found = read_pictures(options.data), list[dict[str, Any]]()
    peaks = {name: convolution_peak(pick_device(), kind) for name, kind in TYPES.items()}
    if not options.json:
        print(f"Batches of {options.batch_size} pictures, on {describe_machine()}\n", flush=True)
        print(*(f"peak {name}: {peak / 1e9:.0f} GFLOP/s" for name, peak in peaks.items()), "", sep="\n")
        print("| variant | way | pictures/s | | share |\n|---|---|---|---|---|", flush=True)
    for name in options.models:
        found.append(measure(name, options, pictures))
        if not options.json:
            print(*lines(found[-1], peaks), sep="\n", flush=True)
    if options.json:
        print(json.dumps({"machine": describe_machine(), "peaks": peaks, "models": found}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
