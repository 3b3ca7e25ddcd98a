"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pixelart.checkpoint.folder import VARIABLE, default_checkpoints
from pixelart.cli.words import HELP
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit

HF_JOBS = "hf-jobs"
USUAL_LIMIT = 60.0
"""Time limit of a job on a rented machine, in minutes."""
CHECKPOINTS_HELP = f"folder of checkpoints (${VARIABLE}, ./checkpoints, or the user's data folder)"


def add_command(add: Any, name: str, run: Any, example: str) -> argparse.ArgumentParser:
    """Add a command of `cli.words.HELP`: `run` is called with its options; --help shows its text and `example`."""
    command = add.add_parser(
        name,
        help=HELP[name],
        description=HELP[name],
        epilog=f"example:\n  python -m pixelart {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    command.add_argument("--json", action="store_true", help="print one JSON value")
    return command


def checkpoint_option(command: argparse.ArgumentParser) -> None:
    """--checkpoint and --checkpoints."""
    command.add_argument("--checkpoint", required=True, help="a name under checkpoints/, or a checkpoint folder")
    checkpoints_option(command)


def checkpoints_option(command: argparse.ArgumentParser) -> None:
    """--checkpoints."""
    command.add_argument("--checkpoints", type=Path, default=default_checkpoints(), help=CHECKPOINTS_HELP)


def class_option(command: argparse.ArgumentParser) -> None:
    """--class."""
    command.add_argument("--class", dest="class_name", metavar="CLASS", help="a class of the checkpoint (any)")


def data_options(command: argparse.ArgumentParser) -> None:
    """--data, --fit and --frames."""
    command.add_argument("--data", type=Path, required=True, help="a folder or .zip; sub-folder = class")
    fit_options(command)


def fit_options(command: argparse.ArgumentParser, *, fits: Sequence[str] = get_args(Fit)) -> None:
    """--fit, one of `fits`, and --frames."""
    command.add_argument("--fit", choices=fits, default="refuse", help="pictures of another size (refuse)")
    command.add_argument("--frames", choices=get_args(Frames), default="first", help="of animations (first)")


def add_remote_options(command: argparse.ArgumentParser) -> None:
    """--on, --flavor, --limit and --yes of `train`."""
    text = "train on a machine of Hugging Face Jobs, paid by the account of hf auth login; the price is shown first"
    command.add_argument("--on", choices=[HF_JOBS], help=text)
    command.add_argument("--flavor", help="with --on: the machine, such as a10g-small")
    command.add_argument("--limit", type=float, metavar="MINUTES", help=f"with --on: time limit ({USUAL_LIMIT:g})")
    command.add_argument("--yes", action="store_true", help="with --on: rent without asking")


def sides(text: str) -> tuple[int, int]:
    """(height, width) from text such as 16 or 48x32."""
    try:
        sides = [int(side) for side in text.split("x", 1)]
        return sides[-1], sides[0]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r:.40}: write a side such as 16, or WIDTHxHEIGHT") from error
