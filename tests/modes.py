"""Modes of files on a machine whose users share it."""

from __future__ import annotations

import stat
from pathlib import Path


def readable_by_others(folder: Path) -> dict[str, str]:
    """Path -> mode of what in a folder, and the folder itself, is not its owner's alone: 0600, of folders 0700."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    return {str(path): oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)}
