"""The samplers by name, and the choice of the fastest."""

from __future__ import annotations

import torch

from pixelart.errors import RequestRejected
from pixelart.models import AutoregressiveModel
from pixelart.sampling.cached import sample_cached
from pixelart.sampling.fastest import fastest_on
from pixelart.sampling.fixed_point import sample_fixed_point
from pixelart.sampling.graphed import sample_graph
from pixelart.sampling.loop import Sampler
from pixelart.sampling.naive import sample_naive
from pixelart.sampling.persistent import sample_persistent

AUTO = "auto"


SAMPLERS: dict[str, Sampler] = {
    "cached": sample_cached,
    "graph": sample_graph,
    "persistent": sample_persistent,
    "fixed_point": sample_fixed_point,
    "naive": sample_naive,
}


def check_sampler(name: str) -> None:
    """Raises RequestRejected unless `name` is a sampler or "auto"."""
    if name not in (AUTO, *SAMPLERS):
        raise RequestRejected(f"sampler {name!r:.40}: must be one of {', '.join((AUTO, *SAMPLERS))}")


def pick_sampler(name: str, model: AutoregressiveModel, device: torch.device) -> str:
    """Resolve "auto" to the sampler measured fastest for this model: by benchmarks for the kinds of device in its
    `fastest_sampler`, by `fastest_on` elsewhere.

    Raises:
        RequestRejected: no such sampler.
    """
    check_sampler(name)
    if name != AUTO:
        return name
    known = model.stages()[-1].fastest_sampler
    return known.get("cpu", "cached") if device.type == "cpu" else known.get(device.type) or fastest_on(model)
