"""Compare drawing and training with two other PyTorch projects, in the same run on the same machine.

    python -m benchmarks.peers --generative ../pytorch-generative --pixel-cnn-pp ../pixel-cnn-pp

The paths are checkouts of github.com/EugenHotaj/pytorch-generative and github.com/pclucas14/pixel-cnn-pp; nothing of
theirs is part of this project. Both networks have the same number of layers, about the same number of parameters,
random weights, and pictures of 32 x 32; their width is chosen for that. Ours also has the encoder of the context.

Theirs draw a pixel by computing the whole picture, so a picture takes one such pass per pixel; one pass is timed and
multiplied. A training step has 16 pictures, in single precision.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_parts import FULL_SHAPE, PLAIN, Sizes, blank, model_of, trial
from benchmarks.machine import describe_machine
from benchmarks.peaks import seconds_of
from benchmarks.peer_child import TRAINED
from pixelart.sampling import sample_cached

CHILD = Path(__file__).with_name("peer_child.py")
PEERS = {
    "gated_pixelcnn": "pytorch-generative",
    "pixelcnn": "pytorch-generative",
    "pixelsnail": "pytorch-generative",
    "pixelcnn_plus_plus": "pixel-cnn-pp",
}
"""Variant -> the project that has it, too."""
BATCHES = (1, 16)
LEVELS = 64


def ours(name: str, sizes: Sizes, *, rounds: int) -> dict[str, Any]:
    """Seconds to draw pictures, by batch size, and seconds of a training step."""
    cpu, model = torch.device("cpu"), model_of(name, sizes)
    found: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters()), "seconds": {}}
    for batch in sizes.batches:
        context, noise = blank(model, batch)
        found["seconds"][str(batch)] = seconds_of(
            lambda context=context, noise=noise: sample_cached(model, context, controls=PLAIN, noise=noise),
            cpu,
            rounds=rounds,
        )
    found["training_seconds"] = seconds_of(trial(name, sizes, cpu, TRAINED, "fp32"), cpu, rounds=rounds)
    return found


def theirs(name: str, checkout: Path, sizes: Sizes, *, parameters: int, rounds: int) -> dict[str, Any]:
    """The same of the other project, in a process of its own. Raises RuntimeError with its last line on failure."""
    given = {"project": PEERS[name], "variant": name, "side": sizes.shape[0], "levels": LEVELS, "rounds": rounds}
    given |= {"parameters": parameters, "batches": sizes.batches, "threads": torch.get_num_threads()}
    given |= {"checkout": str(checkout.resolve())}
    command = [sys.executable, "-W", "ignore", str(CHILD), json.dumps(given)]
    with tempfile.TemporaryDirectory() as temporary:
        environment = {**os.environ, "TMPDIR": temporary}
        done = subprocess.run(command, env=environment, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{PEERS[name]}: {done.stderr.strip().splitlines()[-1]:.200}")
    return json.loads(done.stdout.splitlines()[-1])


def row(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """A row of the table."""
    cells = [name, PEERS[name], f"{ours['parameters'] / 1e6:.2f} / {theirs['parameters'] / 1e6:.2f}"]
    for batch, seconds in ours["seconds"].items():
        other = theirs["seconds"][batch]
        cells.append(f"{seconds:.3g} s / {other:.4g} s = {other / seconds:,.0f}x")
    step, other = ours["training_seconds"], theirs["training_seconds"]
    cells.append(f"{step:.2f} s / {other:.2f} s = {other / step:.1f}x")
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table or one JSON value."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generative", type=Path, metavar="FOLDER", help="a checkout of pytorch-generative")
    parser.add_argument("--pixel-cnn-pp", type=Path, metavar="FOLDER", help="a checkout of pixel-cnn-pp")
    parser.add_argument("--rounds", type=int, default=3, help="number of timings; the best counts (3)")
    parser.add_argument("--side", type=int, default=FULL_SHAPE[0], help="of the pictures (32)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    checkouts = {"pytorch-generative": options.generative, "pixel-cnn-pp": options.pixel_cnn_pp}
    names = [name for name, project in PEERS.items() if checkouts[project]]
    if not names:
        parser.error("give --generative, --pixel-cnn-pp, or both")
    sizes = Sizes("default", (options.side, options.side), BATCHES, timed_rows=1, trained=TRAINED, matrix=0)
    found = {}
    if not options.json:
        print(f"Ours / theirs, on {describe_machine()}\n")
        print("| variant | project | million parameters | 1 picture | 16 pictures | training step |")
        print("|---|---|---|---|---|---|", flush=True)
    for name in names:
        mine = ours(name, sizes, rounds=options.rounds)
        other = theirs(name, checkouts[PEERS[name]], sizes, parameters=mine["parameters"], rounds=options.rounds)
        found[name] = {"ours": mine, "theirs": other}
        if not options.json:
            print(row(name, mine, other), flush=True)
    if options.json:
        print(json.dumps({"machine": describe_machine(), "models": found}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
