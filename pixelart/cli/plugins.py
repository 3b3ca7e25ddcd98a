"""`python -m pixelart install-plugin`: draw inside Krita or Aseprite."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pixelart.cli.arguments import add_command
from pixelart.cli.common import Json, check_out_folder, say
from pixelart.integrations.install import EDITORS, default_folder, install


def install_plugin(options: argparse.Namespace) -> Json:
    """Copy the plug-in, and say what to do next."""
    folder = options.folder or default_folder(options.editor)
    check_out_folder(folder, option="folder")
    written = install(options.editor, folder)
    for path in written:
        say(options, f"wrote {path}")
    say(options, EDITORS[options.editor].next_step)
    return {"editor": options.editor, "files": [str(path) for path in written]}


def add_commands(add: Any) -> None:
    """Add install-plugin."""
    command = add_command(add, "install-plugin", install_plugin, "krita")
    command.add_argument("editor", choices=list(EDITORS), help="the program")
    text = "its folder of plug-ins, such as ~/.local/share/krita/pykrita (where the program looks by default)"
    command.add_argument("--folder", type=Path, metavar="DIR", help=text)
