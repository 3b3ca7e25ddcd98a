"""Compare all checkpoints on the same machine and the same pictures, which none of them was trained on.

    python -m benchmarks.results --data examples/dungeon.zip

    python -m benchmarks.results --only-classes

Writes benchmarks/RESULTS.md: size, held-out bits, the gain from the context in brush holes, and drawing time; then how
often the most probable class is right. The second command measures the latter alone, and keeps the rest of the file.

Figures other than times are kept in the folder --keep, for the same weights and pictures: a command that was stopped
goes on where it was, and times can be measured again on a quiet machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.card import with_and_without
from benchmarks.class_accuracy import class_accuracy, class_table, with_class_table
from benchmarks.looks import look_for
from benchmarks.machine import describe_machine, told_command
from benchmarks.published import published
from benchmarks.sampling import measure_cached
from pixelart.cli.evaluate import held_out, judge, judge_holes
from pixelart.engine import Checkpoint, CheckpointInfo, Engine
from pixelart.errors import PixelArtError
from pixelart.storage import write_file
from pixelart.training.data.pictures import PictureSet, read_pictures

HOLES = "brush"
OUT = Path("benchmarks/RESULTS.md")
JUDGED_AS = 1
"""To be raised when the same weights and pictures get other figures."""
COLUMNS = (
    "checkpoint",
    "variant",
    "codec",
    "parameters",
    "bits/dim",
    "bits/pixel",
    "hole bits, with / without context",
    "seam bits, with / without",
    "seconds a picture",
    "forward passes",
    "training minutes (+ base)",
    "training pictures/s",
    "published bits/dim, on other data",
)
NOTES = f"""\
Held-out pictures are those that none of these checkpoints was trained on, by content. Bits per dimension are of whole
pictures given only their class; a dimension is one channel of one pixel. Indexed pictures are first snapped to the
checkpoint's palette, so bits under different codecs or palettes are of different data and cannot be compared. Hole and
seam bits are per dimension in {HOLES} holes; "without context": the same weights with every pixel unknown. Seconds: one
whole picture, sampled with the cached sampler on the CPU; "forward passes" divides this by the time of one
teacher-forced forward pass of the same picture. Training minutes are those of the last run; the base is the checkpoint
that this run started from, which has its own minutes. Training pictures/s: steps times batch size over training time,
as recorded in the checkpoint, on the machine that trained it; steps that train only the context encoder are cheaper.
The last column is from the variant's paper, for far larger networks on photographs, so it cannot be compared.
"""


def training_rate(training: Mapping[str, Any]) -> float | None:
    """Pictures per second, from the training record of a checkpoint; None if it is incomplete."""
    steps, size, minutes = (training.get(key) or 0 for key in ("trained_steps", "batch_size", "trained_minutes"))
    size *= (training.get("accumulate") or 1) * (training.get("processes") or 1)
    return steps * size / (60 * minutes) if steps and size and minutes else None


def training_minutes(training: Mapping[str, Any]) -> str:
    """Text such as "130 (+ name of the base)", from the training record of a checkpoint."""
    minutes, base = training.get("trained_minutes"), training.get("base")
    return ("not recorded" if minutes is None else f"{minutes:g}") + (f" (+ {base})" if base else "")


def fitting(engine: Engine, info: CheckpointInfo, data: Path) -> tuple[PictureSet, frozenset[str]]:
    """The pictures in the checkpoint's size, and the content hashes of its training pictures.

    Raises:
        PixelArtError: the data does not fit, or the checkpoint does not record its training pictures.
    """
    pictures = read_pictures(data, size=(info.height, info.width))
    return pictures, engine.library.seen_in_training(info.name)


class Kept:
    """Figures in a folder, by what they depend on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def once(
        self, what: str, loaded: Checkpoint, pictures: PictureSet, make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """The figures `make` finds, or those that it found before, for the same weights and pictures. `what` names
        them."""
        judged = list(zip(pictures.hashes, pictures.class_names, strict=True))
        depends_on = [JUDGED_AS, what, loaded.info.name, dict(loaded.identity), judged]
        key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:32]
        path = self._folder / f"{key}.json"
        if path.exists():
            return json.loads(path.read_bytes())
        found = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(found).encode())
        return found


