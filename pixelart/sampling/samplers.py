"""The samplers by name, and which of them draws when none is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from pixelart.errors import RequestRejected
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel
from pixelart.sampling.cached import sample_cached
from pixelart.sampling.controls import Controls
from pixelart.sampling.fixed_point import sample_fixed_point
from pixelart.sampling.loop import OnRow, Sample
from pixelart.sampling.naive import sample_naive

AUTO = "auto"


class Sampler(Protocol):
    """What every sampler is: a function that draws the masked pixels of a context."""

    def __call__(
        self,
        model: AutoregressiveModel,
        context: Context,
        *,
        controls: Controls,
        noise: Tensor,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Sample: ...


SAMPLERS: dict[str, Sampler] = {"cached": sample_cached, "fixed_point": sample_fixed_point, "naive": sample_naive}


def check_sampler(name: str) -> None:
    """Raises RequestRejected unless `name` is that of a sampler, or "auto"."""
    if name not in (AUTO, *SAMPLERS):
        raise RequestRejected(f"sampler {name!r:.40}: must be one of {', '.join((AUTO, *SAMPLERS))}")


def pick_sampler(name: str, model: AutoregressiveModel, device: torch.device) -> str:
    """The sampler's name, where it is "auto" that of the fastest, as measured for this variant on this kind of device.

    Raises:
        RequestRejected: no such sampler.
    """
    check_sampler(name)
    return model.fastest_sampler.get(device.type, "cached") if name == AUTO else name
