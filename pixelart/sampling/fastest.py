"""Measure which sampler is the faster one for a network on a device whose times are not known beforehand.

Cached decoding takes one small step after another, which a GPU does slowly. Recorded steps and a persistent kernel
spare the host's work for each. A fixed-point pass computes all pixels, and how many passes a picture takes depends on
what the network learned. So all are timed, once per loaded network.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable

import torch

from pixelart.devices import wait_for
from pixelart.errors import Cancelled
from pixelart.layers import persistent
from pixelart.layers.context import Context
from pixelart.layers.recording import RECORDERS
from pixelart.models import AutoregressiveModel
from pixelart.sampling.cached import sample_cached
from pixelart.sampling.controls import Controls, draw_noise
from pixelart.sampling.fixed_point import sample_fixed_point
from pixelart.sampling.graphed import sample_graph
from pixelart.sampling.loop import Draws
from pixelart.sampling.persistent import sample_persistent

_log = logging.getLogger(__name__)
ROWS = 2
"""Rows that are drawn to time cached decoding."""
CACHED, FIXED_POINT = "cached", "fixed_point"
BY_ROW: dict[str, Draws[AutoregressiveModel]] = {
    CACHED: sample_cached,
    "graph": sample_graph,
    "persistent": sample_persistent,
}
"""Samplers that draw row by row; those after the first are for some devices only."""
_known: weakref.WeakKeyDictionary[AutoregressiveModel, str] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def fastest_on(model: AutoregressiveModel, *, clock: Callable[[], float] = time.perf_counter) -> str:
    """The sampler that draws one picture faster on the model's device; measured the first time, in about the time of a
    picture or two. A GPU that is borrowed for each drawing is not measured: there it is "cached"."""
    if os.environ.get("SPACES_ZERO_GPU"):
        return CACHED
    with _lock:
        if model not in _known:
            _known[model] = _measured(model, clock)
        return _known[model]


def candidates(device: torch.device) -> list[str]:
    """The samplers of `BY_ROW` that do not fall back to the first one on a device."""
    names = [CACHED]
    if device.type in RECORDERS:
        names.append("graph")
    if persistent.why_not(device) is None:
        names.append("persistent")
    return names


def _measured(model: AutoregressiveModel, clock: Callable[[], float]) -> str:
    height, rows = model.config.height, min(ROWS * 2 ** (len(model.stages()) - 1), model.config.height)
    device, seconds = next(model.parameters()).device, dict[str, float]()
    for name in candidates(device):
        try:
            _seconds(model, BY_ROW[name], rows, clock)  # the first call prepares the device
            seconds[name] = _seconds(model, BY_ROW[name], rows, clock) * height / rows
        except Exception as error:  # of a driver or a compiler, for example out of memory
            if name == CACHED:
                raise
            _log.warning("sampler: %s is not used (%s)", name, str(error).strip().split("\n")[0])
    ends = clock() + min(seconds.values())
    with contextlib.suppress(Cancelled):
        seconds[FIXED_POINT] = _seconds(model, sample_fixed_point, height, clock, lambda: clock() > ends)
    chosen = min(seconds, key=seconds.__getitem__)
    times = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    _log.info("sampler: %s (a picture takes: %s)", chosen, times)
    return chosen


def _seconds(
    model: AutoregressiveModel,
    draw: Draws[AutoregressiveModel],
    rows: int,
    clock: Callable[[], float],
    cancel: Callable[[], bool] | None = None,
) -> float:
    """Seconds to draw the first rows of a picture of no class. Raises Cancelled."""
    context = _blank(model, rows)
    noise = draw_noise(0, count=1, channels=model.noise_channels, height=model.config.height, width=model.config.width)
    device = context.mask.device
    wait_for(device)
    began = clock()
    draw(model, context, controls=Controls(), noise=noise, cancel=cancel)
    wait_for(device)
    return clock() - began


def _blank(model: AutoregressiveModel, rows: int) -> Context:
    config, levels, palette = model.config, model.likelihood.levels, None
    x = torch.zeros(1, config.channels, config.height, config.width, dtype=torch.long)
    mask = torch.arange(config.height)[None, :, None].expand(1, -1, config.width) < rows
    if any(network.config.context.codes for network in model.stages()):
        palette = torch.rand(1, levels, 4, generator=torch.Generator().manual_seed(0)).round()
    return Context(torch.zeros(1, config.num_classes), x, mask, palette=palette).to(next(model.parameters()).device)
