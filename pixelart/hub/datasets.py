"""Datasets of image files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from huggingface_hub import RepoFile, RepoFolder

from pixelart.errors import DataRejected, RequestRejected
from pixelart.hub.client import TIMEOUT, client, plain_failures
from pixelart.images import SUFFIXES
from pixelart.settings import SETTINGS

_CACHE = ".cache"


def fetch_dataset(dataset_id: str, target: Path, *, token: str | None = None) -> Path:
    """Copy the pictures of a dataset of image files (`imagefolder`: sub-folder = class) into the new folder `target`,
    all or nothing.

    Args:
        token: of who asks; nobody when None, so that only public datasets are found.

    Raises:
        RequestRejected: `target` exists.
        HubFailure: no such dataset, no access, or no connection.
        DataRejected: no picture in it, or more than a .zip of pictures may hold.
        OSError: the disk is full or cannot be written to.
    """
    if target.exists():
        raise RequestRejected(f"{target}: exists already")
    partial = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with plain_failures(f"dataset {dataset_id!r:.80}"):
            api = client(token)
            revision = api.dataset_info(dataset_id, timeout=TIMEOUT).sha
            _check_files(
                dataset_id, api.list_repo_tree(dataset_id, repo_type="dataset", revision=revision, recursive=True)
            )
            api.snapshot_download(
                dataset_id,
                repo_type="dataset",
                revision=revision,
                local_dir=partial,
                allow_patterns=[_any_case(suffix) for suffix in SUFFIXES],
                ignore_patterns=[".*", "*/.*"],
            )
        shutil.rmtree(partial / _CACHE, ignore_errors=True)  # what the client remembers of the download
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _check_files(dataset_id: str, entries: Iterable[RepoFile | RepoFolder]) -> None:
    """Raises DataRejected unless there are pictures among the files of a dataset, and not too many."""
    count, size = 0, 0
    for number, entry in enumerate(entries):
        if number >= SETTINGS.max_files:
            raise DataRejected(f"{dataset_id}: more than {SETTINGS.max_files} files, the limit")
        if isinstance(entry, RepoFile) and _is_wanted(PurePosixPath(entry.path)):
            count, size = count + 1, size + entry.size
    if not count:
        kinds = ", ".join(SUFFIXES)
        raise DataRejected(
            f"{dataset_id}: no picture files in it ({kinds}); other forms, such as Parquet, are not read"
        )
    if count > SETTINGS.max_pictures:
        raise DataRejected(f"{dataset_id}: {count} pictures; the limit is {SETTINGS.max_pictures}")
    if size > SETTINGS.max_archive_bytes:
        limit = SETTINGS.max_archive_bytes >> 20
        raise DataRejected(f"{dataset_id}: its pictures are {size >> 20} MiB; the limit is {limit} MiB")


def _is_wanted(path: PurePosixPath) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _any_case(suffix: str) -> str:
    """A pattern for names that end so, in small letters or capitals."""
    return "*" + "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in suffix)
