"""The operations of pixel programs, compiled with numba; each runs for several pixels of a row."""

from __future__ import annotations

import numpy as np

from pixelart.layers.activations import activate
from pixelart.layers.compiling import compiled
from pixelart.layers.kernels import I64
from pixelart.layers.machine import Machine, Streams
from pixelart.layers.program import ADD, COPY, MUL, NEG, RELU, SUM
from pixelart.layers.vector_code import LANES, add_products, bytes_of, view


@compiled(fastmath={"contract", "nsz"})
def apply(code: int, at: int, streams: Streams, dst: int, src: int, other: int, size: int) -> None:
    """An operation on numbers of the state, which begins at `at` for the first pixel."""
    zero, item = streams.zero, bytes_of(streams.zero)
    for b in range(streams.pictures):
        for column in range(streams.columns):
            pixel = at + item * (b * streams.by_picture + column * streams.by_column)
            y, x = view(pixel + item * dst, size, zero), view(pixel + item * src, size, zero)
            z = view(pixel + item * other, size, zero)
            if code == COPY:
                for i in range(size):
                    y[i] = x[i]
            elif code == ADD:
                for i in range(size):
                    y[i] += x[i]
            elif code == SUM:
                for i in range(size):
                    y[i] = x[i] + z[i]
            elif code == MUL:
                for i in range(size):
                    y[i] = x[i] * z[i]
            elif code == NEG:
                for i in range(size):
                    y[i] = -x[i]
            elif code == RELU:
                for i in range(size):
                    y[i] = max(x[i], zero)
            else:
                activate(code, pixel + item * dst, pixel + item * src, size, zero)


@compiled()
def copy(y: int, y_steps: tuple[int, int], x: int, x_steps: tuple[int, int], streams: Streams, size: int) -> None:
    """Copy `size` numbers of each pixel from one memory to another; steps: of a picture and of a column."""
    zero, item = streams.zero, bytes_of(streams.zero)
    for b in range(streams.pictures):
        for column in range(streams.columns):
            to = view(y + item * (b * y_steps[0] + column * y_steps[1]), size, zero)
            given = view(x + item * (b * x_steps[0] + column * x_steps[1]), size, zero)
            for i in range(size):
                to[i] = given[i]


@compiled()
def add(y: int, y_steps: tuple[int, int], x: int, x_steps: tuple[int, int], streams: Streams, size: int) -> None:
    """Like `copy`, but add."""
    zero, item = streams.zero, bytes_of(streams.zero)
    for b in range(streams.pictures):
        for column in range(streams.columns):
            to = view(y + item * (b * y_steps[0] + column * y_steps[1]), size, zero)
            given = view(x + item * (b * x_steps[0] + column * x_steps[1]), size, zero)
            for i in range(size):
                to[i] += given[i]


@compiled()
def embed(
    machine: Machine, streams: Streams, operation: tuple[int, ...], x: I64, row: int, table: int, by_picture: int
) -> None:
    """The embedded channel of a pixel beside each; zeros outside of the picture."""
    dst, size, dy, dx, channel = operation
    zero, item = streams.zero, bytes_of(streams.zero)
    for b in range(streams.pictures):
        for i in range(streams.columns):
            to = view(streams.state + item * (b * streams.by_picture + i * streams.by_column + dst), size, zero)
            column = streams.start + i * streams.step + dx
            if row + dy < 0 or column < 0 or column >= x.shape[3]:
                for k in range(size):
                    to[k] = zero
            else:
                level = x[streams.first + b, channel, row + dy, column]
                given = view(table + item * ((streams.first + b) * by_picture + level * size), size, zero)
                for k in range(size):
                    to[k] = given[k]


@compiled()
def run_grow(
    machine: Machine,
    streams: Streams,
    dst: int,
    src: int,
    outputs: int,
    inputs: int,
    weights: int,
    biases: int,
    row: int,
) -> None:
    """The pixel up-left of twice the step, times the matrix of the place beside it."""
    item = bytes_of(streams.zero)
    step, wide, line = streams.step, (outputs + LANES - 1) // LANES * LANES, machine.width * machine.grid_of_pixel
    down, nowhere = row // step % 2, (np.int64(0), np.int64(0))
    ring = (row - down * step) % machine.reach
    for across in range(2):
        skip = (across - streams.start // step) % 2
        count, place = (streams.columns - skip + 1) // 2, 2 * down + across
        if count <= 0:
            continue
        at, bias = weights + item * place * inputs * wide, biases + item * place * wide
        some = Streams(
            streams.first,
            streams.pictures,
            0,
            count,
            2 * step,
            streams.state,
            streams.by_picture,
            2 * streams.by_column,
            streams.zero,
        )
        y = streams.state + item * (skip * streams.by_column + dst)
        copy(y, (streams.by_picture, 2 * streams.by_column), bias, nowhere, some, outputs)
        column = streams.start + skip * step - across * step
        at_pixel = (streams.first * machine.reach + ring) * line + column * machine.grid_of_pixel
        x = machine.grid + item * (at_pixel + src)
        for b in range(streams.pictures):
            to, given = y + item * b * streams.by_picture, x + item * b * machine.reach * line
            steps = (2 * streams.by_column, 2 * step * machine.grid_of_pixel)
            add_products(to, steps[0], given, steps[1], at, inputs, outputs, count, streams.zero)


@compiled()
def run_product(
    y: int,
    y_steps: tuple[int, int],
    x: int,
    x_steps: tuple[int, int],
    streams: Streams,
    weights: int,
    by_picture: int,
    inputs: int,
    outputs: int,
) -> None:
    """y += x @ weights for each pixel; by_picture: distance of the weights of two pictures, 0 = shared."""
    zero, item = streams.zero, bytes_of(streams.zero)
    if streams.columns == 1 and by_picture == 0:
        add_products(y, y_steps[0], x, x_steps[0], weights, inputs, outputs, streams.pictures, zero)
        return
    for b in range(streams.pictures):
        to, given = y + item * b * y_steps[0], x + item * b * x_steps[0]
        table = weights + item * (streams.first + b) * by_picture
        add_products(to, y_steps[1], given, x_steps[1], table, inputs, outputs, streams.columns, zero)
