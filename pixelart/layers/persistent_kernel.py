"""Draw columns of a row of pictures with a pixel program, as one Triton kernel: each picture is drawn by one block.

It is the twin of layers/interpreter.py and layers/row_kernel.py: it reads the same table of operations and the same
packed weights. Operations follow each other in a block, with a barrier between them. Imported only where Triton is.
"""

from __future__ import annotations

import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]

from pixelart.layers import program as op
from pixelart.layers import vector_code
from pixelart.layers.persistent_choice import draw_level

_FIELDS = tl.constexpr(len(op.Operation._fields))
_PANEL, _LANES = tl.constexpr(vector_code.PANEL * vector_code.LANES), tl.constexpr(vector_code.LANES)
_FILL, _ADD, _SUM, _MUL, _NEG = (tl.constexpr(code) for code in (op.FILL, op.ADD, op.SUM, op.MUL, op.NEG))
_RELU, _ELU, _SIGMOID, _TANH = (tl.constexpr(code) for code in (op.RELU, op.ELU, op.SIGMOID, op.TANH))
_PRODUCT, _TABLE_PRODUCT, _GROW = tl.constexpr(op.PRODUCT), tl.constexpr(op.TABLE_PRODUCT), tl.constexpr(op.GROW)
_EMBED, _TABLE_EMBED, _STORE = tl.constexpr(op.EMBED), tl.constexpr(op.TABLE_EMBED), tl.constexpr(op.STORE)
_KEEP, _ATTEND = tl.constexpr(op.KEEP), tl.constexpr(op.ATTEND)
ANY_NUMBER = ["table_size", "state_size", "grid_size", "kept_size", "scratch_size", "allowed_picture", "allowed_level"]
ANY_NUMBER += ["allowed_row", "allowed_column", "row", "first", "stop", "height", "width", "margin", "reach", "before"]
ANY_NUMBER += ["after", "end", "passes", "outputs", "pictures", "top_k"]
"""Parameters for whose values Triton is not to compile kernels of their own, as it does for 1 and multiples of 16."""


@triton.jit
def _product(y, begin, x, weights, inputs, outputs, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr):
    """y (outputs,) = begin (outputs,) + x (inputs,) @ the matrix packed at `weights`."""
    wide = (outputs + _LANES - 1) // _LANES * _LANES
    for first in range(0, outputs, OUTPUTS):
        column = first + tl.arange(0, OUTPUTS)
        panel = column // _PANEL * _PANEL
        width, is_output = tl.minimum(wide - panel, _PANEL), column < outputs
        total = tl.zeros((INPUTS, OUTPUTS), tl.float32)
        for start in range(0, inputs, INPUTS):
            row = start + tl.arange(0, INPUTS)
            given = tl.load(x + row, mask=row < inputs, other=0.0)
            place = weights + (panel * inputs + column - panel)[None, :] + row[:, None] * width[None, :]
            total += given[:, None] * tl.load(place, mask=(row < inputs)[:, None] & is_output[None, :], other=0.0)
        before = tl.load(begin + column, mask=is_output, other=0.0)
        tl.store(y + column, before + tl.sum(total, axis=0), mask=is_output)


@triton.jit
def _elements(code, y, x, z, given, size, SIZE: tl.constexpr):
    """y (size,) = an operation on x and z, number by number; x counts as 0 after the first `given` numbers."""
    for first in range(0, size, SIZE):
        i = first + tl.arange(0, SIZE)
        value = tl.load(x + i, mask=i < given, other=0.0)
        if code == _ADD:
            value += tl.load(y + i, mask=i < size, other=0.0)
        elif code == _SUM:
            value += tl.load(z + i, mask=i < size, other=0.0)
        elif code == _MUL:
            value *= tl.load(z + i, mask=i < size, other=0.0)
        elif code == _NEG:
            value = -value
        elif code == _RELU:
            value = tl.maximum(value, 0.0)
        elif code == _ELU:
            value = tl.where(value > 0, value, tl.exp(tl.minimum(value, 0.0)) - 1)
        elif code == _SIGMOID:
            value = 1 / (1 + tl.exp(-value))
        elif code == _TANH:
            value = 2 / (1 + tl.exp(-2 * value)) - 1
        tl.store(y + i, value, mask=i < size)


