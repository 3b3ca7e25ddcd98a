"""Train every variant at a small size on binarised MNIST, for which many projects publish figures.

    python -m benchmarks.mnist --data mnist.npz --binarisation dynamic --minutes 60

Writes test nats per image beside published ones to benchmarks/MNIST-dynamic.md or MNIST-static.md. Fails if a result is
far below the record, because then the model leaks the future. The networks are much smaller than the published ones and
are trained for minutes.
"""

from __future__ import annotations

import argparse
import copy
import math
import shlex
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import describe_machine
from benchmarks.published import MNIST_NATS, MNIST_RECORDS
from pixelart.devices import pick_device, wait_for
from pixelart.errors import DataRejected, PixelArtError, RequestRejected
from pixelart.layers.context import Context, ContextConfig
from pixelart.models import AutoregressiveModel, check_codec, create_model, get_variant, list_models
from pixelart.models.multiscale import stage
from pixelart.storage import write_file
from pixelart.training.autotune import fastest, race
from pixelart.training.data.archives import DAMAGED
from pixelart.training.evaluation import nats_per_image
from pixelart.training.schedules import update_ema, warm_cosine

MEANING = {
    "static": "every picture is binarised once, from a fixed seed; a pixel is ink with probability grey/255. This is "
    "the procedure of Larochelle's files, not those files",
    "dynamic": "training pictures are binarised again for every batch, test pictures once, from a fixed seed; a pixel "
    "is ink with probability grey/255",
}
TRAIN_SEED, TEST_SEED, WEIGHTS_SEED = 0, 1, 2
BATCH, RATE, WARMUP, EMA = 32, 2e-3, 100, 0.999
LINE_EVERY = 60.0
LEAST = 2
"""Fewest pictures that have a standard error."""
FAR = 2.0
"""A result this many nats below the record, beyond chance, is a leak."""
SMALL_STACK = {"embedding": 8, "hidden": 24, "skip": 24, "head": 24, "dilations": (1, 2, 1, 2)}
SIZES: dict[str, dict[str, Any]] = {
    "pixelcnn": {"embedding": 8, "hidden": 32, "blocks": 7, "head": 32},
    "row_lstm": {"embedding": 8, "hidden": 16, "layers": 7, "head": 32},
    "diagonal_bilstm": {"embedding": 8, "hidden": 16, "layers": 7, "head": 32},
    "gated_pixelcnn": {"embedding": 8, "hidden": 32, "skip": 32, "head": 32, "dilations": (1, 2, 1, 2, 1, 2, 1)},
    "pixelsnail": {"embedding": 8, "hidden": 32, "blocks": 2, "layers": 3, "keys": 8, "values": 32, "head": 32},
    "multiscale": {"stages": (stage("gated_pixelcnn", **SMALL_STACK),) * 3},
    "row_rnn": {"embedding": 2, "hidden": 256, "features": 16, "head": 32},
}
"""Changes to the preset "default". Seven layers of 16 and a head of 32 are the Diagonal BiLSTM of the paper."""
CONTEXT = ContextConfig(hidden=8, embedding=2, dilations=(1,))  # only the position is known


@dataclass(frozen=True)
class Result:
    """Mean test nats per image with the standard error, and the size and steps of the model."""

    model: str
    parameters: int
    steps: int
    images: int
    nats: float
    error: float


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


def build(name: str, preset: str, size: Sequence[int]) -> AutoregressiveModel:
    """A network for binary pictures of `size`; `preset` "small" means SIZES, others are those of the variant."""
    data = {"channels": 1, "levels": 2, "height": size[0], "width": size[1], "num_classes": 1, "context": CONTEXT}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(WEIGHTS_SEED)
        if preset == "small":
            return create_model(name, **data, **SIZES.get(name, {}))
        return create_model(name, preset=preset, **data)


def train(model: AutoregressiveModel, digits: Digits, *, minutes: float) -> tuple[AutoregressiveModel, int]:
    """Train with maximum likelihood and no known pixels for `minutes`; returns the averaged weights and the steps."""
    device, average, step = next(model.parameters()).device, copy.deepcopy(model), 0
    optimizer, in_bf16 = torch.optim.Adam(model.parameters()), is_faster_in_bf16(model, digits.images[:BATCH])
    began = line = time.monotonic()
    while (progress := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * warm_cosine(progress, step=step, warmup_steps=WARMUP)
        x = digits.batch(BATCH).to(device)
        nll = _nll(model, x, in_bf16=in_bf16)
        if not bool(torch.isfinite(nll).all()):
            raise RequestRejected(f"step {step}: the loss is not finite")
        optimizer.zero_grad()
        nll.mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        update_ema(average, model, step=step, decay=EMA)
        step += 1
        if time.monotonic() - line >= LINE_EVERY:
            line = time.monotonic()
            nats = float(nll.detach().flatten(1).sum(1).mean())
            print(f"{progress:.0%}, step {step}, {nats:.1f} nats an image in the batch", file=sys.stderr, flush=True)
    return average.eval(), step


def is_faster_in_bf16(model: AutoregressiveModel, images: Tensor) -> bool:
    """Whether a step of `model` on `images` (N, H, W) takes less time in bfloat16 on this machine."""
    device = next(model.parameters()).device
    x = (images > 127)[:, None].long().to(device)

    def step(in_bf16: bool) -> None:
        _nll(model, x, in_bf16=in_bf16).mean().backward()
        wait_for(device)

    seconds = race({name: lambda is_it=name == "bf16": partial(step, is_it) for name in ("fp32", "bf16")})
    model.zero_grad()
    return fastest(seconds, "fp32") == "bf16"


def _nll(model: AutoregressiveModel, x: Tensor, *, in_bf16: bool) -> Tensor:
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=in_bf16):
        maps = model(x, _nothing_known(x))
    return model.likelihood.nll(maps, x)


