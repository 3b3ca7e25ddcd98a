"""Products of vectors with a matrix, the inner loop of pixel programs, as explicit vector code (numba, LLVM).

A block multiplies a few vectors at once with a panel of up to 64 columns of the matrix. Its sums stay in registers, so
a weight is loaded once for all of them, and each sum adds its terms in the same order whatever the number of vectors:
a picture does not depend on the batch, nor on whether its pixels are computed one by one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from torch import Tensor

from pixelart.layers.compiling import IS_COMPILED, compiled
from pixelart.layers.kernels import F32

LANES = 16
"""Floats in a vector; outputs of a product are padded to a multiple."""
PANEL = 4
"""Vectors in a panel."""
TOGETHER = 4
"""Input vectors that a block multiplies at once."""


def padded(size: int) -> int:
    """`size` rounded up to whole vectors."""
    return -(-size // LANES) * LANES


def packed(matrix: F32) -> F32:
    """A matrix (..., I, O) in the layout of `add_products`, (..., I * padded(O)): panel by panel, in each
    input-major."""
    outputs = matrix.shape[-1]
    wide = np.zeros((*matrix.shape[:-1], padded(outputs)), np.float32)
    wide[..., :outputs] = matrix
    starts = range(0, wide.shape[-1], PANEL * LANES)
    panels = [wide[..., start : start + PANEL * LANES] for start in starts]
    return np.concatenate([panel.reshape(*matrix.shape[:-2], -1) for panel in panels], axis=-1)


def unpacked(memory: Tensor, start: int, *, inputs: int, outputs: int) -> Tensor:
    """The matrix (..., I, O) that lies packed in memory (..., n) from `start` on."""
    panels, wide = list[Tensor](), padded(outputs)
    for first in range(0, wide, PANEL * LANES):
        width = min(PANEL * LANES, wide - first)
        panels.append(memory[..., start : start + inputs * width].unflatten(-1, (inputs, width)))
        start += inputs * width
    return (panels[0] if len(panels) == 1 else torch.cat(panels, dim=-1))[..., :outputs]


def _block(together: int, vectors: int) -> Any:
    """block(y, y_step, x, x_step, weights, inputs): y[s] += x[s] @ panel, for s below `together`; addresses and steps
    in bytes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        y, y_step, x, x_step, weights, inputs = arguments
        vector, scalar = ir.VectorType(ir.FloatType(), LANES), ir.FloatType()
        size, integer = LANES * 4, inputs.type

        def at(address: Any, kind: Any) -> Any:
            return builder.inttoptr(address, kind.as_pointer())

        def offset(base: Any, step: Any, times: int) -> Any:
            return builder.add(base, builder.mul(step, integer(times)))

        kind = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
        places = [
            [builder.add(offset(y, y_step, s), integer(v * size)) for v in range(vectors)] for s in range(together)
        ]
        sums = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(together)]
        for row, kept in zip(places, sums, strict=True):
            for place, one in zip(row, kept, strict=True):
                builder.store(builder.load(at(place, vector), align=4), one)
        with cgutils.for_range(builder, inputs) as loop:
            panel = builder.add(weights, builder.mul(loop.index, integer(vectors * size)))
            loaded = [builder.load(at(builder.add(panel, integer(v * size)), vector), align=4) for v in range(vectors)]
            for s in range(together):
                place = builder.add(offset(x, x_step, s), builder.mul(loop.index, integer(4)))
                value = builder.load(at(place, scalar), align=4)
                one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
                zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                every = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)
                for v in range(vectors):
                    builder.store(builder.call(fma, [every, loaded[v], builder.load(sums[s][v])]), sums[s][v])
        for row, kept in zip(places, sums, strict=True):
            for place, one in zip(row, kept, strict=True):
                builder.store(builder.load(one), at(place, vector), align=4)
        return context.get_dummy_value()

    def block(typing: Any, y: Any, y_step: Any, x: Any, x_step: Any, weights: Any, inputs: Any) -> Any:
        return types.void(*[types.intp] * 6), generate

    return intrinsic(block)