@triton.jit
def _attend(y, query, keys, values, scores, size, wide, places, count, has_zero, SIZE: tl.constexpr):
    """y (wide,) = softmax attention of query (size,) over the first `count` of keys (size, places) and values (places,
    wide), and over a key and a value of zeros if `has_zero`. scores (places,): memory."""
    top = tl.where(has_zero != 0, 0.0, -float("inf"))
    scale = 1 / tl.sqrt(size.to(tl.float32))
    for first in range(0, count, SIZE):
        j = first + tl.arange(0, SIZE)
        score = tl.zeros((SIZE,), tl.float32)
        for k in range(0, size):
            score += tl.load(query + k) * scale * tl.load(keys + k * places + j, mask=j < count, other=0.0)
        tl.store(scores + j, score, mask=j < count)
        top = tl.maximum(top, tl.max(tl.where(j < count, score, -float("inf")), axis=0))
    tl.debug_barrier()
    for first in range(0, wide, SIZE):
        i = first + tl.arange(0, SIZE)
        result, total = tl.zeros((SIZE,), tl.float32), tl.where(has_zero != 0, tl.exp(-top), 0.0)
        for j in range(0, count):
            weight = tl.exp(tl.load(scores + j).to(tl.float32) - top)
            result += weight * tl.load(values + j * wide + i, mask=i < wide, other=0.0)
            total += weight
        tl.store(y + i, tl.where(total > 0, result / total, 0.0), mask=i < wide)


