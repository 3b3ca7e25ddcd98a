"""The command line: `python -m pixelart COMMAND --help` shows an example of each command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, get_args

from pixelart.checkpoint.folder import VARIABLE, default_checkpoints
from pixelart.cli import check as check_command
from pixelart.cli import draw as commands
from pixelart.cli import hub as hub_command
from pixelart.cli import inspect as inspect_command
from pixelart.cli import jobs as jobs_command
from pixelart.cli import space as space_command
from pixelart.cli import train as train_command
from pixelart.cli.common import HINTS, replace_what_cannot_be_printed
from pixelart.controls import COMPLETE, CONTROLS, ENLARGE, GENERATE, controls_of, range_text
from pixelart.errors import PixelArtError, with_hint
from pixelart.hub.card import LICENCES
from pixelart.images.masks import HOLES
from pixelart.images.palette_choice import AUTO_PALETTE
from pixelart.plain_json import to_json
from pixelart.sampling import AUTO, SAMPLERS
from pixelart.shutdown import EXIT_BAD_INPUT, EXIT_INTERRUPTED
from pixelart.training.config import PaletteOf
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit
from pixelart.training.initialization import NewClasses
from pixelart.training.options import KINDS, OFFERED


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {' '.join(message.splitlines())}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)


_CHECKPOINTS = f"folder of checkpoints (${VARIABLE}, ./checkpoints, or the user's data folder)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 on success, 2 after one plain line on bad input, 130 when interrupted."""
    replace_what_cannot_be_printed()
    options = argparse.Namespace(command="")
    try:
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
        options = parse(arguments)
        result: dict[str, Any] | list[Any] | None = options.run(options)
        if result is not None and getattr(options, "json", False):
            print(to_json(result))
        sys.stdout.flush()  # here, so that a full disk is reported in one line
        return 0
    except PixelArtError as error:
        return _refuse(options.command, with_hint(str(error), error.hint, HINTS))
    except MemoryError:
        return _refuse(options.command, "not enough memory")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _refuse(options.command, f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _refuse(command: str, reason: str) -> int:
    """Print the reason as one line, even if a file name has line breaks."""
    with suppress(OSError):  # the disk may be full
        sys.stdout.flush()  # the reason comes last if both go to one file
    with suppress(OSError):
        print(f"pixelart {command}: {' '.join(reason.splitlines())}", file=sys.stderr)
    return EXIT_BAD_INPUT


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the options of one command. On bad ones, print one line and exit with code 2."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pixelart",
        description="Generate, complete, enlarge, inspect and judge pixel art; train and share models of it.",
    )
    add = parser.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")
    _add_models(add)
    _add_generate(add)
    _add_complete(add)
    _add_enlarge(add)
    _add_inspect(add)
    _add_evaluate(add)
    _add_check(add)
    _add_train(add)
    _add_export(add)
    _add_push(add)
    _add_pull(add)
    _add_jobs(add)
    _add_space(add)
    return parser


