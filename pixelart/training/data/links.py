"""Where the symbolic links of a folder of pictures may lead."""

from __future__ import annotations

import os
from pathlib import Path

_REPOSITORIES = ("datasets--", "models--", "spaces--")
_BLOBS, _SNAPSHOTS, _SHARED = "blobs", "snapshots", ".huggingface-shared-blobs"


def allowed_roots(source: Path) -> list[Path]:
    """The folders inside which a link of `source` must end: itself; and of a snapshot that the Hub's client made, where
    that client puts what it downloaded, which is beside the snapshots of the repository, or, of several repositories
    together, beside these."""
    root = Path(os.path.realpath(source))
    roots = [root]
    for folder in (root, *root.parents):
        if folder.name.startswith(_REPOSITORIES) and (folder / _SNAPSHOTS).is_dir():
            roots.append(folder / _BLOBS)
            shared = folder.parent / _BLOBS
            if (shared / _SHARED).is_file():  # the client's mark; any other folder of this name is not its own
                roots.append(shared)
            break
    return roots


def stays_inside(path: Path, roots: list[Path]) -> bool:
    """Whether `path`, its links followed to their end, lies in one of the `roots`."""
    end = Path(os.path.realpath(path))
    return any(end.is_relative_to(root) for root in roots)
