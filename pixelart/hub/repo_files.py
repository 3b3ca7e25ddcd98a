"""The files of a repository, their size limits, and their content hashes on the Hub."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from huggingface_hub import RepoFile, RepoFolder, constants

from pixelart.checkpoint.format import (
    CARD_FILE,
    CHOSEN_FILE,
    CLASS_PALETTES_FILE,
    CONFIG_FILE,
    LOG_FILE,
    PALETTE_FILE,
    SAMPLES_FILE,
    SEEN_FILE,
    WEIGHTS_FILE,
)
from pixelart.errors import HubFailure
from pixelart.settings import SETTINGS

MAX_ENTRIES = 1000
"""Most files and folders of a repository."""
MAX_FILE_BYTES = {
    CONFIG_FILE: SETTINGS.max_config_bytes,
    WEIGHTS_FILE: SETTINGS.max_weights_bytes,
    CARD_FILE: SETTINGS.max_config_bytes,
    SAMPLES_FILE: SETTINGS.max_file_bytes,
    PALETTE_FILE: SETTINGS.max_palette_bytes,
    LOG_FILE: SETTINGS.max_directory_bytes,
    CLASS_PALETTES_FILE: SETTINGS.max_directory_bytes,
    SEEN_FILE: SETTINGS.max_directory_bytes,
    CHOSEN_FILE: SETTINGS.max_directory_bytes,
}
"""File of a checkpoint -> its size limit in bytes. Other files are neither pushed nor pulled."""
SPACE_FOLDERS = ("pixelart", "checkpoints")
SPACE_FILES = ("app.py", "requirements.txt", CARD_FILE, "LICENSE", ".gitattributes")


@dataclass(frozen=True)
class RepoKind:
    """The kind of a repository.

    `limit`: path -> size limit in bytes, None = leave the file alone. `sdk`: a Space's. `has_folders`: whether some of
    its files are in folders.
    """

    type: Literal["model", "space", "dataset"]
    limit: Callable[[str], int | None]
    sdk: Literal["gradio"] | None = None
    has_folders: bool = False


def _limit_of_space(path: str) -> int | None:
    is_known = path in SPACE_FILES or path.partition("/")[0] in SPACE_FOLDERS
    return SETTINGS.max_weights_bytes if is_known else None


MODEL = RepoKind("model", MAX_FILE_BYTES.get)
SPACE = RepoKind("space", _limit_of_space, "gradio", has_folders=True)


def repo_url(repo_id: str, kind: RepoKind, endpoint: str = constants.ENDPOINT) -> str:
    """The page of a repository."""
    place = {"model": "", "space": "spaces/", "dataset": "datasets/"}[kind.type]
    return f"{endpoint}/{place}{repo_id}"


def files_of(repo_id: str, entries: Iterable[RepoFile | RepoFolder], kind: RepoKind = MODEL) -> dict[str, RepoFile]:
    """Path -> entry of the files that belong to the kind.

    Raises:
        HubFailure: too many entries.
    """
    first = list(islice(entries, MAX_ENTRIES + 1))
    if len(first) > MAX_ENTRIES:
        raise HubFailure(f"{repo_id}: more than {MAX_ENTRIES} files, the limit")
    return {entry.path: entry for entry in first if isinstance(entry, RepoFile) and kind.limit(entry.path)}


def is_content(entry: RepoFile, data: bytes) -> bool:
    """Whether `data` has the hash of `entry`: SHA-256 for a large file, else git's SHA-1."""
    if entry.lfs:
        return entry.lfs.sha256 == hashlib.sha256(data).hexdigest()
    return entry.blob_id == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
