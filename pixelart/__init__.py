"""Exact autoregressive models of pixel art. Importing the package alone imports nothing heavy, and sets how the threads
of what is imported later wait and how many there are."""

from __future__ import annotations

import os
import sys

if getattr(sys, "argv", [])[:1] == ["-m"] and "".join(sys.orig_argv[-len(sys.argv) :][:1]).endswith("pixelart"):
    import signal

    # `python -m pixelart`: Ctrl+C ends it even while the imports below run, until `__main__` decides.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from pathlib import Path
from typing import TYPE_CHECKING

from pixelart.system.cpus import set_defaults

if TYPE_CHECKING:
    from pixelart.engine import Engine

set_defaults(os.environ)


def from_pretrained(
    repo_id: str,
    *,
    revision: str | None = None,
    folder: Path | str | None = None,
    name: str | None = None,
    token: str | None = None,
) -> Engine:
    """An engine over `folder` (None: the default folder of checkpoints), in which the checkpoint of the repository
    owner/name of the Hub is called `name`, or owner--name.

    It is pulled when it is not there. One that is there is taken as it is, without asking the Hub, unless a `revision`
    (a branch, a tag or a commit) is asked for; then it must be that one. `token` is needed for a private repository.

    Raises:
        RequestRejected: a name that cannot be, or one that is taken by something else.
        HubFailure: no such repository or revision, no access, or no connection.
        WeightsRejected: not a checkpoint, too large, or damaged.
    """
    from pixelart.checkpoint.folder import default_checkpoints
    from pixelart.engine import Engine
    from pixelart.hub import pull_if_missing
    from pixelart.settings import SETTINGS

    place = Path(folder or default_checkpoints())
    pull_if_missing(repo_id, place, revision=revision, name=name, token=token)
    return Engine(place, drawing_bytes=SETTINGS.own_drawing_bytes)
