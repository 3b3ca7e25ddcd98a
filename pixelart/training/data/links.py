"""Which targets symbolic links in a folder of pictures may have."""

from __future__ import annotations

import os
from pathlib import Path

_REPOSITORIES = ("datasets--", "models--", "spaces--")
_BLOBS, _SNAPSHOTS, _SHARED = "blobs", "snapshots", ".huggingface-shared-blobs"


def allowed_roots(source: Path) -> list[Path]:
    """The folders in which links of `source` must end.

    That is `source` itself and, for a snapshot made by the Hub's client, its blobs folder: beside the repository's
    snapshots, or beside the repositories if these share their blobs.
    """
    root = Path(os.path.realpath(source))
    roots = [root]
    for folder in (root, *root.parents):
        if folder.name.startswith(_REPOSITORIES) and (folder / _SNAPSHOTS).is_dir():
            roots.append(folder / _BLOBS)
            shared = folder.parent / _BLOBS
            if (shared / _SHARED).is_file():  # the client's mark, which other folders of this name lack
                roots.append(shared)
            break
    return roots


def stays_inside(path: Path, roots: list[Path]) -> bool:
    """Whether `path`, with all links resolved, lies in one of the `roots`."""
    end = Path(os.path.realpath(path))
    return any(end.is_relative_to(root) for root in roots)