def _command(add: Any, name: str, run: Any, help_text: str, example: str) -> argparse.ArgumentParser:
    command = add.add_parser(
        name,
        help=help_text,
        description=help_text,
        epilog=f"example:\n  python -m pixelart {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    command.add_argument("--json", action="store_true", help="print one JSON value")
    return command


def _add_models(add: Any) -> None:
    command = _command(add, "models", commands.models, "list model variants and trained checkpoints", "--json")
    _checkpoints_folder(command)


def _add_generate(add: Any) -> None:
    example = "--checkpoint dungeon-gated --class hero --count 16 --seed 1 --scale 4 --out heroes/"
    command = _command(add, "generate", commands.generate, "draw new pictures", example)
    _drawing(command, GENERATE)
    command.add_argument("--size", type=_sides, metavar="SIZE", help="32, or width x height: 48x32 (the checkpoint's)")
    text = "a palette file to draw in, or model: the checkpoint's own colours (such as pictures of the class have)"
    command.add_argument("--palette", metavar="FILE", default=AUTO_PALETTE, help=text)


def _add_complete(add: Any) -> None:
    example = "--checkpoint dungeon-gated --image in.png --mask mask.png --class hero --count 4 --out done/"
    command = _command(add, "complete", commands.complete, "repaint the masked pixels of a picture", example)
    command.add_argument("--image", type=Path, required=True, help="the picture")
    command.add_argument("--mask", type=Path, required=True, help="same size; white = repaint")
    _drawing(command, COMPLETE)
    text = "picture, model, or a palette file: whose colours to draw in (the picture's, and more where it has few)"
    command.add_argument("--palette", metavar="FILE", default=AUTO_PALETTE, help=text)
    _own_colours(command)


def _add_enlarge(add: Any) -> None:
    example = "--checkpoint scales --image in.png --factor 2 --count 4 --seed 1 --out large/"
    text = "draw a picture larger; its own pixels stay, every second or fourth of the result"
    command = _command(add, "enlarge", commands.enlarge, text, example)
    command.add_argument("--image", type=Path, required=True, help="the small picture")
    command.add_argument("--factor", type=int, default=2, help="how many times as large, 2 or 4 (2)")
    command.add_argument("--checkpoint", help="a name under checkpoints/, or a folder (the first that enlarges)")
    _checkpoints_folder(command)
    _pictures(command, ENLARGE)
    _own_colours(command)


def _drawing(command: argparse.ArgumentParser, action: str) -> None:
    _checkpoint(command)
    _pictures(command, action)


def _controls(command: argparse.ArgumentParser, action: str) -> None:
    """The options that `pixelart.controls` declares; the defaults of a preset's are None."""
    for field, control in controls_of(action):
        flag, default = f"--{field.replace('_', '-')}", None if control.of_preset else control.default
        if control.choices:
            text, words = f"{control.text} ({default or 'none'})", [word for word in control.choices if word]
            command.add_argument(flag, choices=words, default=default, help=text)
        elif control.limits:
            usual = "the preset's" if default is None else f"{default:g}"
            limits = f", {range_text(control.limits)}" if control.limits[1] < 2**32 else ""
            text = f"{control.text}{limits} ({usual})"
            command.add_argument(flag, type=control.kind, default=default, help=text)


def _pictures(command: argparse.ArgumentParser, action: str) -> None:
    _class(command)
    command.set_defaults(**{field: control.default for field, control in CONTROLS.items()})
    _controls(command, action)
    command.add_argument("--allow", metavar="COLOURS", help="only these colours, such as ff0044,transparent")
    text = "all draw the same pictures; auto: the fastest for the model (auto)"
    command.add_argument("--sampler", choices=(AUTO, *SAMPLERS), default=AUTO, help=text)
    command.add_argument("--scale", type=int, default=1, help="width of a pixel in the files (1)")
    command.add_argument("--out", type=Path, required=True, help="folder for 0.png, 1.png, ...")
    command.set_defaults(own_colours=False, class_name=None, size=None)


def _own_colours(command: argparse.ArgumentParser) -> None:
    text = "draw in the picture's own colours where it has one near the model's"
    command.add_argument("--own-colours", action="store_true", help=text)


def _add_inspect(add: Any) -> None:
    example = "--checkpoint dungeon-gated --image in.png --class hero --pixel 12,7 --out heat.png"
    text = "which pixels of a picture surprise the model, which class it is of, which colours a pixel could have"
    command = _command(add, "inspect", inspect_command.inspect, text, example)
    command.add_argument("--image", type=Path, required=True, help="the picture")
    _checkpoint(command)
    _class(command)
    command.add_argument(
        "--pixel", type=_pixel, metavar="ROW,COLUMN", help="list its most probable colours; 0,0 = top left"
    )
    command.add_argument("--top", type=int, default=5, help="how many pixels, classes and colours to list (5)")
    command.add_argument("--out", type=Path, help="a file for the heat map, a PNG: brighter = more bits")
    command.add_argument("--scale", type=int, default=8, help="width of a pixel in it (8)")


def _pixel(text: str) -> tuple[int, int]:
    try:
        row, column = (int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r:.40}: write ROW,COLUMN such as 12,7") from error
    return row, column


def _add_evaluate(add: Any) -> None:
    example = "--checkpoint dungeon-gated --data examples/dungeon.zip --holes brush --json"
    text = "bits per dimension on pictures the checkpoint was not trained on"
    command = _command(add, "evaluate", commands.evaluate, text, example)
    _checkpoint(command)
    _data(command)
    command.add_argument("--holes", choices=HOLES, help="also measure bits inside such holes, with and without context")
    text = "common: all in the checkpoint's colours; own: each in its own, of a model that takes palettes (common)"
    command.add_argument("--palette", choices=("common", "own"), default="common", help=text)
    command.add_argument("--include-training", action="store_true", help="do not leave out pictures it was trained on")
    command.add_argument("--per-class", action="store_true", help="also bits_per_dim of each class")


def _add_check(add: Any) -> None:
    example = "--data sheets.zip --true-grid --tile 16 --spacing 1 --out prepared.zip"
    text = "what is in a folder or .zip of pictures, what is wrong with it, and the good ones in one .zip"
    command = _command(add, "check", check_command.check, text, example)
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="a folder or .zip; sub-folder = class")
    source.add_argument("--hub", metavar="USER/NAME", help="or a dataset of image files on the Hugging Face Hub")
    command.add_argument("--true-grid", action="store_true", help="reduce small pictures that were enlarged, exactly")
    command.add_argument("--tile", type=_sides, metavar="SIZE", help="cut sprite sheets into tiles: 16, or 16x24")
    command.add_argument("--margin", type=int, default=0, help="pixels left of and above the first tile (0)")
    command.add_argument("--spacing", type=int, default=0, help="pixels between tiles (0)")
    command.add_argument("--size", type=_sides, metavar="SIZE", help="32, or width x height: 32x48 (the most frequent)")
    _fit(command)
    command.add_argument("--keep-copies", action="store_true", help="keep pictures that look the same as another")
    command.add_argument("--out", type=Path, help="a .zip to train from")
    command.add_argument("--sheet", type=Path, help="a file for a contact sheet, a PNG")


