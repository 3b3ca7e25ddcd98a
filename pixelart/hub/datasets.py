"""Fetch datasets of image files from the Hub."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from huggingface_hub import RepoFile, RepoFolder

from pixelart.errors import Cancelled, DataRejected
from pixelart.hub.client import TIMEOUT, client, translate_errors
from pixelart.hub.download import check_path, download
from pixelart.hub.guard import BareFailure, check_commit, seconds_for, time_limit
from pixelart.images.io import SUFFIXES
from pixelart.progress import Cancel, OnProgress, ignore_progress, never, until_cancelled
from pixelart.settings import SETTINGS
from pixelart.storage import new_folder

CONNECTIONS = 8
LISTING_SECONDS = 600.0
"""Time limit in seconds to list all files, a thousand per answer."""


def fetch_dataset(
    dataset_id: str,
    target: Path,
    *,
    token: str | None = None,
    cancel: Cancel = never,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Copy the pictures of a dataset of image files (`imagefolder`: sub-folder = class) into the new folder `target`,
    all or nothing.

    Args:
        token: None finds only public datasets.
        cancel: called before every file, by several threads.
        on_progress: called with the number of fetched pictures and the total.

    Raises:
        Cancelled: `cancel` returned True.
        RequestRejected: `target` exists.
        HubFailure: no such dataset, no access, or no connection.
        DataRejected: no picture in it, or more than a .zip of pictures may hold.
        OSError: the disk is full or cannot be written to.
    """
    what = f"dataset {dataset_id!r:.80}"
    with new_folder(target) as partial:
        with translate_errors(what, seconds=LISTING_SECONDS):
            api = client(token)
            revision = check_commit(api.dataset_info(dataset_id, timeout=TIMEOUT, expand=["sha"]).sha)
            entries = api.list_repo_tree(dataset_id, repo_type="dataset", revision=revision, recursive=True)
            wanted = _wanted_files(dataset_id, until_cancelled(entries, cancel))
        patience = seconds_for(sum(wanted.values())) + len(wanted)
        end = time.monotonic() + patience

        def fetch(path: str) -> None:
            if cancel():
                raise Cancelled
            place, size = partial / check_path(path), wanted[path]
            place.parent.mkdir(parents=True, exist_ok=True)
            with time_limit(max(0.0, end - time.monotonic())):
                download(api, dataset_id, path, place, size=size, revision=revision, kind="dataset")
            if place.stat().st_size != size:
                raise BareFailure(f"{path:.80} arrived damaged; try again")

        with translate_errors(what, seconds=patience):
            pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="fetch")
            try:
                for number, _ in enumerate(pool.map(fetch, wanted), 1):
                    on_progress(number, len(wanted))
            finally:
                pool.shutdown(cancel_futures=True)  # also waits: no thread may write while the folder is removed
    return target


def _wanted_files(dataset_id: str, entries: Iterable[RepoFile | RepoFolder]) -> dict[str, int]:
    """Path -> size of the picture files in a dataset. Raises DataRejected if there are none, or too many."""
    wanted = dict[str, int]()
    for number, entry in enumerate(entries):
        if number >= SETTINGS.max_files:
            raise DataRejected(f"{dataset_id}: more than {SETTINGS.max_files} files, the limit")
        if isinstance(entry, RepoFile) and _is_wanted(PurePosixPath(entry.path)):
            wanted[entry.path] = entry.size
    if not wanted:
        kinds = ", ".join(SUFFIXES)
        raise DataRejected(
            f"{dataset_id}: no picture files in it ({kinds}); other formats, such as Parquet, are not supported"
        )
    if len(wanted) > SETTINGS.max_pictures:
        raise DataRejected(f"{dataset_id}: {len(wanted)} pictures; the limit is {SETTINGS.max_pictures}")
    size = sum(wanted.values())
    if size > SETTINGS.max_archive_bytes:
        limit = SETTINGS.max_archive_bytes >> 20
        raise DataRejected(f"{dataset_id}: its pictures are {size >> 20} MiB; the limit is {limit} MiB")
    return wanted


def _is_wanted(path: PurePosixPath) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)
