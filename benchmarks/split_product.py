"""Measure whether one product gets faster by a second thread, or by smaller weights.

    python -m benchmarks.split_product

A pixel program of one picture runs product after product, each of which needs the one before. Each thread computes half
of the outputs, then waits for the other, by spinning. The matrices follow each other in memory, as in a program.
"In the cache": the same matrix each time. The time that this saves is what loading weights costs; weights of half the
size would save about half of it.
"""

from __future__ import annotations

import statistics
import time
from threading import Thread
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from benchmarks.machine import describe_machine
from pixelart.layers.vector_code import add_products

SHAPES = ((64, 128, 48), (128, 128, 24), (128, 256, 24), (256, 256, 12))
"""Inputs, outputs, and number of matrices."""
PRODUCTS, ROUNDS, LINE = 5_000, 9, 128
"""Products in a round, rounds, and bytes between the two counters, which must not share a cache line."""


def _type_load(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), "acquire", 8)

    return types.int64(types.intp), generate


def _type_store(typing: Any, address: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store_atomic(arguments[1], place, "release", 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), generate


_load: Any = intrinsic(_type_load)
_store: Any = intrinsic(_type_store)


@njit(nogil=True)
def _run(
    own: int, other: int, y: int, x: int, weights: int, shape: tuple[int, int, int], part: int, parts: int
) -> None:
    """Compute part number `part` of each product, then wait until the other thread has computed its part."""
    inputs, outputs, count = shape
    size = outputs // parts
    for number in range(1, PRODUCTS + 1):
        place = weights + 4 * inputs * (number % count * outputs + part * size)
        add_products(y + 4 * part * size, 0, x, 0, place, inputs, size, 1, np.float32(0))
        if parts > 1:
            _store(own, number)
            while _load(other) < number:
                pass


def measure(shape: tuple[int, int, int]) -> tuple[float, float, float]:
    """Nanoseconds of a product by one thread, by two, and by one if its matrix stays in the cache."""
    inputs, outputs, count = shape
    memory = [np.zeros(size, np.float32) for size in (outputs, inputs, inputs * outputs * count)]
    counters = np.zeros(64, np.int64)
    first = -(-counters.ctypes.data // LINE) * LINE
    run: Any = _run
    given: list[Any] = [*(array.ctypes.data for array in memory), shape]

    def alone() -> None:
        run(first, first + LINE, *given, 0, 1)

    def in_cache() -> None:
        run(first, first + LINE, *given[:3], (inputs, outputs, 1), 0, 1)

    def together() -> None:
        counters[:] = 0
        thread = Thread(target=run, args=(first + LINE, first, *given, 1, 2))
        thread.start()
        run(first, first + LINE, *given, 0, 2)
        thread.join()

    times: list[list[float]] = [[], [], []]
    for _ in range(ROUNDS + 1):  # the first one compiles
        for call, own in zip((alone, together, in_cache), times, strict=True):
            began = time.perf_counter()
            call()
            own.append((time.perf_counter() - began) / PRODUCTS * 1e9)
    one, two, cached = (statistics.median(own[1:]) for own in times)
    return one, two, cached


def main() -> None:
    """Print the table."""
    print(f"{describe_machine()}\n")
    print("| product | matrices | one thread | two threads | ratio | in the cache | ratio |")
    print("|---|---|---|---|---|---|---|")
    for inputs, outputs, count in SHAPES:
        one, two, cached = measure((inputs, outputs, count))
        times = f"{one:.0f} ns | {two:.0f} ns | {two / one:.2f} | {cached:.0f} ns | {cached / one:.2f}"
        print(f"| {inputs} x {outputs} | {count} | {times} |")


if __name__ == "__main__":
    main()
