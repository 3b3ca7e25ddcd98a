"""Measure what each kind of operation of a pixel program costs, on one thread.

    python -m benchmarks.operations --checkpoint dungeon-gated --batch 8

For the last network of the model: microseconds of all operations of a kind when a row begins (for the whole row),
before a pixel is drawn, and after it; products also in Gflop/s."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit

from benchmarks.machine import describe_machine
from benchmarks.sampling import blank
from pixelart.engine import Engine
from pixelart.layers import program as program_module
from pixelart.layers.interpreter import run_operations
from pixelart.layers.kernels import I64
from pixelart.layers.machine import Machine
from pixelart.layers.program import AFTER_CHOICE, BEFORE_CHOICE, BEGIN, GRID_PRODUCT, PRODUCT, TABLE_PRODUCT
from pixelart.layers.program_decoder import context_tensors, program_of
from pixelart.layers.program_memory import Memory
from pixelart.models import RasterModel

WORDS = """FILL COPY ADD SUM MUL NEG RELU ELU SIGMOID TANH PRODUCT TABLE_PRODUCT GRID_PRODUCT GROW EMBED TABLE_EMBED
ADD_ROWS ADD_GRID STORE KEEP ATTEND"""
NAMES = {getattr(program_module, name): name for name in WORDS.split()}
PARTS = {"a row begins": BEGIN, "before a pixel": BEFORE_CHOICE, "after a pixel": AFTER_CHOICE}
REPEATS = 50


@njit(nogil=True)
def _repeat(machine: Machine, number: int, x: I64, row: int, start: int, end: int, batch: int) -> None:
    zero = np.int64(0)  # an int would be compiled on its own
    for _ in range(REPEATS):
        run_operations(machine, number, number + 1, x, row, start, end, zero, batch, zero)


def measure(machine: Machine, *, part: int, batch: int, height: int, channels: int) -> dict[int, list[float]]:
    """Kind of operation -> its number, seconds of all, and floating-point operations, in a row in the middle."""
    begins = part == BEGIN
    x = np.zeros((batch, channels, height, machine.width), np.int64)
    columns = (0, machine.width) if begins else (machine.width // 2, machine.width // 2 + 1)
    found: dict[int, list[float]] = {}
    for run in range(machine.parts[part], machine.parts[part + 1]):
        for number in range(machine.runs[run, 1], machine.runs[run, 2]):
            given: Any = (machine, number, x, height // 2, *columns, batch)
            repeat: Any = _repeat
            repeat(*given)
            began = time.perf_counter()
            repeat(*given)
            seconds = (time.perf_counter() - began) / REPEATS
            operation = machine.operations[number]
            work = 2 * operation[4] * operation[5] * (columns[1] - columns[0]) * batch
            one = found.setdefault(int(operation[0]), [0, 0.0, 0.0])
            for i, value in enumerate((1, seconds, work)):
                one[i] += value
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    model = Engine(options.checkpoints, device=torch.device("cpu")).library.load(options.checkpoint).model
    if not isinstance(model, RasterModel):
        raise SystemExit(f"{options.checkpoint} has several networks")
    with torch.no_grad():
        given = model.encode(blank(model, options.batch)[0])
        program = program_of(model, given)
    memory = Memory(program, options.batch, context_tensors(given), passes=1)
    print(f"{options.checkpoint}, batch {options.batch}, on {describe_machine()}\n")
    print("| when | operation | number | microseconds | Gflop/s |\n|---|---|---|---|---|")
    for when, part in PARTS.items():
        size = {"batch": options.batch, "height": program.height, "channels": model.config.channels}
        found = measure(memory.machine, part=int(part), **size)
        for code, (number, seconds, work) in sorted(found.items(), key=lambda one: -one[1][1]):
            rate = f"{work / seconds / 1e9:.0f}" if code in (PRODUCT, GRID_PRODUCT, TABLE_PRODUCT) else ""
            print(f"| {when} | {NAMES[code]} | {number:.0f} | {seconds * 1e6:.1f} | {rate} |")


if __name__ == "__main__":
    main()
