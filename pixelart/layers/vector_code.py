"""Products of vectors with a matrix, the inner loop of pixel programs, as explicit vector code (numba, LLVM).

Programs are in single or in double precision. Functions take `zero`, a 0 of the type of the numbers, and are compiled
for each type when it is first used.

A block multiplies a few vectors at once with a panel of up to 64 columns of the matrix. Its sums stay in registers, so
a weight is loaded once for all of them, and each sum adds its terms in the same order whatever the number of vectors:
a picture does not depend on the batch, nor on whether its pixels are computed one by one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from torch import Tensor

from pixelart.layers.compiling import IS_COMPILED, compiled
from pixelart.layers.kernels import Floats

LANES = 16
"""Floats in a vector; outputs of a product are padded to a multiple, in either precision."""
VECTOR_BYTES = 4 * LANES
"""Bytes of a vector, which are those of a cache line."""
PANEL = 4
"""Vectors in a panel."""
TOGETHER = 4
"""Input vectors that a block multiplies at once."""


def padded(size: int) -> int:
    """`size` rounded up to whole vectors."""
    return -(-size // LANES) * LANES


def packed(matrix: Floats) -> Floats:
    """A matrix (..., I, O) in the layout of `add_products`, (..., I * padded(O)): panel by panel, in each
    input-major."""
    outputs, width = matrix.shape[-1], PANEL * VECTOR_BYTES // matrix.itemsize
    wide = np.zeros((*matrix.shape[:-1], padded(outputs)), matrix.dtype)
    wide[..., :outputs] = matrix
    panels = [wide[..., start : start + width] for start in range(0, wide.shape[-1], width)]
    return np.concatenate([panel.reshape(*matrix.shape[:-2], -1) for panel in panels], axis=-1)


class VectorType(NamedTuple):
    """A type of numbers for code that LLVM compiles: its name in LLVM, bytes, and numbers in a vector."""

    name: str
    bytes: int
    lanes: int
    scalar: Any
    vector: Any
    integers: Any
    """Vector of integers of the same size."""


def vector_type(zero: Any) -> VectorType:
    """That of a numba type, float32 or float64."""
    size = zero.bitwidth // 8
    lanes, scalar = VECTOR_BYTES // size, ir.FloatType() if size == 4 else ir.DoubleType()
    integers = ir.VectorType(ir.IntType(zero.bitwidth), lanes)
    return VectorType(f"f{zero.bitwidth}", size, lanes, scalar, ir.VectorType(scalar, lanes), integers)


def unpacked(memory: Tensor, start: int, *, inputs: int, outputs: int) -> Tensor:
    """The matrix (..., I, O) that lies packed in memory (..., n) from `start` on."""
    panels, wide, panel = list[Tensor](), padded(outputs), PANEL * VECTOR_BYTES // memory.element_size()
    for first in range(0, wide, panel):
        width = min(panel, wide - first)
        panels.append(memory[..., start : start + inputs * width].unflatten(-1, (inputs, width)))
        start += inputs * width
    return (panels[0] if len(panels) == 1 else torch.cat(panels, dim=-1))[..., :outputs]


def _block(together: int, vectors: int) -> Any:
    """block(y, y_step, x, x_step, weights, inputs, zero): y[s] += x[s] @ panel, for s below `together`; addresses and
    steps in bytes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        y, y_step, x, x_step, weights, inputs, _ = arguments
        name, align, lanes, scalar, vector, _ = vector_type(signature.args[6])
        size, integer = VECTOR_BYTES, inputs.type

        def at(address: Any, kind: Any) -> Any:
            return builder.inttoptr(address, kind.as_pointer())

        def offset(base: Any, step: Any, times: int) -> Any:
            return builder.add(base, builder.mul(step, integer(times)))

        kind = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{lanes}{name}")
        places = [
            [builder.add(offset(y, y_step, s), integer(v * size)) for v in range(vectors)] for s in range(together)
        ]
        sums = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(together)]
        for row, kept in zip(places, sums, strict=True):
            for place, one in zip(row, kept, strict=True):
                builder.store(builder.load(at(place, vector), align=align), one)
        with cgutils.for_range(builder, inputs) as loop:
            panel = builder.add(weights, builder.mul(loop.index, integer(vectors * size)))
            parts = [builder.add(panel, integer(v * size)) for v in range(vectors)]
            loaded = [builder.load(at(part, vector), align=align) for part in parts]
            for s in range(together):
                place = builder.add(offset(x, x_step, s), builder.mul(loop.index, integer(align)))
                value = builder.load(at(place, scalar), align=align)
                one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
                zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
                every = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)
                for v in range(vectors):
                    builder.store(builder.call(fma, [every, loaded[v], builder.load(sums[s][v])]), sums[s][v])
        for row, kept in zip(places, sums, strict=True):
            for place, one in zip(row, kept, strict=True):
                builder.store(builder.load(one), at(place, vector), align=align)
        return context.get_dummy_value()

    def block(typing: Any, y: Any, y_step: Any, x: Any, x_step: Any, weights: Any, inputs: Any, zero: Any) -> Any:
        return types.void(*[types.intp] * 6, zero), generate

    return intrinsic(block)


