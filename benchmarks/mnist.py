"""Train every variant at a small size on binarised MNIST, for which many projects publish figures.

    python -m benchmarks.mnist --data mnist.npz --binarisation dynamic --minutes 60
    python -m benchmarks.mnist --data mnist.npz --binarisation dynamic --minutes 60 --generative ../pytorch-generative

The second command also trains the networks of a checkout of github.com/EugenHotaj/pytorch-generative; nothing of theirs
is part of this project. Writes test nats per image beside published ones to benchmarks/MNIST-dynamic.md or
MNIST-static.md; results of other models stay there. Fails if a result is far below the record, because then the model
leaks the future. The networks are small and are trained for minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import describe_machine, told_command
from benchmarks.mnist_networks import (
    BATCH,
    PEER_DECAYS,
    Learner,
    Ours,
    Theirs,
    build,
    count_parameters,
    nats_of,
    train,
)
from benchmarks.published import MNIST_NATS, MNIST_RECORDS
from pixelart.devices import pick_device
from pixelart.errors import DataRejected, PixelArtError, RequestRejected
from pixelart.models import check_codec, get_variant, list_models
from pixelart.storage import write_file
from pixelart.training.data.archives import DAMAGED

MEANING = {
    "static": "every picture is binarised once, from a fixed seed; a pixel is ink with probability grey/255. This is "
    "the procedure of Larochelle's files, not those files",
    "dynamic": "training pictures are binarised again for every batch, test pictures once, from a fixed seed; a pixel "
    "is ink with probability grey/255",
}
TRAIN_SEED, TEST_SEED = 0, 1
OURS, THEIRS = "pixelart", "pytorch-generative"
WHAT_MINUTES = "processor time per thread on a CPU, so that other programs do not count"
LEAST = 2
"""Fewest pictures that have a standard error."""
FAR = 2.0
"""A result this many nats below the record, beyond chance, is a leak."""


@dataclass(frozen=True)
class Result:
    """Mean test nats per image with the standard error, and how the model was trained."""

    model: str
    project: str
    parameters: int
    steps: int
    minutes: float
    images: int
    nats: float
    error: float
    machine: str


def read_images(path: Path, part: str) -> Tensor:
    """Grey pictures uint8 (N, H, W) of the part "train" or "test" of an .npz archive of arrays.

    Raises:
        DataRejected: no such archive, or no such pictures in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in (f"{part}_x.npy", f"x_{part}.npy") if name in archive.namelist()]
            with archive.open(names[0]) as file:
                images = np.lib.format.read_array(file, allow_pickle=False)
    except (*DAMAGED, IndexError) as error:
        raise DataRejected(f"{path}: no pictures {part}_x or x_{part} can be read ({error})") from error
    if images.dtype != np.uint8 or images.ndim != 3 or len(images) < LEAST:
        needed = f"needed are grey bytes of at least {LEAST}"
        raise DataRejected(f"{path}: {part} pictures are {images.dtype} of shape {images.shape}; {needed}")
    return torch.from_numpy(images)


def binarise(images: Tensor, random: torch.Generator) -> Tensor:
    """bool (N, 1, H, W): each pixel is ink with probability grey/255."""
    return (torch.rand(images.shape, generator=random) < images / 255)[:, None]


class Digits:
    """Batches of training pictures (N, H, W), binarised by the method `binarisation`."""

    def __init__(self, images: Tensor, *, binarisation: str) -> None:
        self.images, self.random = images, torch.Generator().manual_seed(TRAIN_SEED)
        self.fixed = binarise(images, self.random) if binarisation == "static" else None

    def batch(self, size: int) -> Tensor:
        """int64 (size, 1, H, W), drawn with replacement."""
        rows = torch.randint(0, len(self.images), (size,), generator=self.random)
        return (binarise(self.images[rows], self.random) if self.fixed is None else self.fixed[rows]).long()


def learners(name: str, options: argparse.Namespace, images: Tensor, device: torch.device) -> dict[str, Learner]:
    """Project -> its network to train: ours, and the one of the other project if it has it.

    Raises:
        PixelArtError: a variant or a checkout that cannot be used.
    """
    model = build(name, options.preset, images.shape[1:]).to(device)
    made: dict[str, Learner] = {}
    if options.generative and name in PEER_DECAYS:
        made[THEIRS] = Theirs(name, options.generative, parameters=count_parameters(model), device=device)
    if options.ours:
        made[OURS] = Ours(model, images[:BATCH], minutes=options.minutes)
    if not made:
        raise RequestRejected(f"{name}: nothing to train without ours and without a checkout that has it")
    return made


def measure(
    name: str, project: str, learner: Learner, options: argparse.Namespace, images: Tensor, test: Tensor
) -> Result:
    """Train a network on the grey pictures `images` (N, H, W) and measure it on `test`.

    Raises:
        RequestRejected: a loss is not finite.
    """
    device = next(learner.network.parameters()).device
    test = binarise(test, torch.Generator().manual_seed(TEST_SEED)).long()[: options.test_images].to(device)
    print(f"{name} of {project}: {options.minutes:g} minutes", file=sys.stderr, flush=True)
    steps = train(learner, Digits(images, binarisation=options.binarisation).batch, minutes=options.minutes)
    nats = nats_of(learner.result(), test)
    error, mean = float(nats.std()) / math.sqrt(len(nats)), float(nats.mean())
    size = count_parameters(learner.network)
    return Result(name, project, size, steps, options.minutes, len(nats), mean, error, describe_machine())


