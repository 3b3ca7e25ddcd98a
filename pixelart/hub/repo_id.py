"""Names of repositories on the Hub and of local checkpoints."""

from __future__ import annotations

import re

from pixelart.errors import RequestRejected

_PART = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?"
_REPO_ID = re.compile(f"{_PART}/{_PART}")
_REFUSED_BY_HUB = re.compile(r"--|\.\.|\.git$")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")


def check_repo_id(repo_id: str) -> None:
    """Raises RequestRejected unless `repo_id` has the form owner/name and the Hub takes both."""
    if not _REPO_ID.fullmatch(repo_id) or _REFUSED_BY_HUB.search(repo_id):
        raise RequestRejected(
            f"{repo_id!r:.80}: write owner/name, each of 1 to 64 letters, digits, '.', '_' and '-'; "
            "no '--', no '..', no '.git' at the end"
        )


def check_revision(revision: str) -> None:
    """Raises RequestRejected unless `revision` may be a branch, a tag or a commit."""
    if not _REVISION.fullmatch(revision):
        raise RequestRejected(f"revision {revision!r:.80}: write a branch, a tag or a commit")


def local_name(repo_id: str, commit: str = "") -> str:
    """Default name of a pulled checkpoint: owner--name, or owner--name--commit; at most 64 characters."""
    end = f"--{commit[:8]}" if commit else ""
    return repo_id.replace("/", "--")[: 64 - len(end)] + end
