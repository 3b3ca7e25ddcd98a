"""Compiled decoding kernels for the CPU (numba). Each has a slow twin in PyTorch and a test that both are equal.

A pixel is a chain of small matrix-vector products, so calls into PyTorch would dominate the time; here one call draws
a row. Weights are stored input-major, so that the inner loop runs along the outputs, and each is used for all pictures
of the batch before the next is read. Kernels start no threads: the caller gives each thread its own pictures
[low, high), which also makes a picture independent of the batch size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pixelart.layers.compiling import compiled

F32, F64, I64 = NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]


class SamplingParams(NamedTuple):
    """How to sample from a distribution: see `pixelart.sampling.controls.Controls`."""

    top_k: int
    top_p: float
    guidance: float
    allowed: NDArray[np.bool_]  # (K,)


@compiled(fastmath={"contract", "reassoc", "nsz"})
def add_product(weights: F32, x: F32, result: F32) -> None:  # result (b, O) += x (b, I) @ weights (I, O)
    inputs, outputs = weights.shape
    whole = inputs - inputs % 4
    for i in range(0, whole, 4):
        for b in range(x.shape[0]):
            x0, x1, x2, x3 = x[b, i], x[b, i + 1], x[b, i + 2], x[b, i + 3]
            for o in range(outputs):
                result[b, o] += (
                    x0 * weights[i, o] + x1 * weights[i + 1, o] + x2 * weights[i + 2, o] + x3 * weights[i + 3, o]
                )
    for i in range(whole, inputs):
        for b in range(x.shape[0]):
            for o in range(outputs):
                result[b, o] += x[b, i] * weights[i, o]


@compiled(fastmath={"contract", "reassoc", "nsz"})
def conv_region(own: F32, base: F32, held: F32, row: int, start: int, step: int, result: F32) -> None:
    """result (B, n, O) = base + `own` (taps*I, O) applied to the inputs held (B, R, C, I) in `row`; for pixel q of n, a
    tap reads column start + q + tap * step.

    base: (B, W, O), read from column `start` on, or (1, 1, O) for all. Rounding is independent of B and n.
    """
    batch, size, outputs = result.shape
    inputs = held.shape[3]
    whole = inputs - inputs % 4
    for b in range(batch):
        for q in range(size):
            result[b, q] = base[b if base.shape[0] > 1 else 0, start + q if base.shape[1] > 1 else 0]
    for tap in range(own.shape[0] // inputs):
        place, first = start + tap * step, tap * inputs
        for i in range(0, whole, 4):
            w0, w1, w2, w3 = own[first + i], own[first + i + 1], own[first + i + 2], own[first + i + 3]
            for b in range(batch):
                for q in range(size):
                    x, y = held[b, row, place + q], result[b, q]
                    x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
                    for o in range(outputs):
                        y[o] += x0 * w0[o] + x1 * w1[o] + x2 * w2[o] + x3 * w3[o]
        for i in range(whole, inputs):
            for b in range(batch):
                for q in range(size):
                    x0, y = held[b, row, place + q, i], result[b, q]
                    for o in range(outputs):
                        y[o] += x0 * own[first + i, o]


@compiled()
def concat_elu_rows(x: F32, result: F32) -> None:
    """Twin of `layers.gated_residual.concat_elu`: result (B, n, 2F) of x (B, 1, n, F)."""
    features = x.shape[3]
    for b in range(x.shape[0]):
        for q in range(x.shape[2]):
            for i in range(features):
                value = x[b, 0, q, i]
                small = np.expm1(-abs(value))
                result[b, q, i] = value if value > 0 else small
                result[b, q, features + i] = small if value > 0 else -value


@compiled()
def add_gated(x: F32, gates: F32, given: F32, result: F32) -> None:
    """result (B, n, F) = x + a * sigmoid(b), (a, b) = halves of gates + given; x (B, 1, n, F), gates (B, 1, n, 2F),
    given (B, 1, n, 2F) or (1, 1, n, 2F) for all."""
    features = x.shape[3]
    one = np.float32(1)
    for b in range(x.shape[0]):
        bias = given[b if given.shape[0] > 1 else 0, 0]
        for q in range(x.shape[2]):
            for i in range(features):
                gate = gates[b, 0, q, features + i] + bias[q, features + i]
                result[b, q, i] = x[b, 0, q, i] + (gates[b, 0, q, i] + bias[q, i]) * (one / (one + np.exp(-gate)))


@compiled(fastmath={"contract", "reassoc", "nsz"})
def attend_rows(query: F32, key_value: F32, first: int, scale: float, result: F32) -> None:
    """Twin of `layers.attention.CausalAttention._attend`: result (B, n, V) of query (B, n, k) of the pixels that start
    at number `first`, and key_value (B, places, k + V)."""
    keys, values = query.shape[2], result.shape[2]
    weights = np.empty(first + query.shape[1], np.float32)
    for b in range(query.shape[0]):
        for q in range(query.shape[1]):
            past, total = first + q, np.float32(0)
            result[b, q] = 0
            top = np.float32(-np.inf)
            for j in range(past):
                score = np.float32(0)
                for i in range(keys):
                    score += query[b, q, i] * key_value[b, j, i]
                weights[j] = score * np.float32(scale)
                top = max(top, weights[j])
            for j in range(past):
                weight = np.exp(weights[j] - top)
                total += weight
                for i in range(values):
                    result[b, q, i] += weight * key_value[b, j, keys + i]
            for i in range(values if past else 0):
                result[b, q, i] /= total


@compiled()
def lstm_row(gates: F32, c: F32, h_out: F32, c_out: F32) -> None:
    """Twin of `layers.lstm.lstm_cell`, for pre-activations gates (n, 4h) and the previous cell state c (n, h)."""
    hidden = c.shape[1]
    one = np.float32(1)
    for b in range(c.shape[0]):
        for i in range(hidden):
            o = one / (one + np.exp(-gates[b, i]))
            f = one / (one + np.exp(-gates[b, hidden + i]))
            g = one / (one + np.exp(-gates[b, 2 * hidden + i]))
            c_out[b, i] = f * c[b, i] + g * np.tanh(gates[b, 3 * hidden + i])
            h_out[b, i] = o * np.tanh(c_out[b, i])


@compiled()
def choose_level(logits: F64, u: float, temperature: float, params: SamplingParams) -> int:
    """The level (index into `logits` (K,)) that uniform noise `u` selects by inverse transform sampling.

    Twin of `pixelart.sampling.controls.choose`.
    """
    levels = logits.shape[0]
    scaled = np.where(params.allowed, logits / temperature, -np.inf)
    p = np.exp(scaled - scaled.max())
    if params.top_k > 0 or params.top_p < 1.0:
        order = np.argsort(-scaled, kind="mergesort")
        count = params.top_k if params.top_k > 0 else levels
        p[order[count:]] = 0.0
        limit, mass = params.top_p * p.sum(), 0.0
        for rank in range(levels):
            if mass >= limit:
                p[order[rank]] = 0.0
            mass += p[order[rank]]
    target, mass, last = u * p.sum(), 0.0, 0
    for k in range(levels):
        if p[k] > 0.0:
            mass += p[k]
            last = k
            if mass > target:
                return k
    return last