def leak(result: Result, binarisation: str) -> str | None:
    """A message if a result is so far below the record that its model must leak the future; else None."""
    record = MNIST_RECORDS[binarisation]
    if result.nats + 3 * result.error >= record.value - FAR:
        return None
    return f"{result.model}: {result.nats:.2f} nats are far below the record, {record}: the model leaks the future"


def report(results: Sequence[Result], commands: Sequence[str], binarisation: str) -> str:
    """The content of the file: a table with a column of published figures for the same binarisation."""
    machines = " and ".join(dict.fromkeys(result.machine for result in results))
    lines = [
        f"# MNIST, {binarisation} binarisation\n",
        *(f"    {command}" for command in commands),
        f"\n{binarisation.capitalize()}: {MEANING[binarisation]}.\n",
        f"Minutes of training are {WHAT_MINUTES}; batches of {BATCH}. Ours are trained by Muon on a cosine "
        "schedule, in bfloat16 where a timing at the start says that it is faster, and their averaged weights count. "
        f"Those of {THEIRS} have the layers, optimizer and learning rates of its `reproduce`, at the width that gives "
        "about as many parameters as ours, in float32. The figures are of the first test pictures, ± standard error. "
        f"Measured on {machines}.\n",
        "| model | project | parameters | minutes | steps | pictures | test nats | published, other networks |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        cells = [result.model, result.project, f"{result.parameters / 1e3:.0f} K", f"{result.minutes:g}"]
        cells += [str(result.steps), str(result.images), f"{result.nats:.2f} ± {result.error:.2f}"]
        lines.append(f"| {' | '.join(cells)} | {MNIST_NATS[binarisation].get(result.model, 'none')} |")
    return "\n".join(lines) + "\n"


def check_not_shorter(path: Path, name: str, project: str, options: argparse.Namespace) -> None:
    """Raises RequestRejected if the JSON file `path` has a result of longer training, unless it is to be replaced."""
    rows = [row for row in _kept(path) if (row["model"], row["project"]) == (name, project)]
    longest = max((row["minutes"] for row in rows), default=0.0)
    if longest > options.minutes and not options.replace:
        raise RequestRejected(f"{path}: has {name} of {project} after {longest:g} minutes; --replace replaces it")


def _kept(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def merge(path: Path, results: Sequence[Result], command: str) -> tuple[list[Result], list[str]]:
    """All results kept in the JSON file `path`, with new ones in place of older ones of the same model and project; and
    the commands that they come from."""
    kept = _kept(path) + [{"command": command, **asdict(result)} for result in results]
    rows = {(row["model"], row["project"]): row for row in kept}
    ordered = [rows[key] for key in sorted(rows)]
    write_file(path, (json.dumps(ordered, indent=1) + "\n").encode())
    commands = list(dict.fromkeys(row.pop("command") for row in ordered))
    return [Result(**row) for row in ordered], commands


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    fit = [name for name in list_models() if "binary" in (get_variant(name).codecs or ("binary",))]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an .npz archive of train_x and test_x")
    parser.add_argument("--binarisation", choices=MEANING, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="minutes of training per variant")
    parser.add_argument("--models", nargs="+", metavar="NAME", default=fit, help=f"some of {', '.join(fit)}")
    parser.add_argument("--generative", type=Path, metavar="FOLDER", help="also train those of this checkout")
    parser.add_argument("--no-ours", dest="ours", action="store_false", help="train only those of the checkout")
    parser.add_argument("--replace", action="store_true", help="replace results of longer training, too")
    parser.add_argument("--preset", default="small", help="small, or a preset of the variants")
    parser.add_argument("--test-images", type=int, default=10_000, help="number of test pictures, the first ones")
    parser.add_argument("--out", type=Path, help="the file (benchmarks/MNIST-BINARISATION.md)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table. Returns 1 if a model leaks, and 2, after one line on stderr, for bad input."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options, device = _options(words), pick_device()
    out = options.out or Path(__file__).with_name(f"MNIST-{options.binarisation}.md")
    kept = out.with_suffix(".json")
    try:
        if not 0 < options.minutes < math.inf:
            raise RequestRejected(f"minutes {options.minutes:g}: must be above 0, and finite")
        if options.test_images < LEAST:
            raise RequestRejected(f"test images {options.test_images}: must be at least {LEAST}")
        for name in options.models:
            check_codec(name, "binary")
        command = told_command("mnist", words)
        images, test = (read_images(options.data, part) for part in ("train", "test"))
        made = {name: learners(name, options, images, device) for name in options.models}
        queue = [(name, project, learner) for name, found in made.items() for project, learner in found.items()]
        for name, project, _ in queue:  # all bad input is found before any training
            check_not_shorter(kept, name, project, options)
        for name, project, learner in queue:
            result = measure(name, project, learner, options, images, test)
            if message := leak(result, options.binarisation):
                print(message, file=sys.stderr)
                return 1
            text = report(*merge(kept, [result], command), options.binarisation)
            write_file(out, text.encode())
            print(text)
    except PixelArtError as error:
        print(f"benchmarks.mnist: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
