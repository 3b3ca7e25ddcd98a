"""`python -m pixelart push` and `pull`: copy checkpoints to and from the Hugging Face Hub."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pixelart.cli.arguments import add_command, checkpoints_option, fit_options
from pixelart.cli.common import Json, check_out_folder, find, say
from pixelart.engine import Engine
from pixelart.errors import DataRejected
from pixelart.hub import local_token, pull_checkpoint
from pixelart.hub.card import LICENCES
from pixelart.hub.publish import check_terms, push_checkpoint
from pixelart.training.data.pictures import PictureSet, read_pictures


def push(options: argparse.Namespace) -> Json:
    """Push a checkpoint with its card to a repository, as the account signed in on this machine."""
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
    what = "pushed" if done.is_new else "nothing to push, the repository is up to date:"
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
    what = "wrote" if done.is_new else "exists already:"
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


def add_commands(add: Any) -> None:
    """Add push and pull."""
    _add_push(add)
    _add_pull(add)


def _add_push(add: Any) -> None:
    example = 'mine me/mine --licence cc-by-4.0 --data-note "My own sprites" --public'
    command = add_command(add, "push", push, example)
    command.add_argument("name", metavar="NAME", help="a name under checkpoints/, or a checkpoint folder")
    command.add_argument("repository", metavar="OWNER/NAME", help="created if needed")
    command.add_argument("--licence", required=True, choices=LICENCES, help="licence of the weights")
    text = "for the card: who made the training pictures, and with whose permission; required for --public"
    command.add_argument("--data-note", default="", metavar="TEXT", help=text)
    command.add_argument("--public", action="store_true", help="make a new repository public (private)")
    text = "the training pictures, to count near copies among the samples; they are not pushed"
    command.add_argument("--data", type=Path, help=text)
    fit_options(command)
    checkpoints_option(command)


def _add_pull(add: Any) -> None:
    command = add_command(add, "pull", pull, "someone/sprites --name sprites")
    command.add_argument("repository", metavar="OWNER/NAME", help="the repository")
    command.add_argument("--revision", help="a branch, a tag or a commit (the newest)")
    command.add_argument("--name", help="local name (OWNER--NAME)")
    checkpoints_option(command)
