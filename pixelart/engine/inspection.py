"""Analyses that need an explicit likelihood: bits per pixel, p(class | picture), and likely colours of one pixel.

All are computed from the model's probabilities; nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.engine.completion import context_of, finite, whole_log_prob
from pixelart.errors import RequestRejected
from pixelart.images.codec import Codec, Picture
from pixelart.layers.context import Context
from pixelart.layers.palette import NEVER
from pixelart.models import AutoregressiveModel

MAX_BATCH = 16  # pictures per forward pass; bounds memory
MAX_TOP = 256  # no codec has more levels
MAX_LOOKS = 128  # forward passes per pixel of several channels


class PixelBits(NamedTuple):
    """One pixel and its information content in bits."""

    row: int
    column: int
    bits: float


@dataclass(frozen=True)
class Inspection:
    """Bits per pixel and class probabilities of one picture.

    bits: float64 (H, W), -log2 p of each pixel (all its channels) given the class and the pixels before it: raster
        order, or coarse pixels first in a multi-scale model. They sum to -log2 p of the picture.
    class_probabilities: p(class | picture) by Bayes' rule with a uniform prior, most probable first.
    dimensions: C*H*W.
    """

    bits: NDArray[np.float64]
    class_probabilities: Mapping[str, float]
    dimensions: int

    @property
    def total_bits(self) -> float:
        """-log2 p of the picture."""
        return float(self.bits.sum())

    @property
    def bits_per_dim(self) -> float:
        """Mean bits per sub-pixel."""
        return self.total_bits / self.dimensions

    def most_surprising(self, top: int) -> list[PixelBits]:
        """The `top` pixels with the most bits, highest first; fewer if the picture is smaller.

        Raises:
            RequestRejected: `top` is not 1 to MAX_TOP.
        """
        check_whole("top", top, 1, MAX_TOP)
        rows, columns = np.unravel_index(np.argsort(-self.bits, axis=None, kind="stable")[:top], self.bits.shape)
        return [PixelBits(r, c, float(self.bits[r, c])) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]


class ColourChance(NamedTuple):
    """A colour, RGBA, and its probability."""

    colour: tuple[int, int, int, int]
    probability: float


@dataclass(frozen=True)
class PixelColours:
    """The colours one pixel could have, given the class and every other pixel.

    likely: most probable first. current: the pixel's colour as the codec represents it. bound: upper bound on the
        probability of every colour not listed.
    """

    likely: tuple[ColourChance, ...]
    current: ColourChance
    bound: float

    @property
    def is_exact(self) -> bool:
        """Whether `likely` provably holds the most probable colours; always true with one channel."""
        return self.bound <= self.likely[-1].probability


@torch.no_grad()
def inspect_picture(
    model: AutoregressiveModel,
    codec: Codec,
    picture: Picture,
    class_weights: Tensor,
    *,
    classes: Sequence[str],
    at_once: int = MAX_BATCH,
) -> Inspection:
    """Bits of every pixel of `picture` (H, W, 4) given class_weights (classes,), and p(class | picture).

    `at_once`: batch size of the forward passes.
    """
    bits, context = bits_of_pixels(model, codec, picture, class_weights)
    probabilities = class_probabilities(model, context.pixels, classes, context.palette, at_once=at_once)
    return Inspection(bits, probabilities, context.pixels.numel())


@torch.no_grad()
def bits_of_pixels(
    model: AutoregressiveModel, codec: Codec, picture: Picture, class_weights: Tensor
) -> tuple[NDArray[np.float64], Context]:
    """`Inspection.bits` of `picture` (H, W, 4) given class_weights (classes,), and the context they are read in."""
    everything = np.ones(picture.shape[:2], np.bool_)
    context = context_of(codec, picture, everything, class_weights, count=1)
    log_prob = finite(model.log_prob(context.pixels, context)[0].cpu().double())
    return (-log_prob.sum(0) / math.log(2)).numpy(), context


def class_probabilities(
    model: AutoregressiveModel,
    x: Tensor,
    classes: Sequence[str],
    palette: Tensor | None = None,
    *,
    at_once: int = MAX_BATCH,
) -> dict[str, float]:
    """p(class | picture) of one picture x (1, C, H, W), most probable first: {} without classes.

    Bayes' rule with a uniform prior: a softmax over log p(x | class). Working in log space avoids underflow.
    """
    if len(classes) <= 1:
        return {name: 1.0 for name in classes}
    one_hot = torch.eye(len(classes), model.config.num_classes, device=x.device).split(at_once)
    palettes = [None if palette is None else palette.expand(len(some), -1, -1) for some in one_hot]
    pictures = [x.expand(len(some), -1, -1, -1) for some in one_hot]
    parts = zip(pictures, one_hot, palettes, strict=True)
    log_prob = torch.cat([whole_log_prob(model, *(one for one in part if one is not None)) for part in parts])
    p = torch.softmax(log_prob, dim=0).tolist()
    order: list[int] = torch.argsort(log_prob, descending=True, stable=True).tolist()
    return {classes[i]: p[i] for i in order}


@torch.no_grad()
def colours_at(
    model: AutoregressiveModel,
    codec: Codec,
    picture: Picture,
    class_weights: Tensor,
    *,
    row: int,
    column: int,
    top: int,
    at_once: int = MAX_BATCH,
) -> PixelColours:
    """The `top` most probable colours of one pixel of `picture` (H, W, 4); fewer if the codec has fewer.

    Only this pixel is masked. It is conditioned, as in a completion, on the pixels before it and, through the context,
    on all around it. class_weights (classes,) must be on the model's device.

    Raises:
        RequestRejected: the pixel is outside the picture, or `top` is not 1 to MAX_TOP.
    """
    height, width = picture.shape[:2]
    check_whole("row", row, 0, height - 1)
    check_whole("column", column, 0, width - 1)
    check_whole("top", top, 1, MAX_TOP)
    mask = np.zeros((height, width), np.bool_)
    mask[row, column] = True
    context = context_of(codec, picture, mask, class_weights, count=1)
    tables = _tables_at(model, context, row, column, at_once)
    likely, bound = most_probable(tables, channels=codec.channels, top=top)
    likely = [colour for colour in likely if colour.log_p > NEVER / 2]  # drop unused palette slots
    levels = context.pixels[:, :, row, column].cpu()
    log_p = sum(float(tables(levels[:, :c])[0, level]) for c, level in enumerate(levels[0].tolist()))
    *chances, current = _chances(codec, [*likely, Prefix(log_p, tuple(levels[0].tolist()))])
    return PixelColours(tuple(chances), current, math.exp(bound))


class Prefix(NamedTuple):
    """The levels of the first channels of a colour (or of all), and their log p."""

    log_p: float
    levels: tuple[int, ...]


Tables = Callable[[Tensor], Tensor]
"""tables(levels): log p, double (n, K), of each level of channel c, given the levels (n, c) of the channels before."""


def most_probable(tables: Tables, *, channels: int, top: int) -> tuple[list[Prefix], float]:
    """The `top` most probable colours, best first, and a bound: no other colour has a higher log p.

    Branch and bound. A prefix is at least as probable as any colour that starts with it, so prefixes less probable than
    the last colour of a full list are pruned. Until the list is full, the search is a beam: deepest prefixes first,
    MAX_BATCH at a time. After that, the most probable prefix goes first. The list is exact when no prefix is left: one
    channel needs 1 evaluation, three channels of K levels at most 1 + K + K*K. If MAX_LOOKS ends the search early, the
    bound says so.
    """
    found: list[Prefix] = []
    waiting, looks, floor = [Prefix(0.0, ())], 0, -math.inf
    while waiting and looks < MAX_LOOKS:
        deepest = max(len(p.levels) for p in waiting)
        depth = deepest if len(found) < top else len(min(waiting, key=_rank).levels)
        alike = sorted((p for p in waiting if len(p.levels) == depth), key=_rank)
        others = [p for p in waiting if len(p.levels) != depth]
        some = min(MAX_BATCH, MAX_LOOKS - looks)
        looks += len(alike[:some])
        longer = _grown(alike[:some], tables)
        if depth + 1 == channels:
            found, longer = sorted([*found, *longer], key=_rank)[:top], []
        floor = found[-1].log_p if len(found) == top else -math.inf
        waiting = [p for p in (*others, *alike[some:], *longer) if p.log_p > floor]
    return found, max((p.log_p for p in waiting), default=found[-1].log_p)


def _rank(prefix: Prefix) -> tuple[float, tuple[int, ...]]:
    return -prefix.log_p, prefix.levels


def _grown(prefixes: list[Prefix], tables: Tables) -> list[Prefix]:
    """All extensions of prefixes of equal length by one channel."""
    levels = torch.tensor([p.levels for p in prefixes], dtype=torch.int64)
    rows = tables(levels).tolist()
    return [
        Prefix(prefix.log_p + log_p, (*prefix.levels, level))
        for prefix, row in zip(prefixes, rows, strict=True)
        for level, log_p in enumerate(row)
    ]


def _tables_at(model: AutoregressiveModel, context: Context, row: int, column: int, at_once: int) -> Tables:
    """The tables of one pixel, given all others in `context` (one picture). Each new prefix costs one forward pass."""
    known: dict[tuple[int, ...], Tensor] = {}

    def tables(levels: Tensor) -> Tensor:
        prefixes = [tuple(prefix) for prefix in levels.tolist()]
        new = [prefix not in known for prefix in prefixes]
        if any(new):
            rows = torch.cat([evaluate(some) for some in levels[torch.tensor(new)].split(at_once)])
            known.update(zip((p for p, is_new in zip(prefixes, new, strict=True) if is_new), rows, strict=True))
        return torch.stack([known[prefix] for prefix in prefixes])

    def evaluate(levels: Tensor) -> Tensor:
        count, channel = levels.shape
        x = context.pixels.repeat(count, 1, 1, 1)
        x[:, :channel, row, column] = levels.to(x.device)
        maps = model.maps_at(x, context.repeat(count), row=row, column=column, at_once=at_once)
        # On the CPU: some devices have no float64.
        return finite(model.likelihood.to_table(maps.cpu(), x[:, :, row, column].cpu(), channel=channel))

    return tables


def _chances(codec: Codec, colours: list[Prefix]) -> list[ColourChance]:
    indices = torch.tensor([c.levels for c in colours], dtype=torch.int64)[:, :, None, None]
    rgba = codec.decode(indices)[:, 0, 0].tolist()
    return [ColourChance((r, g, b, a), math.exp(c.log_p)) for (r, g, b, a), c in zip(rgba, colours, strict=True)]


def check_whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise RequestRejected(f"{name} {value!r:.40}: must be a whole number from {low} to {high}")
