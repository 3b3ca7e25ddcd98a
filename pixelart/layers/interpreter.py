"""The interpreter of pixel programs, compiled with numba: runs a program for pixels of a row of several pictures.

The slow twin of a program is the network's trunk in PyTorch.
"""

from __future__ import annotations

import numpy as np

from pixelart.layers.compiling import compiled
from pixelart.layers.kernels import I64
from pixelart.layers.machine import Machine, Streams
from pixelart.layers.operations import add, apply, copy, embed, run_grow, run_product
from pixelart.layers.program import (
    ADD,
    ADD_GRID,
    ADD_ROWS,
    ALL_AT_ONCE,
    ATTEND,
    EMBED,
    FILL,
    FROM_LEFT,
    GRID_PRODUCT,
    GROW,
    KEEP,
    PRODUCT,
    STORE,
    TABLE_EMBED,
    TABLE_PRODUCT,
)
from pixelart.layers.program_attention import run_attention
from pixelart.layers.vector_code import add_products, bytes_of, view


@compiled()
def run_operation(machine: Machine, number: int, x: I64, row: int, streams: Streams) -> None:
    """Run an operation for pixels of a row."""
    table = machine.operations
    code, step, dst = table[number, 0], table[number, 1], table[number, 2]
    src, outputs = table[number, 3], table[number, 4]
    inputs, dy, dx, other = table[number, 5], table[number, 7], table[number, 8], table[number, 9]
    item = bytes_of(machine.zero)
    at, none = machine.weights + item * table[number, 6], np.int64(0)  # an int would be compiled on its own
    nowhere = (none, none)
    state, steps = streams.state, (streams.by_picture, streams.by_column)
    y, beside = state + item * dst, state + item * dx * machine.state_of_pixel
    line = machine.width * machine.grid_of_pixel
    place = (streams.first * machine.reach + (row + dy) % machine.reach) * line
    grid = machine.grid + item * (place + (streams.start + dx) * machine.grid_of_pixel)
    grid_steps = (machine.reach * line, step * machine.grid_of_pixel)
    if code == PRODUCT:
        run_product(y, steps, beside + item * src, steps, streams, at, none, inputs, outputs)
    elif code == GRID_PRODUCT:
        run_product(y, steps, grid + item * src, grid_steps, streams, at, none, inputs, outputs)
    elif code == TABLE_PRODUCT:
        at = machine.tables + item * table[number, 6]
        run_product(y, steps, beside + item * src, steps, streams, at, machine.tables_of_picture, inputs, outputs)
    elif code == FILL:
        copy(y, steps, at, nowhere, streams, outputs)
    elif code == STORE:
        copy(grid + item * dst, grid_steps, state + item * src, steps, streams, outputs)
    elif code == ADD_GRID:
        add(y, steps, grid + item * src, grid_steps, streams, outputs)
    elif code == ADD_ROWS:
        first = streams.first * machine.rows_of_picture + streams.start * machine.rows_of_pixel
        given = machine.rows + item * (first + src)
        add(y, steps, given, (machine.rows_of_picture, step * machine.rows_of_pixel), streams, outputs)
    elif code == EMBED:
        embed(machine, streams, (dst, outputs, dy, dx, other), x, row, at, none)
    elif code == TABLE_EMBED:
        at = machine.tables + item * table[number, 6]
        embed(machine, streams, (dst, outputs, dy, dx, other), x, row, at, machine.tables_of_picture)
    elif code == GROW:
        run_grow(machine, streams, dst, src, outputs, inputs, at, machine.weights + item * other, row)
    elif code in (KEEP, ATTEND):
        run_attention(machine, streams, code == KEEP, dst, src, other, row)
    else:
        apply(code, state, streams, dst, src + dx * machine.state_of_pixel, other, outputs)


@compiled()
def run_operations(
    machine: Machine, first: int, last: int, x: I64, row: int, start: int, end: int, low: int, high: int, second: int
) -> None:
    """Run the operations [first, last), one after another, for the columns [start, end) of a row of the pictures
    [low, high), and if `second` is not 0 of those that are so much further in the batch."""
    item, by_picture = bytes_of(machine.zero), (machine.width + 2) * machine.state_of_pixel
    for number in range(first, last):
        code, step, dx = machine.operations[number, 0], machine.operations[number, 1], machine.operations[number, 8]
        begin, stop = start + -start % step, end
        margin = 1 if code in (PRODUCT, ADD) else 0
        if code in (PRODUCT, ADD, GRID_PRODUCT, ADD_GRID):  # only what lies in the memory
            while begin + dx < -margin:
                begin += step
            stop = min(end, machine.width + margin - dx)
        if row % step or begin >= stop:
            continue
        for half in range(2 if second else 1):
            picture, columns = low + half * second, (stop - 1 - begin) // step + 1
            state = machine.state + item * (picture * by_picture + (begin + 1) * machine.state_of_pixel)
            by_column = step * machine.state_of_pixel
            zero = machine.zero
            streams = Streams(picture, high - low, begin, columns, step, state, by_picture, by_column, zero)
            run_operation(machine, number, x, row, streams)


@compiled()
def fill_rows(machine: Machine, row: int, low: int, high: int) -> None:
    """Compute the inputs of a row of the pictures [low, high): linear maps of features (B or 1, H, W, F)."""
    zero, item = machine.zero, bytes_of(machine.zero)
    for number in range(machine.maps.shape[0]):
        table = machine.maps
        address, by_picture, features, height = table[number, 0], table[number, 1], table[number, 2], table[number, 3]
        width, dy, step, weights = table[number, 4], table[number, 5], table[number, 6], table[number, 7]
        outputs, slot = table[number, 8], table[number, 9]
        if row % step:
            continue
        line = address + item * min(max(row // step + dy, 0), height - 1) * width * features
        for b in range(low, high):
            to = machine.rows + item * (b * machine.rows_of_picture + slot)
            for column in range(width):
                place = view(to + item * column * step * machine.rows_of_pixel, outputs, zero)
                for i in range(outputs):
                    place[i] = zero
            at, distance = machine.weights + item * weights, step * machine.rows_of_pixel
            given = line + item * b * by_picture
            add_products(to, distance, given, features, at, features, outputs, width, zero)


@compiled()
def run_part(
    machine: Machine, part: int, x: I64, row: int, start: int, end: int, low: int, high: int, second: int
) -> None:
    """Run a part of a program for known columns of a row, each run of operations in its order."""
    for number in range(machine.parts[part], machine.parts[part + 1]):
        order, first, last = machine.runs[number, 0], machine.runs[number, 1], machine.runs[number, 2]
        if order == ALL_AT_ONCE:
            run_operations(machine, first, last, x, row, start, end, low, high, second)
        elif order == FROM_LEFT:
            for column in range(start, end):
                run_operations(machine, first, last, x, row, column, column + 1, low, high, second)
        elif row > 0:  # what runs from the right reads the row above
            for column in range(end - 1, start - 1, -1):
                run_operations(machine, first, last, x, row, column, column + 1, low, high, second)
