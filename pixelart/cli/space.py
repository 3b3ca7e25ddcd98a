"""`python -m pixelart space`: write or push the folder of a Space."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from pixelart.cli.common import Json, check_out_folder, say
from pixelart.engine import Engine
from pixelart.errors import RequestRejected
from pixelart.hub import SPACE, local_token, push_files, sign_in
from pixelart.hub.space import space_files, write_space


def space(options: argparse.Namespace) -> Json:
    """Write or push the files of a Space."""
    if options.dry_run == (options.repo is not None) or options.dry_run != (options.out is not None):
        raise RequestRejected("give --dry-run --out FOLDER to write it, or --repo OWNER/NAME to push it")
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
        what = "pushed" if done.is_new else "nothing to push, it is there already:"
        say(options, f"{what} {done.url}  revision {done.commit[:8]}  {'private' if done.private else 'public'}")
        return {**asdict(done), **summary}
    write_space(files, options.out)
    say(options, f"wrote {len(files)} files, {size / 1e6:.1f} MB, to {options.out}")
    return {"out": str(options.out), **summary}
