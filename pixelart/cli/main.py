"""The command line: `python -m pixelart COMMAND --help` shows an example of each command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from pixelart.cli.words import CLI_HINTS, COMMANDS
from pixelart.errors import PixelArtError, tag_hint, with_hint
from pixelart.plain_json import to_json
from pixelart.shutdown import EXIT_BAD_INPUT, EXIT_INTERRUPTED
from pixelart.system.streams import replace_unprintable


class Parser(argparse.ArgumentParser):
    """A parser that ends the program with one line and code 2 on bad options."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {' '.join(message.splitlines())}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 on success, 2 after one plain line on bad input, 130 when interrupted."""
    replace_unprintable()
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
        if getattr(options, "attended", False):  # the program that reads this has its own words
            return _refuse(options.command, tag_hint(str(error), error.hint))
        return _refuse(options.command, with_hint(str(error), error.hint, CLI_HINTS))
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


def load(words: Sequence[str]) -> None:
    """Import what the command at the start of `words` needs, which may take seconds. `parse` does it too."""
    for module, commands in COMMANDS.items():
        if words and words[0] in commands:
            _import(module)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the options of one command. On bad ones, print one line and exit with code 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return _parser(words[0] if words else "").parse_args(words)


def _parser(wanted: str) -> argparse.ArgumentParser:
    """All commands, but only the module of the command `wanted` is imported: the others take seconds, and are listed
    by their names and texts."""
    parser = Parser(
        prog="pixelart",
        description="Generate, complete, enlarge, inspect and evaluate pixel art; train and share models.",
    )
    add = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="COMMAND")
    for module, commands in COMMANDS.items():
        if wanted in commands:
            _import(module).add_commands(add)
        else:
            for name, text in commands.items():
                add.add_parser(name, help=text)
    return parser


def _import(module: str) -> Any:
    """A module of `pixelart.cli` by its name."""
    if module == "draw":
        from pixelart.cli import draw as found
    elif module == "variations":
        from pixelart.cli import variations as found
    elif module == "inspect":
        from pixelart.cli import inspect as found
    elif module == "compress":
        from pixelart.cli import compress as found
    elif module == "rank":
        from pixelart.cli import rank as found
    elif module == "repair":
        from pixelart.cli import repair as found
    elif module == "evaluate":
        from pixelart.cli import evaluate as found
    elif module == "check":
        from pixelart.cli import check as found
    elif module == "train":
        from pixelart.cli import train as found
    elif module == "remote":
        from pixelart.cli import remote as found
    elif module == "remote_train":
        from pixelart.cli import remote_train as found
    elif module == "estimate":
        from pixelart.cli import estimate as found
    elif module == "hub":
        from pixelart.cli import hub as found
    elif module == "jobs":
        from pixelart.cli import jobs as found
    elif module == "plugins":
        from pixelart.cli import plugins as found
    else:
        from pixelart.cli import space as found
    return found
