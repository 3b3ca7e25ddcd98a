"""The default: every model's incremental face. Rows above the mask are taken in by one parallel pass, rows below it
are never computed, and a pixel costs only what is new. Draws exactly what `naive` draws from the same noise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.layers.incremental import IncrementalDecoder
from pixelart.layers.interruption import interruptible
from pixelart.models import RasterModel
from pixelart.sampling.controls import Controls
from pixelart.sampling.loop import OnRow, Sample, SamplingState, look, stage_by_stage


@stage_by_stage
@torch.no_grad()
def sample_cached(
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
        Cancelled: `cancel` answered True: asked between layers before the first row, then within and after every row.
    """
    canvas = SamplingState.begin(model, context, controls, cancel)
    noise = noise.to(canvas.log_prob.device)
    with interruptible(model, cancel):
        stream = model.stream(canvas.given)
        stream.prefill(canvas.x, canvas.rows.start)
    kernel = stream.row_kernel()
    for row in canvas.rows:
        stream.begin_row(canvas.x, row)
        if kernel:
            given = (context.mask, noise, canvas.temperature, canvas.log_prob, canvas.choice)
            for columns in canvas.spans(_end(context.mask[:, row])):
                if columns.start:
                    look(cancel)
                kernel(canvas.x, row, *given, columns)
        else:
            _draw_row(canvas, stream, row, noise, cancel)
        canvas.finished(row, on_row, cancel)
    return canvas.sample()


def _end(mask: Tensor) -> int:
    """The number of columns of a row (n, W) up to the last that is masked."""
    drawn = torch.where(mask.any(0))[0].tolist()
    return drawn[-1] + 1 if drawn else 0


def _draw_row(
    canvas: SamplingState, stream: IncrementalDecoder, row: int, noise: Tensor, cancel: Callable[[], bool] | None
) -> None:
    """One row with PyTorch operations, on any device: the slow twin of a compiled row."""
    drawn = torch.where(canvas.context.mask[:, row].any(0))[0].tolist()
    channels, rows = range(canvas.x.shape[1]), slice(row, row + 1)
    asks = [[channel] for channel in channels] if stream.unit == "channel" else [list(channels)]
    size = canvas.x.shape[3] if stream.unit == "row" else 1
    between = {columns.start for columns in canvas.spans(drawn[-1] + 1 if drawn else 0)} - {0}
    for column in range(0, drawn[-1] + 1 if drawn else 0, size):
        if column in between:
            look(cancel)
        columns, is_drawn = slice(column, column + size), size > 1 or column in drawn
        for asked in asks if is_drawn else asks[-1:]:
            maps = stream.maps(canvas.x, row, columns)
            for channel in asked if is_drawn else ():
                canvas.draw(maps, noise, channel=channel, rows=rows, columns=columns)
