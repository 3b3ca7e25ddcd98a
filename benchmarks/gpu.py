"""Measure everything on a GPU with one command, in at most six minutes.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --device cpu --short

Needs torch, numpy, numba, pillow and safetensors. For every variant: whether the device draws what the CPU draws,
microseconds of a pixel step and pictures per second by batch size and sampler (operation by operation, by recorded
steps, by the persistent kernel), the time of a picture over that of a forward pass, fixed-point sampling, training
speed with its share of the measured peak of matrix products, and memory. The variants have their default sizes and
random weights; fixed point takes those of a checkpoint if there is one. What the time does not suffice for is left out,
and the table says so.

Prints a table and writes it as JSON; on a GPU also to benchmarks/GPU.json and benchmarks/GPU.md. `--short` takes debug
presets and a few pixels, and fails only if the pictures differ.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_parts import FULL_SHAPE, Sizes, compare, draw, settle, train
from benchmarks.gpu_report import report
from benchmarks.machine import describe_machine
from benchmarks.peaks import matrix_peak
from pixelart.devices import pick_device
from pixelart.models import list_models

MINUTES = 5.0
MOST_OF_CPU = 1024
"""Side of the matrices that measure the peak of other devices than a GPU."""
FOLDER = Path(__file__).parent
FULL = Sizes("default", FULL_SHAPE, (1, 4, 16, 64, 256, 1024), timed_rows=2, trained=64, matrix=8192)
SHORT = Sizes("debug", (4, 4), (1, 2), timed_rows=1, trained=2, matrix=64)
Part = Callable[[str, Sizes, torch.device, Callable[[], bool]], Any]
PARTS: dict[str, Part] = {"equality": compare, "drawing": draw, "training": train, "fixed_point": settle}
"""In this order, each for all variants: what comes last is left out first."""


@dataclass
class Clock:
    """Says when the time of the command is over."""

    seconds: float
    began: float

    def is_over(self) -> bool:
        """Whether nothing new should be begun."""
        return time.monotonic() - self.began > self.seconds


def measure(
    device: torch.device, sizes: Sizes, *, names: Sequence[str], clock: Clock, say: Callable[[str], None]
) -> dict[str, Any]:
    """All figures of a device."""
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    side = sizes.matrix if device.type == "cuda" else min(sizes.matrix, MOST_OF_CPU)
    peaks = {name: matrix_peak(device, kind, side=side) for name, kind in kinds.items()}
    found: dict[str, Any] = {"machine": describe_machine(), "device": str(device), "peaks": peaks, "models": {}}
    found |= {"preset": sizes.preset, "side": list(sizes.shape), "left_out": []}
    for part, call in PARTS.items():
        for name in names:
            if clock.is_over():
                found["left_out"].append(f"{name}: {part}")
                continue
            say(f"{part}: {name}")
            made = _tried(lambda call=call, name=name: call(name, sizes, device, clock.is_over))
            found["models"].setdefault(name, {})[part] = made
    found["seconds"] = round(time.monotonic() - clock.began, 1)
    return found


def _tried(call: Callable[[], Any]) -> Any:
    """The figures, or why there are none: a failure of one variant must not end the others' measurements."""
    try:
        return call()
    except Exception as error:  # from a driver or a kernel
        return {"error": f"{type(error).__name__}: {str(error).strip():.300}"}


def differences(found: dict[str, Any]) -> Iterator[str]:
    """What is not as on the CPU, or failed."""
    for name, parts in found["models"].items():
        for part, made in parts.items():
            if "error" in made:
                yield f"{name}: {part}: {made['error']}"
        if not parts.get("equality", {}).get("is_equal", True):
            yield f"{name}: other pictures than on the CPU: {parts['equality']}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or one JSON value. Returns 1 if a device draws other pictures than the CPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=None, help="cuda, mps or cpu (the app's choice)")
    parser.add_argument("--models", nargs="+", metavar="NAME", choices=list_models(), default=list_models())
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"no part begins after this time ({MINUTES})")
    parser.add_argument("--short", action="store_true", help="a few pixels of debug presets; only checks equality")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    device = options.device or pick_device()
    clock = Clock(60 * options.minutes, time.monotonic())
    found = measure(device, SHORT if options.short else FULL, names=options.models, clock=clock, say=_say)
    wrong = list(differences(found))
    print(json.dumps(found) if options.json else report(found))
    if device.type == "cuda" and not options.short:
        (FOLDER / "GPU.json").write_text(json.dumps(found, indent=1) + "\n")
        (FOLDER / "GPU.md").write_text(report(found))
    for line in wrong:
        _say(line)
    return 1 if wrong else 0


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
