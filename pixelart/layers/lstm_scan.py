"""Scans of pictures by an LSTM whose pixels read the states of a few pixels before them.

Pixels that do not depend on each other make a front: a row (Row LSTM), or a diagonal (Diagonal BiLSTM). On a CPU, one
compiled operation computes all fronts, forward and backward; the gradient of the weights is one product for all
pixels. `plain_scan` computes the same in PyTorch, front by front, for other devices and in double precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.layers import lstm_kernel
from pixelart.layers.compiling import IS_COMPILED
from pixelart.layers.lstm import lstm_cell
from pixelart.layers.lstm_kernel import ScanSizes, Wavefront, Weights
from pixelart.layers.threads import share_pictures
from pixelart.layers.vector_code import packed


def down_rows(height: int, width: int) -> Wavefront:
    """Row by row; a pixel reads the three nearest of the row above."""
    return Wavefront(height, width, skew=0, span=1, origin=0, front_step=width, slot_step=1, taps=3)


def along_diagonals(height: int, width: int, *, from_right: bool) -> Wavefront:
    """Diagonal by diagonal; a pixel reads the one above and the one left of it (or right of it, `from_right`)."""
    origin, step = (width - 1, -1) if from_right else (0, 1)
    return Wavefront(height + width - 1, height, 1, width, origin, front_step=step, slot_step=width - step, taps=2)


def lstm_scan(gates: Tensor, matrix: Tensor, start: Tensor, wave: Wavefront) -> tuple[Tensor, Tensor]:
    """h and c (B, h, H, W) of a picture's gates (B, 4h, H, W), which lack the state-to-state part, in the order of
    `lstm_cell`. Only h has a gradient.

    matrix: state-to-state weights (taps * h, 4h), tap by tap; start (2, h): h and c before the first pixels. Computes
    in float32 (float64 if the gates are), also under autocast: rounded at every step, errors would add up.
    """
    batch, _, height, width = gates.shape
    cells = gates.permute(0, 2, 3, 1).reshape(batch, height * width, -1)
    with torch.autocast(gates.device.type, enabled=False):
        if is_fast(gates) and matrix.dtype == torch.float32:
            keep = torch.is_grad_enabled() and any(x.requires_grad for x in (gates, matrix, start))
            h, c, _ = _scan(cells, matrix, start, list(wave), keep)
        else:
            h, c = plain_scan(cells.to(torch.promote_types(gates.dtype, torch.float32)), matrix, start, wave)
    h, c = (x.unflatten(1, (height, width)).permute(0, 3, 1, 2) for x in (h, c.detach()))
    return h, c


def is_fast(gates: Tensor) -> bool:
    """Whether the compiled scan can compute with these gates."""
    return IS_COMPILED and gates.device.type == "cpu" and gates.dtype in (torch.float32, torch.bfloat16)


def plain_scan(gates: Tensor, matrix: Tensor, start: Tensor, wave: Wavefront) -> tuple[Tensor, Tensor]:
    """h and c (B, cells, h) of gates (B, cells, 4h)."""
    order = _order(wave, gates.device) if wave.skew else None
    counts = [last - first for first, last in map(wave.active, range(wave.fronts))]
    h, c = start[:, None, None].expand(2, len(gates), wave.slots, -1)
    h, states = F.pad(h, (0, 0, 1, 1)), list[tuple[Tensor, Tensor]]()
    for t, front in enumerate((gates if order is None else gates[:, order]).split(counts, dim=1)):
        first, last = wave.active(t)
        near = torch.cat([h[:, first + tap : last + tap] for tap in range(wave.taps)], dim=2)
        new_h, new_c = lstm_cell(front + near @ matrix, c[:, first:last], dim=2)
        h = torch.cat([h[:, : first + 1], new_h, h[:, last + 1 :]], dim=1)
        c = torch.cat([c[:, :first], new_c, c[:, last:]], dim=1)
        states.append((new_h, new_c))
    h, c = (torch.cat([state[i] for state in states], dim=1) for i in range(2))
    return (h, c) if order is None else (h[:, order.argsort()], c[:, order.argsort()])


def _order(wave: Wavefront, device: torch.device) -> Tensor:
    """Cells of a picture, front by front."""
    slots, later = torch.arange(wave.slots, device=device)[:, None], torch.arange(wave.span, device=device)
    fronts = slots + later
    cells = wave.origin + fronts * wave.front_step + slots * wave.slot_step
    return cells.flatten()[(fronts * wave.slots + slots).flatten().argsort()]


def _before(h: Tensor, start: Tensor, wave: Wavefront) -> Tensor:
    """Inputs (B, cells, taps * h) of the state-to-state product, from all states h (B, H, W, h)."""
    first = start[0].to(h.dtype)
    if not wave.skew:
        above = torch.cat([first.expand_as(h[:, :1]), h[:, :-1]], dim=1)
        near = [F.pad(above, (0, 0, 1, 0))[:, :, :-1], above, F.pad(above, (0, 0, 0, 1))[:, :, 1:]]
    else:
        column = first.expand_as(h[:, :, :1])
        beside = [column, h[:, :, :-1]] if wave.front_step > 0 else [h[:, :, 1:], column]
        near = [F.pad(h, (0, 0, 0, 0, 1, 0))[:, :-1], torch.cat(beside, dim=2)]
    return torch.cat(near, dim=3).flatten(1, 2)


def _sizes(gates: Tensor) -> ScanSizes:
    return ScanSizes(gates.shape[1], gates.shape[2] // 4, gates.dtype == torch.bfloat16)


@torch.library.custom_op("pixelart::lstm_scan", mutates_args=(), device_types="cpu")
def _scan(
    gates: Tensor, matrix: Tensor, start: Tensor, wave: Sequence[int], keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """h and c (B, cells, h), and if they are kept the activations (B, cells, 4h), in float32."""
    gates, start, sizes = gates.contiguous(), start.contiguous(), _sizes(gates)
    h, c, kept = _results(gates, keep)
    weights, where = packed(matrix.numpy(force=True)), Wavefront(*wave)

    def scan(low: int, high: int) -> None:
        given = Weights(weights.ctypes.data, start.data_ptr())
        addresses = (gates.data_ptr(), h.data_ptr(), c.data_ptr(), kept.data_ptr() if keep else 0)
        lstm_kernel.scan_forward(where, sizes, given, *addresses, low, high)

    share_pictures(scan, len(gates))
    return h, c, kept


def _results(gates: Tensor, keep: bool) -> tuple[Tensor, Tensor, Tensor]:
    batch, cells, size = gates.shape
    h, c = (gates.new_empty(batch, cells, size // 4, dtype=torch.float32) for _ in range(2))
    return h, c, gates.new_empty((batch, cells, size) if keep else (0,), dtype=torch.float32)


@_scan.register_fake
def _(gates: Tensor, matrix: Tensor, start: Tensor, wave: Sequence[int], keep: bool) -> tuple[Tensor, Tensor, Tensor]:
    return _results(gates, keep)


@torch.library.custom_op("pixelart::lstm_scan_backward", mutates_args=(), device_types="cpu")
def _scan_backward(
    grad_h: Tensor, kept: Tensor, c: Tensor, matrix: Tensor, start: Tensor, wave: Sequence[int], is_half: bool
) -> tuple[Tensor, Tensor]:
    """Gradients of the gates (B, cells, 4h) and of the start (B, 2, h)."""
    grad_h, start, where = grad_h.contiguous(), start.contiguous(), Wavefront(*wave)
    grad_gates, grad_start = _gradients(kept, is_half)
    weights = packed(matrix.numpy(force=True).reshape(where.taps, -1, matrix.shape[1]).swapaxes(1, 2))
    sizes, written = _sizes(grad_gates), (grad_gates, grad_start)

    def scan(low: int, high: int) -> None:
        given = Weights(weights.ctypes.data, start.data_ptr())
        addresses = (x.data_ptr() for x in (grad_h, kept, c, *written))
        lstm_kernel.scan_backward(where, sizes, given, *addresses, low, high)

    share_pictures(scan, len(kept))
    return grad_gates, grad_start


def _gradients(kept: Tensor, is_half: bool) -> tuple[Tensor, Tensor]:
    gates = torch.empty_like(kept, dtype=torch.bfloat16 if is_half else torch.float32)
    return gates, kept.new_empty(len(kept), 2, kept.shape[2] // 4)


@_scan_backward.register_fake
def _(
    grad_h: Tensor, kept: Tensor, c: Tensor, matrix: Tensor, start: Tensor, wave: Sequence[int], is_half: bool
) -> tuple[Tensor, Tensor]:
    return _gradients(kept, is_half)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    gates, matrix, start, wave, _ = inputs
    ctx.set_materialize_grads(False)  # otherwise zeros of the size of the activations
    ctx.wave, ctx.is_half = wave, gates.dtype == torch.bfloat16
    ctx.save_for_backward(*output, matrix, start)


def _backward(ctx: Any, grad_h: Tensor, *_: object) -> tuple[Tensor | None, ...]:
    h, c, kept, matrix, start = ctx.saved_tensors
    wave = Wavefront(*ctx.wave)
    gates, begin = _scan_backward(grad_h, kept, c, matrix, start, ctx.wave, ctx.is_half)
    height, width = (wave.fronts, wave.slots) if not wave.skew else (wave.slots, wave.span)
    near = _before(h.unflatten(1, (height, width)).to(gates.dtype), start, wave)
    weights = near.flatten(0, 1).T @ gates.flatten(0, 1)
    return gates, weights.to(matrix.dtype), begin.sum(0), None, None


_scan.register_autograd(_backward, setup_context=_remember)
