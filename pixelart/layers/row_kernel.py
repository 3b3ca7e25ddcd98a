"""Draw the pixels of a row with a pixel program, compiled with numba.

It starts no threads: the caller gives each thread its own pictures, which also makes a picture independent of the batch
size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixelart.layers.compiling import compiled
from pixelart.layers.interpreter import fill_rows, run_part
from pixelart.layers.kernels import (
    F64,
    I64,
    Mixture,
    SamplingParams,
    choose_level,
    choose_of_mixture,
    level_log_prob,
    log_sum,
    mixture_table,
)
from pixelart.layers.machine import Machine
from pixelart.layers.palette import NEVER
from pixelart.layers.program import AFTER_CHOICE, BEFORE_CHOICE, BEGIN, KNOWN_PIXELS
from pixelart.layers.vector_code import bytes_of, view


@compiled()
def outputs_of(machine: Machine, b: int, column: int, start: int, size: int) -> F64:
    """Some of a pixel's outputs, in double precision."""
    place = (b * (machine.width + 2) + column + 1) * machine.state_of_pixel + machine.outputs + start
    address = machine.state + bytes_of(machine.zero) * place
    given, result = view(address, size, machine.zero), np.empty(size)
    for i in range(size):
        result[i] = given[i]
    return result


@compiled()
def any_masked(mask: NDArray[np.bool_], low: int, high: int, column: int) -> bool:
    for i in range(low, high):  # noqa: SIM110 any() takes longer to compile
        if mask[i, column]:
            return True
    return False


@compiled()
def logits_of(machine: Machine, levels: int, b: int, column: int, channel: int, allowed: NDArray[np.bool_]) -> F64:
    """float64 (K,): the logits of a channel; allowed (K,), size 0 = all."""
    logits = outputs_of(machine, b, column, channel * levels, levels)
    for k in range(allowed.shape[0]):
        if not allowed[k]:
            logits[k] = NEVER
    return logits


@compiled()
def guided(table: F64, free: F64, guidance: float) -> F64:
    """Classifier-free guidance: see `pixelart.sampling.controls.guide`."""
    result = np.empty(table.shape[0])
    for k in range(table.shape[0]):
        result[k] = free[k] + guidance * (table[k] - free[k])
    return result


@compiled()
def all_allowed(params: SamplingParams) -> bool:
    for k in range(params.allowed.shape[0]):  # noqa: SIM110
        if not params.allowed[k]:
            return False
    return True


@compiled()
def draw_channel(
    machine: Machine,
    mixture: Mixture,
    params: SamplingParams,
    x: I64,
    i: int,
    second: int,
    row: int,
    column: int,
    channel: int,
    u: float,
    temperature: float,
    allowed: NDArray[np.bool_],
) -> float:
    """Choose a level of picture i, set it in x, and return its log p at temperature 1."""
    size = mixture.components * (1 + 2 * mixture.channels)
    size += mixture.components * (mixture.channels * (mixture.channels - 1) // 2)
    if mixture.components > 0:
        given = outputs_of(machine, i, column, np.int64(0), size)
        here = x[i, :, row, column]
        if second == 0 and params.top_k == 0 and params.top_p >= 1.0 and all_allowed(params):
            k = choose_of_mixture(mixture, given, here, channel, u, temperature)
        else:
            table = np.empty(mixture.levels)
            mixture_table(mixture, given, here, channel, temperature, table)
            if second:
                free, other = np.empty(mixture.levels), outputs_of(machine, i + second, column, np.int64(0), size)
                mixture_table(mixture, other, here, channel, temperature, free)
                table = guided(table, free, params.guidance)
            k = choose_level(table, u, 1.0, params)
        log_p = min(0.0, level_log_prob(mixture, given, here, channel, k))
    else:
        plain = logits_of(machine, mixture.levels, i, column, channel, allowed)
        table = plain
        if second:
            free = logits_of(machine, mixture.levels, i + second, column, channel, allowed)
            table = guided(plain, free, params.guidance)
        k = choose_level(table, u, temperature, params)
        log_p = plain[k] - log_sum(plain)
    x[i, channel, row, column] = k
    if second:
        x[i + second, channel, row, column] = k
    return log_p


@compiled()
def begin_row(machine: Machine, x: I64, row: int, begun: int, low: int, high: int, second: int) -> None:
    """Begin a row unless `begun` is -1: see `draw_row`."""
    if begun < 0:
        return
    if row > 0:
        run_part(machine, KNOWN_PIXELS, x, row - 1, begun, machine.width, low, high, second)
    if machine.rows_of_picture:
        fill_rows(machine, row, low, high)
        if second:
            fill_rows(machine, row, low + second, high + second)
    run_part(machine, BEGIN, x, row, np.int64(0), machine.width, low, high, second)


@compiled()
def run_columns(
    machine: Machine, part: int, x: I64, row: int, begun: int, first: int, end: int, low: int, high: int
) -> None:
    """Run a part of a program for the columns [first, end) of a row of the pictures [low, high); `begun` as in
    `draw_row`."""
    begin_row(machine, x, row, begun, low, high, np.int64(0))
    run_part(machine, part, x, row, first, end, low, high, np.int64(0))


@compiled()
def draw_row(
    machine: Machine,
    mixture: Mixture,
    params: SamplingParams,
    x: I64,
    row: int,
    begun: int,
    mask: NDArray[np.bool_],
    noise: F64,
    temperature: F64,
    allowed: NDArray[np.bool_],
    log_prob: F64,
    columns: tuple[int, int],
    low: int,
    high: int,
) -> None:
    """Draw the masked pixels of one row of the pictures [low, high), in the columns [first, end), in place.

    begun: -1 if the row has begun; otherwise it begins now, and the row before is computed from column `begun` on. x
    (B, C, H, W) int64; mask (n, W); noise, log_prob (n, C, W); temperature (n, W); allowed (B or 1, K, W or 1), size 0
    = all. B is n, or 2n with guidance: the second half then holds the same pictures without class. log_prob receives
    log p at temperature 1."""
    channels, second = x.shape[1], mask.shape[0] if x.shape[0] > mask.shape[0] else 0
    begin_row(machine, x, row, begun, low, high, second)
    column, end = columns
    here = np.empty(0, np.bool_)
    while column < end:
        known = column
        while known < end and not any_masked(mask, low, high, known):
            known += 1
        if known > column:
            run_part(machine, KNOWN_PIXELS, x, row, column, known, low, high, second)
            column = known
            continue
        for c in range(channels):
            if c < machine.passes:
                run_part(machine, BEFORE_CHOICE, x, row, column, column + 1, low, high, second)
            for i in range(low, high):
                if mask[i, column]:
                    if allowed.size:
                        here = allowed[i if allowed.shape[0] > 1 else 0, :, column if allowed.shape[2] > 1 else 0]
                    u, heat = noise[i, c, column], temperature[i, column]
                    log_prob[i, c, column] = draw_channel(
                        machine, mixture, params, x, i, second, row, column, c, u, heat, here
                    )
        run_part(machine, AFTER_CHOICE, x, row, column, column + 1, low, high, second)
        column += 1
