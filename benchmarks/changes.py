"""Short runs that change one thing each, compared by the bits of tiles that they were not trained on.

    python -m benchmarks.changes --steps 400
    python -m benchmarks.changes --steps 300 --tiles 200 --only sketch dropout-10 dropout-30 --out runs/few

Every run trains on some tiles of examples/dungeon.zip and is validated on 160 others, in the common colours and
given the class, with the averaged weights. `table` is another network; each other run changes one thing of `sketch`.
Finished runs are not repeated, so a command that was stopped goes on. docs/NOTES.md tells what was found.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.finetune import write_tiles
from benchmarks.machine import describe_machine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.palette_files import read_palette_file
from pixelart.layers.context import ContextConfig
from pixelart.models import create_model
from pixelart.models.multiscale import stage
from pixelart.models.registry import ModelPreset, get_variant
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import PictureSet, is_validation, picture_hash, read_pictures
from pixelart.training.export import export_run
from pixelart.training.runs import start_run

MEASURED, SHARE = 160, 0.1
"""How many tiles each run is validated on, and the share of the tiles, by content hash, that they are taken from."""
COLOURS, PRESET = Path("examples/dungeon.gpl"), "changes"
SHIFTS, MOST_SHIFT = 3, 3
"""How many shifted versions of each tile there are, and by up to how many pixels each way."""
PLAIN = "plain"
"""The look of the tiles as they are; that of other versions tells how they were changed."""


def sketch_first(*, hidden: int = 48, layers: int = 6, attention: tuple[int, ...] = (3,)) -> ModelPreset:
    """A small sketch_pixelcnn: `hidden` features and `layers` layers for the sketch, fewer of both for the colours.

    Multiples of 16: with others, bf16 gradients of dilated convolutions can be NaN (docs/NOTES.md).
    """
    dilations = (1, 2, 1, 4, 1, 2, 1, 4, 1)
    attended: dict[str, Any] = {"attention": attention, "heads": 2, "head_size": 32} if attention else {}
    return {
        "stages": (
            stage("gated_pixelcnn", hidden=hidden, skip=64, head=64, dilations=dilations[: layers - 1], **attended),
            stage("gated_pixelcnn", hidden=hidden - 16, skip=48, head=64, dilations=dilations[: layers * 2 // 3 - 1]),
        ),
        "context": ContextConfig(hidden=48, codes=48),
        "sketch_context": ContextConfig(hidden=48, dilations=(1, 2, 1, 4), codes=48),
    }


@dataclass(frozen=True)
class Change:
    """One run: the `network`, a model and its preset; `schedule`: options that differ; `tiles`: further versions."""

    description: str
    schedule: dict[str, Any] = field(default_factory=dict)
    model: str = "sketch_pixelcnn"
    network: ModelPreset = field(default_factory=sketch_first)
    tiles: str = ""


TABLE = {"hidden": 64, "skip": 80, "head": 96, "dilations": (1, 2, 1, 4, 1), "context": ContextConfig(hidden=64)}
"""One network with about as many weights as the two of a sketch_pixelcnn."""
CHANGES = {
    "sketch": Change("the sketch network that the others change"),
    "seed": Change("another seed", {"seed": 1}),
    "table": Change("one network, the palette a fixed table", model="gated_pixelcnn", network=TABLE),
    "dropout-10": Change("dropout 0.1", {"dropout": 0.1}),
    "dropout-30": Change("dropout 0.3", {"dropout": 0.3}),
    "no-attention": Change("without attention", network=sketch_first(attention=())),
    "attention-2": Change("two attention layers", network=sketch_first(attention=(1, 4))),
    "wide": Change("64 features instead of 48", network=sketch_first(hidden=64)),
    "deep": Change("9 layers instead of 6", network=sketch_first(layers=9, attention=(4,))),
    "decay": Change("weight decay 0.1 instead of 0.01", {"weight_decay": 0.1}),
    "ema-99": Change("average with a decay of 0.99 instead of 0.999", {"ema": 0.99}),
    "balance": Change("balance 0.5 instead of 0", {"balance": 0.5}),
    "shifted": Change("each tile also shifted 3 times by up to 3 pixels, told as a condition", tiles="shifted"),
    "turned": Change("each tile also turned by 90, 180, 270 degrees, told as a condition", tiles="turned"),
}
"""Runs by name."""


def choose_tiles(pictures: PictureSet, *, trained: int) -> list[tuple[str, Picture]]:
    """Class and picture of `trained` training tiles and MEASURED others, the first of each by content hash."""
    order = sorted(zip(pictures.hashes, pictures.class_names, pictures.pictures, strict=True), key=lambda one: one[0])
    parts = ([one for one in order if is_validation(one[0], share=SHARE) == held] for held in (False, True))
    return [one[1:] for part, count in zip(parts, (trained, MEASURED), strict=True) for one in part[:count]]


def versions(picture: Picture, kind: str, random: np.random.Generator) -> Iterator[tuple[str, Picture]]:
    """Look and pixels (H, W, 4) of further versions of a picture: `kind` "shifted", "turned" or "" for none."""
    if kind == "turned":
        yield from ((f"turned-{90 * turns}", np.rot90(picture, turns)) for turns in (1, 2, 3))
    elif kind == "shifted":
        for down, right in random.integers(-MOST_SHIFT, MOST_SHIFT + 1, (SHIFTS, 2)):
            moved = np.roll(picture, (down, right), (0, 1))
            moved[slice(0, down) if down >= 0 else slice(down, None)] = 0
            moved[:, slice(0, right) if right >= 0 else slice(right, None)] = 0
            yield "shifted", moved


def with_versions(chosen: Sequence[tuple[str, Picture]], kind: str) -> Iterator[tuple[str, Picture]]:
    """Each tile as CLASS/LOOK/NUMBER. Only training tiles get further versions, and only those that the share of
    validation leaves in training."""
    random = np.random.default_rng(0)
    for number, (name, picture) in enumerate(chosen):
        found = [(PLAIN, picture)]
        if not is_validation(picture_hash(picture), share=SHARE):
            others = versions(picture, kind, random)
            found += [(k, p) for k, p in others if not is_validation(picture_hash(p), share=SHARE)]
        for turn, (look, one) in enumerate(found):
            yield f"{name}/{look}/{number:04}-{turn}", one


def train(name: str, tiles: Sequence[tuple[str, Picture]], options: argparse.Namespace) -> Path:
    """The folder of the finished run of a change; one that was stopped starts again.

    Raises:
        RequestRejected: bad options, or the run was finished with other ones.
    """
    change, folder = CHANGES[name], options.out / name
    run, given = folder / "run", {name: str(getattr(options, name)) for name in ("steps", "minutes", "tiles", "data")}
    if (folder / "done").exists():
        if json.loads((folder / "done").read_bytes()) != given:
            raise RequestRejected(f"{folder}: finished with other options; choose another --out")
        return run
    shutil.rmtree(folder, ignore_errors=True)
    write_tiles(with_versions(tiles, change.tiles), folder / "tiles.zip")
    schedule: dict[str, Any] = {"steps": options.steps, "minutes": options.minutes, "save_every": options.save_every}
    schedule |= {"optimizer": "muon", "learning_rate": 0.002, "context_rate": 2.0, "warmup_steps": 50, "flip": 0.33}
    schedule |= {"validation_share": SHARE, "sample_every": 10**6, "looks": bool(change.tiles), "precision": "bf16"}
    schedule |= {"memory_format": "channels_last", "threads": options.threads, **change.schedule}
    colours = [bytes(colour).hex() for colour in read_palette_file(COLOURS).tolist()]
    values: dict[str, Any] = {"colours_from": colours}
    values |= {"codec": "palette", "colours": 65} if change.model == "sketch_pixelcnn" else {"codec": "indexed"}
    presets = cast(dict[str, ModelPreset], get_variant(change.model).presets)
    presets[PRESET] = change.network
    try:
        values |= {"schedule": Schedule(**schedule), "model": change.model, "preset": PRESET}
        with start_run(run, folder / "tiles.zip", **values) as trainer:
            trainer.train()
            print(f"{name}: {trainer.rows[-1]}", flush=True)
    finally:
        del presets[PRESET]
    (folder / "done").write_text(json.dumps(given))
    return run


def rows_of(run: Path) -> list[dict[str, str]]:
    """The lines of a run's log, by the names of the columns."""
    with (run / "log.csv").open() as log:
        return list(csv.DictReader(log))


