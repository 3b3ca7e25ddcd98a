"""The default folder of checkpoints."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pixelart.settings import ROOT

VARIABLE = "PIXELART_CHECKPOINTS"
"""The environment variable that names the folder."""
FOLDER_NAME = "checkpoints"


def default_checkpoints(environ: Mapping[str, str] = os.environ) -> Path:
    """The first of these: the folder named by VARIABLE; `checkpoints` in the working folder; `checkpoints` beside the
    sources; `checkpoints` in the user's data folder, which need not exist."""
    if named := environ.get(VARIABLE):
        return Path(named)
    for place in (Path(), ROOT):
        if (place / FOLDER_NAME).is_dir():
            return place / FOLDER_NAME
    return user_data(environ) / FOLDER_NAME


def user_data(environ: Mapping[str, str]) -> Path:
    """The data folder of this program: in $XDG_DATA_HOME or ~/.local/share, ~/Library/Application Support, or
    %LOCALAPPDATA%. It is the working folder if the user has no home."""
    try:
        home = Path.home()
    except RuntimeError:
        return Path()
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "pixelart"