def _sides(text: str) -> tuple[int, int]:
    """(height, width)"""
    try:
        sides = [int(side) for side in text.split("x", 1)]
        return sides[-1], sides[0]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r:.40}: write a side such as 16, or WIDTHxHEIGHT") from error


def _add_train(add: Any) -> None:
    example = "--data examples/dungeon.zip --model gated_pixelcnn --minutes 60 --out runs/mine"
    command = _command(add, "train", train_command.train, "train a model on a folder or .zip of pictures", example)
    _data(command)
    command.add_argument("--out", type=Path, required=True, help="the run folder")
    command.add_argument("--resume", action="store_true", help="continue the run in --out where it was saved last")
    text = "read the lines stop, pause and go from stdin, stop at its end, and write the progress to --out"
    command.add_argument("--attended", action="store_true", help=text)
    command.set_defaults(fit=None, frames=None)
    command.add_argument("--model", help="a variant (gated_pixelcnn)")
    command.add_argument("--preset", help="default or debug")
    command.add_argument("--base", help="a checkpoint to fine-tune; its network and classes are kept")
    command.add_argument("--palette", choices=get_args(PaletteOf), help="of the base, or fitted to the pictures (keep)")
    text = "a palette file: the colours of the model, instead of such as fit the pictures"
    command.add_argument("--colours-from", type=Path, metavar="FILE", help=text)
    text = "classes of the pictures that the base does not have (add)"
    command.add_argument("--new-classes", choices=get_args(NewClasses), default="add", help=text)
    _checkpoints_folder(command)
    command.add_argument("--codec", help="palette, indexed, rgb, gray or binary (of the variant)")
    command.add_argument("--colours", type=int, help="palette entries, transparent included (64)")
    for name, declared in OFFERED.items():
        flag, kind = f"--{name.replace('_', '-')}", KINDS[name]
        how: dict[str, Any] = {"action": "store_true", "default": None} if kind is bool else {"type": kind}
        command.add_argument(flag, help=declared.text, **how)
    command.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write curves there, where it is installed")


