"""Time of drawing alone, and beside a process that keeps one core busy.

    python -m benchmarks.beside
    python -m benchmarks.beside --rounds 5 --wait ACTIVE

Each round starts a fresh process alone, then one beside the busy process. It times its first picture (which loads
weights and compiles kernels or reads them from the cache), the next pictures, and eight at once. Then
`python -m pixelart complete` of one picture is timed, imports included. All processes share `--cores` cores if the
system supports CPU affinity. The table holds medians over the rounds; a ratio above 2.5 fails. With `--wait ACTIVE`,
waiting threads spin, which is OpenMP's default.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import describe_machine

ROOT = Path(__file__).parents[1]
BAR = 2.5
BUSY = "while True: pass"
DRAW = """
import json, statistics, sys, time
from pathlib import Path
from pixelart.engine import Engine, Request
engine = Engine(Path(sys.argv[1]))
def draw(count, seed):
    began = time.perf_counter()
    engine.generate(Request(sys.argv[2], count=count, seed=seed))
    return time.perf_counter() - began
first = draw(1, 0)
following = statistics.median(draw(1, seed) for seed in range(1, 8))
eight = statistics.median(draw(8, seed) for seed in (10, 20, 30))
print(json.dumps({"first picture": first, "next picture": following, "eight pictures": eight}))
"""


def round_of(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Seconds of each kind of drawing, in fresh processes."""
    place = [str(options.checkpoints), options.checkpoint]
    done = subprocess.run([sys.executable, "-c", DRAW, *place], capture_output=True, text=True, check=True, cwd=ROOT)
    words = ["complete", "--checkpoints", place[0], "--checkpoint", place[1], "--out", str(folder / "done")]
    words += ["--image", str(folder / "picture.png"), "--mask", str(folder / "mask.png")]
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pixelart", *words], capture_output=True, check=True, cwd=ROOT)
    return {**json.loads(done.stdout), "the command complete": time.perf_counter() - began}


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Within this context, a process keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Median seconds of each kind of drawing, "alone" and "beside"."""
    alone, beside = list[dict[str, float]](), list[dict[str, float]]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture, mask = np.zeros((32, 32, 4), np.uint8), np.zeros((32, 32), np.uint8)
        mask[8:24, 8:24] = 255
        Image.fromarray(picture).save(folder / "picture.png")
        Image.fromarray(mask).save(folder / "mask.png")
        for number in range(options.rounds + 1):
            found = round_of(options, folder)
            if not number:
                continue  # warm-up: kernels are compiled, files are cached
            alone.append(found)
            with busy():
                beside.append(round_of(options, folder))
    return {
        name: {kind: statistics.median(found[name] for found in part) for kind, part in parts}
        for parts in [(("alone", alone), ("beside", beside))]
        for name in alone[0]
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table or one JSON value. Returns 1 if a ratio is above BAR."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "checkpoints")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2, help="number of cores that all processes share (2)")
    parser.add_argument("--wait", choices=("PASSIVE", "ACTIVE"), help="OpenMP wait policy (the program's default)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    if options.wait:
        os.environ["OMP_WAIT_POLICY"] = options.wait
    found = measure(options)
    ratios = {name: times["beside"] / times["alone"] for name, times in found.items()}
    if options.json:
        result: dict[str, Any] = {"machine": describe_machine(), "seconds": found, "ratios": ratios}
        print(json.dumps(result))
    else:
        print(f"{options.checkpoint}, {options.cores} cores, on {describe_machine()}\n")
        print("| drawing | alone | beside a busy process | ratio |\n|---|---|---|---|")
        for name, times in found.items():
            over = "" if ratios[name] <= BAR else f" > the bar of {BAR:g}"
            print(f"| {name} | {times['alone']:.2f} s | {times['beside']:.2f} s | {ratios[name]:.2f}{over} |")
    return 1 if max(ratios.values()) > BAR else 0


if __name__ == "__main__":
    raise SystemExit(main())
