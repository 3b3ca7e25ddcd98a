"""What all samplers share: results, callbacks, sampling a model stage by stage, and the sampling state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from pixelart.errors import Cancelled
from pixelart.layers.context import Conditioning, Context
from pixelart.layers.interruption import cancel_between_layers
from pixelart.layers.kernels import SamplingParams
from pixelart.layers.palette import Place
from pixelart.models import AutoregressiveModel, RasterModel
from pixelart.sampling.controls import Controls, choose, guide

OnRows = Callable[[int, int, Tensor], None]
"""on_row(done, rows, x): `done` of `rows` rows are final; x (n, C, H, W) is the picture so far, read-only. Called after
every row or pass."""


PIXELS = 512
"""Pixels, over all pictures of a batch, drawn between two checks of `cancel`: a fraction of a second."""


def check_cancelled(cancel: Callable[[], bool] | None) -> None:
    """Raises Cancelled if `cancel` returns True."""
    if cancel and cancel():
        raise Cancelled


def end_of(drawn: list[int]) -> int:
    """Number of columns up to and including the last of the `drawn` ones."""
    return drawn[-1] + 1 if drawn else 0


@dataclass(frozen=True)
class Sample:
    """x int64 (n, C, H, W), and log_prob float64 of the same shape: log p in nats of each drawn sub-pixel, given all
    before it and the context, at temperature 1; 0 where nothing was drawn."""

    x: Tensor
    log_prob: Tensor


Model = TypeVar("Model", contravariant=True)


class Draws(Protocol[Model]):
    """The signature of a sampler for one kind of model."""

    def __call__(
        self,
        model: Model,
        context: Context,
        *,
        controls: Controls,
        noise: Tensor,
        on_row: OnRows | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Sample: ...


Sampler = Draws[AutoregressiveModel]
RasterSampler = Draws[RasterModel]
"""A sampler for a single network."""


def stage_by_stage(draw: RasterSampler) -> Sampler:
    """Decorator: sample a model stage by stage, each stage conditioned on the one before.

    In a multi-scale model a pixel is drawn once, in the first stage that contains it, with its own noise and
    temperature. `on_row` reports the last stage in rows of the whole picture. If an earlier stage can be shown (a
    sketch), its rows are reported first, so the number of rows doubles; its result stays visible where the last stage
    has not drawn yet.
    """

    @wraps(draw)
    def sample(
        model: AutoregressiveModel,
        context: Context,
        *,
        controls: Controls,
        noise: Tensor,
        on_row: OnRows | None = None,
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
            reporter = _StageReporter.of(model, number, context, given, below) if on_row else None
            sample = draw(
                network,
                given,
                controls=controls.subsample(step).limited(network.likelihood.levels),
                noise=noise[:, part.noise, ::step, ::step],
                on_row=partial(reporter, on_row) if on_row and reporter else None,
                cancel=cancel,
            )
            drawn = sample.x
            if reporter and reporter.show:
                below = reporter.show(drawn)
            log_prob = sample.log_prob.new_zeros(context.pixels.shape) if log_prob is None else log_prob
            log_prob[..., ::step, ::step] += sample.log_prob
        assert drawn is not None and log_prob is not None
        if on_row and context.mask.any() and not given.mask.any():  # earlier stages drew every masked pixel
            rows = len(_masked_rows(context.mask))
            on_row(rows, rows, drawn)
        return Sample(drawn, log_prob)

    return sample


def _allowed_by_context(model: AutoregressiveModel, context: Context, controls: Controls) -> tuple[Context, Controls]:
    """Move `allowed` from the controls into the context if the stages differ in their number of levels."""
    levels = model.likelihood.levels
    if controls.allowed is None or all(network.likelihood.levels == levels for network in model.stages()):
        return context, controls
    allowed = torch.zeros(len(context.mask), levels, 1, 1, dtype=torch.bool, device=context.mask.device)
    allowed[:, list(controls.allowed)] = True
    both = allowed if context.allowed is None else allowed & context.allowed
    return replace(context, allowed=both), replace(controls, allowed=None)


def _masked_rows(mask: Tensor) -> range:
    """From the first row with a masked pixel to the last, for masks (B, H, W); empty if nothing is masked."""
    rows = mask.any(0).any(1).nonzero().flatten().tolist()
    return range(rows[0], rows[-1] + 1) if rows else range(0)


@dataclass(frozen=True)
class _StageReporter:
    """Reports rows of a stage as rows of the whole picture.

    all_rows: from the first masked row to the last. stage_rows: those that the stage draws. before: rows reported by an
    earlier visible stage. after: rows that a later stage will report. below: the output of the earlier stage. show: how
    to show a stage before the last.
    """

    all_rows: range
    stage_rows: range
    before: int = 0
    after: int = 0
    below: Tensor | None = None
    show: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(
        cls, model: AutoregressiveModel, number: int, context: Context, given: Context, below: Tensor | None
    ) -> _StageReporter | None:
        """The reporter of stage `number`, which draws the mask of `given`; None if the stage cannot be shown."""
        all_rows, stage_rows = _masked_rows(context.mask), _masked_rows(given.mask)
        if number == len(model.stages()) - 1:
            return cls(all_rows, stage_rows, before=0 if below is None else len(all_rows), below=below)
        if not model.has_sketch:
            return None
        return cls(all_rows, stage_rows, after=len(all_rows), show=lambda x: model.sketch_preview(x, context))

    def __call__(self, on_row: OnRows, done: int, rows: int, x: Tensor) -> None:
        reached = len(self.all_rows) if done == rows else done + self.stage_rows.start - self.all_rows.start
        shown = self.show(x) if self.show else x
        if self.below is not None:
            final = torch.arange(x.shape[2], device=x.device) < self.all_rows.start + reached
            shown = torch.where(final[:, None], x, self.below)
        on_row(self.before + reached, self.before + len(self.all_rows) + self.after, shown)


@dataclass
class SamplingState:
    """State of a sampling run: n pictures; B = n rows of the batch, or 2n with guidance (the unconditional ones
    last)."""

    model: RasterModel
    context: Context
    x: Tensor  # (B, C, H, W)
    log_prob: Tensor  # (n, C, H, W); on the CPU, where levels are chosen, if the device has no float64
    given: Conditioning  # batch B
    temperature: Tensor  # (n, H, W)
    is_tempered: bool  # whether any temperature differs from 1
    params: SamplingParams
    allowed: Tensor | None  # (K,) the levels that `params` allows; None = all
    masked: Tensor  # (H, W) on the CPU: the pixels masked in any picture

    @classmethod
    def begin(
        cls, model: RasterModel, context: Context, controls: Controls, cancel: Callable[[], bool] | None
    ) -> SamplingState:
        """Set known pixels, put masked ones at level 0, and encode the context."""
        count, channels, height, width = context.pixels.shape
        controls.check(height=height, width=width, levels=model.likelihood.levels)
        x = torch.where(context.mask[:, None], 0, context.pixels).contiguous()
        with cancel_between_layers(model, cancel):
            given = _encode(model, context)
            if controls.guidance != 1:
                x = torch.cat([x, x])
                given = Conditioning.cat([given, _encode(model, context.without_class())])
        chooser = "cpu" if x.device.type == "mps" else x.device
        temperature = controls.temperature_map(height=height, width=width)
        is_tempered = bool((temperature != 1).any())
        temperature = temperature.to(chooser).expand(count, -1, -1)
        log_prob = torch.zeros(count, channels, height, width, dtype=torch.float64, device=chooser)
        params = controls.params(model.likelihood.levels)
        allowed = None if params.allowed.all() else torch.from_numpy(params.allowed).to(chooser)
        masked = context.mask.any(0).cpu()  # once: a question to the device in every row would wait for it
        return cls(model, context, x, log_prob, given, temperature, is_tempered, params, allowed, masked)

    @property
    def rows(self) -> range:
        """The rows from the first to the last that hold a masked pixel."""
        return _masked_rows(self.masked[None])

    def columns(self, row: int) -> list[int]:
        """The columns of a row that are masked in any picture."""
        return self.masked[row].nonzero().flatten().tolist()

    def draw(self, maps: Tensor, noise: Tensor, *, channel: int, rows: Place, columns: Place) -> None:
        """Sample the masked levels of a channel in a region from its parameters (B, P, h, w), and record their log p.
        noise (n, C, H, W)."""
        place = (slice(None), rows, columns)
        chooser, likelihood, count = self.log_prob.device, self.model.likelihood, len(self.log_prob)
        known = self.x[:, :, rows, columns].to(chooser).movedim(1, -1).flatten(0, 2)
        given = maps.to(chooser).movedim(1, -1).flatten(0, 2)
        temperature = self.temperature[place].flatten()
        table = likelihood.to_table(given, known, channel=channel)
        tempered = table
        if self.is_tempered:
            all_temperatures = temperature.repeat(len(self.x) // count)
            tempered = likelihood.to_table(given, known, channel=channel, temperature=all_temperatures)
        free = tempered[len(temperature) :] if len(tempered) > len(temperature) else None
        log_p = guide(tempered[: len(temperature)], free, self.params.guidance)
        level = choose(log_p, noise[:, channel][:, rows, columns].flatten(), self.params, self.allowed)
        seen = table[: len(temperature)].gather(1, level[:, None])[:, 0]
        here = self.context.mask[place]
        level, seen = level.view(here.shape), seen.view(here.shape)
        for start in range(0, len(self.x), count):
            target = self.x[start : start + count, channel]
            before = target[:, rows, columns]
            target[:, rows, columns] = torch.where(here, level.to(target.device), before)
        self.log_prob[:, channel][:, rows, columns] = seen.masked_fill(~here.to(seen.device), 0.0)

    def select(self, pictures: Tensor) -> SamplingState:
        """A copy of the pictures with indices `pictures` (m,)."""
        streams, context = self._streams(pictures), self.context.select(pictures)
        parts = (self.x[streams], self.log_prob[pictures], self.given.select(streams), self.temperature[pictures])
        return SamplingState(self.model, context, *parts, self.is_tempered, self.params, self.allowed, self.masked)

    def put(self, pictures: Tensor, part: SamplingState) -> None:
        """Write back `part`, a copy of the pictures with indices `pictures`, after drawing in it."""
        if part is not self:
            self.x[self._streams(pictures)], self.log_prob[pictures] = part.x, part.log_prob

    def _streams(self, pictures: Tensor) -> Tensor:
        count = len(self.log_prob)
        return torch.cat([pictures + start for start in range(0, len(self.x), count)])

    def finished(self, row: int, on_row: OnRows | None, cancel: Callable[[], bool] | None) -> None:
        """Report that all rows up to `row` are final. Raises Cancelled if `cancel` returns True."""
        if on_row:
            on_row(row - self.rows.start + 1, len(self.rows), self.x[: len(self.log_prob)])
        check_cancelled(cancel)

    def spans(self, columns: int) -> Iterator[slice]:
        """Split the first `columns` columns of a row into parts, with a check of `cancel` between them."""
        size = max(1, PIXELS // len(self.x))
        return (slice(start, min(start + size, columns)) for start in range(0, columns, size))

    def sample(self) -> Sample:
        """The finished pictures."""
        return Sample(self.x[: len(self.log_prob)], self.log_prob)


def _encode(model: RasterModel, context: Context) -> Conditioning:
    """Encode the context. Candidates of one request share their context, so it is encoded once.

    On a CPU, differing contexts are encoded one by one, which is as fast and keeps rounding independent of the batch
    size.
    """
    if context.is_shared():
        return model.encode(context.select(slice(1))).expand(len(context.mask))
    if context.mask.device.type != "cpu":
        return model.encode(context)
    return Conditioning.cat([model.encode(context.select(slice(i, i + 1))) for i in range(len(context.mask))])
