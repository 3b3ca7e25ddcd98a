"""Jacobi iteration: redraw all pixels in parallel until nothing changes (Accelerating Feedforward Computation,
Song et al. 2021, 2002.03629; Predictive Sampling, Wiggers & Hoogeboom 2020, 2002.09928).

Under fixed noise each sub-pixel is a function of those before it. In each pass, all sub-pixels before the first change
were drawn from their own final values, so they are final; the first changed one was drawn from final values, so it is
final too. Every pass therefore fixes at least one more masked sub-pixel, whatever the start, and the result is exactly
what `naive` draws. Where pixels are predictable, one pass fixes long stretches.
"""

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
def sample_fixed_point(
    model: RasterModel,
    context: Context,
    *,
    controls: Controls,
    noise: Tensor,
    on_row: OnRows | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sample:
    """Draw the masked pixels of `context`; noise float64 (n, C, H, W) determines every choice.

    The start is drawn from the context head alone, with the same noise. A picture takes at most as many passes as it
    has masked sub-pixels, and leaves the batch when it is final. `on_row` is called after every pass with the number of
    rows that are final in all pictures, and with the current pictures.

    Raises:
        RequestRejected: invalid controls.
        Cancelled: `cancel` returned True. It is checked between layers and after every pass.
    """
    state = SamplingState.begin(model, context, controls, cancel)
    noise, rows = noise.to(state.log_prob.device), state.rows
    if not rows:
        return state.sample()
    with cancel_between_layers(model, cancel):
        context_maps = model.readout(model.vote(state.given.map), state.given)
    _draw(state, context_maps, noise, rows)
    row_size = state.x.shape[1] * state.x.shape[3]
    wanted, final = _masked_ends(context.mask, state.x.shape[1]), torch.full((len(noise),), rows.start * row_size)
    pending, part = torch.arange(len(noise)), state
    while len(pending):
        before = part.x[: len(pending)].clone()
        # All rows, not only the pending ones: some variants take the height from the input.
        with cancel_between_layers(model, cancel):
            maps = model.decode(part.x, part.given)
        _draw(part, maps, noise[pending], range(int(final[pending].min()) // row_size, rows.stop))
        final[pending] = _final_ends(before, part.x[: len(pending)], unit=model.unit)
        state.put(pending, part)
        is_left = final[pending] < wanted[pending]
        if not is_left.all():
            pending = pending[is_left]
            part = state.select(pending)
        done = min(int(final[pending].min()) // row_size, rows.stop) if len(pending) else rows.stop
        state.finished(done - 1, on_row, cancel)
    return state.sample()


def _draw(state: SamplingState, maps: Tensor, noise: Tensor, rows: range) -> None:
    """Sample every masked level of `rows` from parameter maps (B, P, H, W)."""
    region, columns = slice(rows.start, rows.stop), slice(0, state.x.shape[3])
    for channel in range(state.x.shape[1]):
        state.draw(maps[:, :, region], noise, channel=channel, rows=region, columns=columns)


def _final_ends(before: Tensor, after: Tensor, *, unit: str) -> Tensor:
    """How many sub-pixels of pictures (n, C, H, W), in raster order, are final after a pass; (n,) on the CPU.

    They are all up to the first changed one, rounded up to the end of its pixel or row if the model's `unit` is that:
    sub-pixels of one unit do not depend on each other.
    """
    _, channels, _, width = after.shape
    size = {"channel": 1, "pixel": channels, "row": channels * width}[unit]
    changed = (before != after).movedim(1, -1).flatten(1)
    places = torch.arange(changed.shape[1], device=changed.device)
    first = torch.where(changed, places, changed.shape[1]).amin(1)
    return ((first // size + 1) * size).cpu()


def _masked_ends(mask: Tensor, channels: int) -> Tensor:
    """Number of sub-pixels, in raster order, up to and including the last masked one of masks (n, H, W); (n,) on the
    CPU."""
    hidden = mask.flatten(1)
    places = torch.arange(1, hidden.shape[1] + 1, device=mask.device)
    return (torch.where(hidden, places, 0).amax(1) * channels).cpu()
