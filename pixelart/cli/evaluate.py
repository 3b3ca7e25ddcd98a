"""`python -m pixelart evaluate`: bits per dimension on held-out pictures."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelart.cli.arguments import add_command, checkpoint_option, data_options
from pixelart.cli.common import Json, check_out_folder, find, progress_bar, say
from pixelart.devices import use_own_gpu
from pixelart.engine import Checkpoint
from pixelart.errors import DataRejected, RequestRejected
from pixelart.images.class_names import NO_LOOK
from pixelart.images.masks import HOLES
from pixelart.progress import OnProgress
from pixelart.shards.drawing import MAX_THREADS
from pixelart.shards.shared_work import SharedWork
from pixelart.storage import write_file
from pixelart.training.data.encoded import code_pictures
from pixelart.training.data.picture_store import EncodedSet
from pixelart.training.data.pictures import PictureSet, read_pictures
from pixelart.training.distributed import is_launched
from pixelart.training.evaluation import HoleSums, hole_sums, nats_per_stage, pooled_bits, stage_bits

JUDGED_AT_ONCE = 256
"""Pictures that are measured at once: a multiple of the batch size, so that batches are the same in any process."""
MeasureParts = Callable[[str, int, Callable[[int], Any]], list[Any]]
"""measure_parts(name, count, measure): the results `measure(i)`, JSON values, of all `count` parts in order."""


def evaluate(options: argparse.Namespace) -> Json | None:
    """Measure bits per dimension, and bits in masks, on held-out pictures."""
    check_share(options)
    use_own_gpu(os.environ)
    engine, name = find(options.checkpoints, options.checkpoint)
    loaded = engine.library.load(name)
    pictures = read_pictures(
        options.data, size=(loaded.info.height, loaded.info.width), fit=options.fit, frames=options.frames
    )
    if not options.include_training:
        pictures = held_out(pictures, engine.library.seen_in_training(name), options.data)
    own, look = options.palette == "own", options.look
    if own and not loaded.info.takes_palettes:
        raise RequestRejected(f"palette own: {loaded.info.name} draws only in its own colours")
    measure_parts = measure_here
    if options.share:
        plan = {"evaluate": name, **loaded.identity, "device": loaded.device.type, "pictures": pictures.fingerprint()}
        plan |= {"chosen_palette": options.palette, **({"look": look} if look else {})}
        measure_parts = shared_measures(options.share, plan, threads=options.threads)
    how: dict[str, Any] = {"own_palettes": own, "look": look, "measure_parts": measure_parts}
    result = judge(loaded, pictures, **how)
    if not options.per_class:
        del result["per_class"]
    if options.holes:
        result |= judge_holes(loaded, pictures, options.holes, **how)
    if os.environ.get("RANK", "0") != "0":  # the first process that was launched reports
        return None
    say(options, *(f"{key}: {value}" for key, value in result.items()))
    return result


def check_share(options: argparse.Namespace) -> None:
    """Raises RequestRejected if several processes were launched without --share, or --threads is given without it."""
    if options.share:
        check_out_folder(options.share, option="share")
        if not 1 <= options.threads <= MAX_THREADS:
            raise RequestRejected(f"threads {options.threads}: must be from 1 to {MAX_THREADS}")
    elif is_launched(os.environ):
        raise RequestRejected("several processes need --share FOLDER, a folder that all of them reach")
    elif options.threads != 1:
        raise RequestRejected("threads: only with --share; otherwise OMP_NUM_THREADS sets them")


def measure_here(name: str, count: int, measure: Callable[[int], Any]) -> list[Any]:
    """Measure all parts in this process."""
    return [measure(part) for part in range(count)]


def shared_measures(folder: Path, plan: Mapping[str, Any], *, threads: int) -> MeasureParts:
    """Measure the parts together with the other processes that share `folder`, each with so many `threads`, because the
    last digits depend on them. Raises RequestRejected, OSError."""
    torch.set_num_threads(threads)
    work = SharedWork(folder, {**plan, "threads": threads})

    def measure_parts(name: str, count: int, measure: Callable[[int], Any]) -> list[Any]:
        parts = [folder / f"{name}-{part:05d}.json" for part in range(count)]
        work.make(parts, lambda part: write_file(parts[part], json.dumps(measure(part)).encode()), name=name)
        return [json.loads(part.read_bytes()) for part in parts]

    return measure_parts


def judge(
    loaded: Checkpoint,
    pictures: PictureSet,
    *,
    own_palettes: bool = False,
    look: str = NO_LOOK,
    measure_parts: MeasureParts = measure_here,
) -> Json:
    """Bits per dimension of whole pictures: overall, per class and, for a chain, per scale.

    Each sub-pixel of every size has the same weight. With `own_palettes`, each picture is in its own colours. All have
    the same `look`. The result has `sizes`, the number of pictures of each size, unless all have the checkpoint's size.

    Raises:
        DataRejected: no picture, or a class or size that the checkpoint does not have.
    """
    found, parts = list[Tensor](), list[Tensor]()
    sets = _judged_sizes(loaded, pictures)

    def nats(coded: _Coded, rows: range, progress: OnProgress) -> Any:
        x, weights, palettes = coded.rows(rows)
        return nats_per_stage(loaded.model, x, weights, palettes=palettes, progress=progress).tolist()

    for coded in _encoded(loaded, sets, own_palettes=own_palettes, look=look):
        measured = coded.measured("whole", nats, measure_parts, title="judging")
        found.append(torch.tensor([nats for part in measured for nats in part], dtype=torch.float64))
        parts.append(torch.full((len(coded),), coded.x[0].numel(), dtype=torch.float64))
    nats_of, dimensions = torch.cat([of_stages.sum(1) for of_stages in found]), torch.cat(parts)
    names = np.array([name for one in sets for name in one.class_names])
    rows = {c: torch.from_numpy(np.flatnonzero(names == c)) for c in pictures.classes}
    chain = loaded.model.scales > 1
    usual = [one.size for one in sets] == [(loaded.info.height, loaded.info.width)]
    return {
        "checkpoint": loaded.info.name,
        "images": len(nats_of),
        **({} if usual else {"sizes": {_size_word(one): len(one) for one in sets}}),
        "bits_per_dim": pooled_bits(nats_of, dimensions),
        "nats_per_image": float(nats_of.mean()),
        **({"stages": stage_bits(loaded.model, found[0])} if chain else {}),
        "per_class": {c: pooled_bits(nats_of[i], dimensions[i]) for c, i in rows.items()},
    }


def judge_holes(
    loaded: Checkpoint,
    pictures: PictureSet,
    kind: str,
    *,
    own_palettes: bool = False,
    look: str = NO_LOOK,
    measure_parts: MeasureParts = measure_here,
) -> Json:
    """Bits in holes of a `kind` of HOLES, with and without context. Each sub-pixel of every size has the same weight.

    Raises:
        DataRejected: no picture, or a class or size that the checkpoint does not have.
    """

    def sums(coded: _Coded, rows: range, progress: OnProgress) -> Any:
        x, weights, palettes = coded.rows(rows)
        how: dict[str, Any] = {"holes": kind, "palettes": palettes, "progress": progress, "seed": rows.start}
        return hole_sums(loaded.model, x, weights, **how).to_json()

    sets = _judged_sizes(loaded, pictures)
    measured = [
        HoleSums.from_json(part)
        for coded in _encoded(loaded, sets, own_palettes=own_palettes, look=look)
        for part in coded.measured(kind, sums, measure_parts, title=kind)
    ]
    first, *others = measured
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


@dataclass(frozen=True)
class _Coded:
    """The pictures of one size: x (N, C, H, W), class weights (N, K), and the palettes if the model takes them."""

    word: str
    x: EncodedSet
    weights: Tensor
    palettes: Tensor | None

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, rows: range) -> tuple[Tensor, Tensor, Tensor | None]:
        """x, class weights and palettes of some pictures."""
        some = slice(rows.start, rows.stop)
        return self.x[some], self.weights[some], None if self.palettes is None else self.palettes[some]

    def measured(
        self,
        name: str,
        measure: Callable[[_Coded, range, OnProgress], Any],
        measure_parts: MeasureParts,
        *,
        title: str,
    ) -> list[Any]:
        """`measure(self, rows, progress)` of each JUDGED_AT_ONCE of the pictures, with a progress bar."""
        with progress_bar(f"{title} {self.word}") as show:

            def part(number: int) -> Any:
                first = number * JUDGED_AT_ONCE
                rows = range(first, min(first + JUDGED_AT_ONCE, len(self)))
                return measure(self, rows, lambda done, total: show(first + done, len(self)))

            return measure_parts(f"{name}-{self.word}", -(-len(self) // JUDGED_AT_ONCE), part)


def _encoded(
    loaded: Checkpoint, sets: Sequence[PictureSet], *, own_palettes: bool, look: str = NO_LOOK
) -> Iterator[_Coded]:
    """The encoded pictures of each size, all of one `look`. If all have one class that the checkpoint lacks, they count
    as any class."""
    names = {name for one in sets for name in one.class_names}
    unknown = sorted(names - set(loaded.info.classes))
    if unknown and len(names) > 1:
        raise DataRejected(f"{loaded.info.name} has no class {', '.join(unknown)[:80]}")
    for one in sets:
        weights = [loaded.class_weights({} if c in unknown else {c: 1.0}, look) for c in one.class_names]
        classes = torch.zeros(len(one), dtype=torch.int64)  # unused: the weights give the classes
        coded = code_pictures(loaded.codec, one.pictures, classes)
        x, palettes = (coded.own.x, coded.own.palettes) if own_palettes and coded.own else (coded.x, coded.palettes)
        yield _Coded(_size_word(one), x, torch.stack(weights), palettes)


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
    command.add_argument("--look", default=NO_LOOK, help="the look of all pictures, for models that know looks (any)")
    command.add_argument("--include-training", action="store_true", help="also use pictures it was trained on")
    text = "share the work with other processes through this folder, and go on with it after a stop"
    command.add_argument("--share", type=Path, metavar="FOLDER", help=text)
    command.add_argument("--threads", type=int, default=1, help="CPU threads of each process with --share (1)")
    command.add_argument("--per-class", action="store_true", help="also bits_per_dim of each class")
