"""Figures that compare drawn pictures with real ones, per class and pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import metrics
from benchmarks.quality.drawing import draw_classes
from benchmarks.quality.judge import Judge
from benchmarks.quality.metrics import NOTHING, Figure
from benchmarks.quality.tiles import Part, Tiles, of_class
from benchmarks.quality.two_sample import tells_apart
from pixelart.engine import Engine
from pixelart.images.codec import Picture
from pixelart.images.defects import NEARLY_EMPTY, lone_share, visible_share
from pixelart.images.palette_choice import as_learned
from pixelart.sampling import Controls
from pixelart.training.near_copies import are_near_copies

KINDS = ("kernel_distance", "precision", "recall", "class_accuracy", "two_sample", "blank", "near_copies", "distinct")
"""Figures of drawn pictures. `colours` and `lone_pixels` are also measured on real ones."""
HEROES = "hero"
"""The class whose pictures combine few parts; near copies are also reported without it."""
Figures = dict[str, Any]


def quality(
    engine: Engine,
    checkpoint: str,
    controls: Controls,
    pictures_per_class: int,
    judge: Judge,
    tiles: Tiles,
    *,
    part: Part = "held_out",
    first_seed: int = 0,
    redraw: int = 0,
    keep: Path | None = None,
    two_sample: bool = True,
    near_copies: bool = True,
) -> Figures:
    """The figures of pictures that `checkpoint` draws.

    Args:
        controls: temperature (a number), top-k, top-p, guidance.
        pictures_per_class: number per class, with the seeds first_seed, first_seed + 1, ...
        part: the real tiles to compare with; settings are chosen on "validation"; "held_out" is reported.
        redraw: how often pictures with a defect are drawn again, as the app does.
        keep: a cache folder for drawn pictures.
        two_sample: also run a classifier two-sample test.
        near_copies: also count near copies of the tiles that the checkpoint was trained on; needs their record.

    Raises:
        RequestRejected: no such checkpoint, or a value outside its limits.
        WeightsRejected: it does not record what it was trained on.
    """
    classes = judge.known(engine.info(checkpoint).classes)
    values: dict[str, Any] = {"first_seed": first_seed, "classes": classes, "redraw": redraw, "keep": keep}
    drawn = draw_classes(engine, checkpoint, controls, count=pictures_per_class, **values)
    learned = Learned(engine, checkpoint, tiles) if near_copies else None
    figures = Measure(judge, tiles, part).of(drawn.pictures, drawn.class_names, learned, two_sample=two_sample)
    settings = {key: getattr(controls, key) for key in ("temperature", "top_p", "top_k", "guidance")}
    return {"checkpoint": checkpoint, "controls": settings, "part": part, "first_seed": first_seed, **figures}


def ceiling(judge: Judge, tiles: Tiles, *, part: Part = "held_out", most: int = 64) -> Figures:
    """The figures of at most `most` real training tiles per class, which a perfect model would reach."""
    random, pictures, names = np.random.default_rng(0), [], []
    for name in tiles.classes:
        own = of_class(tiles.training, name)
        pictures.append(own[random.permutation(len(own))[:most]])
        names += [name] * len(pictures[-1])
    return {"part": part, **Measure(judge, tiles, part).of(np.concatenate(pictures), names, None, two_sample=True)}


class Learned:
    """The pictures that a checkpoint was trained on, in the colours used in training."""

    def __init__(self, engine: Engine, checkpoint: str, tiles: Tiles) -> None:
        """Raises WeightsRejected if the checkpoint does not record them."""
        seen, codec = engine.library.seen_in_training(checkpoint), engine.library.load(checkpoint).codec
        parts = [part.select(np.array([h in seen for h in part.hashes])) for part in (tiles.training, tiles.validation)]
        self._classes = {
            name: as_learned(codec, np.concatenate([of_class(part, name) for part in parts])) for name in tiles.classes
        }

    def copied(self, pictures: Picture, name: str) -> NDArray[np.bool_]:
        """bool (N,): whether each picture is a near copy of a training picture of the class; (0,) if it has none."""
        learned = self._classes[name]
        return are_near_copies(pictures, learned) if len(learned) else _NONE


class Measure:
    """Compares pictures with the real tiles of a part, all in the common palette."""

    def __init__(self, judge: Judge, tiles: Tiles, part: Part) -> None:
        self.judge, self.tiles = judge, tiles
        self.part: Part = part

    def of(
        self, pictures: Picture, class_names: Sequence[str], learned: Learned | None, *, two_sample: bool
    ) -> Figures:
        """`pooled` figures, those of `classes` and their means. Pooled kernel distance, precision, recall and the
        two-sample test use equally many drawn and real pictures of each class."""
        names = np.array(class_names)
        sets = {name: _Class(self, name, pictures[names == name], learned) for name in dict.fromkeys(class_names)}
        classes = {name: one.figures() for name, one in sets.items()}
        return {
            "pictures": len(pictures),
            "pooled": self._pooled(list(sets.values()), two_sample=two_sample),
            "mean_of_classes": _mean_of_classes(classes),
            "classes": classes,
        }

    def _pooled(self, sets: list[_Class], *, two_sample: bool) -> Figures:
        pairs = [one.paired() for one in sets]
        drawn, real = (np.concatenate(side) for side in zip(*pairs, strict=True))
        figures = set_figures(self.judge.features(real), self.judge.features(drawn))
        if two_sample:
            figures["two_sample"] = metrics.share(tells_apart(drawn, real)).json()
        for kind in ("recognised", "blank", "copied", "distinct"):
            figures[_NAMES[kind]] = metrics.share(np.concatenate([getattr(one, kind) for one in sets])).json()
        others = [one.copied for one in sets if one.name != HEROES]
        figures["near_copies_without_heroes"] = metrics.share(np.concatenate(others or [_NONE])).json()
        return figures


_NAMES = {"recognised": "class_accuracy", "blank": "blank", "copied": "near_copies", "distinct": "distinct"}
_NONE = np.zeros(0, np.bool_)


class _Class:
    """The drawn and the real pictures of a class, in the common palette, and flags of each drawn one."""

    def __init__(self, by: Measure, name: str, pictures: Picture, learned: Learned | None) -> None:
        tiles, self._judge, self.name = by.tiles, by.judge, name
        self.drawn, self.real = self._judge.snap(pictures), self._judge.snap(of_class(tiles.part(by.part), name))
        training = visible_share(of_class(tiles.training, name))
        can_be_blank = bool((training < NEARLY_EMPTY).any())
        self.blank = _NONE if can_be_blank else visible_share(pictures) < NEARLY_EMPTY
        self.copied = _NONE if learned is None else learned.copied(pictures, name)
        self.distinct = metrics.distinct(pictures)

    @cached_property
    def recognised(self) -> NDArray[np.bool_]:
        return self._judge.recognises(self.drawn, (self.name,) * len(self.drawn))

    def paired(self) -> tuple[Picture, Picture]:
        """Equally many drawn and real pictures; a random subset of the larger set."""
        size, random = min(len(self.drawn), len(self.real)), np.random.default_rng(0)
        drawn, real = (p[random.permutation(len(p))[:size]] for p in (self.drawn, self.real))
        return drawn, real

    def figures(self) -> Figures:
        drawn, real = self._judge.features(self.drawn), self._judge.features(self.real)
        shares = {_NAMES[kind]: metrics.share(getattr(self, kind)).json() for kind in _NAMES}
        return {**set_figures(real, drawn), **shares, **_looks(self.drawn, self.real)}


def set_figures(real: metrics.Features, drawn: metrics.Features) -> Figures:
    """Kernel distance of all pictures; precision and recall of equally many real and drawn ones."""
    least, size, random = metrics.NEIGHBOURS + 1, min(len(real), len(drawn)), np.random.default_rng(0)
    one, other = (x[random.permutation(len(x))[:size]] for x in (real, drawn))

    def side(index: int) -> Figure:
        found = metrics.over_halves(lambda a, b: metrics.precision_recall(a, b)[index], one, other, least=least)
        low, high = found.low, found.high
        return replace(found, low=low and max(0.0, low), high=high and min(1.0, high))

    return {
        "kernel_distance": metrics.over_halves(metrics.kernel_distance, real, drawn, least=2).json(),
        "precision": side(0).json(),
        "recall": side(1).json(),
    }


_LOOKS = {"colours": metrics.colours_of, "lone_pixels": lone_share}


def _looks(drawn: Picture, real: Picture) -> Figures:
    """Colours per picture and the share of lone pixels, drawn and real."""
    return {
        kind: {"drawn": metrics.mean(of(drawn)).json(), "real": metrics.mean(of(real)).json()}
        for kind, of in _LOOKS.items()
    }


def _mean_of_classes(classes: dict[str, Figures]) -> Figures:
    """Mean kernel distance, precision, recall and class accuracy over the classes that have a value; and of colours
    and lone pixels, which would compare other mixtures of classes if they were pooled."""
    result: Figures = {}
    for kind in ("kernel_distance", "precision", "recall", "class_accuracy"):
        values = [f[kind]["value"] for f in classes.values() if f[kind]["value"] is not None]
        result[kind] = round(float(np.mean(values)), 6) if values else NOTHING.value
    for kind in _LOOKS:
        pairs = {side: [f[kind][side]["value"] for f in classes.values()] for side in ("drawn", "real")}
        known = {side: [v for v in values if v is not None] for side, values in pairs.items()}
        result[kind] = {side: round(float(np.mean(v)), 6) if v else None for side, v in known.items()}
    return result
