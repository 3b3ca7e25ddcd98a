"""The vector code of pixel programs: against numpy and torch, for sizes that are and are not whole vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pixelart.layers.activations import activate
from pixelart.layers.kernels import Floats
from pixelart.layers.program import ELU, EXP, SIGMOID, TANH, aligned
from pixelart.layers.vector_code import LANES, VECTOR_BYTES, add_products, packed

SIZES = [1, 7, 16, 17, 64, 65, 100, 144]
TYPES = [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)]
"""Each is compiled on its own, which takes seconds."""


@pytest.mark.parametrize("outputs", SIZES)
@pytest.mark.parametrize("count", [1, 4, 5])
@pytest.mark.parametrize("kind", TYPES)
def test_products_are_those_of_numpy(outputs: int, count: int, kind: type[Any]) -> None:
    random = np.random.default_rng(0)
    inputs, wide = 13, 200
    matrix = random.standard_normal((inputs, outputs)).astype(kind)
    x, y = (random.standard_normal((count, wide)).astype(kind) for _ in range(2))
    before, weights = y.copy(), packed(matrix)
    to, given = y.ctypes.data + y.itemsize * 3, x.ctypes.data + x.itemsize * 5
    add_products(to, wide, given, wide, weights.ctypes.data, inputs, outputs, count, kind(0))
    expected = before.copy()
    expected[:, 3 : 3 + outputs] += x[:, 5 : 5 + inputs] @ matrix
    close = 1e-5 if kind is np.float32 else 1e-13
    np.testing.assert_allclose(y, expected, rtol=close, atol=close)
    np.testing.assert_array_equal(y[:, :3], before[:, :3])
    np.testing.assert_array_equal(y[:, 3 + outputs :], before[:, 3 + outputs :])


@pytest.mark.parametrize("outputs", [7, 64, 144])
@pytest.mark.parametrize("kind", TYPES)
def test_a_product_is_the_same_bits_alone_and_among_others(outputs: int, kind: type[Any]) -> None:
    random = np.random.default_rng(1)
    weights = packed(random.standard_normal((40, outputs)).astype(kind))
    x = random.standard_normal((7, 40)).astype(kind)
    together, alone = (np.zeros((7, 160), kind) for _ in range(2))
    add_products(together.ctypes.data, 160, x.ctypes.data, 40, weights.ctypes.data, 40, outputs, 7, kind(0))
    for i in range(7):
        add_products(alone[i].ctypes.data, 0, x[i].ctypes.data, 0, weights.ctypes.data, 40, outputs, 1, kind(0))
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", TYPES)
def test_activations_are_those_of_torch(size: int, kind: type[Any]) -> None:
    rtol, atol = (1e-6, 3e-7) if kind is np.float32 else (1e-14, 3e-16)
    x = torch.cat([torch.tensor([0.0, -0.0, 1e-8, -200.0, 200.0]), torch.linspace(-12, 12, size + 3)])[:size]
    x = x.to(torch.float32 if kind is np.float32 else torch.float64)
    for code, twin in ((SIGMOID, torch.sigmoid), (TANH, torch.tanh), (ELU, F.elu), (EXP, torch.exp)):
        given, result = x.clamp(max=80).numpy().copy(), np.full(size + LANES, 9, kind)
        activate(np.int64(code), result.ctypes.data, given.ctypes.data, size, kind(0))
        np.testing.assert_allclose(result[:size], twin(x.clamp(max=80)).numpy(), rtol=rtol, atol=atol)
        assert (result[size:] == 9).all(), "it wrote behind the end"
        activate(np.int64(code), given.ctypes.data, given.ctypes.data, size, kind(0))
        np.testing.assert_array_equal(given, result[:size])


def test_memory_begins_at_a_cache_line() -> None:
    kinds = (np.float32, np.float64)
    made: list[Floats] = [aligned(*shape, dtype=np.dtype(kind)) for kind in kinds for shape in ((3, 5), (7,), (0, 4))]
    assert all(memory.ctypes.data % VECTOR_BYTES == 0 or not memory.size for memory in made)
    assert made[0].shape == (3, 5) and not made[0].any()
