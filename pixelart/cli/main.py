"""The command line: `python -m pixelart COMMAND --help` shows an example of each command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pixelart.cli import check, draw, estimate, evaluate, hub, inspect, jobs, space, train, variations
from pixelart.cli.arguments import Parser
from pixelart.cli.common import CLI_HINTS, replace_unprintable
from pixelart.errors import PixelArtError, tag_hint, with_hint
from pixelart.plain_json import to_json
from pixelart.shutdown import EXIT_BAD_INPUT, EXIT_INTERRUPTED


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


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the options of one command. On bad ones, print one line and exit with code 2."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pixelart",
        description="Generate, complete, enlarge, inspect and evaluate pixel art; train and share models.",
    )
    add = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="COMMAND")
    for module in (draw, variations, inspect, evaluate, check, train, estimate, hub, jobs, space):
        module.add_commands(add)
    return parser
