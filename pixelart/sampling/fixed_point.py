"""All pixels at once, again and again until nothing changes (Jacobi iteration; Accelerating Feedforward Computation,
Song et al. 2021, 2002.03629; Predictive Sampling, Wiggers & Hoogeboom 2020, 2002.09928).

Under fixed noise each sub-pixel is a function of those before it. After n passes the first n masked sub-pixels are
right whatever the start was, so it always ends, with exactly what `naive` draws; where pixels are predictable, whole
stretches come right at once, and few passes are needed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.models import RasterModel
from pixelart.sampling.controls import Controls
from pixelart.sampling.loop import Canvas, OnRow, Sample, stage_by_stage


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

    `on_row` is called after every pass, with the rows that are settled: those above the last change.

    Raises:
        RequestRejected: controls that cannot be used.
        Cancelled: `cancel` answered True after a pass.
    """
    canvas = Canvas.begin(model, context, controls)
    noise, rows, columns = noise.to(canvas.log_prob.device), canvas.rows, slice(0, canvas.x.shape[3])
    first = rows.start
    while first < rows.stop:
        before = canvas.x.clone()
        maps = model.decode(canvas.x, canvas.context_map)  # of all rows: some variants read the height off them
        for channel in range(canvas.x.shape[1]):
            region = {"rows": slice(first, rows.stop), "columns": columns}
            canvas.draw(maps[:, :, first : rows.stop], noise, channel=channel, **region)
        changed = torch.where((canvas.x != before).flatten(0, 1).any(0).any(1))[0].tolist()
        # A row above the first change has been drawn from a final past; the changed row may still be wrong.
        first = changed[0] if changed else rows.stop
        canvas.finished(first - 1, on_row, cancel)
    return canvas.sample()
