"""Record what a step launches on a device once, and launch it again without the host's work for each operation."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

_log = logging.getLogger(__name__)
Recordable = Callable[[], None]
"""It computes in memory that is always the same, and its result depends on nothing else."""
Record = Callable[[Recordable], Recordable]
"""record(step): what `step` launches is recorded, but not done; returns a function that does it."""


def cuda_graph(step: Recordable) -> Recordable:
    """Record a CUDA graph. Other threads may use the device meanwhile."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        step()
    return graph.replay


RECORDERS: dict[str, Record] = {"cuda": cuda_graph}
"""By the kind of device. Other devices compute each step anew."""


class RepeatedStep:
    """A step that is taken many times: first as it is, which prepares the device, and from then on as recorded. If it
    cannot be recorded, it is taken as it is, and the log says why."""

    def __init__(self, step: Recordable, device: torch.device) -> None:
        self._step, self._kind = step, device.type
        self._is_prepared = self._is_recorded = False

    def __call__(self) -> None:
        record = RECORDERS.get(self._kind)
        if record is not None and self._is_prepared and not self._is_recorded:
            self._is_recorded = True
            try:
                self._step = record(self._step)
            except RuntimeError as error:  # as torch's errors of a driver
                _log.warning("graph: a step is not recorded and stays slow (%s)", str(error).strip().split("\n")[0])
        self._is_prepared = True
        self._step()
