"""Run parts of a network in float32 while the rest is in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

_Result = TypeVar("_Result")


def in_float32(layer: Callable[..., _Result], x: Tensor, *given: object) -> _Result:
    """Call `layer` on x in float32 (or float64), also under autocast.

    For two cases. Distribution parameters: in bfloat16 a mean in -1..1 has steps of up to a whole level of 256.
    Recurrent layers: they round at every step, and their small products are no faster in bfloat16.
    """
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.to(torch.promote_types(x.dtype, torch.float32)), *given)
