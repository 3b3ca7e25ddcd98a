"""All pixels at once, again and again until nothing changes (Jacobi iteration; Accelerating Feedforward Computation,
Song et al. 2021, 2002.03629; Predictive Sampling, Wiggers & Hoogeboom 2020, 2002.09928).

Under fixed noise each sub-pixel is a function of those before it. What stands before the first change of a pass was
drawn from itself, so it is final, and the changed one with it, being drawn from what is final. Hence every pass makes
at least one more masked sub-pixel final, whatever the start was, and the end is exactly what `naive` draws; where
pixels are predictable whole stretches come right at once, and few passes are needed.
"""

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
def sample_fixed_point(
    model: RasterModel,
    context: Context,
    *,
    controls: Controls,
    noise: Tensor,
    on_row: OnRow | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sample:
    """Draw the masked pixels of `context`; noise float64 (n, C, H, W) decides every choice.

    It starts from what the context encoder's vote alone draws with the same noise. A picture takes no more passes than
    it has masked sub-pixels, and leaves the batch when it is final. `on_row` is called after every pass, with the
    number of rows that are final in all pictures, and with the whole pictures as they are.

    Raises:
        RequestRejected: controls that cannot be used.
        Cancelled: `cancel` answered True, asked between layers and after every pass.
    """
    canvas = SamplingState.begin(model, context, controls, cancel)
    noise, rows = noise.to(canvas.log_prob.device), canvas.rows
    if not rows:
        return canvas.sample()
    with interruptible(model, cancel):
        votes = model.readout(model.vote(canvas.given.map), canvas.given)
    _draw(canvas, votes, noise, rows)
    row_size = canvas.x.shape[1] * canvas.x.shape[3]
    wanted, final = _masked_ends(context.mask, canvas.x.shape[1]), torch.full((len(noise),), rows.start * row_size)
    pending, part = torch.arange(len(noise)), canvas
    while len(pending):
        before = part.x[: len(pending)].clone()
        # The maps of all rows: some variants read the height off them.
        with interruptible(model, cancel):
            maps = model.decode(part.x, part.given)
        _draw(part, maps, noise[pending], range(int(final[pending].min()) // row_size, rows.stop))
        final[pending] = _final_ends(before, part.x[: len(pending)], unit=model.unit)
        canvas.put(pending, part)
        is_left = final[pending] < wanted[pending]
        if not is_left.all():
            pending = pending[is_left]
            part = canvas.select(pending)
        done = min(int(final[pending].min()) // row_size, rows.stop) if len(pending) else rows.stop
        canvas.finished(done - 1, on_row, cancel)
    return canvas.sample()


def _draw(canvas: SamplingState, maps: Tensor, noise: Tensor, rows: range) -> None:
    """Choose every masked level of `rows` from parameter maps (B, P, H, W)."""
    region, columns = slice(rows.start, rows.stop), slice(0, canvas.x.shape[3])
    for channel in range(canvas.x.shape[1]):
        canvas.draw(maps[:, :, region], noise, channel=channel, rows=region, columns=columns)


def _final_ends(before: Tensor, after: Tensor, *, unit: str) -> Tensor:
    """How many sub-pixels, in raster order, of pictures (n, C, H, W) are final after a pass: all up to the first that
    changed, and those that come with it because nothing in the same pixel, or row, bears on them; (n,) on the CPU."""
    _, channels, _, width = after.shape
    size = {"channel": 1, "pixel": channels, "row": channels * width}[unit]
    changed = (before != after).movedim(1, -1).flatten(1)
    places = torch.arange(changed.shape[1], device=changed.device)
    first = torch.where(changed, places, changed.shape[1]).amin(1)
    return ((first // size + 1) * size).cpu()


def _masked_ends(mask: Tensor, channels: int) -> Tensor:
    """How many sub-pixels in raster order lie up to the last masked one of masks (n, H, W); (n,) on the CPU."""
    hidden = mask.flatten(1)
    places = torch.arange(1, hidden.shape[1] + 1, device=mask.device)
    return (torch.where(hidden, places, 0).amax(1) * channels).cpu()
