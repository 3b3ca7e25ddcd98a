"""Fine-tune a base on 100 tiles of a new class, and measure the gain.

    python -m benchmarks.finetune --minutes 10

The class: the base was trained on every class of examples/dungeon.zip, so a new class is made from the other tiles. Its
100 tiles are the first, by content hash, of the armour, creature, feature, item and weapon tiles that the base was not
trained on. Each is rotated by 90 degrees to the left and its hues by 150 degrees in Oklab, so the base knows neither
the pictures nor their orientation nor their colours. A fifth of them, by content hash, is the validation part. The best
save is chosen by it, so its figure is slightly optimistic. The further tiles, made in the same way from the rest, were
not used to choose anything. The bits before and after are of the same pictures in the same palette: the base's, or,
with --palette fit, the fitted one, to which the base is adapted before it is measured.

A picture is a near copy if it differs from a training picture, mirrored or not and shifted by up to two pixels, in at
most a tenth of the pixels that are opaque in either. The share among the validation pictures is the reference: none of
them is a copy.

Writes benchmarks/FINETUNE-BASE.md; with --quick-look it only prints.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import describe_machine, told_command
from pixelart.checkpoint.format import read_seen
from pixelart.engine import Engine, Request
from pixelart.errors import PixelArtError
from pixelart.images.codec import Picture, normalise
from pixelart.images.io import encode_rgba_png
from pixelart.images.palettes import from_oklab, oklab
from pixelart.models import AutoregressiveModel
from pixelart.storage import write_file
from pixelart.training.config import FINE_TUNING, PRECISIONS, Schedule
from pixelart.training.data.encoded import CodedPictures, code_pictures
from pixelart.training.data.pictures import PictureSet, read_pictures
from pixelart.training.evaluation import bits_per_dim, nats_per_image
from pixelart.training.export import export_run
from pixelart.training.near_copies import near_copies
from pixelart.training.runs import start_run
from pixelart.training.trainer import Trainer

NAME, CLASS = "turned", "turned"
SOURCES = ("armour", "creature", "feature", "item", "weapon")
TILES, DEGREES, VALIDATION = 100, 150.0, 0.2
DRAWN = 64
"""Number of pictures drawn to count near copies."""


@dataclass(frozen=True)
class Bits:
    """Bits per dimension of the validation pictures: for any class, and for the class with the lowest bits, by name."""

    any_class: float
    best_class: float
    best_name: str


def turned(picture: Picture) -> Picture:
    """A tile (H, W, 4) rotated by 90 degrees to the left, with its hues rotated by DEGREES."""
    angle = np.deg2rad(DEGREES)
    lab = oklab(picture[..., :3].reshape(-1, 3))
    a, b = lab[:, 1] * np.cos(angle) - lab[:, 2] * np.sin(angle), lab[:, 1] * np.sin(angle) + lab[:, 2] * np.cos(angle)
    colours = from_oklab(np.stack([lab[:, 0], a, b], axis=1)).reshape(picture[..., :3].shape)
    return np.rot90(normalise(np.concatenate([colours, picture[..., 3:]], axis=-1)))


def held_back_class(pictures: PictureSet, seen: frozenset[str]) -> list[Picture]:
    """The tiles of the new class, then the further ones, made from `pictures` whose hashes are not in `seen`, those of
    the base."""
    free = sorted(
        (content, number)
        for number, (content, name) in enumerate(zip(pictures.hashes, pictures.class_names, strict=True))
        if name in SOURCES and content not in seen
    )
    return [turned(pictures.pictures[number]) for _, number in free]


def write_tiles(tiles: Iterable[tuple[str, Picture]], target: Path) -> None:
    """Write tiles as a .zip, as a user would supply them; the name of each is its place there without ".png"."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, tile in tiles:
            archive.writestr(zipfile.ZipInfo(f"{name}.png"), encode_rgba_png(tile))


