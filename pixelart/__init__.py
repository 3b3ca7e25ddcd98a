"""Exact autoregressive models of pixel art. Importing the package alone imports nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixelart.engine import Engine


def from_pretrained(
    repo_id: str,
    *,
    revision: str | None = None,
    folder: Path | str = Path("checkpoints"),
    name: str | None = None,
    token: str | None = None,
) -> Engine:
    """An engine over `folder`, in which the checkpoint of the repository owner/name of the Hub is called `name`, or
    owner--name.

    It is pulled when it is not there. One that is there is taken as it is, without asking the Hub, unless a `revision`
    (a branch, a tag or a commit) is asked for; then it must be that one. `token` is needed for a private repository.

    Raises:
        RequestRejected: a name that cannot be, or one that is taken by something else.
        HubFailure: no such repository or revision, no access, or no connection.
        WeightsRejected: not a checkpoint, too large, or damaged.
    """
    from pixelart.engine import Engine
    from pixelart.hub import obtain

    obtain(repo_id, Path(folder), revision=revision, name=name, token=token)
    return Engine(folder)
