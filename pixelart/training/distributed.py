"""The processes that train one run together: one, or as many as Hugging Face Accelerate has launched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta

import torch
from torch import Tensor

from pixelart.devices import pick_device
from pixelart.errors import RequestRejected

LAUNCHED = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
"""What a launcher, torchrun or mpirun, tells each process by: of how many it is one. Accelerate reads the same."""
PATIENCE = timedelta(hours=6)
"""How long the others wait while the first process measures and saves."""


class Processes:
    """One process, alone with its device. Others are of the same face."""

    index, count = 0, 1

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or pick_device()

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.index == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, which all ask for it."""
        return values

    def wait(self) -> None:
        """Until all processes have come here."""

    def leave(self) -> None:
        """Nothing more will be asked of the others."""

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        if self.count == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=self.device)) > 0)

    def of_first(self, value: float) -> float:
        """The value of the first process; float64 where the device has it."""
        if self.count == 1:
            return value
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        return float(self.total(torch.tensor(value if self.is_first else 0.0, dtype=kind, device=self.device)))

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of `tensors` by its sum over all processes, in one exchange."""
        if self.count == 1:
            return
        whole = self.total(torch.cat([tensor.flatten() for tensor in tensors]))
        for tensor, part in zip(tensors, whole.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


class LaunchedProcesses(Processes):
    """The processes of `accelerate launch`, of one machine or of several that share the run folder."""

    def __init__(self) -> None:
        """Raises RequestRejected when the package accelerate is not there."""
        try:
            from accelerate import Accelerator, InitProcessGroupKwargs
        except ImportError as error:
            raise RequestRejected("several processes need the package accelerate: pip install accelerate") from error
        # What a run learns from, and how precisely, is its schedule's to say: that is what a resumed run goes by.
        self._accelerator = Accelerator(
            cpu=pick_device().type == "cpu",
            mixed_precision="no",
            kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
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
        self.wait()  # or one closes what another still listens to
        self._accelerator.end_training()


def find_processes() -> Processes:
    """Those this process was launched among; itself alone where nothing launched it.

    Raises:
        RequestRejected: several were launched, and the package accelerate is not there.
    """
    launched = any(os.environ.get(name, "1") != "1" for name in LAUNCHED)
    return LaunchedProcesses() if launched else Processes()
