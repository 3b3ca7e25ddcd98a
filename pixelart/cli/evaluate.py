"""`python -m pixelart evaluate`: bits per dimension on held-out pictures."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelart.cli.arguments import add_command, checkpoint_option, data_options
from pixelart.cli.common import (
    Json,
    find,
    progress_bar,
    say,
)
from pixelart.engine import Checkpoint
from pixelart.errors import DataRejected, RequestRejected
from pixelart.images.masks import HOLES
from pixelart.training.data.encoded import code_pictures
from pixelart.training.data.picture_store import EncodedSet
from pixelart.training.data.pictures import PictureSet, read_pictures
from pixelart.training.evaluation import HoleSums, hole_sums, nats_per_stage, pooled_bits, stage_bits


def evaluate(options: argparse.Namespace) -> Json:
    """Measure bits per dimension, and bits in masks, on held-out pictures."""
    engine, name = find(options.checkpoints, options.checkpoint)
    loaded = engine.library.load(name)
    pictures = read_pictures(
        options.data, size=(loaded.info.height, loaded.info.width), fit=options.fit, frames=options.frames
    )
    if not options.include_training:
        pictures = held_out(pictures, engine.library.seen_in_training(name), options.data)
    own = options.palette == "own"
    if own and not loaded.info.takes_palettes:
        raise RequestRejected(f"palette own: {loaded.info.name} draws only in its own colours")
    result = judge(loaded, pictures, own_palettes=own)
    if not options.per_class:
        del result["per_class"]
    if options.holes:
        result |= judge_holes(loaded, pictures, options.holes, own_palettes=own)
    say(options, *(f"{key}: {value}" for key, value in result.items()))
    return result


def judge(loaded: Checkpoint, pictures: PictureSet, *, own_palettes: bool = False) -> Json:
    """Bits per dimension of whole pictures: overall, per class and, for a chain, per scale.

    Each sub-pixel of every size has the same weight. With `own_palettes`, each picture is in its own colours. The
    result has `sizes`, the number of pictures of each size, unless all have the checkpoint's size.

    Raises:
        DataRejected: no picture, or a class or size that the checkpoint does not have.
    """
    found, parts = list[Tensor](), list[Tensor]()
    sets = _judged_sizes(loaded, pictures)
    for one, (x, palettes, weights) in zip(sets, _encoded(loaded, sets, own_palettes=own_palettes), strict=True):
        with progress_bar(f"judging {_size_word(one)}") as progress:
            found.append(nats_per_stage(loaded.model, x, weights, palettes=palettes, progress=progress))
        parts.append(torch.full((len(one),), x[0].numel(), dtype=torch.float64))
    nats, dimensions = torch.cat([of_stages.sum(1) for of_stages in found]), torch.cat(parts)
    names = np.array([name for one in sets for name in one.class_names])
    rows = {c: torch.from_numpy(np.flatnonzero(names == c)) for c in pictures.classes}
    chain = loaded.model.scales > 1
    usual = [one.size for one in sets] == [(loaded.info.height, loaded.info.width)]
    return {
        "checkpoint": loaded.info.name,
        "images": len(nats),
        **({} if usual else {"sizes": {_size_word(one): len(one) for one in sets}}),
        "bits_per_dim": pooled_bits(nats, dimensions),
        "nats_per_image": float(nats.mean()),
        **({"stages": stage_bits(loaded.model, found[0])} if chain else {}),
        "per_class": {c: pooled_bits(nats[i], dimensions[i]) for c, i in rows.items()},
    }


def judge_holes(loaded: Checkpoint, pictures: PictureSet, kind: str, *, own_palettes: bool = False) -> Json:
    """Bits in holes of a `kind` of HOLES, with and without context. Each sub-pixel of every size has the same weight.

    Raises:
        DataRejected: no picture, or a class or size that the checkpoint does not have.
    """
    sums, sets = list[HoleSums](), _judged_sizes(loaded, pictures)
    for one, (x, palettes, weights) in zip(sets, _encoded(loaded, sets, own_palettes=own_palettes), strict=True):
        with progress_bar(f"{kind} {_size_word(one)}") as progress:
            sums.append(hole_sums(loaded.model, x, weights, holes=kind, palettes=palettes, progress=progress))
    first, *others = sums
    holes = sum(others, first).bits()
    return {"holes": kind, **holes.__dict__, "seam_ratio": holes.seam_ratio}


def _judged_sizes(loaded: Checkpoint, pictures: PictureSet) -> list[PictureSet]:
    """The pictures, by size. Raises DataRejected if there are none, or if the checkpoint cannot judge a size."""
    sets, info = [one for one in pictures.sizes if len(one)], loaded.info
    if not sets:
        raise DataRejected("there are no pictures to judge")
    for one in sets:
        if not loaded.model.any_size and one.size != (info.height, info.width):
            raise DataRejected(f"pictures are {_size_word(one)}; {info.name} judges only {info.width}x{info.height}")
    return sets


def _size_word(pictures: PictureSet) -> str:
    return f"{pictures.size[1]}x{pictures.size[0]}"


def _encoded(
    loaded: Checkpoint, sets: Sequence[PictureSet], *, own_palettes: bool
) -> Iterator[tuple[EncodedSet, Tensor | None, Tensor]]:
    """For each size: x (N, C, H, W), the palettes if the model takes them, and class weights (N, K).

    If all pictures have one class that the checkpoint lacks, they count as any class."""
    names = {name for one in sets for name in one.class_names}
    unknown = sorted(names - set(loaded.info.classes))
    if unknown and len(names) > 1:
        raise DataRejected(f"{loaded.info.name} has no class {', '.join(unknown)[:80]}")
    for one in sets:
        weights = [loaded.class_weights({} if c in unknown else {c: 1.0}) for c in one.class_names]
        classes = torch.zeros(len(one), dtype=torch.int64)  # unused: the weights give the classes
        coded = code_pictures(loaded.codec, one.pictures, classes)
        x, palettes = (coded.own.x, coded.own.palettes) if own_palettes and coded.own else (coded.x, coded.palettes)
        yield x, palettes, torch.stack(weights)


def held_out(pictures: PictureSet, seen: frozenset[str], data: Path) -> PictureSet:
    """The pictures of all sizes whose content hash is not among those `seen` in training.

    Raises:
        DataRejected: none is left.
    """
    first, *others = (one.select(np.array([h not in seen for h in one.hashes], np.bool_)) for one in pictures.sizes)
    if not any(map(len, (first, *others))):
        count = sum(map(len, pictures.sizes))
        raise DataRejected(f"{data.name}: all {count} pictures were trained on; --include-training uses them")
    return replace(first, others=tuple(one for one in others if len(one)))


def add_commands(add: Any) -> None:
    """Add evaluate."""
    example = "--checkpoint dungeon-gated --data examples/dungeon.zip --holes brush --json"
    command = add_command(add, "evaluate", evaluate, example)
    checkpoint_option(command)
    data_options(command)
    command.add_argument("--holes", choices=HOLES, help="also measure bits in such holes, with and without context")
    text = "common: the checkpoint's colours; own: each picture's own, if the model takes palettes (common)"
    command.add_argument("--palette", choices=("common", "own"), default="common", help=text)
    command.add_argument("--include-training", action="store_true", help="also use pictures it was trained on")
    command.add_argument("--per-class", action="store_true", help="also bits_per_dim of each class")
