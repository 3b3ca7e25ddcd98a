"""Exact autoregressive models of pixel art. Importing the package loads nothing heavy, but sets the OpenMP defaults for
later imports."""

from __future__ import annotations

import os
import sys

if getattr(sys, "argv", [])[:1] == ["-m"] and "".join(sys.orig_argv[-len(sys.argv) :][:1]).endswith("pixelart"):
    import signal

    # `python -m pixelart`: Ctrl+C ends it even during the imports below, until `__main__` decides.
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
    """An engine over `folder` (default: the default folder of checkpoints) with a checkpoint of the Hub.

    The checkpoint of the repository owner/name is called `name`, or owner--name. It is pulled if it is missing. An
    existing one is used without asking the Hub, unless a `revision` (branch, tag or commit) is given; then it must
    match. `token` is needed for private repositories.

    Raises:
        RequestRejected: an invalid name, or one already used for something else.
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
