"""What a repository of a checkpoint holds, how large each file may be, and how the Hub knows it by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import islice

from huggingface_hub import RepoFile, RepoFolder

from pixelart.errors import HubFailure
from pixelart.models.weights import (
    CARD_FILE,
    CONFIG_FILE,
    LOG_FILE,
    PALETTE_FILE,
    SAMPLES_FILE,
    SEEN_FILE,
    WEIGHTS_FILE,
)
from pixelart.settings import SETTINGS

MAX_ENTRIES = 1000
"""Files and folders at the root of a repository that is looked at."""
LIMITS = {
    CONFIG_FILE: SETTINGS.max_config_bytes,
    WEIGHTS_FILE: SETTINGS.max_weights_bytes,
    CARD_FILE: SETTINGS.max_config_bytes,
    SAMPLES_FILE: SETTINGS.max_file_bytes,
    PALETTE_FILE: SETTINGS.max_palette_bytes,
    LOG_FILE: SETTINGS.max_config_bytes,
    SEEN_FILE: SETTINGS.max_directory_bytes,
}
"""Bytes; no other file is pushed or pulled."""


def files_of(repo_id: str, entries: Iterable[RepoFile | RepoFolder]) -> dict[str, RepoFile]:
    """Those of LIMITS among the entries of a repository's root, by name.

    Raises:
        HubFailure: too many entries.
    """
    first = list(islice(entries, MAX_ENTRIES + 1))
    if len(first) > MAX_ENTRIES:
        raise HubFailure(f"{repo_id}: more than {MAX_ENTRIES} files, the limit")
    return {entry.path: entry for entry in first if isinstance(entry, RepoFile) and entry.path in LIMITS}


def is_content(entry: RepoFile, data: bytes) -> bool:
    """Whether `data` is what the Hub has under `entry`: by SHA-256 of a large file, else by git's SHA-1."""
    if entry.lfs:
        return entry.lfs.sha256 == hashlib.sha256(data).hexdigest()
    return entry.blob_id == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