def _add_export(add: Any) -> None:
    command = _command(add, "export", train_command.export, "make a checkpoint of a run", "runs/mine --name mine")
    command.add_argument("run_folder", type=Path, metavar="RUN", help="the run folder")
    command.add_argument("--name", required=True, help="name of the new checkpoint")
    _checkpoints_folder(command)


def _add_push(add: Any) -> None:
    example = 'mine me/mine --licence cc-by-4.0 --data-note "My own sprites" --public'
    text = "push a checkpoint with its card to the Hugging Face Hub, as whoever is signed in (hf auth login)"
    command = _command(add, "push", hub_command.push, text, example)
    command.add_argument("name", metavar="NAME", help="a name under checkpoints/, or a checkpoint folder")
    command.add_argument("repository", metavar="OWNER/NAME", help="made when it is not there")
    command.add_argument("--licence", required=True, choices=LICENCES, help="of the weights")
    text = "for the card: who made the training pictures, and with whose permission; --public needs it"
    command.add_argument("--data-note", default="", metavar="TEXT", help=text)
    command.add_argument("--public", action="store_true", help="make a new repository public (private)")
    text = "the training pictures, to count near copies among the samples; they are not pushed"
    command.add_argument("--data", type=Path, help=text)
    _fit(command)
    _checkpoints_folder(command)


def _add_pull(add: Any) -> None:
    text = "copy a checkpoint from the Hugging Face Hub into the folder of checkpoints"
    command = _command(add, "pull", hub_command.pull, text, "someone/sprites --name sprites")
    command.add_argument("repository", metavar="OWNER/NAME", help="where it is")
    command.add_argument("--revision", help="a branch, a tag or a commit (the newest)")
    command.add_argument("--name", help="what it is called here (OWNER--NAME)")
    _checkpoints_folder(command)


def _add_jobs(add: Any) -> None:
    text = "list the app's background trainings, or resume one while the app is not running"
    command = _command(add, "jobs", jobs_command.jobs, text, "--json")
    command.add_argument("--folder", type=Path, default=Path("jobs"), help="folder of the jobs")
    help_text = "if the app is not running: continue this job and run the queue; Ctrl+C saves"
    command.add_argument("--resume", metavar="ID", help=help_text)
    _checkpoints_folder(command)


def _add_space(add: Any) -> None:
    text = "make the folder of a Space of the Hugging Face Hub, or push it as one"
    command = _command(add, "space", space_command.space, text, "--dry-run --out space/ --checkpoints dungeon-gated")
    command.add_argument("--dry-run", action="store_true", help="write the folder to --out and push nothing")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="a folder that is not there yet")
    command.add_argument("--repo", metavar="OWNER/NAME", help="push it there in one commit, to a new Space if need be")
    command.add_argument("--public", action="store_true", help="show a new Space to all (private)")
    command.add_argument("--checkpoints", nargs="+", metavar="NAME", help="which ones go with it (all)")
    command.add_argument("--folder", type=Path, default=default_checkpoints(), help=_CHECKPOINTS)


def _checkpoint(command: argparse.ArgumentParser) -> None:
    command.add_argument("--checkpoint", required=True, help="a name under checkpoints/, or a checkpoint folder")
    _checkpoints_folder(command)


def _class(command: argparse.ArgumentParser) -> None:
    command.add_argument("--class", dest="class_name", metavar="CLASS", help="a class of the checkpoint (any)")


def _checkpoints_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("--checkpoints", type=Path, default=default_checkpoints(), help=_CHECKPOINTS)


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, required=True, help="a folder or .zip; sub-folder = class")
    _fit(command)


def _fit(command: argparse.ArgumentParser) -> None:
    command.add_argument("--fit", choices=get_args(Fit), default="refuse", help="pictures of another size")
    command.add_argument("--frames", choices=get_args(Frames), default="first", help="of animations (first)")
