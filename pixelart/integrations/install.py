"""Copy a plug-in to the folder where its editor looks for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.settings import ROOT, VERSION
from pixelart.storage import new_folder, write_file

PLUGINS = Path(__file__).parent
APP = ROOT / "app.py"
START_FILE = "app.json"
"""A file of each plug-in that says how this computer starts the app."""


@dataclass(frozen=True)
class Editor:
    """An editor and its plug-in.

    folder: of the plug-in, below PLUGINS. names: what it consists of; the first is the folder that gets START_FILE.
    mark: a line of a file (path below that folder) by which an installed plug-in is known to be this one.
    next_step: what the artist does then.
    """

    folder: str
    names: tuple[str, ...]
    mark: tuple[str, str]
    next_step: str


EDITORS: Mapping[str, Editor] = {
    "krita": Editor(
        "krita",
        ("pixelart_studio", "pixelart_studio.desktop"),
        ("__init__.py", "The Krita plug-in of Pixel Art Studio"),
        "Start Krita again, switch it on in Settings > Configure Krita > Python Plugin Manager, start Krita once more "
        "and open Settings > Dockers > Pixel Art Studio.",
    ),
    "aseprite": Editor(
        "aseprite",
        ("pixelart-studio",),
        ("package.json", '"name": "pixelart-studio"'),
        "Start Aseprite again; the command is Edit > Insert > Pixel Art Studio. Aseprite asks once whether "
        "the script may connect to the app.",
    ),
}


def default_folder(editor: str, environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The folder where the editor looks for plug-ins (docs.krita.org, aseprite.org/docs/preferences-folder).

    Raises:
        RequestRejected: the user has no home.
    """
    try:
        home = Path.home()
    except RuntimeError as error:
        raise RequestRejected("this user has no home; give --folder") from error
    roaming = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    support = home / "Library" / "Application Support"
    if editor == "krita":
        data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        return {"win32": roaming, "darwin": support}.get(platform, data) / "krita" / "pykrita"
    settings = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    base = {"win32": roaming / "Aseprite", "darwin": support / "Aseprite"}.get(platform, settings / "aseprite")
    return base / "extensions"


def install(name: str, folder: Path) -> list[Path]:
    """Copy the plug-in of the editor `name` into `folder`, over an older version of it. Returns what was written.

    Raises:
        RequestRejected: `folder` has something else of the same name.
    """
    editor = EDITORS[name]
    for part in editor.names:
        _check(folder / part, editor)
    start = {"start": [sys.executable, str(APP)] if APP.is_file() else [], "version": VERSION}
    written = list[Path]()
    for part in editor.names:
        source, target = PLUGINS / editor.folder / part, folder / part
        if source.is_dir():
            _copy_folder(source, target, json.dumps(start, indent=1).encode())
        else:
            write_file(target, source.read_bytes())
        written.append(target)
    return written


def _check(target: Path, editor: Editor) -> None:
    """Raises RequestRejected if something else is at `target`."""
    if not os.path.lexists(target):
        return
    file, line = editor.mark
    known = target if target.suffix else target / file
    text = known.read_text(encoding="utf-8", errors="replace") if known.is_file() else ""
    is_ours = (line if not target.suffix else f"X-KDE-Library={editor.names[0]}") in text
    if target.is_symlink() or not is_ours:
        raise RequestRejected(f"{target} is something else; move it away, or give another --folder")


def _copy_folder(source: Path, target: Path, start: bytes) -> None:
    """Replace `target` by a copy of `source` with START_FILE. After a failure it is as it was."""
    files = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    older = target.with_name(f".{target.name}.older")
    if target.exists():
        shutil.rmtree(older, ignore_errors=True)
        target.rename(older)
    try:
        with new_folder(target) as new:
            for path in files:
                copy = new / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                write_file(copy, path.read_bytes())
            write_file(new / START_FILE, start)
    except BaseException:
        if older.exists():
            older.rename(target)
        raise
    shutil.rmtree(older, ignore_errors=True)
