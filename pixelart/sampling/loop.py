"""What every sampler shares: its result, its call-backs, how it draws the stages of a model one after another, and the
streams of the context it draws with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from pixelart.errors import Cancelled
from pixelart.layers.context import Conditioning, Context
from pixelart.layers.interruption import interruptible
from pixelart.layers.kernels import Choice
from pixelart.models import AutoregressiveModel, RasterModel
from pixelart.sampling.controls import Controls, choose, guide

OnRow = Callable[[int, int, Tensor], None]
"""on_row(done, rows, x): `done` of `rows` rows are final; x (n, C, H, W) is the picture so far, to be read only. Called
after every row, or pass."""


PIXELS = 512
"""Of all pictures of a drawing, between two looks at whether to stop: some fraction of a second."""


def look(cancel: Callable[[], bool] | None) -> None:
    """Raises Cancelled when asked to stop."""
    if cancel and cancel():
        raise Cancelled


@dataclass(frozen=True)
class Sample:
    """x int64 (n, C, H, W), and log_prob float64 of the same shape: log p in nats of each drawn sub-pixel given all
    before it and the context, at temperature 1, as seen while drawing; 0 where nothing was drawn."""

    x: Tensor
    log_prob: Tensor


Model = TypeVar("Model", contravariant=True)


class Draws(Protocol[Model]):
    """How a picture of a kind of model is drawn."""

    def __call__(
        self,
        model: Model,
        context: Context,
        *,
        controls: Controls,
        noise: Tensor,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Sample: ...


Sampler = Draws[AutoregressiveModel]
RasterSampler = Draws[RasterModel]
"""Of a single network."""


def stage_by_stage(draw: RasterSampler) -> Sampler:
    """Decorator: a model is drawn stage by stage, each given what the one before it drew.

    A pixel of a chain of scales is drawn once, in the first picture that has it, by its own noise and at its own
    temperature. The rows of the last stage are reported, as rows of the whole picture; before them those of a stage
    that can be seen, so that there are twice as many: what it drew shows wherever the last one has not come yet.
    """

    @wraps(draw)
    def sample(
        model: AutoregressiveModel,
        context: Context,
        *,
        controls: Controls,
        noise: Tensor,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Sample:
        controls.check(height=noise.shape[2], width=noise.shape[3], levels=model.likelihood.levels)
        context, controls = _allowed_by_context(model, context, controls)
        drawn: Tensor | None = None
        log_prob: Tensor | None = None
        given, below = context, None
        for number, network in enumerate(model.stages()):
            part, given = model.part(number), model.stage_context(number, context, drawn)
            step = part.step
            watch = _Watch.of(model, number, context, given, below) if on_row else None
            sample = draw(
                network,
                given,
                controls=controls.every(step).limited(network.likelihood.levels),
                noise=noise[:, part.noise, ::step, ::step],
                on_row=partial(watch, on_row) if on_row and watch else None,
                cancel=cancel,
            )
            drawn = sample.x
            if watch and watch.seen:
                below = watch.seen(drawn)
            log_prob = sample.log_prob.new_zeros(context.pixels.shape) if log_prob is None else log_prob
            log_prob[..., ::step, ::step] += sample.log_prob
        assert drawn is not None and log_prob is not None
        if on_row and context.mask.any() and not given.mask.any():  # the coarse pictures had it all
            rows = len(_masked_rows(context.mask))
            on_row(rows, rows, drawn)
        return Sample(drawn, log_prob)

    return sample


def _allowed_by_context(model: AutoregressiveModel, context: Context, controls: Controls) -> tuple[Context, Controls]:
    """The same, with the levels that are allowed told by the context where those of a stage are others."""
    levels = model.likelihood.levels
    if controls.allowed is None or all(network.likelihood.levels == levels for network in model.stages()):
        return context, controls
    allowed = torch.zeros(len(context.mask), levels, 1, 1, dtype=torch.bool, device=context.mask.device)
    allowed[:, list(controls.allowed)] = True
    both = allowed if context.allowed is None else allowed & context.allowed
    return replace(context, allowed=both), replace(controls, allowed=None)


def _masked_rows(mask: Tensor) -> range:
    """From the first row with a masked pixel to the last, of masks (B, H, W); empty where nothing is masked."""
    rows = mask.any(0).any(1).nonzero().flatten().tolist()
    return range(rows[0], rows[-1] + 1) if rows else range(0)


@dataclass(frozen=True)
class _Watch:
    """Tells the rows of a stage as rows of the whole picture: `every` row that is masked, `some` that the stage draws.

    `before`: how many rows were told of a stage that could be seen, `after`: how many will be of one that follows;
    `below`: what that one drew; `seen`: how a stage before the last is looked at.
    """

    every: range
    some: range
    before: int = 0
    after: int = 0
    below: Tensor | None = None
    seen: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(
        cls, model: AutoregressiveModel, number: int, context: Context, given: Context, below: Tensor | None
    ) -> _Watch | None:
        """Of the stage of this `number`, which draws what is masked in `given`; None where nothing can be seen."""
        every, some = _masked_rows(context.mask), _masked_rows(given.mask)
        if number == len(model.stages()) - 1:
            return cls(every, some, before=0 if below is None else len(every), below=below)
        if not model.has_sketch:
            return None
        return cls(every, some, after=len(every), seen=lambda x: model.seen(x, context))

    def __call__(self, on_row: OnRow, done: int, rows: int, x: Tensor) -> None:
        reached = len(self.every) if done == rows else done + self.some.start - self.every.start
        shown = self.seen(x) if self.seen else x
        if self.below is not None:
            final = torch.arange(x.shape[2], device=x.device) < self.every.start + reached
            shown = torch.where(final[:, None], x, self.below)
        on_row(self.before + reached, self.before + len(self.every) + self.after, shown)


@dataclass
class SamplingState:
    """The state of a drawing: n pictures, B = n streams of context, or 2n under guidance (then the any-class ones)."""

    model: RasterModel
    context: Context
    x: Tensor  # (B, C, H, W)
    log_prob: Tensor  # (n, C, H, W), like all that chooses on the CPU where the device has no doubles
    given: Conditioning  # of B streams
    temperature: Tensor  # (n, H, W)
    is_tempered: bool  # whether any temperature is not 1
    choice: Choice

    @classmethod
    def begin(
        cls, model: RasterModel, context: Context, controls: Controls, cancel: Callable[[], bool] | None
    ) -> SamplingState:
        """Known pixels in place, hidden ones at level 0, context encoded."""
        count, channels, height, width = context.pixels.shape
        controls.check(height=height, width=width, levels=model.likelihood.levels)
        x = torch.where(context.mask[:, None], 0, context.pixels)
        with interruptible(model, cancel):
            given = _encode(model, context)
            if controls.guidance != 1:
                x = torch.cat([x, x])
                given = Conditioning.cat([given, _encode(model, context.without_class())])
        chooser = "cpu" if x.device.type == "mps" else x.device
        temperature = controls.temperature_map(height=height, width=width).to(chooser).expand(count, -1, -1)
        log_prob = torch.zeros(count, channels, height, width, dtype=torch.float64, device=chooser)
        choice = controls.choice(model.likelihood.levels)
        return cls(model, context, x, log_prob, given, temperature, bool((temperature != 1).any()), choice)

    @property
    def rows(self) -> range:
        """The rows from the first to the last that hold a masked pixel."""
        touched = torch.where(self.context.mask.any(2).any(0))[0].tolist()
        return range(touched[0], touched[-1] + 1) if touched else range(0)

    def draw(self, maps: Tensor, noise: Tensor, *, channel: int, rows: slice, columns: slice) -> None:
        """Choose the masked levels of a channel in a region from parameters (B, P, h, w) of it, and note what each
        costs. noise (n, C, H, W)."""
        place = (slice(None), rows, columns)
        chooser, likelihood, count = self.log_prob.device, self.model.likelihood, len(self.log_prob)
        known = self.x[:, :, rows, columns].to(chooser).movedim(1, -1).flatten(0, 2)
        given = maps.to(chooser).movedim(1, -1).flatten(0, 2)
        heat = self.temperature[place].flatten()
        table = likelihood.to_table(given, known, channel=channel)
        hot = table
        if self.is_tempered:
            heat_of_all = heat.repeat(len(self.x) // count)
            hot = likelihood.to_table(given, known, channel=channel, temperature=heat_of_all)
        free = hot[len(heat) :] if len(hot) > len(heat) else None
        log_p = guide(hot[: len(heat)], free, self.choice.guidance)
        level = choose(log_p, noise[:, channel, rows, columns].flatten(), self.choice)
        seen = table[: len(heat)].gather(1, level[:, None])[:, 0]
        here = self.context.mask[place]
        level, seen = level.view(here.shape), seen.view(here.shape)
        for start in range(0, len(self.x), count):
            target = self.x[start : start + count, channel, rows, columns]
            target.copy_(torch.where(here, level.to(target.device), target))
        self.log_prob[:, channel, rows, columns] = torch.where(here.to(seen.device), seen, 0.0)

    def select(self, pictures: Tensor) -> SamplingState:
        """A copy of some pictures, by number (m,)."""
        streams, context = self._streams(pictures), self.context.select(pictures)
        parts = (self.x[streams], self.log_prob[pictures], self.given.select(streams), self.temperature[pictures])
        return SamplingState(self.model, context, *parts, self.is_tempered, self.choice)

    def put(self, pictures: Tensor, part: SamplingState) -> None:
        """Take over what was drawn in a copy of some pictures."""
        if part is not self:
            self.x[self._streams(pictures)], self.log_prob[pictures] = part.x, part.log_prob

    def _streams(self, pictures: Tensor) -> Tensor:
        count = len(self.log_prob)
        return torch.cat([pictures + start for start in range(0, len(self.x), count)])

    def finished(self, row: int, on_row: OnRow | None, cancel: Callable[[], bool] | None) -> None:
        """Tell the caller that all up to `row` is final; raise Cancelled when asked to stop."""
        if on_row:
            on_row(row - self.rows.start + 1, len(self.rows), self.x[: len(self.log_prob)])
        look(cancel)

    def spans(self, columns: int) -> Iterator[slice]:
        """The first `columns` columns of a row in parts, between which it is asked whether to stop."""
        size = max(1, PIXELS // len(self.x))
        return (slice(start, min(start + size, columns)) for start in range(0, columns, size))

    def sample(self) -> Sample:
        """The finished pictures."""
        return Sample(self.x[: len(self.log_prob)], self.log_prob)


def _encode(model: RasterModel, context: Context) -> Conditioning:
    """What the model draws by; candidates of one request share their context, which is then encoded once. Others are
    encoded one by one on a CPU, which is as fast: rounding then cannot make a picture depend on how many are drawn
    beside it.
    """
    if context.is_shared():
        return model.encode(context.select(slice(1))).expand(len(context.mask))
    if context.mask.device.type != "cpu":
        return model.encode(context)
    return Conditioning.cat([model.encode(context.select(slice(i, i + 1))) for i in range(len(context.mask))])
