"""Scan pictures with an LSTM, forward and backward, as compiled vector code (numba).

The state-to-state product of a front, the gates and the cell are computed while they are in the processor's caches. A
picture is one thread's, so it does not depend on the batch. Twins: `pixelart.layers.lstm_scan.plain_scan` and autograd.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from pixelart.layers.activations import Vectors, over_vectors
from pixelart.layers.compiling import compiled
from pixelart.layers.vector_code import LANES, add_products, vector_type, view

_SINGLE = vector_type(types.float32)


class Wavefront(NamedTuple):
    """Fronts of pixels that are computed at once, each after the front before it.

    Slot p of front t is cell `origin + t * front_step + p * slot_step` of the picture. Its inputs are slots p - 1,
    p, ..., `taps` of them, of front t - 1. If `skew` is 1, slot p begins at front p and ends `span` fronts later.
    """

    fronts: int
    slots: int
    skew: int
    span: int
    origin: int
    front_step: int
    slot_step: int
    taps: int

    def active(self, front: int) -> tuple[int, int]:
        """The range of slots that a front computes."""
        return first_slot(self, front), last_slot(self, front)


class ScanSizes(NamedTuple):
    """Sizes of a scan: cells of a picture, features of a state, and whether gates are bfloat16 or float32."""

    cells: int
    hidden: int
    is_half: bool


class Weights(NamedTuple):
    """Addresses of the packed state-to-state weights, and of h and c (2, h) before the first pixels."""

    packed: int
    start: int


@compiled()
def first_slot(wave: Wavefront, front: int) -> int:
    return max(0, front - wave.span + 1) * wave.skew


@compiled()
def last_slot(wave: Wavefront, front: int) -> int:
    return min(wave.slots, front + 1) if wave.skew else wave.slots


def _gates_at(builder: Any, address: Any, hidden: Any) -> list[Any]:
    """Addresses of o, f, i and g in a cell's gates."""
    step = builder.mul(hidden, hidden.type(4))
    return [builder.add(address, builder.mul(step, hidden.type(number))) for number in range(4)]


