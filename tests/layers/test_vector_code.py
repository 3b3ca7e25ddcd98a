"""The vector code of pixel programs: against numpy and torch, for sizes that are and are not whole vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pixelart.layers.activations import activate
from pixelart.layers.kernels import F32
from pixelart.layers.program import ELU, EXP, SIGMOID, TANH, aligned
from pixelart.layers.vector_code import LANES, add_products, packed

SIZES = [1, 7, 16, 17, 64, 65, 100, 144]


@pytest.mark.parametrize("outputs", SIZES)
@pytest.mark.parametrize("count", [1, 4, 5])
def test_products_are_those_of_numpy(outputs: int, count: int) -> None:
    random = np.random.default_rng(0)
    inputs, wide = 13, 200
    matrix = random.standard_normal((inputs, outputs)).astype(np.float32)
    x, y = (random.standard_normal((count, wide)).astype(np.float32) for _ in range(2))
    before, weights = y.copy(), packed(matrix)
    add_products(y.ctypes.data + 4 * 3, wide, x.ctypes.data + 4 * 5, wide, weights.ctypes.data, inputs, outputs, count)
    expected = before.copy()
    expected[:, 3 : 3 + outputs] += x[:, 5 : 5 + inputs] @ matrix
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(y[:, :3], before[:, :3])
    np.testing.assert_array_equal(y[:, 3 + outputs :], before[:, 3 + outputs :])


@pytest.mark.parametrize("outputs", [7, 64, 144])
def test_a_product_is_the_same_bits_alone_and_among_others(outputs: int) -> None:
    random = np.random.default_rng(1)
    weights = packed(random.standard_normal((40, outputs)).astype(np.float32))
    x = random.standard_normal((7, 40)).astype(np.float32)
    together, alone = (np.zeros((7, 160), np.float32) for _ in range(2))
    add_products(together.ctypes.data, 160, x.ctypes.data, 40, weights.ctypes.data, 40, outputs, 7)
    for i in range(7):
        add_products(alone[i].ctypes.data, 0, x[i].ctypes.data, 0, weights.ctypes.data, 40, outputs, 1)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("size", SIZES)
def test_activations_are_those_of_torch(size: int) -> None:
    x = torch.cat([torch.tensor([0.0, -0.0, 1e-8, -200.0, 200.0]), torch.linspace(-12, 12, size + 3)])[:size]
    for code, twin in ((SIGMOID, torch.sigmoid), (TANH, torch.tanh), (ELU, F.elu), (EXP, torch.exp)):
        given, result = x.clamp(max=80).numpy().copy(), np.full(size + LANES, 9, np.float32)
        activate(np.int64(code), result.ctypes.data, given.ctypes.data, size)
        np.testing.assert_allclose(result[:size], twin(x.clamp(max=80)).numpy(), rtol=1e-6, atol=3e-7)
        assert (result[size:] == 9).all(), "it wrote behind the end"
        activate(np.int64(code), given.ctypes.data, given.ctypes.data, size)
        np.testing.assert_array_equal(given, result[:size])


def test_memory_begins_at_a_cache_line() -> None:
    made: list[F32] = [aligned(3, 5), aligned(7), aligned(0, 4)]
    assert all(memory.ctypes.data % (4 * LANES) == 0 or not memory.size for memory in made)
    assert made[0].shape == (3, 5) and not made[0].any()
