"""Train the flagship on one GPU for some minutes with one command; report its speed and its validation loss.

    python -m benchmarks.train_on_gpu --from RUN_FOLDER --data examples/studio.zip --out runs/gpu --pieces runs/back
    python -m benchmarks.train_on_gpu --speed
    python -m benchmarks.train_on_gpu --device cpu --minutes 0.3 --preset debug --data DATA --out runs/try

The first command trains a copy of a run that `python -m pixelart train` began, with larger batches. A run of --steps
gets a new cosine schedule of --minutes of training; a run of minutes continues its own schedule. Without --from a new
run starts, or the one in --out continues. Options of `train` may be added to those of a new run.

The step is compiled; if that fails, the reason is logged and it trains uncompiled. Once a minute and at the end the run
is saved and packed into --pieces, as files of at most 15 MiB. `--from` takes that folder too. No samples are drawn and
log.csv gets no rows, because both take long. The report is one line of JSON, also written to --pieces.

`--speed` only measures how fast batches are made, from random pictures. It needs no data and no GPU.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe_machine
from benchmarks.run_pieces import pack, packed
from pixelart.cli.main import parse
from pixelart.cli.train import open_run
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.class_names import Labels
from pixelart.images.codec import Paletted
from pixelart.storage import write_file
from pixelart.training.config import Schedule
from pixelart.training.data.batches import Batches, Prefetcher
from pixelart.training.data.encoded import code_pictures
from pixelart.training.distributed import Processes
from pixelart.training.evaluation import bits_per_dim, nats_per_image
from pixelart.training.failures import explain_failures
from pixelart.training.run_config import RUN_FILE, read_run
from pixelart.training.snapshots import last_checkpoint, save_checkpoint
from pixelart.training.trainer import Trainer

NEVER = 10**8
"""Steps between two validations, or samples, while training."""
_FLAGSHIP: dict[str, Any] = {
    "model": "sketch_pixelcnn",
    "preset": "studio",
    "fit": "keep",
    "colours": 65,
    "colours-from": "examples/dungeon.gpl",
    "optimizer": "muon",
    "learning-rate": 0.002,
    "context-rate": 2,
    "weight-decay": 0.02,
    "recolour": 0.5,
    "balance": 0.4,
    "dropout": 0.05,
    "flip": 0.33,
    "held-out-share": 0.1,
    "validation-share": 0.02,
    "precision": "bf16",
    "save-every": NEVER,
    "sample-every": NEVER,
}
"""The options of a new run; an option given again replaces its value."""
SAVE_SECONDS = 60.0
SPEED_SECONDS, SPEED_PICTURES = 5.0, 512
Say = Callable[[str], None]
Report = dict[str, Any]


def train(options: argparse.Namespace, more: Sequence[str], say: Say) -> Report:
    """Prepare the run, train it and describe what happened. `more`: options of `python -m pixelart train`.

    Raises:
        PixelArtError: data, options or a run that cannot be used.
    """
    if options.device == "cuda" and not torch.cuda.is_available():
        raise RequestRejected("there is no CUDA device; --device cpu tries the command without one")
    began = time.monotonic()
    processes = Processes() if options.device == "cuda" else Processes(torch.device(options.device))
    if options.source:
        continue_copy(options.source, options.out, options)
    with open_run(parse(_words(options, more)), processes=processes) as trainer:
        if trainer.progress() >= 1:
            raise RequestRejected(f"{options.out}: its schedule has ended; --total MINUTES extends it")
        say(f"step {trainer.step}, {trainer.config.schedule.execution}; read in {time.monotonic() - began:.0f} s")
        _compile(trainer, say)
        report: Report = {"machine": describe_machine(), "execution": trainer.config.schedule.execution}
        report |= {"step_before": trainer.step, "validation_bits_before": validation_bits(trainer)}
        report |= {"prepared_seconds": round(time.monotonic() - began, 1)}
        report |= _timed(trainer, options, began, say)
    if options.pieces:
        pack(options.out, options.pieces)
        write_file(options.pieces / "report.json", json.dumps(report, indent=1).encode())
    return report


def _timed(trainer: Trainer, options: argparse.Namespace, began: float, say: Say) -> Report:
    """Train and return the figures."""
    seconds, step, packed = trainer.seconds, trainer.step, time.monotonic()

    def stop() -> bool:
        is_late = options.within is not None and time.monotonic() - began > 60 * options.within
        return is_late or trainer.seconds - seconds >= 60 * options.minutes

    def report(state: Trainer) -> None:
        nonlocal packed
        if time.monotonic() - packed > SAVE_SECONDS:
            speed = (state.step - step) * options.batch_size / (state.seconds - seconds)
            say(f"step {state.step}, {state.recent_bits():.3f} bits per hidden dim, {speed:.0f} pictures/s")
            if options.pieces:
                pack(options.out, options.pieces)
            packed = time.monotonic()

    trainer.snapshot_seconds = SAVE_SECONDS
    with explain_failures(trainer):
        trainer.train(stop=stop, report=report, hurry=lambda: True)  # `hurry` skips validation and samples
    trained, steps = trainer.seconds - seconds, trainer.step - step
    found: Report = {"step": trainer.step, "trained_seconds": round(trained, 1)}
    found |= {"pictures_per_second": round(steps * trainer.config.schedule.global_batch_size / max(trained, 1e-9), 1)}
    found |= {"train_bits": round(trainer.last_bits, 4), "validation_bits": validation_bits(trainer)}
    if trainer.device.type == "cuda":
        found["gpu_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)
    return found


def _words(options: argparse.Namespace, more: Sequence[str]) -> list[str]:
    words = ["train", "--resume", "--data", str(options.data), "--out", str(options.out)]
    words += ["--compile"] * (options.device == "cuda" or options.compile)
    if (options.out / RUN_FILE).exists():
        return [*words, *(["--minutes", str(options.total)] if options.total else []), *more]
    words += ["--minutes", str(options.total or options.minutes), "--batch-size", str(options.batch_size)]
    return [*words, *(str(word) for name, value in _FLAGSHIP.items() for word in (f"--{name}", value)), *more]


def _compile(trainer: Trainer, say: Say) -> None:
    """Compile the step; if that fails, leave it uncompiled."""
    try:
        trainer.warm_up()
    except Exception as error:  # from a compiler, a driver or a kernel
        say(f"not compiled: {type(error).__name__}: {str(error).strip():.300}")
        trainer.objective.stop_compiling()
        trainer.config = replace(trainer.config, schedule=replace(trainer.config.schedule, compile=False))
        trainer.config.write(trainer.run)


def validation_bits(trainer: Trainer) -> float | None:
    """Bits per dimension of the averaged weights on the validation pictures of the first size, if there are any."""
    if not trainer.measured:
        return None
    pictures = trainer.measured[0]
    weights = pictures.labels(slice(None), len(trainer.config.labels)).to(trainer.device)
    nats = nats_per_image(trainer.average, pictures.x, weights, palettes=pictures.palettes, batch_size=64)
    return round(bits_per_dim(nats, dimensions=pictures.x.shape[1:].numel()), 4)


# --- runs that are continued on another machine ----------------------------------------------------------------------


def continue_copy(source: Path, out: Path, options: argparse.Namespace) -> None:
    """Copy the run in `source`, a run folder or a folder of pieces, to `out`, with the schedule of this command.

    Raises:
        RequestRejected: no run in `source`, or one in `out`.
    """
    if (out / RUN_FILE).exists():
        raise RequestRejected(f"{out}: already holds a run; without --from it continues")
    out.mkdir(parents=True, exist_ok=True)
    archive = zipfile.ZipFile(io.BytesIO(packed(source)))
    archive.extractall(out)
    config, found = read_run(out), last_checkpoint(out)
    if found is None:
        raise RequestRejected(f"{source}: there is no checkpoint to continue from")
    schedule = config.schedule
    if schedule.steps:  # start a new cosine schedule
        schedule = replace(schedule, steps=0, minutes=options.minutes)
        step, parts = found
        state = {**json.loads(parts["state.json"]), "seconds": 0.0}
        for folder in out.glob("step-*"):
            shutil.rmtree(folder)
        save_checkpoint(out, step, {**parts, "state.json": json.dumps(state, indent=1).encode()})
    schedule = replace(schedule, batch_size=options.batch_size, accumulate=1, processes=1, precision="bf16")
    schedule = replace(schedule, minutes=options.total or schedule.minutes, save_every=NEVER, sample_every=NEVER)
    if options.device == "cuda":
        schedule = replace(schedule, threads=0)
    schedule.check()
    replace(config, schedule=schedule).write(out)


# --- how fast batches are made ----------------------------------------------------------------------------------------


def speed(options: argparse.Namespace) -> Report:
    """Pictures per second of the batch thread, by wall-clock time and by CPU time."""
    random, count = np.random.default_rng(0), SPEED_PICTURES
    tables = random.integers(0, 256, (count, 12, 4), np.uint8)
    tables[..., 3] = 255 * (np.arange(12) > 0)
    pictures = np.take_along_axis(tables, random.integers(0, 12, (count, 32 * 32, 1)), 1).reshape(count, 32, 32, 4)
    codec = Paletted(np.arange(64, dtype=np.uint8)[:, None].repeat(3, 1), levels=65)
    coded = code_pictures(codec, pictures, torch.arange(count) % 20)
    schedule = Schedule(steps=1, batch_size=options.batch_size, flip=0.33, recolour=0.5, balance=0.4)
    steps, wall, processor = 0, time.perf_counter(), time.process_time()
    with Prefetcher(Batches([coded], labels=Labels(tuple(map(str, range(20)))), schedule=schedule).draw) as prefetcher:
        while time.perf_counter() - wall < SPEED_SECONDS:
            prefetcher.draw(steps)
            steps += 1
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    drawn = steps * options.batch_size
    return {
        "machine": describe_machine(),
        "batches_per_second": round(steps / wall, 1),
        "pictures_per_second": round(drawn / wall),
        "pictures_per_processor_second": round(drawn / max(processor, 1e-9)),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--minutes", type=float, default=9.0, help="minutes of training in this call (9)")
    parser.add_argument("--total", type=float, help="minutes of the whole schedule, over all calls (as --minutes)")
    parser.add_argument("--within", type=float, help="minutes after its start in which the command saves and stops")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help="a run folder or a folder of pieces")
    parser.add_argument("--data", type=Path, default=Path("examples/studio.zip"))
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="the run folder (runs/gpu)")
    parser.add_argument("--pieces", type=Path, metavar="FOLDER", help="also pack the run as small files")
    parser.add_argument("--compile", action="store_true", help="compile the step on a CPU too")
    parser.add_argument("--speed", action="store_true", help="only measure how fast batches are made")
    return parser


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report. Returns 2 if the run cannot be trained."""
    options, more = _parser().parse_known_args(arguments)
    try:
        print(json.dumps(speed(options) if options.speed else train(options, more, _say)))
    except PixelArtError as error:
        print(f"train_on_gpu: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
