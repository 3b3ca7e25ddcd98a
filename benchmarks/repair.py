"""How often does `repair` find dust? Single pixels of held-out tiles are set to another colour of the tile.

    python -m benchmarks.repair --checkpoint dungeon-gated --tiles 50

In each tile `--dust` visible pixels, no two of them side by side, take another of the tile's colours, chosen at random.
Some of these colours are right there too, so not all of it can be found. `Engine.faults` then looks for faults as
`python -m pixelart repair` does. Printed are the share of the dust that is found, the share of it whose most probable
colour is the one before, and the pixels found in the tiles without dust. Tiles are in colours of the checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe_machine
from benchmarks.told import tell
from pixelart.cli.evaluate import held_out
from pixelart.engine import Engine
from pixelart.images.codec import ALPHA_THRESHOLD, Picture
from pixelart.images.palette_choice import as_learned
from pixelart.training.data.pictures import read_pictures

Place = tuple[int, int]


def dusted(picture: Picture, count: int, random: np.random.Generator) -> tuple[Picture, list[Place]]:
    """The picture (H, W, 4) with `count` single pixels of another of its colours, and their (row, column)."""
    result, places = picture.copy(), list[Place]()
    colours = np.unique(picture.reshape(-1, 4), axis=0)
    colours = colours[colours[:, 3] >= ALPHA_THRESHOLD]
    visible = np.argwhere(picture[..., 3] >= ALPHA_THRESHOLD)
    for row, column in random.permutation(visible).tolist():
        others = colours[(colours != picture[row, column]).any(1)]
        if len(places) == count or not len(others):
            break
        if all(max(abs(row - r), abs(column - c)) > 1 for r, c in places):
            result[row, column] = others[random.integers(len(others))]
            places.append((row, column))
    return result, places


def measure(engine: Engine, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """How much dust is found, and how much else."""
    loaded, random = engine.library.load(name), np.random.default_rng(options.seed)
    tiles = read_pictures(options.data, size=(loaded.info.height, loaded.info.width))
    tiles = held_out(tiles, engine.library.seen_in_training(name), options.data)
    chosen = random.choice(len(tiles), min(options.tiles, len(tiles)), replace=False)
    dust = found = mended = others = false = 0
    start = time.perf_counter()
    for i, clean in zip(chosen, as_learned(loaded.codec, tiles.pictures[chosen]), strict=True):
        kind = tiles.class_names[i] if tiles.class_names[i] in loaded.info.classes else None
        picture, places = dusted(clean, options.dust, random)
        faults = {(f.row, f.column): f for f in engine.faults(name, picture, class_weights=kind)}
        dust += len(places)
        found += sum(place in faults for place in places)
        mended += sum(p in faults and faults[p].likely.colour == tuple(clean[p].tolist()) for p in places)
        others += sum(place not in places for place in faults)
        false += len(engine.faults(name, clean, class_weights=kind))
    seconds = (time.perf_counter() - start) / 2 / len(chosen)
    return {
        "checkpoint": name, "tiles": len(chosen), "dust": dust, "found": found / dust, "mended": mended / dust,
        "others_a_tile": others / len(chosen), "in_clean_tiles": false / len(chosen), "seconds_a_tile": seconds,
        "machine": describe_machine(),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.repair", description=__doc__)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--tiles", type=int, default=50)
    parser.add_argument("--dust", type=int, default=3, help="pixels a tile")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = measure(Engine(options.checkpoints, device=torch.device("cpu")), options.checkpoint, options)
    tell(result, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
