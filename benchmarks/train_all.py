"""Train every variant on the example data for the same time, one after another, and export finished runs.

    python -m benchmarks.train_all --minutes 40 --compile

Exported variants are skipped and stopped runs are resumed, so repeat the command until all are done. Ctrl+C saves the
current run and ends the queue.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pixelart.cli.main import parse
from pixelart.cli.train import export, open_run, run_until_stopped
from pixelart.errors import PixelArtError
from pixelart.training.trainer import Trainer

QUEUE = {
    "pixelcnn": "indexed",
    "row_lstm": "indexed",
    "diagonal_bilstm": "indexed",
    "pixelsnail": "indexed",
    "row_rnn": "indexed",
    "pixelcnn_plus_plus": "rgb",
    "multiscale": "indexed",
}
"""Variant -> codec, in training order."""
COLOURS = 64
LINE_EVERY = 60.0
"""Seconds between two lines of progress."""


def checkpoint_name(variant: str) -> str:
    """The name of a variant's checkpoint."""
    return f"dungeon-{variant.replace('_', '-')}"


def train_one(variant: str, options: argparse.Namespace, say: Callable[[str], None]) -> bool:
    """Train and export a variant. Returns whether its checkpoint exists now.

    Raises:
        PixelArtError: data, options or a run that cannot be used.
    """
    name, run = checkpoint_name(variant), options.runs / variant
    if (options.checkpoints / name).exists():
        say(f"{variant}: {name} exists already")
        return True
    with open_run(parse(_train_words(variant, run, options))) as trainer:
        say(f"{variant}: step {trainer.step}, {trainer.progress():.0%} of {options.minutes:g} minutes done")
        run_until_stopped(trainer, _lines(variant, say))
    if trainer.progress() < 1:
        say(f"{variant}: stopped at step {trainer.step}; repeat the command to resume")
        return False
    export(parse(["export", str(run), "--name", name, "--checkpoints", str(options.checkpoints), "--json"]))
    say(f"{variant}: step {trainer.step}, {_last(trainer)}; exported as {name}")
    return True


def _train_words(variant: str, run: Path, options: argparse.Namespace) -> list[str]:
    words = ["train", "--resume", "--data", str(options.data), "--out", str(run), "--minutes", str(options.minutes)]
    words += ["--model", variant, "--preset", options.preset, "--codec", QUEUE[variant], "--colours", str(COLOURS)]
    words += ["--save-every", str(options.save_every), "--threads", str(options.threads)]
    return [*words, "--compile"] if options.compile else words


def _lines(variant: str, say: Callable[[str], None]) -> Callable[[Trainer], None]:
    last = time.monotonic()

    def report(trainer: Trainer) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY:
            last = time.monotonic()
            done = f"{trainer.progress():.0%}, step {trainer.step}, {trainer.recent_bits():.3f} bits per hidden dim"
            say(f"{variant}: {done}; {_last(trainer)}")

    return report


def _last(trainer: Trainer) -> str:
    row = trainer.rows[-1] if trainer.rows else {}
    return f"held-out bits/dim {row['validation_bits']}" if "validation_bits" in row else "not measured yet"


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40.0, help="minutes of training per variant")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=QUEUE, default=list(QUEUE), help="only these variants"
    )
    parser.add_argument("--compile", action="store_true", help="compile each step first")
    parser.add_argument("--preset", default="default", help="preset of every variant")
    parser.add_argument("--save-every", type=int, default=1000, help="steps between validated checkpoints")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0 = all)")
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--runs", type=Path, default=Path("runs/all"), help="folder of the runs")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the queue. Returns 0 if every requested variant has a checkpoint now, else 1."""
    options = _parser().parse_args(arguments)
    failed = 0
    for variant in options.only:
        try:
            if not train_one(variant, options, _say):
                return 1
        except PixelArtError as error:  # the others may still be trained
            failed += 1
            _say(f"{variant}: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
