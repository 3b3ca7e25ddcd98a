"""What only an explicit likelihood can tell of a picture: how surprising each pixel is, which class it is of, and which
colours one of its pixels could have. Every answer is read off the model's probabilities; nothing is drawn.
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

CHUNK = 16  # pictures in one forward pass: bounds memory
MAX_TOP = 256  # the most levels that a codec has
MAX_LOOKS = 128  # forward passes spent on the colours of one pixel of several channels


class PixelBits(NamedTuple):
    """How surprising one pixel is."""

    row: int
    column: int
    bits: float


@dataclass(frozen=True)
class Inspection:
    """bits: float64 (H, W), -log2 p of each pixel, its channels together, given the class, all pixels before it (in
    raster order; of a chain of scales, coarse pixels first), and nothing else: their sum is -log2 p of the picture.
    class_probabilities: p(class | picture) by Bayes' rule with every class of the checkpoint as probable as any other
    beforehand, most probable first.
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
        """Mean bits of a sub-pixel."""
        return self.total_bits / self.dimensions

    def most_surprising(self, top: int) -> list[PixelBits]:
        """The `top` least expected pixels, the least expected first; fewer where the picture is smaller.

        Raises:
            RequestRejected: `top` is not 1 to MAX_TOP.
        """
        _check_whole("top", top, 1, MAX_TOP)
        rows, columns = np.unravel_index(np.argsort(-self.bits, axis=None, kind="stable")[:top], self.bits.shape)
        return [PixelBits(r, c, float(self.bits[r, c])) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]


class ColourChance(NamedTuple):
    """A colour, RGBA, and its probability."""

    colour: tuple[int, int, int, int]
    probability: float


@dataclass(frozen=True)
class PixelColours:
    """The colours one pixel could have, given the class and every other pixel.

    likely: most probable first. current: the colour that is there, as the codec holds it. bound: no colour that is
    left out is more probable than this.
    """

    likely: tuple[ColourChance, ...]
    current: ColourChance
    bound: float

    @property
    def is_exact(self) -> bool:
        """Whether `likely` surely holds the most probable colours of all; always for one channel."""
        return self.bound <= self.likely[-1].probability


@torch.no_grad()
def inspect(
    model: AutoregressiveModel,
    codec: Codec,
    picture: Picture,
    class_weights: Tensor,
    *,
    classes: Sequence[str],
    at_once: int = CHUNK,
) -> Inspection:
    """Bits of every pixel of `picture` (H, W, 4) given class_weights (classes,), and which of `classes` it is of;
    `at_once`: how many pictures go through the network at a time."""
    everything = np.ones(picture.shape[:2], np.bool_)
    context = context_of(codec, picture, everything, class_weights, count=1)
    log_prob = finite(model.log_prob(context.pixels, context)[0].cpu().double())
    bits = -log_prob.sum(0) / math.log(2)
    probabilities = class_probabilities(model, context.pixels, classes, context.palette, at_once=at_once)
    return Inspection(bits.numpy(), probabilities, log_prob.numel())


def class_probabilities(
    model: AutoregressiveModel,
    x: Tensor,
    classes: Sequence[str],
    palette: Tensor | None = None,
    *,
    at_once: int = CHUNK,
) -> dict[str, float]:
    """p(class | picture) of one picture x (1, C, H, W), most probable first; one class is certain, none is nothing.

    Bayes' rule with a uniform prior: a softmax over log p(x | class), so probabilities far too small for a float may
    be compared.
    """
    if len(classes) <= 1:
        return {name: 1.0 for name in classes}
    one_hot = torch.eye(len(classes), device=x.device).split(at_once)
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
    at_once: int = CHUNK,
) -> PixelColours:
    """The `top` most probable colours of one pixel of `picture` (H, W, 4), fewer where the codec has fewer.

    The pixel alone is hidden: it is judged by all before it and, through the context, by all around it, as if it were
    to be completed. class_weights (classes,) lies on the model's device.

    Raises:
        RequestRejected: the pixel is outside the picture, or `top` not 1 to MAX_TOP.
    """
    height, width = picture.shape[:2]
    _check_whole("row", row, 0, height - 1)
    _check_whole("column", column, 0, width - 1)
    _check_whole("top", top, 1, MAX_TOP)
    mask = np.zeros((height, width), np.bool_)
    mask[row, column] = True
    context = context_of(codec, picture, mask, class_weights, count=1)
    tables = _tables_at(model, context, row, column, at_once)
    likely, bound = most_probable(tables, channels=codec.channels, top=top)
    likely = [colour for colour in likely if colour.log_p > NEVER / 2]  # slots of a palette that hold no colour
    levels = context.pixels[:, :, row, column].cpu()
    log_p = sum(float(tables(levels[:, :c])[0, level]) for c, level in enumerate(levels[0].tolist()))
    *chances, current = _chances(codec, [*likely, Prefix(log_p, tuple(levels[0].tolist()))])
    return PixelColours(tuple(chances), current, math.exp(bound))


