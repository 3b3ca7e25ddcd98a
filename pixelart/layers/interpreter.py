"""The interpreter of pixel programs, compiled with numba: draws a row for several pictures at once.

Weights are stored input-major, so that the inner loop runs along the outputs, and each is used for all pictures before
the next is read. The interpreter starts no threads: the caller gives each thread its own pictures, which also makes a
picture independent of the batch size. The slow twin of a program is the network's trunk in PyTorch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pixelart.layers.compiling import compiled
from pixelart.layers.kernels import F32, F64, I64, SamplingParams, choose_level
from pixelart.layers.palette import NEVER
from pixelart.layers.program import (
    ADD,
    ATTEND,
    BIAS,
    EMBED,
    GATE,
    KEEP,
    LOAD_PAST,
    LOAD_ROW,
    PRODUCT,
    RELU,
    SKIP_UNLESS,
    STORE,
    TABLE_EMBED,
    TABLE_PRODUCT,
)

FAST = {"contract", "reassoc", "nsz"}


class Machine(NamedTuple):
    """A program with its memory for B pictures of width W."""

    operations: I64  # (n, WIDTH), see Program
    weights: F32
    tables: F32  # (B or 1, n)
    state: F32  # (B, n)
    rows: F32  # (B, W, n)
    past: F32  # (B, W, n)
    kept: F32  # (attentions, B, 2, heads, places, size): keys and values
    logits: int  # their start in the state


@njit(inline="always")
def exp32(x: Any) -> Any:
    """exp in float32 that loops can vectorise (Cephes; error up to 2 ulp)."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) - n * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + np.float32(1)
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@compiled(fastmath={"contract", "nsz"})
def run_gate(x: F32, result: F32) -> None:
    """result (n,) = tanh(a) * sigmoid(b), (a, b) = halves of x (2n,)."""
    size = result.shape[0]
    one, two = np.float32(1), np.float32(2)
    for i in range(size):
        result[i] = (two / (one + exp32(-two * x[i])) - one) * (one / (one + exp32(-x[size + i])))


@compiled(fastmath=FAST)
def run_product(state: F32, streams: I64, dst: int, src: int, weights: F32, inputs: int, outputs: int) -> None:
    """state[b, dst:] += state[b, src:] @ weights (inputs, outputs), for b in `streams`."""
    whole = inputs - inputs % 4
    for i in range(0, whole, 4):
        w0, w1 = weights[i * outputs : (i + 1) * outputs], weights[(i + 1) * outputs : (i + 2) * outputs]
        w2, w3 = weights[(i + 2) * outputs : (i + 3) * outputs], weights[(i + 3) * outputs : (i + 4) * outputs]
        for b in streams:
            x0, x1, x2, x3 = state[b, src + i], state[b, src + i + 1], state[b, src + i + 2], state[b, src + i + 3]
            y = state[b, dst : dst + outputs]
            for o in range(outputs):
                y[o] += x0 * w0[o] + x1 * w1[o] + x2 * w2[o] + x3 * w3[o]
    for i in range(whole, inputs):
        w = weights[i * outputs : (i + 1) * outputs]
        for b in streams:
            x0, y = state[b, src + i], state[b, dst : dst + outputs]
            for o in range(outputs):
                y[o] += x0 * w[o]


@compiled(fastmath=FAST)
def run_table_product(state: F32, b: int, dst: int, src: int, weights: F32, inputs: int, outputs: int) -> None:
    """`run_product` for one picture with its own weights."""
    y = state[b, dst : dst + outputs]
    for i in range(inputs):
        x0, w = state[b, src + i], weights[i * outputs : (i + 1) * outputs]
        for o in range(outputs):
            y[o] += x0 * w[o]


@compiled(fastmath=FAST)
def run_attend(query: F32, keys: F32, values: F32, count: int, scores: F32, result: F32) -> None:
    """result (size,): softmax attention over the first `count` values (places, size) and one zero key and value."""
    size = query.shape[0]
    scale = np.float32(1 / np.sqrt(size))
    top = np.float32(0)
    for j in range(count):
        score, key = np.float32(0), keys[j]
        for i in range(size):
            score += query[i] * key[i]
        scores[j] = score * scale
        top = max(top, scores[j])
    total = exp32(-top)
    result[:] = 0
    for j in range(count):
        scores[j] = exp32(scores[j] - top)
    for j in range(count):
        weight, value = scores[j], values[j]
        total += weight
        for i in range(size):
            result[i] += weight * value[i]
    for i in range(size):
        result[i] /= total


