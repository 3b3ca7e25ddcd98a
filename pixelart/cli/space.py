"""`python -m pixelart space`: write or push the folder of a Space."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pixelart.checkpoint.folder import default_checkpoints
from pixelart.cli.arguments import CHECKPOINTS_HELP, add_command
from pixelart.cli.common import Json, check_out_folder, say
from pixelart.engine import Engine
from pixelart.errors import RequestRejected
from pixelart.hub import SPACE, local_token, push_files, sign_in
from pixelart.hub.space import space_files, write_space


def space(options: argparse.Namespace) -> Json:
    """Write or push the files of a Space."""
    if options.dry_run == (options.repo is not None) or options.dry_run != (options.out is not None):
        raise RequestRejected("give --dry-run --out FOLDER to write the folder, or --repo OWNER/NAME to push it")
    if options.out:
        check_out_folder(options.out)
    files = space_files(Engine(options.folder).library, options.checkpoints)
    size = sum(map(len, files.values()))
    summary = {"files": sorted(files), "bytes": size}
    if options.repo:
        token = local_token()
        sign_in(token)
        done = push_files(
            files, options.repo, title="Pixel Art Studio", token=token or "", private=not options.public, kind=SPACE
        )
        what = "pushed" if done.is_new else "nothing to push, the repository is up to date:"
        say(options, f"{what} {done.url}  revision {done.commit[:8]}  {'private' if done.private else 'public'}")
        return {**asdict(done), **summary}
    write_space(files, options.out)
    say(options, f"wrote {len(files)} files, {size / 1e6:.1f} MB, to {options.out}")
    return {"out": str(options.out), **summary}


def add_commands(add: Any) -> None:
    """Add space."""
    command = add_command(add, "space", space, "--dry-run --out space/ --checkpoints dungeon-gated")
    command.add_argument("--dry-run", action="store_true", help="write the folder to --out and push nothing")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder")
    command.add_argument("--repo", metavar="OWNER/NAME", help="push to this Space in one commit; created if needed")
    command.add_argument("--public", action="store_true", help="make a new Space public (private)")
    command.add_argument("--checkpoints", nargs="+", metavar="NAME", help="the checkpoints to include (all)")
    command.add_argument("--folder", type=Path, default=default_checkpoints(), help=CHECKPOINTS_HELP)
