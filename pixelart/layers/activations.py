"""Activations of pixel programs as explicit vector code (numba, LLVM): a cache line of numbers at once.

exp is that of Cephes in each precision, with an error of up to 2 ulp.
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
from pixelart.layers.vector_code import VECTOR_BYTES, VectorType, vector_type, view

_SINGLE = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
"""Coefficients of a polynomial."""
_DOUBLE = (1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1)
_DIVISOR = (3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0)
"""Coefficients of a ratio of two polynomials."""


class Vectors:
    """Writes operations on vectors of numbers."""

    def __init__(self, builder: Any, kind: VectorType) -> None:
        self.builder, self.kind = builder, kind

    def all(self, value: float) -> Any:
        given = float(np.float32(value)) if self.kind.bytes == 4 else value
        return ir.Constant(self.kind.vector, [given] * self.kind.lanes)

    def call(self, name: str, *given: Any) -> Any:
        signature = ir.FunctionType(self.kind.vector, [self.kind.vector] * len(given))
        name = f"llvm.{name}.v{self.kind.lanes}{self.kind.name}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, signature, name), given)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        return self.call("fmuladd", a, b, c)

    def polynomial(self, x: Any, coefficients: tuple[float, ...]) -> Any:
        value = self.all(coefficients[0])
        for coefficient in coefficients[1:]:
            value = self.fma(value, x, self.all(coefficient))
        return value

    def load(self, source: Any, mask: Any) -> Any:
        """The numbers of some lanes, and zeros."""
        vector, integer = self.kind.vector, ir.IntType(32)
        signature = ir.FunctionType(vector, [source.type, integer, mask.type, vector])
        name = f"llvm.masked.load.v{self.kind.lanes}{self.kind.name}.p0"
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        return self.builder.call(function, [source, ir.Constant(integer, self.kind.bytes), mask, self.all(0.0)])

    def store(self, value: Any, target: Any, mask: Any) -> None:
        integer = ir.IntType(32)
        signature = ir.FunctionType(ir.VoidType(), [self.kind.vector, target.type, integer, mask.type])
        name = f"llvm.masked.store.v{self.kind.lanes}{self.kind.name}.p0"
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        self.builder.call(function, [value, target, ir.Constant(integer, self.kind.bytes), mask])

    def exp(self, x: Any) -> Any:
        single, given = self.kind.bytes == 4, x
        lowest, highest = (-87.0, 88.0) if single else (-708.0, 709.0)
        x = self.call("minnum", self.call("maxnum", x, self.all(lowest)), self.all(highest))
        n = self.call("floor", self.fma(x, self.all(1.4426950408889634), self.all(0.5)))
        if single:
            r = self.fma(n, self.all(-0.693359375), x)
            r = self.fma(n, self.all(2.12194440e-4), r)
        else:
            r = self.fma(n, self.all(-6.93145751953125e-1), x)
            r = self.fma(n, self.all(-1.42860682030941723212e-6), r)
        result = self.builder.fmul(self._exp_near_zero(r), self._power_of_two(n))
        return self.builder.select(self.builder.fcmp_unordered("uno", given, given), given, result)  # a NaN stays one

    def _exp_near_zero(self, r: Any) -> Any:
        """exp of at most half of log 2 either way."""
        builder, one = self.builder, self.all(1.0)
        square = builder.fmul(r, r)
        if self.kind.bytes == 4:
            p = self.polynomial(r, _SINGLE)
            return builder.fadd(self.fma(builder.fmul(p, r), r, r), one)
        p = builder.fmul(r, self.polynomial(square, _DOUBLE))
        ratio = builder.fdiv(p, builder.fsub(self.polynomial(square, _DIVISOR), p))
        return self.fma(self.all(2.0), ratio, one)

    def _power_of_two(self, n: Any) -> Any:
        builder, kind = self.builder, self.kind
        bias, mantissa = (127, 23) if kind.bytes == 4 else (1023, 52)
        power = builder.add(builder.fptosi(n, kind.integers), ir.Constant(kind.integers, [bias] * kind.lanes))
        power = builder.shl(power, ir.Constant(kind.integers, [mantissa] * kind.lanes))
        return builder.bitcast(power, kind.vector)

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


def over_vectors(builder: Any, kind: VectorType, size: Any, body: Callable[..., None]) -> None:
    """Emit body(vectors, load, store) for `size` numbers, a vector at a time, and once more for the rest.

    load(address) and store(value, address) take addresses of the first of the numbers.
    """
    vectors, width, align = Vectors(builder, kind), size.type(kind.lanes), kind.bytes
    whole = builder.udiv(size, width)
    with cgutils.for_range(builder, whole) as loop:
        at = partial(_place, builder, kind, loop.index)
        body(
            vectors,
            lambda address: builder.load(at(address), align=align),
            lambda value, address: builder.store(value, at(address), align=align),
        )
    rest = builder.urem(size, width)
    with builder.if_then(builder.icmp_unsigned("!=", rest, rest.type(0))):
        at, mask = partial(_place, builder, kind, whole), _first(builder, kind, rest)
        body(
            vectors,
            lambda address: vectors.load(at(address), mask),
            lambda value, address: vectors.store(value, at(address), mask),
        )


def _activation(name: str) -> Any:
    """function(y, x, size, zero): y = activation of x, `size` numbers, by their addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        y, x, size, _ = arguments
        kind = vector_type(signature.args[3])
        over_vectors(builder, kind, size, lambda vectors, load, store: store(getattr(vectors, name)(load(x)), y))
        return context.get_dummy_value()

    def function(typing: Any, y: Any, x: Any, size: Any, zero: Any) -> Any:
        return types.void(types.intp, types.intp, types.intp, zero), generate

    return intrinsic(function)


