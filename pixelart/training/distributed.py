"""The processes that train one run together: one, or several launched by Hugging Face Accelerate."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import torch
from torch import Tensor

from pixelart.devices import pick_device
from pixelart.errors import RequestRejected, WeightsRejected

LAUNCHED = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
"""Environment variables with the number of processes, set by torchrun or mpirun; Accelerate reads the same ones."""
BARRIER_TIMEOUT = timedelta(hours=6)
"""How long the other processes wait while the first one validates and saves."""


class Processes:
    """The interface, and its single-process implementation."""

    index, count = 0, 1

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or pick_device()

    @property
    def is_first(self) -> bool:
        """Whether this process writes files."""
        return self.index == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes; all of them must call it."""
        return values

    def wait(self) -> None:
        """Wait until all processes have reached this call."""

    def leave(self) -> None:
        """End the communication with the other processes."""

    def any(self, flag: bool) -> bool:
        """Whether `flag` is True in any process."""
        if self.count == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=self.device)) > 0)

    def of_first(self, value: float) -> float:
        """The value of the first process, in float64 if the device has it."""
        if self.count == 1:
            return value
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        return float(self.total(torch.tensor(value if self.is_first else 0.0, dtype=kind, device=self.device)))

    def check_same(self, tensors: Iterable[Tensor]) -> None:
        """Raises WeightsRejected in all processes if the weights `tensors` of one differ from those of the first."""
        if self.count == 1:
            return
        digest = hashlib.sha256()
        for tensor in tensors:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        own = float(int(digest.hexdigest()[:6], 16))  # 24 bits, which any kind of number holds exactly
        if self.any(own != self.of_first(own)):
            raise WeightsRejected("the processes of this training start from different weights; give all the same base")

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of `tensors` by its sum over all processes, in one exchange."""
        if self.count == 1:
            return
        whole = self.total(torch.cat([tensor.flatten() for tensor in tensors]))
        for tensor, part in zip(tensors, whole.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


class LaunchedProcesses(Processes):
    """The processes of `accelerate launch`, on one machine or on several that share the run folder."""

    def __init__(self) -> None:
        """Raises RequestRejected if the package accelerate is not installed."""
        try:
            from accelerate import Accelerator, InitProcessGroupKwargs
        except ImportError as error:
            raise RequestRejected("several processes need the package accelerate: pip install accelerate") from error
        # The schedule sets batches and precision, so that a resumed run does the same.
        self._accelerator = Accelerator(
            cpu=pick_device().type == "cpu",
            mixed_precision="no",
            kwargs_handlers=[InitProcessGroupKwargs(timeout=BARRIER_TIMEOUT)],
        )
        super().__init__(self._accelerator.device)
        self.index, self.count = self._accelerator.process_index, self._accelerator.num_processes

    def total(self, values: Tensor) -> Tensor:
        whole = self._accelerator.reduce(values, "sum")
        assert isinstance(whole, Tensor)
        return whole

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()

    def leave(self) -> None:
        self.wait()  # otherwise one could close a connection that another still uses
        self._accelerator.end_training()


def is_launched(variables: Mapping[str, str]) -> bool:
    """Whether a launcher started several processes, by the environment `variables`."""
    return any(variables.get(name, "1") != "1" for name in LAUNCHED)


def find_processes() -> Processes:
    """The processes that this one was launched with; a single process if there was no launcher.

    Raises:
        RequestRejected: several were launched, and the package accelerate is not installed.
    """
    return LaunchedProcesses() if is_launched(os.environ) else Processes()
