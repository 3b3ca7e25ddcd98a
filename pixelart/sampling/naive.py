"""The reference: one whole forward pass for every sub-pixel. Slow, and plainly right."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.layers.interruption import interruptible
from pixelart.models import RasterModel
from pixelart.sampling.controls import Controls
from pixelart.sampling.loop import OnRow, Sample, SamplingState, stage_by_stage


@stage_by_stage
@torch.no_grad()
def sample_naive(
    model: RasterModel,
    context: Context,
    *,
    controls: Controls,
    noise: Tensor,
    on_row: OnRow | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sample:
    """Draw the masked pixels of `context`; noise float64 (n, C, H, W) decides every choice.

    Raises:
        RequestRejected: controls that cannot be used.
        Cancelled: `cancel` answered True, asked between layers and after every row.
    """
    canvas = SamplingState.begin(model, context, controls, cancel)
    noise = noise.to(canvas.log_prob.device)
    with interruptible(model, cancel):  # each pixel is a pass over the whole picture
        for row in canvas.rows:
            for column in torch.where(context.mask[:, row].any(0))[0].tolist():
                for channel in range(canvas.x.shape[1]):
                    rows, columns = slice(row, row + 1), slice(column, column + 1)
                    maps = model.decode(canvas.x, canvas.given)[:, :, rows, columns]
                    canvas.draw(maps, noise, channel=channel, rows=rows, columns=columns)
            canvas.finished(row, on_row, cancel)
    return canvas.sample()
