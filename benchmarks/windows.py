"""Are the borders between windows seen? Bits of pixels that were drawn at borders and inside, by windows elsewhere.

    python -m benchmarks.windows --checkpoint dungeon-gated --json

Scenes of 3 x 3 held-out tiles of one class each; the middle is masked and completed in windows. Each pixel of a square
around a point is then judged by the model in one window with the point in its middle, so that points at borders and
points inside are judged alike. `--pixels`: half the side of the square.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe_machine
from benchmarks.told import tell
from pixelart.cli.common import progress_bar
from pixelart.cli.evaluate import held_out
from pixelart.engine import Checkpoint, Engine
from pixelart.engine.completion import palette_of
from pixelart.engine.windows import Window, plan_windows
from pixelart.images.codec import Picture
from pixelart.images.palette_choice import palette_fitting
from pixelart.layers.context import Context
from pixelart.training.data.pictures import read_pictures

TILES = 3
"""Tiles along each side of a scene."""


def scenes(data: Path, engine: Engine, name: str, *, count: int, seed: int) -> list[tuple[str, Picture]]:
    """(class, picture) of scenes put together from held-out tiles of one class."""
    info = engine.info(name)
    tiles = read_pictures(data, size=(info.height, info.width))
    tiles = held_out(tiles, engine.library.seen_in_training(name), data)
    names, dice = np.array(tiles.class_names), np.random.default_rng(seed)
    found = list[tuple[str, Picture]]()
    for number in range(count):
        kind = info.classes[number % len(info.classes)]
        chosen = dice.choice(np.flatnonzero(names == kind), TILES * TILES)
        grid = tiles.pictures[chosen].reshape(TILES, TILES, info.height, info.width, 4)
        found.append((kind, grid.swapaxes(1, 2).reshape(TILES * info.height, TILES * info.width, 4)))
    return found


def points(windows: list[Window]) -> dict[str, list[tuple[int, int]]]:
    """Points (row, column) at borders of windows, and in the middle of what each keeps."""
    rows = sorted({window.kept_rows for window in windows})
    columns = sorted({window.kept_columns for window in windows})
    middles = [[(first + end) // 2 for first, end in spans] for spans in (rows, columns)]
    borders = [[first for first, _ in spans[1:]] for spans in (rows, columns)]
    at = [(row, column) for row in borders[0] for column in middles[1]]
    at += [(row, column) for row in middles[0] for column in borders[1]]
    return {"border": at, "inside": [(row, column) for row in middles[0] for column in middles[1]]}


@torch.no_grad()
def bits_around(
    loaded: Checkpoint, kind: str, picture: Picture, where: list[tuple[int, int]], half: int
) -> list[float]:
    """Mean bits of the square of `2 * half` pixels around each point, judged in a window around it, given the class."""
    height, width = loaded.info.height, loaded.info.width
    corners = [(row - height // 2, column - width // 2) for row, column in where]
    parts = np.stack([picture[top : top + height, left : left + width] for top, left in corners])
    codec = palette_fitting(loaded.codec, picture)
    x, count = codec.encode(parts), len(parts)
    weights = loaded.class_weights({kind: 1.0}).expand(count, -1)
    hidden = torch.ones(count, height, width, dtype=torch.bool)
    context = Context(weights, x, hidden, palette=palette_of(codec, loaded.device, count=count))
    bits = -loaded.model.log_prob(x, context).sum(1) / math.log(2)
    rows, columns = (slice(side // 2 - half, side // 2 + half) for side in (height, width))
    return bits[:, rows, columns].mean((1, 2)).tolist()


def measure(engine: Engine, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Bits at borders and inside of completed scenes, and of the real scenes at the same points."""
    info, loaded = engine.info(name), engine.library.load(name)
    found: dict[str, list[float]] = {"border": [], "inside": [], "real border": [], "real inside": []}
    scene_list = scenes(options.data, engine, name, count=options.scenes, seed=options.seed)
    with progress_bar("completing") as progress:
        for number, (kind, picture) in enumerate(scene_list):
            mask = np.zeros(picture.shape[:2], np.bool_)
            edge = info.height // 4
            mask[edge:-edge, edge:-edge] = True
            request = engine.request(name, class_weights={kind: 1.0}, seed=number)
            drawn = engine.complete(request, picture, mask)[0].picture
            places = points(plan_windows(mask, (info.height, info.width)))
            for place, where in places.items():
                found[place] += bits_around(loaded, kind, drawn, where, options.pixels)
                found[f"real {place}"] += bits_around(loaded, kind, picture, where, options.pixels)
            progress(number + 1, len(scene_list))
    values = {place: {"bits": float(np.mean(each)), "points": len(each)} for place, each in found.items()}
    difference = np.mean(found["border"]) - np.mean(found["inside"])
    error = float(np.sqrt(sum(np.var(found[place]) / len(found[place]) for place in ("border", "inside"))))
    return {
        "checkpoint": name, "scenes": len(scene_list), **values, "difference": float(difference),
        "standard_error": error, "machine": describe_machine(),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.windows", description=__doc__)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--pixels", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = measure(Engine(options.checkpoints, device=torch.device("cpu")), options.checkpoint, options)
    tell(result, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
