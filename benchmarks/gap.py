"""How much better a checkpoint knows pictures that it was trained on than held-out ones.

    python -m benchmarks.gap --checkpoint studio

Bits per dimension of the held-out pictures, and of as many training pictures of each class, chosen by a fixed seed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.looks import look_for
from pixelart.cli.evaluate import judge
from pixelart.engine import Engine
from pixelart.training.data.pictures import PictureSet, read_pictures


def as_many_seen(pictures: PictureSet, seen: frozenset[str], *, seed: int = 0) -> tuple[PictureSet, PictureSet]:
    """The pictures whose content hash is not in `seen`, and as many of the others of each class, if there are."""
    names, known = np.array(pictures.class_names), np.array([h in seen for h in pictures.hashes])
    random, chosen = np.random.default_rng(seed), np.zeros(len(names), np.bool_)
    for name in pictures.classes:
        count = int((~known & (names == name)).sum())
        chosen[random.permutation(np.flatnonzero(known & (names == name)))[:count]] = True
    return pictures.select(~known), pictures.select(chosen)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="studio")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    engine = Engine(options.checkpoints)
    loaded, seen = engine.library.load(options.checkpoint), engine.library.seen_in_training(options.checkpoint)
    pictures = read_pictures(options.data, size=(loaded.info.height, loaded.info.width))
    look = look_for(loaded.info)
    held_out, learned = (judge(loaded, some, look=look) for some in as_many_seen(pictures, seen))
    found = {name: one["bits_per_dim"] for name, one in (("held_out", held_out), ("training", learned))}
    found |= {"gap": found["held_out"] - found["training"], "images": held_out["images"]}
    if options.json:
        print(json.dumps(found))
    else:
        print(*(f"{name}: {value:.4f}" if name != "images" else f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
