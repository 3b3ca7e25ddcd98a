"""A stand-in for CUDA graphs: it records the operations of a step, and repeats exactly these in the same memory.

As under a CUDA graph, what the host decides while a step is recorded holds for all repetitions, and the host may
neither read a value of the device nor copy one to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pixelart.layers import recording
from pixelart.layers.recording import Recordable
from tests.pretend_device import INDEXED, WAITS

aten = torch.ops.aten
FORBIDDEN = WAITS | {aten._to_copy.default}
"""What reads a value, or may copy one between devices."""


class Recorder(TorchDispatchMode):
    """Runs operations and keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        changes_type = func is aten._to_copy.default and kwargs.get("device") in (None, tensors[0].device)
        if func in FORBIDDEN and not changes_type:
            raise RuntimeError(f"{func}: not permitted when stream is capturing")
        if func in INDEXED and any(x.dtype == torch.bool for x in tensors[1:]):
            raise RuntimeError(f"{func}: a mask as an index")
        made = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, made))
        return made

    def repeat(self) -> None:
        """Compute everything again; a result goes where that of the recording went."""
        with torch.no_grad():
            for func, args, kwargs, made in self.calls:
                again = func(*args, **kwargs)
                for old, new in zip(tree_leaves(made), tree_leaves(again), strict=True):
                    is_alias = any(r.alias_info is not None for r in func._schema.returns)
                    if isinstance(old, torch.Tensor) and not is_alias:
                        old.copy_(new)


def record(step: Recordable) -> Recordable:
    """Like `cuda_graph`. What a recording computes is undone only by the step itself, so it must be able to run twice:
    a CUDA graph computes nothing while it is recorded, but here operations need their inputs."""
    with Recorder() as recorder:
        step()
    first = [True]

    def repeat() -> None:
        if first[0]:  # it has just been computed
            first[0] = False
        else:
            recorder.repeat()

    return repeat


@contextmanager
def recorded(kind: str) -> Iterator[list[Recordable]]:
    """Inside, steps of a kind of device are recorded; gives the recorded steps."""
    steps: list[Recordable] = []

    def keep(step: Recordable) -> Recordable:
        steps.append(step)
        return record(step)

    recording.RECORDERS[kind] = keep
    try:
        yield steps
    finally:
        del recording.RECORDERS[kind]
