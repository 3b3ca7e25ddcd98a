"""Read every level's table in drawing order, and let a coder choose the level: the sampler behind compression.

An encoder knows the picture, so whole rows are computed at once. A decoder learns each level from its table, so its
tables come pixel after pixel. Both ask the coder for the same levels in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.layers.incremental import IncrementalDecoder, Unit
from pixelart.layers.palette import Place
from pixelart.models import AutoregressiveModel, RasterModel
from pixelart.sampling.cached import draw_one_row
from pixelart.sampling.controls import Controls
from pixelart.sampling.loop import OnRows, Sample, SamplingState, stage_by_stage

Pick = Callable[[Tensor, Tensor], Tensor]
"""pick(log_p, true): the levels (n,) for tables float64 (n, K), log p of each level; `true` (n,) are those of
`context.pixels`, which only an encoder knows. On the CPU."""


@torch.no_grad()
def code_levels(
    model: AutoregressiveModel,
    context: Context,
    pick: Pick,
    *,
    known: bool,
    use_program: bool = True,
    cancel: Callable[[], bool] | None = None,
) -> Tensor:
    """The masked levels of `context` as `pick` chooses them: x int64 (n, C, H, W).

    `known`: whether `context.pixels` holds the true levels of masked pixels too, so that rows are computed whole.
    `use_program`: on a CPU, by a compiled program; its slow twin is the network itself, in one pass if `known`.

    Raises:
        Cancelled: `cancel` returned True. It is checked after every row.
    """

    @stage_by_stage
    def code(
        model: RasterModel,
        context: Context,
        *,
        controls: Controls,
        noise: Tensor,
        on_row: OnRows | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Sample:
        state = _CodedState(**vars(SamplingState.begin(model, context, controls, cancel)), pick=pick)
        if known:
            state.x.copy_(context.pixels)
        decoder = model.decoder(state.given)
        compiled = use_program and decoder.use_program()
        if known:
            decoder = _KnownRows(decoder) if compiled else _KnownPicture(model.decode(state.x, state.given), model.unit)
        decoder.prefill(state.x, state.rows.start)
        for row in state.rows:
            decoder.begin_row(state.x, row)
            draw_one_row(state, decoder, row, noise, cancel)
            state.finished(row, on_row, cancel)
        return state.sample()

    count, _, height, width = context.pixels.shape
    unused = torch.zeros(1, model.noise_channels, 1, 1).expand(count, -1, height, width)
    return code(model, context, controls=Controls(), noise=unused, cancel=cancel).x


@dataclass
class _CodedState(SamplingState):
    pick: Pick | None = None

    def draw(self, maps: Tensor, noise: Tensor, *, channel: int, rows: Place, columns: Place) -> None:
        assert self.pick is not None
        here = self.context.mask[:, rows, columns].flatten().cpu()
        earlier = self.x[:, :, rows, columns].cpu().movedim(1, -1).flatten(0, 2)[here]
        target, true = (x[:, channel, rows, columns] for x in (self.x, self.context.pixels))
        parameters = maps.cpu().movedim(1, -1).flatten(0, 2)[here]
        levels = target.flatten().cpu().clone()
        levels[here] = self.pick(
            self.model.likelihood.to_table(parameters, earlier, channel=channel), true.flatten().cpu()[here]
        )
        self.x[:, channel, rows, columns] = levels.view(target.shape)


class _KnownRows(IncrementalDecoder):
    """Hands out parameter maps of a known picture that `decoder` computes row by row."""

    def __init__(self, decoder: IncrementalDecoder) -> None:
        self.decoder, self.unit = decoder, decoder.unit
        self.found = torch.empty(0)

    def prefill(self, x: Tensor, rows: int, pause: Callable[[], None] = lambda: None) -> None:
        self.decoder.prefill(x, rows, pause)

    def begin_row(self, x: Tensor, row: int) -> None:
        self.decoder.begin_row(x, row)
        self.found = self.decoder.known_row(x, row)

    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        return self.found[..., columns]


class _KnownPicture(IncrementalDecoder):
    """Hands out parameter maps (B, P, H, W) of a known picture."""

    def __init__(self, whole: Tensor, unit: Unit) -> None:
        self.whole, self.unit = whole, unit

    def prefill(self, x: Tensor, rows: int, pause: Callable[[], None] = lambda: None) -> None:
        pass

    def begin_row(self, x: Tensor, row: int) -> None:
        pass

    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        return self.whole[:, :, row : row + 1, columns]