_one_1, _one_2, _one_3, _one_4 = (_block(1, vectors) for vectors in range(1, PANEL + 1))
_many_1, _many_2, _many_3, _many_4 = (_block(TOGETHER, vectors) for vectors in range(1, PANEL + 1))


def _generate_bytes_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return context.get_constant(types.intp, signature.args[0].bitwidth // 8)


def _type_bytes_of(typing: Any, zero: Any) -> Any:
    return types.intp(zero), _generate_bytes_of


_bytes_of: Any = intrinsic(_type_bytes_of)
bytes_of: Callable[[Any], int] = _bytes_of if IS_COMPILED else lambda zero: zero.itemsize
"""bytes_of(zero): bytes of a number of its type, a constant of the compiled code."""


@compiled()
def _add_products(
    y: int, y_step: int, x: int, x_step: int, weights: int, inputs: int, outputs: int, count: int, zero: float
) -> None:
    size = bytes_of(zero)
    y_step, x_step, left = size * y_step, size * x_step, (outputs + LANES - 1) // LANES * LANES * size // VECTOR_BYTES
    whole = count - count % TOGETHER
    while left > 0:
        vectors = min(left, PANEL)
        for s in range(0, whole, TOGETHER):
            place, given = y + s * y_step, x + s * x_step
            if vectors == 4:
                _many_4(place, y_step, given, x_step, weights, inputs, zero)
            elif vectors == 3:
                _many_3(place, y_step, given, x_step, weights, inputs, zero)
            elif vectors == 2:
                _many_2(place, y_step, given, x_step, weights, inputs, zero)
            else:
                _many_1(place, y_step, given, x_step, weights, inputs, zero)
        for s in range(whole, count):
            place, given = y + s * y_step, x + s * x_step
            if vectors == 4:
                _one_4(place, y_step, given, x_step, weights, inputs, zero)
            elif vectors == 3:
                _one_3(place, y_step, given, x_step, weights, inputs, zero)
            elif vectors == 2:
                _one_2(place, y_step, given, x_step, weights, inputs, zero)
            else:
                _one_1(place, y_step, given, x_step, weights, inputs, zero)
        left -= vectors
        y += VECTOR_BYTES * vectors
        weights += VECTOR_BYTES * vectors * inputs


def _add_products_in_numpy(
    y: int, y_step: int, x: int, x_step: int, weights: int, inputs: int, outputs: int, count: int, zero: float
) -> None:
    panels, wide, size = [], padded(outputs), bytes_of(zero)
    for start in range(0, wide, PANEL * VECTOR_BYTES // size):
        width = min(PANEL * VECTOR_BYTES // size, wide - start)
        panels.append(view(weights + size * inputs * start, inputs * width, zero).reshape(inputs, width))
    matrix = np.concatenate(panels, axis=1)[:, :outputs]
    for s in range(count):
        to, given = view(y + size * s * y_step, outputs, zero), view(x + size * s * x_step, inputs, zero)
        to += given @ matrix


def _generate_view(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    address, size, _ = arguments
    array = context.make_array(signature.return_type)(context, builder)
    data = builder.inttoptr(address, array.data.type)
    step = context.get_constant(types.intp, signature.args[2].bitwidth // 8)
    populate_array(array, data=data, shape=[size], strides=[step], itemsize=step, meminfo=None)
    return array._getvalue()


def _type_view(typing: Any, address: Any, size: Any, zero: Any) -> Any:
    return types.Array(zero, 1, "C")(types.intp, types.intp, zero), _generate_view


_view: Any = intrinsic(_type_view)


def _view_in_numpy(address: int, size: int, zero: Any) -> Floats:
    kind = ctypes.c_float if zero.itemsize == 4 else ctypes.c_double
    return np.ctypeslib.as_array((kind * int(size)).from_address(int(address)))


view: Callable[[int, int, Any], Floats] = _view if IS_COMPILED else _view_in_numpy
"""view(address, size, zero): the numbers there as an array. Unlike a slice it counts no references, which threads would
wait for each other to do. In compiled functions `zero` may also be an integer."""
add_products: Callable[..., None] = _add_products if IS_COMPILED else _add_products_in_numpy
"""add_products(y, y_step, x, x_step, weights, inputs, outputs, count, zero): for each s below `count`, the `outputs`
numbers y[s * y_step :] += the `inputs` numbers x[s * x_step :] @ the matrix packed at `weights`.

y, x and weights are addresses. Up to 15 numbers behind a result are read and written back unchanged.
"""
