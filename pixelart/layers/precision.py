"""Parts that compute in single precision also where the rest is in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")


def in_float32(layer: Callable[..., Result], x: Tensor, *given: object) -> Result:
    """What `layer` makes of x in single precision at least, also under autocast.

    For parameters that are quantities: in bfloat16 a mean in -1..1 has steps of up to a whole level of 256. And for
    recurrences, which round at every step, and whose small products are no faster in bfloat16.
    """
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.to(torch.promote_types(x.dtype, torch.float32)), *given)