def measure(loaded: Checkpoint, pictures: PictureSet, *, rounds: int, kept: Kept) -> dict[str, Any]:
    """The figures of one checkpoint.

    Raises:
        PixelArtError: the pictures do not fit it.
    """
    look = look_for(loaded.info)
    return {
        **kept.once("bits", loaded, pictures, lambda: judge(loaded, pictures, look=look)),
        **kept.once(
            f"bits in {HOLES} holes", loaded, pictures, lambda: judge_holes(loaded, pictures, HOLES, look=look)
        ),
        **measure_cached(loaded.model, batch=1, rounds=rounds),
        "variant": loaded.info.model,
        "codec": f"{loaded.codec.name} {loaded.codec.levels}",
        "channels": loaded.codec.channels,
        "parameters": sum(p.numel() for p in loaded.model.parameters()),
        "training_minutes": training_minutes(loaded.info.training),
        "training_rate": training_rate(loaded.info.training),
    }


def row(figures: Mapping[str, Any]) -> str:
    """A row of the table."""
    rate = figures["training_rate"]
    cells = [
        figures["checkpoint"],
        figures["variant"],
        figures["codec"],
        f"{figures['parameters'] / 1e6:.2f} M",
        f"{figures['bits_per_dim']:.3f}",
        f"{figures['bits_per_dim'] * figures['channels']:.3f}",
        with_and_without(figures, "hole"),
        with_and_without(figures, "seam"),
        f"{figures['cached_seconds']:.3g}",
        f"{figures['cached_ratio']:.1f}",
        figures["training_minutes"],
        f"{rate:.1f}" if rate else "not recorded",
        published(figures["variant"]),
    ]
    return f"| {' | '.join(cells)} |"


def report(rows: Sequence[Mapping[str, Any]], left_out: Sequence[str], command: str) -> str:
    """The content of RESULTS.md."""
    judged = f"{rows[0]['images']} held-out pictures, unseen by all of them"
    lines = [f"# Results\n\n    {command}\n\nMeasured on {describe_machine()}; {judged}.\n"]
    lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", *map(row, rows), ""]
    lines += [NOTES, *(f"Left out: {reason}" for reason in left_out)]
    return "\n".join(lines).rstrip() + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--rounds", type=int, default=5, help="number of timings; the best counts")
    parser.add_argument("--classify", type=int, default=100, help="number of pictures whose class is asked for")
    parser.add_argument("--only-classes", action="store_true", help="measure only how often the class is right")
    parser.add_argument("--only", nargs="*", help="names of the checkpoints to measure (all)")
    parser.add_argument("--keep", type=Path, default=Path(".results"), help="folder of figures other than times")
    parser.add_argument("--out", type=Path, default=OUT)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table. Returns 1 if no checkpoint could be measured."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    options = parser.parse_args(words)
    if options.only and options.out == OUT:
        parser.error(f"--only leaves rows out of the table: give --out another file than {OUT}")
    engine = Engine(options.checkpoints, device=torch.device("cpu"))
    if unknown := set(options.only or ()) - {info.name for info in engine.list_checkpoints()}:
        parser.error(f"no checkpoint {', '.join(sorted(unknown))}")
    if options.only_classes and not options.out.exists():
        parser.error(f"{options.out}: --only-classes keeps the rest of this file, which does not exist")
    fit, rows, left_out = dict[str, tuple[PictureSet, frozenset[str]]](), list[dict[str, Any]](), list[str]()
    accuracies, kept = list[dict[str, Any]](), Kept(options.keep)
    for info in engine.list_checkpoints():
        try:
            fit[info.name] = fitting(engine, info, options.data)
        except PixelArtError as error:
            left_out.append(f"{info.name}: {error}")
    seen = frozenset[str]().union(*(hashes for _, hashes in fit.values()))
    for name, (pictures, _) in fit.items():
        if options.only and name not in options.only:
            continue
        try:
            unseen, loaded = held_out(pictures, seen, options.data), engine.library.load(name)
            if not options.only_classes:
                rows.append(measure(loaded, unseen, rounds=options.rounds, kept=kept))
                print(row(rows[-1]), flush=True)
            what, count = f"class accuracy of {options.classify}", options.classify
            accuracies.append(kept.once(what, loaded, unseen, partial(class_accuracy, loaded, unseen, count=count)))
            print(accuracies[-1], flush=True)
        except PixelArtError as error:
            left_out.append(f"{name}: {error}")
    print(*left_out, sep="\n", flush=True)
    command = told_command("results", words)
    text = options.out.read_text() if options.only_classes else report(rows, left_out, command) if rows else ""
    if accuracies:
        text = with_class_table(text, class_table(accuracies, command, describe_machine()))
    if rows or accuracies:
        write_file(options.out, text.encode())
    return 0 if rows or accuracies else 1


if __name__ == "__main__":
    sys.exit(main())
