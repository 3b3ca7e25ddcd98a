"""How often the judge of QUALITY.md recognises the class of real pictures of other looks than those it was trained on.

    python -m benchmarks.judged_looks

The judge knows the tiles of examples/dungeon.zip. examples/studio.zip has pictures of the same classes from other
collections. A model that draws any look is judged by a mixture of these rates, so they limit what it can reach.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.looks import LOOK_OF_TILES
from benchmarks.quality.__main__ import HERE
from benchmarks.quality.judge import Judge, find_judge
from benchmarks.quality.tiles import read_tiles
from pixelart.training.data.pictures import PictureSet, read_pictures

FEWEST = 20
"""Looks with fewer pictures of a class are left out."""


def recognised(judge: Judge, pictures: PictureSet) -> dict[str, dict[str, dict[str, Any]]]:
    """class -> look -> the number of its pictures, and the share whose class the judge recognises."""
    names, looks = np.array(pictures.class_names), np.array(pictures.look_names)
    found = dict[str, dict[str, dict[str, Any]]]()
    for name in judge.classes:
        for look in pictures.looks:
            rows = np.flatnonzero((names == name) & (looks == look))
            if len(rows) >= FEWEST:
                some = judge.snap(np.asarray(pictures.pictures.take(rows, axis=0)))
                share = float(judge.recognises(some, (name,) * len(rows)).mean())
                found.setdefault(name, {})[look] = {"pictures": len(rows), "recognised": share}
    return found


def lines(found: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """The table as Markdown, with the mean over classes of all looks but the judge's own."""
    rows = ["| class | recognised, of pictures |", "|---|---|"]
    means = list[float]()
    for name, looks in found.items():
        parts = [f"{look} {one['recognised']:.0%} of {one['pictures']}" for look, one in looks.items()]
        rows.append(f"| {name} | {', '.join(parts)} |")
        if others := [one for look, one in looks.items() if look != LOOK_OF_TILES]:
            count = sum(one["pictures"] for one in others)
            means.append(sum(one["recognised"] * one["pictures"] for one in others) / count)
    mean = f"{np.mean(means):.0%}" if means else "none"
    return [*rows, "", f"Other looks, mean over classes: {mean}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table or one JSON value."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=Path, default=Path("examples/dungeon.zip"), help="what the judge knows")
    parser.add_argument("--data", type=Path, default=Path("examples/studio.zip"), help="CLASS/LOOK/NAME.png")
    parser.add_argument("--judge", type=Path, default=HERE / "judge.safetensors", help="file of the judge")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    tiles = read_tiles(options.tiles)
    judge = find_judge(tiles, options.judge)
    size = tiles.training.size
    found = recognised(judge, read_pictures(options.data, size=size, fit="keep", with_looks=True))
    if options.json:
        print(json.dumps(found))
    else:
        print(*lines(found), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