def measure(name: str, options: argparse.Namespace, device: torch.device) -> Result:
    """Train a variant and measure it on the test pictures.

    Raises:
        PixelArtError: data or a variant that cannot be used.
    """
    images, test = (read_images(options.data, part) for part in ("train", "test"))
    model = build(name, options.preset, images.shape[1:]).to(device)
    average, steps = train(model, Digits(images, binarisation=options.binarisation), minutes=options.minutes)
    test = binarise(test, torch.Generator().manual_seed(TEST_SEED)).long()[: options.test_images].to(device)
    nats = nats_per_image(average, test, torch.zeros(len(test), 1, device=device), batch_size=100)
    error = float(nats.std()) / math.sqrt(len(nats))
    return Result(name, sum(p.numel() for p in model.parameters()), steps, len(nats), float(nats.mean()), error)


def leak(result: Result, binarisation: str) -> str | None:
    """A message if a result is so far below the record that its model must leak the future; else None."""
    record = MNIST_RECORDS[binarisation]
    if result.nats + 3 * result.error >= record.value - FAR:
        return None
    return f"{result.model}: {result.nats:.2f} nats are far below the record, {record}: the model leaks the future"


def report(results: Sequence[Result], options: argparse.Namespace, command: str) -> str:
    """The content of the file: a table with a column of published figures for the same binarisation."""
    binarisation, judged = options.binarisation, f"first {results[0].images} test pictures, ± standard error"
    lines = [
        f"# MNIST, {binarisation} binarisation\n\n    {command}\n",
        f"{options.minutes:g} minutes each on {describe_machine()}; averaged weights; {judged}.\n",
        f"{binarisation.capitalize()}: {MEANING[binarisation]}.\n",
        f"| model | parameters | steps | test nats an image ({binarisation}) | published, larger networks |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        target = MNIST_NATS[binarisation].get(result.model, "none")
        cells = [result.model, f"{result.parameters / 1e3:.0f} K", str(result.steps)]
        lines.append(f"| {' | '.join(cells)} | {result.nats:.2f} ± {result.error:.2f} | {target} |")
    return "\n".join(lines) + "\n"


def _nothing_known(x: Tensor) -> Context:
    hidden = torch.ones(len(x), *x.shape[2:], dtype=torch.bool, device=x.device)
    return Context(torch.zeros(len(x), 1, device=x.device), x, hidden)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    fit = [name for name in list_models() if "binary" in (get_variant(name).codecs or ("binary",))]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an .npz archive of train_x and test_x")
    parser.add_argument("--binarisation", choices=MEANING, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="minutes of training per variant")
    parser.add_argument("--models", nargs="+", metavar="NAME", default=fit, help=f"some of {', '.join(fit)}")
    parser.add_argument("--preset", default="small", help="small, or a preset of the variants")
    parser.add_argument("--test-images", type=int, default=10_000, help="number of test pictures, the first ones")
    parser.add_argument("--out", type=Path, help="the file (benchmarks/MNIST-BINARISATION.md)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table. Returns 1 if a model leaks, and 2, after one line on stderr, for bad input."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options, device = _options(words), pick_device()
    results: list[Result] = []
    try:
        if not 0 < options.minutes < math.inf:
            raise RequestRejected(f"minutes {options.minutes:g}: must be above 0, and finite")
        if options.test_images < LEAST:
            raise RequestRejected(f"test images {options.test_images}: must be at least {LEAST}")
        for name in options.models:
            check_codec(name, "binary")
        for name in options.models:
            print(f"{name}: {options.minutes:g} minutes", file=sys.stderr, flush=True)
            results.append(measure(name, options, device))
    except PixelArtError as error:
        print(f"benchmarks.mnist: {error}", file=sys.stderr)
        return 2
    text = report(results, options, shlex.join(["python", "-m", "benchmarks.mnist", *words]))
    print(text)
    leaks = [line for line in (leak(result, options.binarisation) for result in results) if line]
    print("\n".join(leaks), file=sys.stderr, end="\n" if leaks else "")
    if not leaks:
        write_file(options.out or Path(__file__).with_name(f"MNIST-{options.binarisation}.md"), text.encode())
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
