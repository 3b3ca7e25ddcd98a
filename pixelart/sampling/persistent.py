"""Incremental decoding on a GPU by a persistent kernel (Triton): columns of a row are drawn without a launch per pixel.

What a row needs beforehand is computed as in sampling/graphed.py; then one block for each picture runs the program of
its pixels (layers/persistent_kernel.py). It draws exactly what `cached` draws from the same noise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pixelart.layers import persistent
from pixelart.layers.context import Context
from pixelart.layers.persistent import KernelInputs, PersistentKernel
from pixelart.models import RasterModel
from pixelart.sampling.cached import draw_cached
from pixelart.sampling.controls import Controls
from pixelart.sampling.graphed import draw_by_steps, not_by_steps
from pixelart.sampling.loop import OnRows, Sample, SamplingState, stage_by_stage
from pixelart.sampling.steps import Steps

_log = logging.getLogger(__name__)


class KernelSteps(Steps):
    """Draws columns by the kernel."""

    def __init__(self, state: SamplingState, noise: Tensor) -> None:
        super().__init__(state, noise)
        own, mixture = self.state, state.model.mixture
        drawn = KernelInputs(own.x, own.context.mask, self.noise, own.temperature, own.log_prob, self.allowed)
        self._kernel = PersistentKernel(self.memory, drawn, own.params, mixture, passes=self.passes)

    def draw(self, row: int, columns: slice, drawn: Sequence[int]) -> None:
        self._kernel.draw(row, columns.start, columns.stop)
        self._reached = columns.stop


@stage_by_stage
@torch.no_grad()
def sample_persistent(
    model: RasterModel,
    context: Context,
    *,
    controls: Controls,
    noise: Tensor,
    on_row: OnRows | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sample:
    """Draw the masked pixels of `context`; noise float64 (n, C, H, W) determines every choice. Without Triton, it draws
    as `cached` does, and the log says why.

    Raises:
        RequestRejected: invalid controls.
        Cancelled: `cancel` returned True. It is checked between rows, and within them.
    """
    state = SamplingState.begin(model, context, controls, cancel)
    if why := not_by_steps(state) or persistent.why_not(state.x.device):
        _log.warning("sampler: cached instead of persistent, because %s", why)
        return draw_cached(state, noise, on_row, cancel)
    return draw_by_steps(KernelSteps, state, noise, on_row, cancel)