class Prefix(NamedTuple):
    """The levels of the first channels of a colour, or of all, and their log p."""

    log_p: float
    levels: tuple[int, ...]


Tables = Callable[[Tensor], Tensor]
"""tables(levels): log p, double (n, K), of each level of channel c, given the levels (n, c) of the channels before."""


def most_probable(tables: Tables, *, channels: int, top: int) -> tuple[list[Prefix], float]:
    """The `top` most probable colours, best first, and a bound: log p of no other colour is above it.

    Branch and bound. A colour is at most as probable as the channels it begins with, so what is less probable than the
    last colour of a full list need not be looked into. Until the list is full, the deepest are looked into first, CHUNK
    at a time (a beam), then the most probable. When nothing is left to look into, which one channel needs one look for,
    and K levels of three at most 1 + K + K*K, the list is exact; MAX_LOOKS may end it before, and the bound tells.
    """
    found: list[Prefix] = []
    waiting, looks, floor = [Prefix(0.0, ())], 0, -math.inf
    while waiting and looks < MAX_LOOKS:
        deepest = max(len(p.levels) for p in waiting)
        depth = deepest if len(found) < top else len(min(waiting, key=_rank).levels)
        alike = sorted((p for p in waiting if len(p.levels) == depth), key=_rank)
        others = [p for p in waiting if len(p.levels) != depth]
        some = min(CHUNK, MAX_LOOKS - looks)
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
    """All prefixes of one channel more, of prefixes of equal length."""
    levels = torch.tensor([p.levels for p in prefixes], dtype=torch.int64)
    rows = tables(levels).tolist()
    return [
        Prefix(prefix.log_p + log_p, (*prefix.levels, level))
        for prefix, row in zip(prefixes, rows, strict=True)
        for level, log_p in enumerate(row)
    ]


def _tables_at(model: AutoregressiveModel, context: Context, row: int, column: int, at_once: int) -> Tables:
    """The tables of one pixel, all others as in `context` (of one picture): a forward pass for each new prefix."""
    known: dict[tuple[int, ...], Tensor] = {}

    def tables(levels: Tensor) -> Tensor:
        prefixes = [tuple(prefix) for prefix in levels.tolist()]
        new = [prefix not in known for prefix in prefixes]
        if any(new):
            rows = torch.cat([look(some) for some in levels[torch.tensor(new)].split(at_once)])
            known.update(zip((p for p, is_new in zip(prefixes, new, strict=True) if is_new), rows, strict=True))
        return torch.stack([known[prefix] for prefix in prefixes])

    def look(levels: Tensor) -> Tensor:
        count, channel = levels.shape
        x = context.pixels.repeat(count, 1, 1, 1)
        x[:, :channel, row, column] = levels.to(x.device)
        maps = model.maps_at(x, context.repeat(count), row=row, column=column, at_once=at_once)
        # On the CPU: not every device has doubles.
        return finite(model.likelihood.to_table(maps.cpu(), x[:, :, row, column].cpu(), channel=channel))

    return tables


def _chances(codec: Codec, colours: list[Prefix]) -> list[ColourChance]:
    indices = torch.tensor([c.levels for c in colours], dtype=torch.int64)[:, :, None, None]
    rgba = codec.decode(indices)[:, 0, 0].tolist()
    return [ColourChance((r, g, b, a), math.exp(c.log_p)) for (r, g, b, a), c in zip(rgba, colours, strict=True)]


def _check_whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise RequestRejected(f"{name} {value!r:.40}: must be a whole number of {low} to {high}")