def class_places(tiles: Sequence[Picture]) -> Iterator[tuple[str, Picture]]:
    """The tiles of the new class with their places in a .zip."""
    return ((f"{CLASS}/{number:04}", tile) for number, tile in enumerate(tiles))


def bits(model: AutoregressiveModel, pictures: CodedPictures, class_weights: Tensor) -> float:
    """Bits per dimension of pictures in the codec's palette, given class_weights (K,) for all."""
    x, weights = pictures.x, class_weights.expand(len(pictures), -1)
    nats = nats_per_image(model, x, weights, palettes=pictures.palettes)
    return bits_per_dim(nats, dimensions=math.prod(x.shape[1:]))


def bits_of(model: AutoregressiveModel, pictures: CodedPictures, classes: Sequence[str], *, known: int) -> Bits:
    """The bits of pictures for any class, and for the best of the first `known` of `classes`."""
    each = [bits(model, pictures, row) for row in torch.eye(known, model.config.num_classes)]
    best = int(np.argmin(each))
    return Bits(bits(model, pictures, torch.zeros(model.config.num_classes)), each[best], classes[best])


def finetune(
    base: Path, data: Path, folder: Path, *, further: Picture, schedule: Schedule, palette: Any
) -> dict[str, Any]:
    """Fine-tune `base` on `data` in `folder`, and measure it, also on the `further` tiles (N, H, W, 4).

    Raises:
        PixelArtError: a base or data that cannot be used, or `folder` holds a run.
    """
    with start_run(folder / "run", data, schedule=schedule, base=base, palette=palette) as trainer:
        classes, validation = trainer.config.classes, trainer.measured[0]
        others = code_pictures(trainer.codec, further, torch.full((len(further),), len(classes) - 1))
        new = torch.eye(len(classes), len(trainer.config.labels))[-1]
        before = bits_of(trainer.average, validation, classes, known=len(classes) - 1)
        others_before = bits(trainer.average, others, torch.zeros(len(trainer.config.labels)))
        started = bits(trainer.average, validation, new)
        began = time.process_time()
        trainer.train(report=_lines())
        cpu = time.process_time() - began
    export_run(folder / "run", folder / "checkpoints" / NAME)
    engine = Engine(folder / "checkpoints", device=torch.device("cpu"))
    kept = engine.library.load(NAME)
    after, others_after = (bits(kept.model, some, new) for some in (validation, others))
    rows = trainer.train_rows, trainer.validation_rows
    learned, validation_pictures = (trainer.sets[0].pictures(some, trainer.codec) for some in rows)
    request = Request(NAME, class_weights={CLASS: 1.0}, count=DRAWN)
    drawn = np.stack([drawing.picture for drawing in engine.generate(request)])
    return {
        "learned_from": len(learned),
        "validation": len(validation),
        "palette": trainer.config.palette,
        "before_any_class": before.any_class,
        "before_best_class": before.best_class,
        "best_class": before.best_name,
        "before_as_new_class": started,
        "after": after,
        "lower_by": 1 - after / before.any_class,
        "lower_than_best_by": 1 - after / before.best_class,
        "further": len(others),
        "further_before": others_before,
        "further_after": others_after,
        "further_lower_by": 1 - others_after / others_before,
        "kept_step": kept.info.training["kept_step"],
        "near_copies_drawn": near_copies(drawn, learned),
        "near_copies_validation": near_copies(validation_pictures, learned),
        "steps": trainer.step,
        "minutes": trainer.seconds / 60,
        "cpu_minutes": cpu / 60,
        "rows": trainer.rows,
    }


def _lines() -> Any:
    shown = 0

    def report(trainer: Trainer) -> None:
        nonlocal shown
        if len(trainer.rows) > shown:
            shown = len(trainer.rows)
            print(f"  {trainer.progress():.0%} {trainer.rows[-1]}", flush=True)

    return report


