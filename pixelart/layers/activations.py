"""Activations of pixel programs as explicit vector code (numba, LLVM): 16 floats at once.

exp is that of Cephes in single precision, with an error of up to 2 ulp.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pixelart.layers.compiling import IS_COMPILED, compiled
from pixelart.layers.program import ELU, SIGMOID, TANH
from pixelart.layers.vector_code import LANES, view

_VECTOR, _INTEGERS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)
_COEFFICIENTS = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)


class Vectors:
    """Writes operations on vectors of floats."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def all(self, value: float) -> Any:
        return ir.Constant(_VECTOR, [float(np.float32(value))] * LANES)

    def call(self, name: str, *given: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(given))
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}.v{LANES}f32")
        return self.builder.call(function, given)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        return self.call("fmuladd", a, b, c)

    def load(self, source: Any, mask: Any) -> Any:
        """The floats of some lanes, and zeros."""
        kind = ir.FunctionType(_VECTOR, [source.type, ir.IntType(32), mask.type, _VECTOR])
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.masked.load.v{LANES}f32.p0")
        return self.builder.call(function, [source, ir.Constant(ir.IntType(32), 4), mask, self.all(0.0)])

    def store(self, value: Any, target: Any, mask: Any) -> None:
        kind = ir.FunctionType(ir.VoidType(), [_VECTOR, target.type, ir.IntType(32), mask.type])
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.masked.store.v{LANES}f32.p0")
        self.builder.call(function, [value, target, ir.Constant(ir.IntType(32), 4), mask])

    def exp(self, x: Any) -> Any:
        builder, given = self.builder, x
        x = self.call("minnum", self.call("maxnum", x, self.all(-87.0)), self.all(88.0))
        n = self.call("floor", self.fma(x, self.all(1.4426950408889634), self.all(0.5)))
        r = self.fma(n, self.all(-0.693359375), x)
        r = self.fma(n, self.all(2.12194440e-4), r)
        p = self.all(_COEFFICIENTS[0])
        for coefficient in _COEFFICIENTS[1:]:
            p = self.fma(p, r, self.all(coefficient))
        p = builder.fadd(self.fma(builder.fmul(p, r), r, r), self.all(1.0))
        power = builder.add(builder.fptosi(n, _INTEGERS), ir.Constant(_INTEGERS, [127] * LANES))
        power = builder.shl(power, ir.Constant(_INTEGERS, [23] * LANES))
        result = builder.fmul(p, builder.bitcast(power, _VECTOR))
        return builder.select(builder.fcmp_unordered("uno", given, given), given, result)  # a NaN stays one

    def sigmoid(self, x: Any) -> Any:
        builder, one = self.builder, self.all(1.0)
        return builder.fdiv(one, builder.fadd(one, self.exp(builder.fsub(self.all(0.0), x))))

    def tanh(self, x: Any) -> Any:
        builder, two = self.builder, self.all(2.0)
        return builder.fsub(builder.fmul(two, self.sigmoid(builder.fmul(two, x))), self.all(1.0))

    def elu(self, x: Any) -> Any:
        builder, zero = self.builder, self.all(0.0)
        below = builder.fsub(self.exp(self.call("minnum", x, zero)), self.all(1.0))
        return builder.select(builder.fcmp_ordered(">", x, zero), x, below)


def over_vectors(builder: Any, size: Any, body: Callable[..., None]) -> None:
    """Emit body(vectors, load, store) for `size` floats, 16 at a time, and once more for the rest.

    load(address) and store(value, address) take addresses of the first of the floats.
    """
    vectors, width = Vectors(builder), size.type(LANES)
    whole = builder.udiv(size, width)
    with cgutils.for_range(builder, whole) as loop:
        at = partial(_place, builder, loop.index)
        body(
            vectors,
            lambda address: builder.load(at(address), align=4),
            lambda value, address: builder.store(value, at(address), align=4),
        )
    rest = builder.trunc(builder.urem(size, width), ir.IntType(32))
    with builder.if_then(builder.icmp_unsigned("!=", rest, ir.Constant(ir.IntType(32), 0))):
        at, mask = partial(_place, builder, whole), _first(builder, rest)
        body(
            vectors,
            lambda address: vectors.load(at(address), mask),
            lambda value, address: vectors.store(value, at(address), mask),
        )


def _activation(name: str) -> Any:
    """function(y, x, size): y = activation of x, `size` floats, by their addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        y, x, size = arguments
        over_vectors(builder, size, lambda vectors, load, store: store(getattr(vectors, name)(load(x)), y))
        return context.get_dummy_value()

    def function(typing: Any, y: Any, x: Any, size: Any) -> Any:
        return types.void(types.intp, types.intp, types.intp), generate

    return intrinsic(function)


def _place(builder: Any, number: Any, address: Any) -> Any:
    """Pointer to vector `number` from an address on."""
    step = builder.mul(number, number.type(4 * LANES))
    return builder.inttoptr(builder.add(address, step), _VECTOR.as_pointer())


def _first(builder: Any, count: Any) -> Any:
    """A mask of the first `count` lanes."""
    one = builder.insert_element(ir.Constant(_INTEGERS, ir.Undefined), count, ir.Constant(ir.IntType(32), 0))
    counts = builder.shuffle_vector(one, ir.Constant(_INTEGERS, ir.Undefined), ir.Constant(_INTEGERS, [0] * LANES))
    return builder.icmp_unsigned("<", ir.Constant(_INTEGERS, list(range(LANES))), counts)


_exp, _sigmoid, _tanh, _elu = map(_activation, ("exp", "sigmoid", "tanh", "elu"))


@compiled()
def _activate(code: int, y: int, x: int, size: int) -> None:
    if code == SIGMOID:
        _sigmoid(y, x, size)
    elif code == TANH:
        _tanh(y, x, size)
    elif code == ELU:
        _elu(y, x, size)
    else:
        _exp(y, x, size)


def _activate_in_numpy(code: int, y: int, x: int, size: int) -> None:
    to, given = view(y, size), view(x, size).clip(-87, 88)
    if code == SIGMOID:
        to[:] = 1 / (1 + np.exp(-given))
    elif code == TANH:
        to[:] = np.tanh(given)
    elif code == ELU:
        to[:] = np.where(given > 0, view(x, size), np.expm1(np.minimum(given, 0)))
    else:
        to[:] = np.exp(given)


activate: Callable[..., None] = _activate if IS_COMPILED else _activate_in_numpy
"""activate(code, y, x, size): the `size` floats at y = SIGMOID, TANH, ELU or else exp of those at x."""