def _place(builder: Any, kind: VectorType, number: Any, address: Any) -> Any:
    """Pointer to vector `number` from an address on."""
    step = builder.mul(number, number.type(VECTOR_BYTES))
    return builder.inttoptr(builder.add(address, step), kind.vector.as_pointer())


def _first(builder: Any, kind: VectorType, count: Any) -> Any:
    """A mask of the first `count` lanes."""
    counts = ir.VectorType(ir.IntType(32), kind.lanes)
    least, nothing = ir.IntType(32)(0), ir.Constant(counts, ir.Undefined)
    one = builder.insert_element(nothing, builder.trunc(count, ir.IntType(32)), least)
    every = builder.shuffle_vector(one, nothing, ir.Constant(counts, [0] * kind.lanes))
    return builder.icmp_unsigned("<", ir.Constant(counts, list(range(kind.lanes))), every)


_exp, _sigmoid, _tanh, _elu = map(_activation, ("exp", "sigmoid", "tanh", "elu"))


@compiled()
def _activate(code: int, y: int, x: int, size: int, zero: float) -> None:
    if code == SIGMOID:
        _sigmoid(y, x, size, zero)
    elif code == TANH:
        _tanh(y, x, size, zero)
    elif code == ELU:
        _elu(y, x, size, zero)
    else:
        _exp(y, x, size, zero)


def _activate_in_numpy(code: int, y: int, x: int, size: int, zero: Any) -> None:
    to, given = view(y, size, zero), view(x, size, zero).clip(-87, 88)
    if code == SIGMOID:
        to[:] = 1 / (1 + np.exp(-given))
    elif code == TANH:
        to[:] = np.tanh(given)
    elif code == ELU:
        to[:] = np.where(given > 0, view(x, size, zero), np.expm1(np.minimum(given, 0)))
    else:
        to[:] = np.exp(given)


activate: Callable[..., None] = _activate if IS_COMPILED else _activate_in_numpy
"""activate(code, y, x, size, zero): the `size` numbers at y = SIGMOID, TANH, ELU or else exp of those at x. `zero`: a 0
of their type."""
