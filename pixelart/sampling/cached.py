"""The default sampler: incremental decoding. Draws exactly what `naive` draws from the same noise.

Rows above the mask are prefilled, rows below it are never computed, and each pixel computes only what is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.layers.incremental import IncrementalDecoder
from pixelart.layers.interruption import cancel_between_layers
from pixelart.models import RasterModel
from pixelart.sampling.controls import Controls
from pixelart.sampling.loop import OnRows, Sample, SamplingState, check_cancelled, end_of, stage_by_stage


@stage_by_stage
@torch.no_grad()
def sample_cached(
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
        Cancelled: `cancel` returned True. It is checked after every row of the prefill, and within and after every row.
    """
    return draw_cached(SamplingState.begin(model, context, controls, cancel), noise, on_row, cancel)


def draw_cached(
    state: SamplingState, noise: Tensor, on_row: OnRows | None, cancel: Callable[[], bool] | None
) -> Sample:
    """Draw what `state` begins."""
    noise, model, mask = noise.to(state.log_prob.device), state.model, state.context.mask
    decoder = model.decoder(state.given)
    kernel = decoder.row_kernel()
    with cancel_between_layers(model, cancel):
        decoder.prefill(state.x, state.rows.start, lambda: check_cancelled(cancel))
    for row in state.rows:
        decoder.begin_row(state.x, row)
        if kernel:
            given = (mask, noise, state.temperature, state.log_prob, state.params)
            for columns in state.spans(end_of(state.columns(row))):
                if columns.start:
                    check_cancelled(cancel)
                kernel(state.x, row, *given, columns)
        else:
            draw_one_row(state, decoder, row, noise, cancel)
        state.finished(row, on_row, cancel)
    return state.sample()


def draw_one_row(
    state: SamplingState, decoder: IncrementalDecoder, row: int, noise: Tensor, cancel: Callable[[], bool] | None
) -> None:
    """Draw one row with PyTorch operations, on any device: the slow twin of the compiled kernel."""
    drawn = state.columns(row)
    channels, rows = range(state.x.shape[1]), slice(row, row + 1)
    groups = [[channel] for channel in channels] if decoder.unit == "channel" else [list(channels)]
    size = state.x.shape[3] if decoder.unit == "row" else 1
    between = {columns.start for columns in state.spans(end_of(drawn))} - {0}
    for column in range(0, end_of(drawn), size):
        if column in between:
            check_cancelled(cancel)
        columns, is_drawn = slice(column, column + size), size > 1 or column in drawn
        for group in groups if is_drawn else groups[-1:]:
            maps = decoder.maps(state.x, row, columns)
            for channel in group if is_drawn else ():
                state.draw(maps, noise, channel=channel, rows=rows, columns=columns)