def weights_of(change: Change) -> int:
    """Number of weights of a network for one class."""
    shape = {"channels": 1, "levels": 65, "height": 32, "width": 32, "num_classes": 1}
    model = create_model(change.model, **{**change.network, **shape})
    return sum(weights.numel() for weights in model.parameters())


def table(runs: dict[str, Path]) -> str:
    """The validation bits of each run by step, as Markdown."""
    found = {name: rows_of(run) for name, run in runs.items()}
    steps = sorted({int(row["step"]) for rows in found.values() for row in rows})
    shown = [s for s in steps if sum(any(int(r["step"]) == s for r in rows) for rows in found.values()) > 1]
    head = f"| run | weights | minutes |{''.join(f' step {s} |' for s in shown)} end | training |"
    lines = [head, "|---|---|---|" + "---|" * len(shown) + "---|---|"]
    for name, rows in found.items():
        by_step, last = {int(row["step"]): row["validation_bits"] for row in rows}, rows[-1]
        cells = [by_step.get(s, "") for s in shown]
        end = f"{last['validation_bits']} ({last['step']})"
        of_one = [CHANGES[name].description, f"{weights_of(CHANGES[name]) / 1000:.0f} k", last["minutes"], *cells, end]
        lines.append("| " + " | ".join([*of_one, last["train_bits"]]) + " |")
    return "\n".join([describe_machine(), "", *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print a table. Returns 2, after one line on stderr, for bad input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=0, help="number of steps")
    parser.add_argument("--minutes", type=float, default=0.0, help="or minutes of training")
    parser.add_argument("--save-every", type=int, default=100, help="steps between two validations")
    parser.add_argument("--only", nargs="+", choices=list(CHANGES), default=list(CHANGES), help="runs, by name (all)")
    parser.add_argument("--tiles", type=int, default=1500, help="number of training tiles (1500)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--out", type=Path, default=Path("runs/changes"))
    parser.add_argument("--export", action="store_true", help="export each run as OUT/checkpoints/NAME")
    options = parser.parse_args(arguments)
    try:
        tiles, runs = choose_tiles(read_pictures(options.data), trained=options.tiles), dict[str, Path]()
        for name in options.only:
            runs[name] = train(name, tiles, options)
            if options.export and not (target := options.out / "checkpoints" / name).exists():
                export_run(runs[name], target)
    except PixelArtError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
