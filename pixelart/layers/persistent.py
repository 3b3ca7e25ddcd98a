"""Launch the Triton kernel that draws columns of a row with a pixel program. Triton is imported only when it is used:
it comes with PyTorch for CUDA."""

from __future__ import annotations

import importlib.util
import os
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pixelart.layers import program as op
from pixelart.layers.device_memory import DeviceMemory
from pixelart.layers.kernels import Mixture, SamplingParams
from pixelart.layers.program import AFTER_CHOICE, BEFORE_CHOICE, Attention

IN_KERNEL = {op.FILL, op.COPY, op.ADD, op.SUM, op.MUL, op.NEG, op.RELU, op.ELU, op.SIGMOID, op.TANH, op.PRODUCT}
IN_KERNEL |= {op.TABLE_PRODUCT, op.GROW, op.EMBED, op.TABLE_EMBED, op.STORE, op.KEEP, op.ATTEND}
"""Operations of the kernel: those of single pixels. What is computed when a row begins is left to PyTorch."""
BLOCK_OUTPUTS, BLOCK_INPUTS, WARPS = 128, 32, 8
"""Outputs and inputs of a product that a block multiplies at once, and its warps."""


class KernelInputs(NamedTuple):
    """What a drawing of n pictures reads and writes: see `SamplingState`. x (B, C, H, W), allowed (B or 1, K, H or 1, W
    or 1) or None."""

    x: Tensor
    mask: Tensor
    noise: Tensor
    temperature: Tensor
    log_prob: Tensor
    allowed: Tensor | None


def why_not(device: torch.device) -> str | None:
    """Why the kernel cannot run on a device; None if it can. TRITON_INTERPRET=1 runs it on the CPU, slowly."""
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    if device.type != "cuda" and not (device.type == "cpu" and os.environ.get("TRITON_INTERPRET") == "1"):
        return f"Triton does not run on {device.type}"
    return None


class PersistentKernel:
    """The kernel for drawings of one shape."""

    def __init__(
        self, memory: DeviceMemory, drawn: KernelInputs, params: SamplingParams, mixture: Mixture, passes: int
    ) -> None:
        table, runs, starts = memory.program.parts
        first, after, end = starts[BEFORE_CHOICE], starts[AFTER_CHOICE], starts[AFTER_CHOICE + 1]
        bounds = [int(runs[i, 1]) if i < end else len(table) for i in (first, after)]
        bounds.append(int(runs[end - 1, 2]) if end > first else bounds[0])
        used = set(table[bounds[0] : bounds[2], 0].tolist())
        assert used <= IN_KERNEL, f"operations {sorted(used - IN_KERNEL)} are not in the kernel"
        device, x = drawn.x.device, drawn.x

        def tensor(values: Any, kind: torch.dtype) -> Tensor:
            return torch.from_numpy(np.array(values)).to(device, kind)

        attentions = np.array(memory.program.attentions, np.int64).reshape(-1, len(Attention._fields))
        shape = (len(x), mixture.levels, *x.shape[2:])
        allowed = drawn.mask if drawn.allowed is None else drawn.allowed.view(torch.uint8).expand(shape)
        strides = (0, 0, 0, 0) if drawn.allowed is None else allowed.stride()
        places = max([mixture.levels, *(one.places for one in memory.program.attentions)])
        scratch = torch.zeros(len(x), places, dtype=torch.float64, device=device)
        numbers = tensor([params.top_p, params.guidance, mixture.least, mixture.most], torch.float64)
        self._before: tuple[Any, ...] = (
            *(tensor(table, torch.int32), tensor(attentions, torch.int32)),
            *(memory.weights, memory.tables, memory.tables.shape[1] if len(memory.tables) > 1 else 0),
            *(memory.state, memory.state.shape[2], memory.grid, memory.grid.shape[3], memory.kept),
            *(memory.program.kept, scratch, places, x, drawn.mask.view(torch.uint8), drawn.noise),
            *(drawn.temperature, drawn.log_prob, tensor(params.allowed, torch.uint8), allowed.view(torch.uint8)),
            *(*strides, numbers),
        )
        program = memory.program
        self._after = (*x.shape[2:], memory.margin, program.reach, *bounds, passes, program.outputs.start)
        self._after += (len(drawn.mask), params.top_k)
        self._constants = {
            "CHANNELS": x.shape[1],
            "LEVELS": mixture.levels,
            "COMPONENTS": mixture.components,
            "HALVES": len(x) // len(drawn.mask),
            "IS_LIMITED": params.top_k > 0 or params.top_p < 1,
            "HAS_ALLOWED": drawn.allowed is not None,
            "LEVEL_BLOCK": _power(mixture.levels),
            "COMPONENT_BLOCK": _power(mixture.components),
            "OUTPUTS": BLOCK_OUTPUTS,
            "INPUTS": BLOCK_INPUTS,
        }
        self._blocks = (len(drawn.mask),)

    def draw(self, row: int, start: int, stop: int) -> None:
        """Draw the masked pixels of columns of a begun row, and compute the others."""
        from pixelart.layers import persistent_kernel

        kernel: Any = persistent_kernel.draw_columns
        given = (*self._before, row, start, stop, *self._after)
        kernel[self._blocks](*given, **self._constants, num_warps=WARPS)


def _power(size: int) -> int:
    """The least power of two that is at least `size`."""
    return 1 << max(0, size - 1).bit_length()