@compiled()
def places_before(row: int, column: int, stride: int, width: int) -> int:
    """How many pixels of the grid of every `stride`-th row and column precede a pixel in raster order."""
    across = (width + stride - 1) // stride
    before = (row + stride - 1) // stride * across
    return before + ((column + stride - 1) // stride if row % stride == 0 else 0)


@compiled()
def run_pixel(machine: Machine, x: I64, streams: I64, row: int, column: int, scores: F32) -> None:
    """Run the program for one pixel of the batch entries `streams`; x (B, C, W) is the row so far."""
    state, weights, tables, width = machine.state, machine.weights, machine.tables, machine.rows.shape[1]
    own = tables.shape[0] > 1
    skip = 0
    for step in range(machine.operations.shape[0]):
        if skip > 0:
            skip -= 1
            continue
        code, dst, src, outputs, inputs, at, a = machine.operations[step]
        if code == PRODUCT:
            run_product(state, streams, dst, src, weights[at : at + inputs * outputs], inputs, outputs)
        elif code == SKIP_UNLESS:
            if row % a or column % a:
                skip = src
        else:
            for b in streams:
                if code == GATE:
                    run_gate(state[b, src : src + 2 * outputs], state[b, dst : dst + outputs])
                elif code == LOAD_ROW:
                    state[b, dst : dst + outputs] = machine.rows[b, column, src : src + outputs]
                elif code == BIAS:
                    state[b, dst : dst + outputs] = weights[at : at + outputs]
                elif code == LOAD_PAST:
                    if column >= a:
                        state[b, dst : dst + outputs] = machine.past[b, column - a, src : src + outputs]
                    else:
                        state[b, dst : dst + outputs] = 0
                elif code == STORE:
                    machine.past[b, column, dst : dst + outputs] = state[b, src : src + outputs]
                elif code == ADD:
                    for i in range(outputs):
                        state[b, dst + i] += state[b, src + i]
                elif code == RELU:
                    for i in range(outputs):
                        state[b, dst + i] = max(state[b, src + i], np.float32(0))
                elif code in (EMBED, TABLE_EMBED):
                    if column < a:
                        state[b, dst : dst + outputs] = 0
                    else:
                        start = at + x[b, src, column - a] * outputs
                        if code == EMBED:
                            state[b, dst : dst + outputs] = weights[start : start + outputs]
                        else:
                            state[b, dst : dst + outputs] = tables[b if own else 0, start : start + outputs]
                elif code == TABLE_PRODUCT:
                    table = tables[b if own else 0, at : at + inputs * outputs]
                    run_table_product(state, b, dst, src, table, inputs, outputs)
                elif code == ATTEND:
                    count = places_before(row, column, a, width)
                    for head in range(outputs):
                        place = head * inputs
                        query = state[b, src + place : src + place + inputs]
                        keys, values = machine.kept[at, b, 0, head], machine.kept[at, b, 1, head]
                        run_attend(query, keys, values, count, scores, state[b, dst + place : dst + place + inputs])
                elif code == KEEP:
                    place = places_before(row, column, a, width)
                    for half in range(2):
                        for head in range(outputs):
                            start = src + (half * outputs + head) * inputs
                            machine.kept[at, b, half, head, place] = state[b, start : start + inputs]


@compiled()
def draw_row(
    machine: Machine,
    params: SamplingParams,
    x: I64,
    row: int,
    mask: NDArray[np.bool_],
    noise: F64,
    temperature: F64,
    allowed: NDArray[np.bool_],
    log_prob: F64,
    columns: tuple[int, int],
    low: int,
    high: int,
) -> None:
    """Draw the masked pixels of one row of the pictures [low, high), in the columns [first, last), in place.

    x (B, C, W) int64; mask (n, W); noise, log_prob (n, C, W); temperature (n, W); allowed (B or 1, K, W or 1), size 0 =
    all. B is n, or 2n with guidance: the second half then holds the same pictures without class. log_prob receives log
    p at temperature 1.
    """
    pictures = mask.shape[0]
    channels, guided = x.shape[1], x.shape[0] > pictures
    here = np.empty(0, np.bool_)
    streams = np.empty((high - low) * (2 if guided else 1), np.int64)
    for b in range(high - low):
        streams[b] = low + b
        if guided:
            streams[high - low + b] = low + b + pictures
    levels = params.allowed.shape[0]
    scores = np.empty(machine.kept.shape[4], np.float32)
    for column in range(columns[0], columns[1]):
        # Features of group c depend on channels below c only, so the pass for the last channel leaves all final.
        drawn = mask[low:high, column].any()
        for c in range(0 if drawn else channels - 1, channels):
            run_pixel(machine, x, streams, row, column, scores)
            for i in range(low, high if drawn else low):
                if mask[i, column]:
                    start = machine.logits + c * levels
                    plain = machine.state[i, start : start + levels].astype(np.float64)
                    if allowed.size:
                        here = allowed[i if allowed.shape[0] > 1 else 0, :, column if allowed.shape[2] > 1 else 0]
                        plain = np.where(here, plain, NEVER)
                    guided_logits = plain
                    if guided:
                        free = machine.state[i + pictures, start : start + levels].astype(np.float64)
                        if allowed.size:
                            free = np.where(here, free, NEVER)
                        guided_logits = free + params.guidance * (plain - free)
                    k = choose_level(guided_logits, noise[i, c, column], temperature[i, column], params)
                    top = plain.max()
                    log_prob[i, c, column] = plain[k] - top - np.log(np.exp(plain - top).sum())
                    x[i, c, column] = k
                    if guided:
                        x[i + pictures, c, column] = k
