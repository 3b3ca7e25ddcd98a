"""Download one file of a repository, with a size limit, all or nothing."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_stream_backoff

from pixelart.errors import PixelArtError
from pixelart.hub.guard import BareFailure, seconds_for, size_limit, time_limit

TRIES = 3
"""Attempts at a file whose download breaks off. The client itself retries failures before the body."""


def download(api: HfApi, repo_id: str, path: str, target: Path, *, size: int, revision: str, kind: str) -> None:
    """Write the file `path` of a repository of the `kind` model or dataset to `target`. Call it within
    `translate_errors`.

    Raises:
        HubFailure: it is longer than the `size` that the Hub announced, or too slow.
        OSError: the disk is full or cannot be written to.
    """
    address = hf_hub_url(repo_id, path, repo_type=kind, revision=revision, endpoint=api.endpoint)
    headers = {**build_hf_headers(token=api.token or False), "Accept-Encoding": "identity"}
    with time_limit(seconds_for(size)), size_limit(size):
        for last in (*[False] * (TRIES - 1), True):
            broken = _receive(address, headers, target)
            if broken is None:
                break
            if last:
                raise broken


def _receive(address: str, headers: dict[str, Any], target: Path) -> Exception | None:
    """Receive the file. Returns a download error, because `http_stream_backoff` would catch a raised one."""
    broken: Exception | None = None
    with http_stream_backoff("GET", address, headers=headers, follow_redirects=True) as response:
        hf_raise_for_status(response)
        with target.open("wb") as file:
            try:
                for part in response.iter_raw():
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            except (PixelArtError, OSError):
                raise
            except Exception as error:  # from the HTTP library of huggingface_hub, which is not imported here
                broken = error
    return broken


def check_path(path: str) -> PurePosixPath:
    """A path inside a repository. Raises HubFailure for one that would leave the local folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or any(c in path for c in "\0\\:"):
        raise BareFailure(f"{path!r:.80}: not the name of a file")
    return PurePosixPath(path)
