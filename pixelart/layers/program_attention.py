"""Attention in pixel programs, compiled with numba: over keys and values that earlier pixels have kept."""

from __future__ import annotations

import numpy as np

from pixelart.layers.activations import activate
from pixelart.layers.compiling import compiled
from pixelart.layers.kernels import F32
from pixelart.layers.machine import Machine, Streams
from pixelart.layers.program import EXP
from pixelart.layers.vector_code import view

FAST = {"contract", "reassoc", "nsz"}


@compiled(fastmath=FAST)
def attend(
    query: F32, keys: int, values: int, places: int, count: int, zero_key: int, address: int, result: F32
) -> None:
    """result (V,): softmax attention over the first `count` of keys (k, places) and values (places, V), and over
    `zero_key` keys and values of zeros."""
    size, wide, scores = query.shape[0], result.shape[0], view(address, count)
    for j in range(count):
        scores[j] = np.float32(0)
    for i in range(size):
        weight, key = query[i] * np.float32(1 / np.sqrt(size)), view(keys + 4 * i * places, count)
        for j in range(count):
            scores[j] += weight * key[j]
    top = np.float32(0 if zero_key else -np.inf)
    for j in range(count):
        top = max(top, scores[j])
    for j in range(count):
        scores[j] -= top
    activate(np.int64(EXP), address, address, count)
    total = np.exp(-top) if zero_key else np.float32(0)
    for j in range(count):
        total += scores[j]
    for i in range(wide):
        result[i] = np.float32(0)
    for j in range(count):
        weight, value = scores[j], view(values + 4 * j * wide, wide)
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
    scores = np.empty(places, np.float32)
    for b in range(streams.pictures):
        kept = machine.kept + 4 * ((streams.first + b) * machine.kept_of_picture + start)
        for i in range(streams.columns):
            pixel = streams.state + 4 * (b * streams.by_picture + i * streams.by_column)
            before = places_before(row, streams.start + i * streams.step, step, machine.width)
            for head in range(heads):
                all_keys = kept + 4 * head * places * (keys + values)
                all_values = all_keys + 4 * places * keys
                query = view(pixel + 4 * (src + head * keys), keys)
                if keeps:
                    own = view(pixel + 4 * (src + heads * keys + head * values), values)
                    to, value = view(all_keys, places * keys), view(all_values + 4 * before * values, values)
                    for k in range(keys):
                        to[k * places + before] = query[k]
                    for k in range(values):
                        value[k] = own[k]
                else:
                    result = view(pixel + 4 * (dst + head * values), values)
                    attend(query, all_keys, all_values, places, before, zero_key, np.int64(scores.ctypes.data), result)
