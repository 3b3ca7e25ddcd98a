"""Datasets of image files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from huggingface_hub import RepoFile, RepoFolder

from pixelart.errors import Cancelled, DataRejected
from pixelart.hub.client import TIMEOUT, client, plain_failures
from pixelart.images import SUFFIXES
from pixelart.settings import SETTINGS
from pixelart.training.checkpoint import new_folder
from pixelart.training.sources import Cancel, OnProgress, never, until_cancelled, untold

CONNECTIONS = 8
_CACHE = ".cache"


def fetch_dataset(
    dataset_id: str,
    target: Path,
    *,
    token: str | None = None,
    cancel: Cancel = never,
    on_progress: OnProgress = untold,
) -> Path:
    """Copy the pictures of a dataset of image files (`imagefolder`: sub-folder = class) into the new folder `target`,
    all or nothing.

    Args:
        token: of who asks; nobody when None, so that only public datasets are found.
        cancel: asked before every file, by several threads.
        on_progress: told how many of how many pictures are here.

    Raises:
        Cancelled: `cancel` answered True.
        RequestRejected: `target` exists.
        HubFailure: no such dataset, no access, or no connection.
        DataRejected: no picture in it, or more than a .zip of pictures may hold.
        OSError: the disk is full or cannot be written to.
    """
    with new_folder(target) as partial:
        with plain_failures(f"dataset {dataset_id!r:.80}"):
            api = client(token)
            revision = api.dataset_info(dataset_id, timeout=TIMEOUT).sha
            entries = api.list_repo_tree(dataset_id, repo_type="dataset", revision=revision, recursive=True)
            wanted = _wanted_files(dataset_id, until_cancelled(entries, cancel))

            def fetch(path: str) -> None:
                if cancel():
                    raise Cancelled
                api.hf_hub_download(dataset_id, path, repo_type="dataset", revision=revision, local_dir=partial)

            pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="fetch")
            try:
                for number, _ in enumerate(pool.map(fetch, wanted), 1):
                    on_progress(number, len(wanted))
            finally:
                pool.shutdown(cancel_futures=True)  # and wait: what still arrives is in the folder that is removed
        shutil.rmtree(partial / _CACHE, ignore_errors=True)  # what the client remembers of the download
    return target


def _wanted_files(dataset_id: str, entries: Iterable[RepoFile | RepoFolder]) -> list[str]:
    """The pictures among the files of a dataset. Raises DataRejected when there are none, or too many."""
    wanted, size = list[str](), 0
    for number, entry in enumerate(entries):
        if number >= SETTINGS.max_files:
            raise DataRejected(f"{dataset_id}: more than {SETTINGS.max_files} files, the limit")
        if isinstance(entry, RepoFile) and _is_wanted(PurePosixPath(entry.path)):
            wanted.append(entry.path)
            size += entry.size
    if not wanted:
        kinds = ", ".join(SUFFIXES)
        raise DataRejected(
            f"{dataset_id}: no picture files in it ({kinds}); other forms, such as Parquet, are not read"
        )
    if len(wanted) > SETTINGS.max_pictures:
        raise DataRejected(f"{dataset_id}: {len(wanted)} pictures; the limit is {SETTINGS.max_pictures}")
    if size > SETTINGS.max_archive_bytes:
        limit = SETTINGS.max_archive_bytes >> 20
        raise DataRejected(f"{dataset_id}: its pictures are {size >> 20} MiB; the limit is {limit} MiB")
    return wanted


def _is_wanted(path: PurePosixPath) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)