def _generate_cell(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    hidden, given, gates, c, c_result, h, h_result = arguments

    def body(vectors: Vectors, load: Any, store: Any) -> None:
        o, f, i, g = (load(address) for address in _gates_at(builder, given, hidden))
        o, f, i, g = vectors.sigmoid(o), vectors.sigmoid(f), vectors.sigmoid(i), vectors.tanh(g)
        new_c = vectors.fma(f, load(c), builder.fmul(i, g))
        new_h = builder.fmul(o, vectors.tanh(new_c))
        for value, address in zip((o, f, i, g), _gates_at(builder, gates, hidden), strict=True):
            store(value, address)
        for value, addresses in ((new_c, (c, c_result)), (new_h, (h, h_result))):
            for address in addresses:
                store(value, address)

    over_vectors(builder, _SINGLE, hidden, body)
    return context.get_dummy_value()


def _type_cell(typing: Any, hidden: Any, given: Any, gates: Any, c: Any, c_result: Any, h: Any, h_result: Any) -> Any:
    """The gates' activations, c and h of `given` pre-activations and the c before; all but `hidden` are addresses."""
    return types.void(*[types.intp] * 7), _generate_cell


_cell: Any = intrinsic(_type_cell)


def _generate_cell_backward(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    hidden, grad, carried_h, carried_c, gates, c, c_before, result = arguments

    def body(vectors: Vectors, load: Any, store: Any) -> None:
        one, multiply, add = vectors.all(1.0), builder.fmul, builder.fadd

        def of_sigmoid(gradient: Any, y: Any) -> Any:
            return multiply(gradient, multiply(y, builder.fsub(one, y)))

        def of_tanh(gradient: Any, y: Any) -> Any:
            return multiply(gradient, builder.fsub(one, multiply(y, y)))

        o, f, i, g = (load(address) for address in _gates_at(builder, gates, hidden))
        dh, tanh_c = add(load(grad), load(carried_h)), vectors.tanh(load(c))
        dc = add(load(carried_c), of_tanh(multiply(dh, o), tanh_c))
        gradients = [of_sigmoid(multiply(dh, tanh_c), o), of_sigmoid(multiply(dc, load(c_before)), f)]
        gradients += [of_sigmoid(multiply(dc, g), i), of_tanh(multiply(dc, i), g)]
        for value, address in zip(gradients, _gates_at(builder, result, hidden), strict=True):
            store(value, address)
        store(multiply(dc, f), carried_c)
        store(vectors.all(0.0), carried_h)

    over_vectors(builder, _SINGLE, hidden, body)
    return context.get_dummy_value()


def _type_cell_backward(
    typing: Any, hidden: Any, grad: Any, carried_h: Any, carried_c: Any, gates: Any, c: Any, c_before: Any, result: Any
) -> Any:
    """Gradients of the pre-activations and of the c before (in `carried_c`), from those of h and c; clears
    `carried_h`."""
    return types.void(*[types.intp] * 8), _generate_cell_backward


_cell_backward: Any = intrinsic(_type_cell_backward)


@compiled()
def _load_gates(to: int, source: int, size: int, is_half: bool) -> None:
    if is_half:
        bits, halves = view(to, size, np.uint32(0)), view(source, size, np.uint16(0))
        for j in range(size):
            bits[j] = np.uint32(halves[j]) << np.uint32(16)
    else:
        values, given = view(to, size, np.float32(0)), view(source, size, np.float32(0))
        for j in range(size):
            values[j] = given[j]


@compiled()
def _store_gates(to: int, source: int, size: int, is_half: bool) -> None:
    if is_half:
        halves, bits = view(to, size, np.uint16(0)), view(source, size, np.uint32(0))
        for j in range(size):  # rounded to the nearest, ties to even
            odd = (bits[j] >> np.uint32(16)) & np.uint32(1)
            halves[j] = np.uint16((bits[j] + np.uint32(0x7FFF) + odd) >> np.uint32(16))
    else:
        values, given = view(to, size, np.float32(0)), view(source, size, np.float32(0))
        for j in range(size):
            values[j] = given[j]


@compiled()
def scan_forward(
    wave: Wavefront, sizes: ScanSizes, weights: Weights, gates: int, h: int, c: int, kept: int, low: int, high: int
) -> None:
    """h and c (B, cells, hidden) of pictures low..high from their gates (B, cells, 4 hidden), without the
    state-to-state part; activations go to `kept`, of the gates' shape in float32, unless it is 0. All are addresses."""
    hidden, taps = sizes.hidden, wave.taps * sizes.hidden
    inputs, wide = 4 * hidden, (4 * hidden + LANES - 1) // LANES * LANES
    item = 2 if sizes.is_half else 4
    rows = np.empty(wave.slots * wide + LANES, np.float32)
    states = np.empty((2 * wave.slots + 2) * hidden, np.float32)
    start = view(weights.start, 2 * hidden, np.float32(0))
    row, now_h = rows.ctypes.data, states.ctypes.data
    now_c = now_h + 4 * (wave.slots + 2) * hidden
    for b in range(low, high):
        states[:] = 0.0
        for p in range(wave.slots):
            for j in range(hidden):
                states[(1 + p) * hidden + j] = start[j]
                states[(wave.slots + 2 + p) * hidden + j] = start[hidden + j]
        for t in range(wave.fronts):
            first, last = first_slot(wave, t), last_slot(wave, t)
            front = b * sizes.cells + wave.origin + t * wave.front_step
            for p in range(first, last):
                cell = front + p * wave.slot_step
                _load_gates(row + 4 * p * wide, gates + item * cell * inputs, inputs, sizes.is_half)
            add_products(
                row + 4 * first * wide, wide, now_h + 4 * first * hidden, hidden, weights.packed, taps, inputs,
                last - first, np.float32(0),
            )  # fmt: skip
            for p in range(first, last):
                cell, given = front + p * wave.slot_step, row + 4 * p * wide
                to = kept + 4 * cell * inputs if kept else given
                place = 4 * cell * hidden
                _cell(hidden, given, to, now_c + 4 * p * hidden, c + place, now_h + 4 * (1 + p) * hidden, h + place)


@compiled()
def scan_backward(
    wave: Wavefront, sizes: ScanSizes, weights: Weights, grad_h: int, kept: int, c: int, result: int, grad_start: int,
    low: int, high: int,
) -> None:  # fmt: skip
    """Gradients of the gates (B, cells, 4 hidden), in their type, and of the start (B, 2, hidden), from those of h.

    `weights` are packed for each tap by itself, from gates to features."""
    hidden, inputs = sizes.hidden, 4 * sizes.hidden
    by_tap = 4 * inputs * ((hidden + LANES - 1) // LANES * LANES)
    item = 2 if sizes.is_half else 4
    rows = np.empty(wave.slots * inputs, np.float32)
    states = np.empty((2 * wave.slots + 2) * hidden + LANES, np.float32)
    row, carried_c = rows.ctypes.data, states.ctypes.data
    carried_h = carried_c + 4 * wave.slots * hidden
    for b in range(low, high):
        states[:] = 0.0
        for t in range(wave.fronts - 1, -1, -1):
            first, last = first_slot(wave, t), last_slot(wave, t)
            front = b * sizes.cells + wave.origin + t * wave.front_step
            for p in range(first, last):
                cell, to = front + p * wave.slot_step, row + 4 * p * inputs
                place = 4 * cell * hidden
                before = weights.start + 4 * hidden if t == p * wave.skew else c + place - 4 * wave.front_step * hidden
                _cell_backward(
                    hidden, grad_h + place, carried_h + 4 * (1 + p) * hidden, carried_c + 4 * p * hidden,
                    kept + 4 * cell * inputs, c + place, before, to,
                )  # fmt: skip
                _store_gates(result + item * cell * inputs, to, inputs, sizes.is_half)
            for tap in range(wave.taps):
                add_products(
                    carried_h + 4 * (first + tap) * hidden, hidden, row + 4 * first * inputs, inputs,
                    weights.packed + tap * by_tap, inputs, hidden, last - first, np.float32(0),
                )  # fmt: skip
        start = view(grad_start + 8 * b * hidden, 2 * hidden, np.float32(0))
        start[:] = 0.0
        for p in range(wave.slots):
            for j in range(hidden):
                start[j] += states[(wave.slots + 1 + p) * hidden + j]
                start[hidden + j] += states[p * hidden + j]