_one_1, _one_2, _one_3, _one_4 = (_block(1, vectors) for vectors in range(1, PANEL + 1))
_many_1, _many_2, _many_3, _many_4 = (_block(TOGETHER, vectors) for vectors in range(1, PANEL + 1))


@compiled()
def _add_products(
    y: int, y_step: int, x: int, x_step: int, weights: int, inputs: int, outputs: int, count: int
) -> None:
    y_step, x_step, left = 4 * y_step, 4 * x_step, (outputs + LANES - 1) // LANES
    whole = count - count % TOGETHER
    while left > 0:
        vectors = min(left, PANEL)
        for s in range(0, whole, TOGETHER):
            place, given = y + s * y_step, x + s * x_step
            if vectors == 4:
                _many_4(place, y_step, given, x_step, weights, inputs)
            elif vectors == 3:
                _many_3(place, y_step, given, x_step, weights, inputs)
            elif vectors == 2:
                _many_2(place, y_step, given, x_step, weights, inputs)
            else:
                _many_1(place, y_step, given, x_step, weights, inputs)
        for s in range(whole, count):
            place, given = y + s * y_step, x + s * x_step
            if vectors == 4:
                _one_4(place, y_step, given, x_step, weights, inputs)
            elif vectors == 3:
                _one_3(place, y_step, given, x_step, weights, inputs)
            elif vectors == 2:
                _one_2(place, y_step, given, x_step, weights, inputs)
            else:
                _one_1(place, y_step, given, x_step, weights, inputs)
        left -= vectors
        y += 4 * LANES * vectors
        weights += 4 * LANES * vectors * inputs


def _add_products_in_numpy(
    y: int, y_step: int, x: int, x_step: int, weights: int, inputs: int, outputs: int, count: int
) -> None:
    panels, wide = [], padded(outputs)
    for start in range(0, wide, PANEL * LANES):
        width = min(PANEL * LANES, wide - start)
        panels.append(view(weights + 4 * inputs * start, inputs * width).reshape(inputs, width))
    matrix = np.concatenate(panels, axis=1)[:, :outputs]
    for s in range(count):
        to, given = view(y + 4 * s * y_step, outputs), view(x + 4 * s * x_step, inputs)
        to += given @ matrix


def _generate_view(item: int, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    address, size = arguments
    array = context.make_array(signature.return_type)(context, builder)
    data, step = builder.inttoptr(address, array.data.type), context.get_constant(types.intp, item)
    populate_array(array, data=data, shape=[size], strides=[step], itemsize=step, meminfo=None)
    return array._getvalue()


def _view_of(kind: Any) -> Any:
    def type_view(typing: Any, address: Any, size: Any) -> Any:
        return types.Array(kind, 1, "C")(types.intp, types.intp), partial(_generate_view, kind.bitwidth // 8)

    return intrinsic(type_view)


_view: Any = _view_of(types.float32)
view_bits: Any = _view_of(types.uint32)
"""view_bits(address, size): floats there as integers; only in compiled functions."""
view_halves: Any = _view_of(types.uint16)
"""view_halves(address, size): bfloat16 numbers there as integers; only in compiled functions."""


def _view_in_numpy(address: int, size: int) -> F32:
    return np.ctypeslib.as_array((ctypes.c_float * int(size)).from_address(int(address)))


view: Callable[[int, int], F32] = _view if IS_COMPILED else _view_in_numpy
"""view(address, size): the floats there as an array. Unlike a slice it counts no references, which threads would wait
for each other to do."""
add_products: Callable[..., None] = _add_products if IS_COMPILED else _add_products_in_numpy
"""add_products(y, y_step, x, x_step, weights, inputs, outputs, count): for each s below `count`, the `outputs` floats
y[s * y_step :] += the `inputs` floats x[s * x_step :] @ the matrix packed at `weights`.

y, x and weights are addresses. Up to 15 floats behind a result are read and written back unchanged.
"""
