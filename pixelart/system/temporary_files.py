"""A private folder for an app's temporary files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.storage import exclusive

PREFIX = "pixel-art-studio-"
GRADIO_FOLDER = "GRADIO_TEMP_DIR"
"""Folder where gradio writes results, instead of the system's temporary folder."""


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Within this context, results go to a folder that no other program serves or fills.

    It is removed at the end, or, if the process was killed, by the next app.

    Raises:
        OSError: the folder cannot be created.
    """
    before, chosen = tempfile.tempdir, os.environ.get(GRADIO_FOLDER)
    if chosen:
        Path(chosen).mkdir(parents=True, exist_ok=True)
    clear_abandoned(Path(chosen or tempfile.gettempdir()))
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=chosen, ignore_cleanup_errors=True) as folder,
        exclusive(Path(folder)),
    ):
        tempfile.tempdir = folder
        os.environ[GRADIO_FOLDER] = str(Path(folder, "gradio"))
        try:
            yield
        finally:
            tempfile.tempdir = before
            os.environ.pop(GRADIO_FOLDER)
            if chosen:
                os.environ[GRADIO_FOLDER] = chosen


def clear_abandoned(parent: Path) -> None:
    """Remove the folders in `parent` that killed apps of this user left behind. A running app holds a lock in its
    own."""
    with suppress(OSError):
        for folder in sorted(parent.glob(f"{PREFIX}*")):
            if _is_own(folder):
                with suppress(RequestRejected, OSError):
                    with exclusive(folder):
                        pass
                    shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """Whether it is a real folder of this user with a lock file; one without may be just being created."""
    with suppress(OSError):
        is_mine = os.name == "nt" or folder.lstat().st_uid == os.getuid()
        return is_mine and folder.is_dir() and not folder.is_symlink() and (folder / "lock").is_file()
    return False
