"""Incremental decoding on a GPU: what a pixel needs is recorded once (a CUDA graph) and repeated for each pixel.

The host needs some microseconds to launch each of the hundred small operations of a pixel; a graph launches all at
once. It runs the program of the network's trunk (layers/device_program.py), and draws exactly what `cached` draws from
the same noise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.models import RasterModel
from pixelart.sampling.cached import draw_cached
from pixelart.sampling.controls import Controls
from pixelart.sampling.loop import OnRows, Sample, SamplingState, check_cancelled, end_of, stage_by_stage
from pixelart.sampling.steps import Steps, steps_for

_log = logging.getLogger(__name__)


@stage_by_stage
@torch.no_grad()
def sample_graph(
    model: RasterModel,
    context: Context,
    *,
    controls: Controls,
    noise: Tensor,
    on_row: OnRows | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sample:
    """Draw the masked pixels of `context`; noise float64 (n, C, H, W) determines every choice. Where steps cannot be
    recorded, it draws as `cached` does, and the log says why.

    Raises:
        RequestRejected: invalid controls.
        Cancelled: `cancel` returned True. It is checked between rows, and within them.
    """
    state = SamplingState.begin(model, context, controls, cancel)
    if why := not_by_steps(state):
        _log.warning("sampler: cached instead of graph, because %s", why)
        return draw_cached(state, noise, on_row, cancel)
    return draw_by_steps(Steps, state, noise, on_row, cancel)


def not_by_steps(state: SamplingState) -> str | None:
    """Why a drawing cannot be made by steps on its device; None if it can."""
    if state.given.map.dtype != torch.float32:
        return f"the network computes in {state.given.map.dtype}"
    if state.log_prob.device != state.x.device:
        return f"{state.x.device.type} has no double precision"
    return None


def draw_by_steps(
    kind: type[Steps],
    state: SamplingState,
    noise: Tensor,
    on_row: OnRows | None,
    cancel: Callable[[], bool] | None,
) -> Sample:
    """Draw by steps of a kind."""
    with steps_for(kind, state, noise.to(state.x.device)) as steps:
        for row in range(state.rows.start):
            steps.begin_row(row)
            check_cancelled(cancel)
        for row in state.rows:
            drawn = state.columns(row)
            steps.begin_row(row)
            for columns in state.spans(end_of(drawn)):
                if columns.start and not steps.by_row:
                    check_cancelled(cancel)
                steps.draw(row, columns, drawn)
            steps.state.finished(row, on_row, cancel)
        sample = steps.state.sample()
        return Sample(sample.x.clone(), sample.log_prob.clone())
