"""How small do held-out tiles get? Bytes of `compress` beside those of the best lossless picture formats.

    python -m benchmarks.compress --checkpoint studio --tiles 100

Each tile goes into an indexed PNG after oxipng, WebP and JPEG XL, all lossless at their strongest, one file a tile.
The model writes one file for all (with their names and palettes), and for comparison one file each. `--snapped`: the
tiles as the checkpoint sees them, in colours that it can represent, for all formats. Needs pyoxipng, pillow-jxl-plugin
and constriction (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import oxipng
import pillow_jxl as pillow_jxl  # so that Pillow writes JPEG XL
import torch
from PIL import Image

from benchmarks.machine import describe_machine
from benchmarks.told import tell
from pixelart.cli.evaluate import held_out
from pixelart.compression.archive import NamedPicture, compress, decompress, read_header
from pixelart.engine import Engine
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.images.palette_choice import as_learned
from pixelart.training.data.pictures import read_pictures


def png(picture: Picture) -> bytes:
    """An indexed PNG (or RGBA, if that is smaller) after oxipng."""
    return oxipng.optimize_from_memory(
        encode_png(picture), level=6, strip=oxipng.StripChunks.all(), optimize_alpha=False
    )


def webp(picture: Picture) -> bytes:
    """Lossless WebP, colours under transparent pixels included."""
    return _saved(picture, "WEBP", lossless=True, quality=100, method=6, exact=True)


def jxl(picture: Picture) -> bytes:
    """Lossless JPEG XL."""
    return _saved(picture, "JXL", lossless=True, effort=9)


FORMATS: dict[str, Callable[[Picture], bytes]] = {
    "PNG, oxipng": png,
    "WebP lossless": webp,
    "JPEG XL lossless": jxl,
}


def _saved(picture: Picture, kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **how)
    return buffer.getvalue()


def measure(engine: Engine, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Mean bytes a tile of each format, and how long the model took."""
    loaded = engine.library.load(name)
    tiles = read_pictures(options.data, size=(loaded.info.height, loaded.info.width))
    tiles = held_out(tiles, engine.library.seen_in_training(name), options.data)
    chosen = np.random.default_rng(options.seed).choice(len(tiles), min(options.tiles, len(tiles)), replace=False)
    pictures, names = tiles.pictures[chosen], [tiles.class_names[i] for i in chosen]
    if options.snapped:
        pictures = as_learned(loaded.codec, pictures)
    given = [
        NamedPicture(f"{kind}/{i}.png", picture, kind if kind in loaded.info.classes else None)
        for i, (kind, picture) in enumerate(zip(names, pictures, strict=True))
    ]
    found: dict[str, Any] = {
        "checkpoint": name, "tiles": len(given), "of": len(tiles), "snapped": options.snapped,
        "colours": float(np.mean([len(np.unique(one.reshape(-1, 4), axis=0)) for one in pictures])),
    }  # fmt: skip
    sizes = {kind: float(np.mean([len(write(one)) for one in pictures])) for kind, write in FORMATS.items()}
    start = time.perf_counter()
    data = compress(loaded, given)
    found["compress_seconds"] = (time.perf_counter() - start) / len(given)
    listing = read_header(data)[0].listing
    sizes["model, one file"] = len(data) / len(given)
    found["listing_bytes"] = len(listing.to_bytes()) / len(given)
    found["odd_pixels"] = len(listing.odd)
    if options.each:
        each = [len(compress(loaded, [one])) for one in given[: options.each]]
        sizes["model, a file each"] = float(np.mean(each))
    if options.back:
        some = compress(loaded, given[: options.back])
        start = time.perf_counter()
        back = {one.name: one.picture for one in decompress(some, engine.library.load)}
        found["decompress_seconds"] = (time.perf_counter() - start) / options.back
        assert all(np.array_equal(back[one.name], one.picture) for one in given[: options.back])
    best = min(sizes[kind] for kind in FORMATS)
    return {**found, "bytes": sizes, "share_of_best": sizes["model, one file"] / best, "machine": describe_machine()}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.compress", description=__doc__)
    parser.add_argument("--checkpoint", default="studio")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--tiles", type=int, default=100)
    parser.add_argument("--each", type=int, default=0, help="also so many files of one tile")
    parser.add_argument("--back", type=int, default=0, help="also read so many tiles back, and compare")
    parser.add_argument("--snapped", action="store_true", help="tiles in colours that the checkpoint can represent")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = measure(Engine(options.checkpoints, device=torch.device("cpu")), options.checkpoint, options)
    tell(result, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
