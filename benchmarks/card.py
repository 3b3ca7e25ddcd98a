"""Make the pictures and figures of a checkpoint's card.

    python -m benchmarks.card --checkpoint dungeon-gated --data examples/dungeon.zip

Writes samples.png (a row of eight per class, seeds 0 to 7, as the app draws by default, nothing chosen by hand) and
completions.png (held-out pictures: original, hole, three candidates, most probable first) into the checkpoint folder.
Replaces the text between the figure marks of its README.md, which is created if it is missing.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.looks import look_for
from benchmarks.machine import describe_machine
from pixelart.cli.evaluate import held_out, judge, judge_holes
from pixelart.engine import Checkpoint, Engine, Request
from pixelart.engine.samples import draw_class_samples, sample_sheet
from pixelart.hub.card import Card
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet, encode_png
from pixelart.images.masks import HOLES, named_hole
from pixelart.storage import write_file
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import PictureSet, read_pictures

BEGIN, END = "<!-- figures: python -m benchmarks.card -->", "<!-- end of figures -->"
HOLE = np.array([255, 0, 160, 255], np.uint8)
COMPLETIONS = """\
![Completions: original, hole, three candidates](completions.png)

Held-out pictures: the original, a brush-shaped hole, and three candidates, the most probable first."""
FIGURES = f"""\
{BEGIN}
{END}

"Held-out" pictures were not trained on, by content hash; `training_images.txt` lists those that were. "Seam" pixels are
hole pixels whose lower or right neighbour is known. "Without context": the same weights and class, with every pixel
given to the context encoder as unknown."""
DATA = """\
`examples/dungeon.zip`: tiles of Dungeon Crawl Stone Soup (<https://github.com/crawl/tiles>, release Nov-2015), placed
in the public domain (CC0) by their artists; "hero" pictures are that game's paper-doll layers combined."""


def completions(engine: Engine, checkpoint: str, pictures: PictureSet) -> Picture:
    """A sheet of the first two held-out pictures per class: original, hole, three candidates in order."""
    rows: list[Picture] = []
    for name in engine.info(checkpoint).classes:
        chosen = [i for i, c in enumerate(pictures.class_names) if c == name][:2]
        for i in chosen:
            picture = engine.snap(checkpoint, pictures.pictures[i])[0]
            mask = named_hole("brush", *picture.shape[:2], seed=i)
            request = Request(checkpoint, class_weights={name: 1.0}, count=3, look=look_for(engine.info(checkpoint)))
            drawings = engine.complete(request, picture, mask)
            rows += [picture, _marked(picture, mask), *(drawing.picture for drawing in drawings)]
    return contact_sheet(np.stack(rows), columns=5)


def figures(checkpoint: Checkpoint, pictures: PictureSet) -> str:
    """Markdown tables of held-out pictures: bits per dimension, and bits in holes."""
    look = look_for(checkpoint.info)
    whole = judge(checkpoint, pictures, look=look)
    lines = [
        f"Measured on {describe_machine()}.",
        "",
        f"Held-out pictures: {whole['images']}. **{whole['bits_per_dim']:.3f} bits per dimension** "
        f"({whole['nats_per_image']:.1f} nats a picture).",
        "",
        "| class | " + " | ".join(whole["per_class"]) + " |",
        "|---|" + "---|" * len(whole["per_class"]),
        "| bits/dim | " + " | ".join(f"{v:.2f}" for v in whole["per_class"].values()) + " |",
        "",
        "| holes | bits in the hole, with / without context | seam bits, with / without | seam ratio |",
        "|---|---|---|---|",
    ]
    for holes in HOLES:
        result = judge_holes(checkpoint, pictures, holes, look=look)
        ratio = "none" if result["seam_ratio"] is None else f"{result['seam_ratio']:.3f}"
        lines.append(f"| {holes} | {with_and_without(result, 'hole')} | {with_and_without(result, 'seam')} | {ratio} |")
    return "\n".join(lines)


def with_and_without(result: Mapping[str, Any], part: str) -> str:
    """The bits of "hole" or "seam" with and without context. A hole that fills the picture has no seam."""
    given = (result[f"{part}_bits"], result[f"{part}_bits_without_context"])
    return " / ".join("none" if bits is None else f"{bits:.3f}" for bits in given)


def new_card(loaded: Checkpoint) -> str:
    """The card of a checkpoint of the example data, without figures."""
    name, training = loaded.info.name, loaded.info.training
    steps, minutes = training.get("trained_steps"), training.get("trained_minutes", 0)
    return Card(
        title=name,
        name=name,
        imports=("from pixelart.engine import Engine, Request",),
        engine="engine = Engine()",
        licence="cc0-1.0",
        data=DATA,
        figures=FIGURES,
        pictures=COMPLETIONS,
        further={"Training": f"    {_command(loaded)}\n\n{steps} steps in {minutes:g} minutes."},
    ).of(loaded)


def _command(loaded: Checkpoint) -> str:
    """The command that trains such a checkpoint."""
    words = ["python -m pixelart train --data examples/dungeon.zip", f"--model {loaded.info.model}"]
    words.append(f"--codec {loaded.codec.name}")
    for name, default in asdict(Schedule()).items():
        value, option = loaded.info.training.get(name, default), f"--{name.replace('_', '-')}"
        if value != default:
            words.append(option if value is True else f"{option} {value}")
    return " ".join([*words, f"--out runs/{loaded.info.model}"])


def _marked(picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    return np.where(mask[..., None], HOLE, picture)


def main() -> None:
    """Write the pictures and the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--only", choices=("samples", "figures"), help="update only samples.png, or only the figures")
    options = parser.parse_args()
    engine, folder = Engine(options.checkpoints), options.checkpoints / options.checkpoint
    if options.only != "figures":
        write_file(folder / "samples.png", sample_sheet(draw_class_samples(engine, options.checkpoint)))
    if options.only == "samples":
        return
    info = engine.info(options.checkpoint)
    pictures = read_pictures(options.data, size=(info.height, info.width))
    pictures = held_out(pictures, engine.library.seen_in_training(options.checkpoint), options.data)
    loaded = engine.library.load(options.checkpoint)
    if options.only != "figures":
        write_file(folder / "completions.png", encode_png(completions(engine, options.checkpoint, pictures), scale=2))
    table = figures(loaded, pictures)
    card = folder / "README.md"
    text = card.read_text() if card.exists() else new_card(loaded)
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{card} lacks the marks {BEGIN} and {END}")
    changed = re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{table}\n{END}", text, flags=re.S)
    write_file(card, changed.encode())
    print(table)


if __name__ == "__main__":
    main()
