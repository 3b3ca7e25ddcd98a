"""Attention in pixel programs, compiled with numba: over keys and values that earlier pixels have kept."""

from __future__ import annotations

import numpy as np

from pixelart.layers.activations import activate
from pixelart.layers.compiling import compiled
from pixelart.layers.kernels import Floats
from pixelart.layers.machine import Machine, Streams
from pixelart.layers.program import EXP
from pixelart.layers.vector_code import bytes_of, view

FAST = {"contract", "reassoc", "nsz"}


@compiled(fastmath=FAST)
def attend(
    query: Floats,
    keys: int,
    values: int,
    places: int,
    count: int,
    zero_key: int,
    address: int,
    result: Floats,
    zero: float,
) -> None:
    """result (V,): softmax attention over the first `count` of keys (k, places) and values (places, V), and over
    `zero_key` keys and values of zeros."""
    item, size, wide = bytes_of(zero), query.shape[0], result.shape[0]
    scores, number = view(address, count, zero), query.dtype.type
    for j in range(count):
        scores[j] = zero
    for i in range(size):
        weight, key = query[i] * number(1 / np.sqrt(size)), view(keys + item * i * places, count, zero)
        for j in range(count):
            scores[j] += weight * key[j]
    top = number(0 if zero_key else -np.inf)
    for j in range(count):
        top = max(top, scores[j])
    for j in range(count):
        scores[j] -= top
    activate(np.int64(EXP), address, address, count, zero)
    total = np.exp(-top) if zero_key else zero
    for j in range(count):
        total += scores[j]
    for i in range(wide):
        result[i] = zero
    for j in range(count):
        weight, value = scores[j], view(values + item * j * wide, wide, zero)
        for i in range(wide):
            result[i] += weight * value[i]
    if count + zero_key:
        for i in range(wide):
            result[i] /= total


@compiled()
def places_before(row: int, column: int, step: int, width: int) -> int:
    """How many pixels of the grid of every `step`-th row and column precede a pixel in raster order."""
    across = (width + step - 1) // step
    before = (row + step - 1) // step * across
    return before + ((column + step - 1) // step if row % step == 0 else 0)


@compiled()
def run_attention(machine: Machine, streams: Streams, keeps: bool, dst: int, src: int, number: int, row: int) -> None:
    """KEEP or ATTEND."""
    heads, keys, values = machine.attentions[number, 0], machine.attentions[number, 1], machine.attentions[number, 2]
    step, zero_key = machine.attentions[number, 3], machine.attentions[number, 4]
    places, start = machine.attentions[number, 5], machine.attentions[number, 6]
    zero, item = streams.zero, bytes_of(streams.zero)
    scores = np.empty(places)  # memory for numbers of either type
    for b in range(streams.pictures):
        kept = machine.kept + item * ((streams.first + b) * machine.kept_of_picture + start)
        for i in range(streams.columns):
            pixel = streams.state + item * (b * streams.by_picture + i * streams.by_column)
            before = places_before(row, streams.start + i * streams.step, step, machine.width)
            for head in range(heads):
                all_keys = kept + item * head * places * (keys + values)
                all_values = all_keys + item * places * keys
                query = view(pixel + item * (src + head * keys), keys, zero)
                if keeps:
                    own = view(pixel + item * (src + heads * keys + head * values), values, zero)
                    to = view(all_keys, places * keys, zero)
                    value = view(all_values + item * before * values, values, zero)
                    for k in range(keys):
                        to[k * places + before] = query[k]
                    for k in range(values):
                        value[k] = own[k]
                else:
                    result, at = view(pixel + item * (dst + head * values), values, zero), np.int64(scores.ctypes.data)
                    attend(query, all_keys, all_values, places, before, zero_key, at, result, zero)