def report(figures: Mapping[str, Any], command: str) -> str:
    """The content of FINETUNE-BASE.md."""
    rows = {
        "before: the base, any class": f"{figures['before_any_class']:.3f} bits/dim",
        f"before: the base, its best class ({figures['best_class']})": f"{figures['before_best_class']:.3f} bits/dim",
        "before: the new class as it begins": f"{figures['before_as_new_class']:.3f} bits/dim",
        "**after**": f"**{figures['after']:.3f} bits/dim**",
        "lower than the base, any class, by": f"**{figures['lower_by']:.1%}**",
        "lower than its best class by": f"{figures['lower_than_best_by']:.1%}",
        f"{figures['further']} further tiles: before (any class), after": f"{figures['further_before']:.3f}, "
        f"{figures['further_after']:.3f} bits/dim: **{figures['further_lower_by']:.1%}** lower",
        f"near copies among {DRAWN} drawn (seeds 0 to {DRAWN - 1})": f"{figures['near_copies_drawn']:.1%}",
        "near copies among the validation pictures": f"{figures['near_copies_validation']:.1%}",
        "training": f"{figures['steps']} steps; the save of step {figures['kept_step']} is exported; "
        f"{figures['minutes']:.1f} minutes, {figures['cpu_minutes']:.1f} minutes of CPU time",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    about = (__doc__ or "").split("\n\n")[2:4]
    curve = "\n".join(f"| {row['step']} | {row['train_bits']} | {row['validation_bits']} |" for row in figures["rows"])
    sizes = f"{figures['learned_from']} training tiles, {figures['validation']} validation tiles"
    return (
        f"# Fine-tuning on a new class\n\n    {command}\n\nMeasured on {describe_machine()}; {sizes}, palette: "
        f"{figures['palette']}.\n\n| what | |\n|---|---|\n{table}\n\n"
        f"| step | bits of hidden pixels in training | validation bits/dim |\n|---|---|---|\n{curve}\n\n"
        + "\n\n".join(about)
        + "\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.0, help="minutes of training")
    parser.add_argument("--steps", type=int, default=0, help="or the number of steps")
    parser.add_argument("--palette", choices=("keep", "fit"), default="keep")
    parser.add_argument("--learning-rate", type=float, help="the default is that of fine-tuning")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--flip", type=float, help="share of the tiles mirrored; the model is conditioned on it")
    parser.add_argument("--optimizer", choices=("adamw", "muon"))
    parser.add_argument("--dropout", type=float, help="share of the gated features dropped in training")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--ema", type=float, help="decay of the averaged weights")
    parser.add_argument("--precision", choices=PRECISIONS)
    parser.add_argument("--save-every", type=int, help="steps between two validations")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0 = all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", type=Path, default=Path("checkpoints/dungeon-gated"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--out", type=Path, default=Path("runs/finetune"), help="a new folder")
    parser.add_argument("--quick-look", action="store_true", help="only print; do not write a file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure and report. Returns 2, after one line on stderr, for bad input."""
    options = _parser().parse_args(arguments)
    try:
        tiles = held_back_class(read_pictures(options.data), read_seen(options.base))
        data = options.out / "class.zip"
        write_tiles(class_places(tiles[:TILES]), data)
        named = Schedule.__dataclass_fields__.keys() & vars(options).keys()
        given = {name: getattr(options, name) for name in named if getattr(options, name) is not None}
        schedule = Schedule(**{**FINE_TUNING, **given, "validation_share": VALIDATION})
        further = np.stack(tiles[TILES:])
        figures = finetune(options.base, data, options.out, further=further, schedule=schedule, palette=options.palette)
    except PixelArtError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    words = sys.argv[1:] if arguments is None else arguments
    text = report(figures, told_command("finetune", words))
    print(text)
    if not options.quick_look:
        write_file(Path(__file__).parent / f"FINETUNE-{options.base.name}.md", text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
