"""The Hugging Face Hub: the only room that imports huggingface_hub. No token is ever logged or told."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi, RepoFile, RepoFolder, get_token
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars

from pixelart.errors import Cancelled, DataRejected, HubFailure, PixelArtError, RequestRejected
from pixelart.images import SUFFIXES
from pixelart.settings import SETTINGS
from pixelart.training.sources import Cancel, OnProgress, never, until_cancelled, untold

TIMEOUT = 10.0
CONNECTIONS = 8
_CACHE = ".cache"
_OF_THE_DISK = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO)
_KNOWN: tuple[tuple[type[Exception], str], ...] = (
    (GatedRepoError, "its owner gives access on request; ask on its page, then sign in"),
    (RepositoryNotFoundError, "there is none of this name, or it is private"),
    (DisabledRepoError, "it was disabled"),
    (HFValidationError, "not a name on the Hub, such as user/name"),
    (LocalTokenNotFoundError, "nobody is signed in"),
    (OfflineModeIsEnabled, "HF_HUB_OFFLINE is set, so the Hub is not asked"),
)
"""What huggingface_hub raises -> what it means; a class stands before those that it is a kind of."""
_STATUS = {
    401: "the sign-in is not valid, or not any more",
    403: "the sign-in does not allow it",
    429: "the Hub was asked too often; wait a few minutes",
}


def own_token() -> str | None:
    """The token of whoever is signed in on this machine, which is not to be used for a visitor of a server."""
    with plain_failures("sign-in"):
        return get_token()


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
    if target.exists():
        raise RequestRejected(f"{target}: exists already")
    disable_progress_bars()
    partial = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with plain_failures(f"dataset {dataset_id!r:.80}"):
            api = HfApi(token=token or False)
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
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


@contextmanager
def plain_failures(what: str) -> Iterator[None]:
    """Whatever a call of huggingface_hub raises inside becomes a HubFailure about `what`, in words of our own: those of
    its errors may hold addresses. An error of the disk stays what it is.

    Its errors, those of its HTTP client and of its uploader have no class in common, hence the wide net.
    """
    try:
        yield
    except (PixelArtError, Cancelled):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            raise
        raise HubFailure(f"{what}: {_meaning(error)}") from error


def _meaning(error: BaseException) -> str:
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__:  # "not here either", after what really happened
        return _meaning(error.__cause__)
    for kind, text in _KNOWN:
        if isinstance(error, kind):
            return text
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return _STATUS.get(status, f"the Hub answers {status}" + ("; try again later" if status >= 500 else ""))
    if isinstance(error, ValueError | TypeError | KeyError | AssertionError):
        return "the Hub's answer is not understood"
    return "the Hub cannot be reached"


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