@triton.jit
def _attention(is_keep, number, y, given, kept, scores, row, column, width, SIZE: tl.constexpr):
    """KEEP or ATTEND of a pixel, whose picture has the memory `kept`; number: where the attention is described."""
    heads, size, wide, step = tl.load(number), tl.load(number + 1), tl.load(number + 2), tl.load(number + 3)
    has_zero, places, start = tl.load(number + 4), tl.load(number + 5), tl.load(number + 6)
    before = (row + step - 1) // step * ((width + step - 1) // step)
    before += tl.where(row % step == 0, (column + step - 1) // step, 0)
    for head in range(0, heads):
        keys = kept + start + head * places * (size + wide)
        values = keys + places * size
        if is_keep:
            for first in range(0, tl.maximum(size, wide), SIZE):
                i = first + tl.arange(0, SIZE)
                key = tl.load(given + head * size + i, mask=i < size, other=0.0)
                value = tl.load(given + heads * size + head * wide + i, mask=i < wide, other=0.0)
                tl.store(keys + i * places + before, key, mask=i < size)
                tl.store(values + before * wide + i, value, mask=i < wide)
        else:
            query, to = given + head * size, y + head * wide
            _attend(to, query, keys, values, scores, size, wide, places, before, has_zero, SIZE)
            tl.debug_barrier()


@triton.jit(do_not_specialize=ANY_NUMBER)
def draw_columns(
    operations, attentions, weights, tables, table_size, state, state_size, grid, grid_size, kept, kept_size,
    scratch, scratch_size, x, mask, noise, temperature, log_prob, permitted, allowed,
    allowed_picture, allowed_level, allowed_row, allowed_column,
    numbers, row, first, stop, height, width, margin, reach, before, after, end, passes, outputs, pictures, top_k,
    CHANNELS: tl.constexpr, LEVELS: tl.constexpr, COMPONENTS: tl.constexpr, HALVES: tl.constexpr,
    IS_LIMITED: tl.constexpr, HAS_ALLOWED: tl.constexpr, LEVEL_BLOCK: tl.constexpr, COMPONENT_BLOCK: tl.constexpr,
    OUTPUTS: tl.constexpr, INPUTS: tl.constexpr,
):  # fmt: skip
    """Draw the columns [first, stop) of a begun row of picture number `program_id`. Arrays as of `row_kernel.draw_row`
    and `DeviceMemory`; _size: numbers of a picture or, of state and grid, of a pixel. The operations [before, after)
    run before a choice, [after, end) after the last one. numbers float64: top_p, guidance, and bounds of log scales.
    HALVES is 2 with guidance."""
    picture = tl.program_id(0).to(tl.int64)
    area, wide = height * width, width + 2 * margin
    pixel_of_mask = picture * area + row * width
    memory = scratch + picture * scratch_size
    for column in range(first, stop):
        is_masked = tl.load(mask + pixel_of_mask + column) != 0
        for channel in range(0, CHANNELS + 1):
            is_last = channel == CHANNELS
            start, last = tl.where(is_last, after, before), tl.where(is_last, end, after)
            runs = is_last | (channel == 0) | (is_masked & (channel < passes))
            for number in range(start, tl.where(runs, last, start)):
                table = operations + number * _FIELDS
                code, step, dst, src = tl.load(table), tl.load(table + 1), tl.load(table + 2), tl.load(table + 3)
                size, inputs, at = tl.load(table + 4), tl.load(table + 5), tl.load(table + 6)
                dy, dx, other = tl.load(table + 7), tl.load(table + 8), tl.load(table + 9)
                if (row % step == 0) & (column % step == 0):
                    for half in range(0, HALVES):
                        one = picture + half * pictures
                        here = state + (one * wide + column + margin) * state_size
                        lines = grid + one * reach * wide * grid_size
                        y, given, table_of_one = here + dst, here + dx * state_size + src, tables + one * table_size
                        if (code == _PRODUCT) | (code == _TABLE_PRODUCT) | (code == _GROW):
                            begin, matrix = y, weights + at
                            if code == _TABLE_PRODUCT:
                                matrix = table_of_one + at
                            elif code == _GROW:
                                down, across = row // step % 2, column // step % 2
                                padded = (size + _LANES - 1) // _LANES * _LANES
                                matrix = weights + at + (2 * down + across) * inputs * padded
                                begin = weights + other + (2 * down + across) * padded
                                line = (row - down * step) % reach * wide + column - across * step + margin
                                given = lines + line * grid_size + src
                            _product(y, begin, given, matrix, inputs, size, OUTPUTS, INPUTS)
                        elif (code == _KEEP) | (code == _ATTEND):
                            keeps = kept + one * kept_size
                            how = attentions + other * 7
                            _attention(code == _KEEP, how, y, given, keeps, memory, row, column, width, OUTPUTS)
                        else:
                            count = size
                            if code == _FILL:
                                given = weights + at
                            elif code == _STORE:
                                y = lines + (row % reach * wide + column + margin) * grid_size + dst
                            elif (code == _EMBED) | (code == _TABLE_EMBED):
                                is_inside = (row + dy >= 0) & (column + dx >= 0) & (column + dx < width)
                                pixel = (one * CHANNELS + other) * area + (row + dy) * width + column + dx
                                level = tl.load(x + pixel, mask=is_inside, other=0)
                                given = tl.where(code == _EMBED, weights, table_of_one) + at + level * size
                                count = tl.where(is_inside, size, 0)
                            _elements(code, y, given, here + other, count, size, OUTPUTS)
                    tl.debug_barrier()
            if is_masked & (channel < CHANNELS):
                place = (picture * CHANNELS + channel) * area + row * width + column
                result = state + (picture * wide + column + margin) * state_size + outputs
                limits = allowed + picture * allowed_picture + row * allowed_row + column * allowed_column
                draw_level(
                    result, result + pictures * wide * state_size, x + place, x + place + pictures * CHANNELS * area,
                    area, tl.load(noise + place), tl.load(temperature + pixel_of_mask + column), log_prob + place,
                    permitted, limits, allowed_level, memory, channel, top_k, numbers, CHANNELS, LEVELS, COMPONENTS,
                    HALVES, IS_LIMITED, HAS_ALLOWED, LEVEL_BLOCK, COMPONENT_BLOCK,
                )  # fmt: skip
                tl.debug_barrier()
