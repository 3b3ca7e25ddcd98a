"""`generate` of more pictures than one request may have: a set in shards, drawn by any number of processes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pixelart.cli.common import Json, say
from pixelart.devices import use_own_gpu
from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected
from pixelart.settings import SETTINGS
from pixelart.shards.archives import SHARD_KINDS
from pixelart.shards.drawing import ShardedSet, draw_set
from pixelart.shards.learned import Learned

SHARD_SIZE = 1000
_UNUSED = {"shard_size": SHARD_SIZE, "near": None, "threads": 1}
"""Options of a set and their defaults."""


def generate_set(options: argparse.Namespace, engine: Engine, request: Request) -> Json:
    """Draw a set of pictures in shards into --out."""
    if options.sheet:
        raise RequestRejected(f"sheet: a set in shards has none; draw at most {SETTINGS.max_count} pictures for one")
    use_own_gpu(os.environ)
    info = engine.info(request.checkpoint)
    size = request.size or info.usual_size(request.class_weights, request.look)
    learned = Learned(engine.library.load(request.checkpoint), options.near, size) if options.near else None
    kind = options.shards or SHARD_KINDS[0]
    wanted = ShardedSet(request, options.shard_size, kind, options.scale, options.threads, learned)

    def tell(shard: str, pictures: int, seconds: float) -> None:
        say(options, f"{shard}  {pictures} pictures  {pictures / seconds:.2f} pictures/s")

    drawn = draw_set(engine, wanted, options.out, on_shard=tell)
    speed = drawn.pictures / drawn.seconds if drawn.seconds else 0.0
    here = f"{drawn.pictures} of them in {drawn.shards} shards by this process"
    say(options, f"{options.out}  {request.count} pictures, {here}, {speed:.2f} pictures/s")
    say(options, f"{options.out}  SHA-256 of the set: {drawn.digest}")
    return {
        "out": str(options.out),
        "pictures": request.count,
        "shards": wanted.shards,
        "pictures_here": drawn.pictures,
        "shards_here": drawn.shards,
        "pictures_per_second": round(speed, 3),
        "sha256": drawn.digest,
    }


def check_set_options(options: argparse.Namespace) -> None:
    """Raises RequestRejected if an option of sets is given for a few pictures."""
    for name, usual in _UNUSED.items():
        if getattr(options, name) != usual:
            raise RequestRejected(f"{name.replace('_', '-')}: only for a set in shards; give --shards too")


def set_options(command: argparse.ArgumentParser) -> None:
    """The options of a set in shards."""
    text = f"draw a set in archives that several processes share; over {SETTINGS.max_count} pictures always (zip)"
    command.add_argument("--shards", choices=SHARD_KINDS, help=text)
    text = f"pictures per archive ({SHARD_SIZE})"
    command.add_argument("--shard-size", type=int, default=SHARD_SIZE, metavar="N", help=text)
    text = "training pictures, a folder or .zip: the manifest says how near each picture is to one of them"
    command.add_argument("--near", type=Path, metavar="DATA", help=text)
    command.add_argument("--threads", type=int, default=1, help="CPU threads of each process that draws a set (1)")
