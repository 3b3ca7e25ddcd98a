"""Makes the pictures of README.md from a checkpoint: `python -m docs.pictures`. Seeds are fixed; no network is used.

    python -m docs.pictures --checkpoint dungeon-gated

Writes complete.gif (a mask is painted, then three completions appear row by row), classes.png, palette.png, train.png
and share.png. Pixels are enlarged by a whole factor, and transparent ones are shown on a light checkerboard.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixelart.engine import CheckpointInfo, Engine, Preview
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet
from pixelart.images.kept_kinds import KEEP_SKETCH
from pixelart.images.palette_files import KNOWN
from pixelart.images.palettes import nearest_colours
from pixelart.training.data.pictures import PictureSet, read_pictures

ROOT = Path(__file__).parents[1]
CLASSES = ("hero", "creature", "item", "weapon")
PALETTES = ("", "Four greys", "Game Boy", "CGA")
"""Names of known palettes; empty = the colours of the model."""
SCALE, SMALL, GAP = 6, 3, 2
MASK = np.array([255, 0, 160], np.uint8)
LIGHT, DARK = np.array([255, 255, 255], np.uint8), np.array([228, 229, 235], np.uint8)
STROKE_MS, ROW_MS, REST_MS = 60, 70, 2500
HERO, CANDIDATES = 7, 3
MAX_GIF_BYTES = 300_000


def main() -> None:
    """Makes every picture."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--checkpoint", default="dungeon-gated", help="a name under checkpoints/")
    options.add_argument("--data", type=Path, default=ROOT / "examples" / "dungeon.zip", help="pictures to complete")
    options.add_argument("--hero", type=int, default=HERO, help="which held-out hero is completed")
    options.add_argument("--seed", type=int, default=1, help="of the first drawing of each picture")
    options.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the pictures")
    chosen = options.parse_args()
    engine = Engine(ROOT / "checkpoints")
    info, pictures = engine.info(chosen.checkpoint), read_pictures(chosen.data)
    hero = held_out_heroes(engine, info, pictures)[chosen.hero]
    (chosen.out / "complete.gif").write_bytes(completion_gif(engine, info, hero, chosen.seed))
    for name, sheet in {
        "classes": class_sheet(engine, info, chosen.seed, classes=CLASSES),
        "palette": palette_sheet(engine, info, hero, chosen.seed),
        "train": before_and_after(engine, info, pictures, chosen.seed),
        "share": class_sheet(engine, info, chosen.seed + 100, classes=CLASSES[:2]),
    }.items():
        Image.fromarray(shown(sheet, SMALL)).quantize(256).save(chosen.out / f"{name}.png", optimize=True)


def held_out_heroes(engine: Engine, info: CheckpointInfo, pictures: PictureSet) -> Picture:
    """The heroes that the checkpoint was not trained on."""
    seen = engine.library.seen_in_training(info.name)
    chosen = [i for i, name in enumerate(pictures.class_names) if name == "hero" and pictures.hashes[i] not in seen]
    return np.stack([pictures.pictures[i] for i in chosen])


