"""`python -m pixelart push` and `pull`: copy checkpoints to and from the Hugging Face Hub."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import numpy as np

from pixelart.cli.common import Json, check_out_folder, find, say
from pixelart.engine import Engine
from pixelart.errors import DataRejected
from pixelart.hub import local_token, pull_checkpoint
from pixelart.hub.publish import check_terms, push_checkpoint
from pixelart.training.data.pictures import PictureSet, read_pictures


def push(options: argparse.Namespace) -> Json:
    """Push a checkpoint with its card to a repository, with this machine's sign-in."""
    check_terms(options.repository, licence=options.licence, data_note=options.data_note, private=not options.public)
    engine, name = find(options.checkpoints, options.name)
    done = push_checkpoint(
        engine,
        name,
        options.repository,
        licence=options.licence,
        data_note=options.data_note,
        private=not options.public,
        token=local_token(),
        learned=np.asarray(_learned(engine, name, options).pictures) if options.data else None,
    )
    what = "pushed" if done.is_new else "nothing to push, it is there already:"
    say(options, f"{what} {done.url}  revision {done.commit[:8]}  {'private' if done.private else 'public'}")
    if options.public and done.private:
        say(options, "it was private before and stays private; change that in its settings on the Hub")
    return asdict(done)


def pull(options: argparse.Namespace) -> Json:
    """Pull the checkpoint of a repository into the folder of checkpoints."""
    check_out_folder(options.checkpoints, option="checkpoints")
    done = pull_checkpoint(
        options.repository, options.checkpoints, revision=options.revision, name=options.name, token=local_token()
    )
    target = options.checkpoints / done.name
    what = "wrote" if done.is_new else "is there already:"
    say(options, f"{what} {target}  revision {done.origin.commit[:8]} of {done.origin.repo}")
    return {"checkpoint": str(target), "name": done.name, "is_new": done.is_new, **asdict(done.origin)}


def _learned(engine: Engine, name: str, options: argparse.Namespace) -> PictureSet:
    """The pictures of --data that the checkpoint was trained on. Raises DataRejected when there are none."""
    info, seen = engine.info(name), engine.library.seen_in_training(name)
    pictures = read_pictures(options.data, size=(info.height, info.width), fit=options.fit, frames=options.frames)
    known = np.array([h in seen for h in pictures.hashes])
    if not known.any():
        raise DataRejected(f"{options.data.name}: {name} was trained on none of its {len(pictures)} pictures")
    return pictures.select(known)
