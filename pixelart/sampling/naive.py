"""The reference sampler: one full forward pass per sub-pixel. Slow, but obviously correct."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.layers.interruption import cancel_between_layers
from pixelart.models import RasterModel
from pixelart.sampling.controls import Controls
from pixelart.sampling.loop import OnRows, Sample, SamplingState, stage_by_stage


@stage_by_stage
@torch.no_grad()
def sample_naive(
    model: RasterModel,
    context: Context,
    *,
    controls: Controls,
    noise: Tensor,
    on_row: OnRows | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sample:
    """Draw the masked pixels of `context`; noise float64 (n, C, H, W) determines every choice.

    Raises:
        RequestRejected: invalid controls.
        Cancelled: `cancel` returned True. It is checked between layers and after every row.
    """
    state = SamplingState.begin(model, context, controls, cancel)
    noise = noise.to(state.log_prob.device)
    with cancel_between_layers(model, cancel):  # each sub-pixel is a full forward pass
        for row in state.rows:
            for column in state.columns(row):
                for channel in range(state.x.shape[1]):
                    rows, columns = slice(row, row + 1), slice(column, column + 1)
                    maps = model.decode(state.x, state.given)[:, :, rows, columns]
                    state.draw(maps, noise, channel=channel, rows=rows, columns=columns)
            state.finished(row, on_row, cancel)
    return state.sample()