def completion_gif(engine: Engine, info: CheckpointInfo, hero: Picture, seed: int) -> bytes:
    """The hero with a mask that is painted stroke by stroke, and beside it the candidates row by row."""
    height, width = hero.shape[:2]
    top, left = height * 5 // 16, width * 9 // 32
    stroke = [(x, y) for y in range(top, height * 20 // 32, 3) for x in range(left, width * 19 // 32, 3)]
    mask = np.zeros((height, width), np.bool_)
    frames, times = [panels(hero, mask, [hero] * CANDIDATES)], [600]
    for x, y in stroke:
        mask[y : y + 3, x : x + 3] = True
        frames.append(panels(hero, mask, [hero] * CANDIDATES))
        times.append(STROKE_MS)
    rows = list[Picture]()

    def on_row(done: int, total: int, preview: Preview) -> None:
        rows.append(preview())

    request = engine.request(info.name, class_weights=mix(info, "hero"), count=CANDIDATES, seed=seed)
    drawings = engine.complete(request, hero, mask, on_row=on_row)
    by_seed = [drawing.picture for drawing in sorted(drawings, key=lambda drawing: drawing.seed)]
    for drawn in [*rows, by_seed]:
        frames.append(panels(hero, mask, list(drawn)))
        times.append(ROW_MS)
    times[-1] = REST_MS
    return encode_gif(frames, times)


def panels(hero: Picture, mask: NDArray[np.bool_], drawn: list[Picture]) -> NDArray[np.uint8]:
    """The hero under its mask and what is drawn so far, side by side, RGB."""
    marked = shown(hero, SCALE)
    thick = np.repeat(np.repeat(mask, SCALE, 0), SCALE, 1)
    marked[thick] = (marked[thick].astype(np.uint16) + MASK.astype(np.uint16)) // 2
    gap = np.full((len(marked), GAP * SCALE, 3), 255, np.uint8)
    parts = [marked, *(part for picture in drawn for part in (gap, shown(picture, SCALE)))]
    return np.concatenate(parts, 1)


def class_sheet(
    engine: Engine, info: CheckpointInfo, seed: int, *, classes: Sequence[str], columns: int = 6
) -> Picture:
    """A row of new pictures for each of `classes` that the checkpoint has, or for its first classes."""
    there = [name for name in classes if name in info.classes] or info.classes[: len(classes)]
    rows = [
        drawing.picture
        for name in there
        for drawing in engine.generate(engine.request(info.name, class_weights={name: 1.0}, count=columns, seed=seed))
    ]
    return contact_sheet(np.stack(rows), columns=columns, gap=GAP)


def palette_sheet(engine: Engine, info: CheckpointInfo, hero: Picture, seed: int) -> Picture:
    """A hero in each of PALETTES: the same sketch in new colours, or, by a model with a fixed palette, new pictures."""
    everything = np.ones(hero.shape[:2], np.bool_)
    known = {palette.name: palette.colours for palette in KNOWN}
    pictures = []
    for name in PALETTES:
        request = {"class_weights": mix(info, "hero"), "seed": seed}
        if KEEP_SKETCH in info.keeps:
            colours = tuple(bytes(colour).hex() for colour in known[name]) if name else "model"
            asked = engine.request(info.name, **request, palette=colours, keep=KEEP_SKETCH)
            pictures.append(engine.complete(asked, hero, everything)[0].picture)
            continue
        if name and info.colours is not None:
            nearest = 1 + nearest_colours(known[name], info.colours[1:, :3])
            request["allowed"] = (0, *sorted(set(nearest.tolist())))
        request["count"] = 2
        pictures += [drawing.picture for drawing in engine.generate(engine.request(info.name, **request))]
    return contact_sheet(np.stack(pictures), columns=len(pictures), gap=GAP)


def before_and_after(engine: Engine, info: CheckpointInfo, pictures: PictureSet, seed: int) -> Picture:
    """Left, pictures of the data of two classes; right, what the model draws of them."""
    rows = []
    for name in CLASSES[:2]:
        chosen = [i for i, each in enumerate(pictures.class_names) if each == name][:3]
        request = engine.request(info.name, class_weights=mix(info, name), count=3, seed=seed)
        drawn = [drawing.picture for drawing in engine.generate(request)]
        rows += [*(np.asarray(pictures.pictures[i]) for i in chosen), np.zeros_like(drawn[0]), *drawn]
    return contact_sheet(np.stack(rows), columns=7, gap=GAP)


def mix(info: CheckpointInfo, name: str) -> dict[str, float]:
    """The class `name`, or any class where the checkpoint does not have it."""
    return {name: 1.0} if name in info.classes else {}


def shown(picture: Picture, scale: int) -> NDArray[np.uint8]:
    """RGB: each pixel `scale` wide, transparent ones as a checkerboard of half a pixel."""
    large = np.repeat(np.repeat(picture, scale, 0), scale, 1)
    rows, columns = (np.arange(side) // (2 * scale) for side in large.shape[:2])
    board = np.where(((rows[:, None] + columns) % 2 == 0)[..., None], LIGHT, DARK)
    return np.where(large[..., 3:] >= 128, large[..., :3], board).astype(np.uint8)


def encode_gif(frames: list[NDArray[np.uint8]], times: list[int]) -> bytes:
    """A GIF of RGB frames that repeats for ever; one palette for all, so that nothing flickers."""
    palette = Image.fromarray(np.concatenate([frames[0], frames[len(frames) // 2], frames[-1]])).quantize(256)
    images = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=times, loop=0, optimize=False)
    if len(out.getvalue()) > MAX_GIF_BYTES:
        raise SystemExit(f"complete.gif: {len(out.getvalue())} bytes; the limit is {MAX_GIF_BYTES}")
    return out.getvalue()


if __name__ == "__main__":
    main()
