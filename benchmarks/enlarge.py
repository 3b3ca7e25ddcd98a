"""Compare models with rule-based upscalers at enlarging held-out pictures from every second pixel.

    python -m benchmarks.enlarge --checkpoint dungeon-multiscale dungeon-gated --data examples/dungeon.zip

Writes benchmarks/ENLARGE.md: the share of the other pixels that are reproduced and, for models, their bits. A
checkpoint that is not multi-scale completes the picture instead; every second pixel of every second row is known.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.machine import describe_machine, told_command
from pixelart.cli.evaluate import held_out
from pixelart.engine import Engine, Request
from pixelart.engine.completion import context_of
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.codec import Picture
from pixelart.storage import write_file
from pixelart.training.data.pictures import PictureSet, read_pictures

Rule = Callable[[Picture], Picture]
"""rule(picture): (h, w, 4) to (2h, 2w, 4)."""
CAREFUL = 0.01
"""A temperature so low that the most probable colour of each pixel is drawn."""
_YUV = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
_WEIGHTS = np.array([48, 7, 6])
NOTES = """\
Small pictures are every second pixel of every second row of pictures that no checkpoint of the table was trained on,
snapped to the palette. Accuracy is over the other three quarters of the pixels. "Drawn": temperature 1, seed 0.
"Careful": the most probable colour of each pixel. Rules see only the small picture; models also get the class. Bits are
those of the true pixels, given the small picture and the pixels before; rules have no probabilities.
"""


class Figures(NamedTuple):
    """A row of the table: shares of the hidden pixels that are right, and bits per hidden pixel."""

    name: str
    drawn: float
    careful: float | None
    bits: float | None


def nearest(picture: Picture) -> Picture:
    """Each pixel becomes a block of 2 x 2."""
    return picture.repeat(2, 0).repeat(2, 1)


def scale2x(picture: Picture) -> Picture:
    """EPX (Johnston 1992), in the form of Scale2x (Mazzoleni 2001, www.scale2x.it/algorithm)."""
    e, above, left, right, below = (_moved(picture, *by) for by in ((0, 0), (-1, 0), (0, -1), (0, 1), (1, 0)))
    large = nearest(picture)
    for (row, column), one, two, far_one, far_two in (
        ((0, 0), left, above, below, right),
        ((0, 1), above, right, left, below),
        ((1, 0), below, left, right, above),
        ((1, 1), right, below, above, left),
    ):
        edge = _same(one, two) & ~_same(one, far_one) & ~_same(two, far_two)
        large[row::2, column::2] = np.where(edge[..., None], two, e)
    return large


def xbr(picture: Picture) -> Picture:
    """The rule of xBR, level 1 and without blending (Hyllian 2011, forums.libretro.com/t/xbr-algorithm-tutorial/123):
    a corner takes a neighbour's colour if the edge through it is stronger than the edge across."""
    large = nearest(picture)
    for turns, (row, column) in enumerate([(1, 1), (1, 0), (0, 0), (0, 1)]):
        large[row::2, column::2] = np.rot90(_lower_right(np.rot90(picture, turns)), -turns)
    return large


RULES: dict[str, Rule] = {"nearest neighbour": nearest, "EPX / Scale2x": scale2x, "xBR level 1, no blending": xbr}


def _lower_right(picture: Picture) -> Picture:  # the lower right of each block of four
    def at(row: int, column: int) -> Picture:
        return _moved(picture, row, column)

    e, f, h, i = at(0, 0), at(0, 1), at(1, 0), at(1, 1)
    along = _far(e, at(-1, 1)) + _far(e, at(1, -1)) + _far(i, at(0, 2)) + _far(i, at(2, 0)) + 4 * _far(h, f)
    across = _far(h, at(0, -1)) + _far(h, at(2, 1)) + _far(f, at(1, 2)) + _far(f, at(-1, 0)) + 4 * _far(e, i)
    edge = (along < across) & (_far(e, f) > 0) & (_far(e, h) > 0)
    nearer = np.where((_far(e, f) <= _far(e, h))[..., None], f, h)
    return np.where(edge[..., None], nearer, e)


def _far(one: Picture, two: Picture) -> NDArray[np.float64]:
    """Colour distance: weighted differences in YUV. Opaque and transparent differ as much as black and white."""
    yuv = np.abs((one[..., :3].astype(float) - two[..., :3].astype(float)) @ _YUV.T) @ _WEIGHTS
    return yuv + 48.0 * np.abs(one[..., 3].astype(float) - two[..., 3])


def _same(one: Picture, two: Picture) -> NDArray[np.bool_]:
    return (one == two).all(-1)


def _moved(picture: Picture, row: int, column: int) -> Picture:
    """The pixel `row` rows below and `column` columns right of each pixel; the border repeats."""
    height, width = picture.shape[:2]
    rows, columns = np.arange(height) + row, np.arange(width) + column
    return picture[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]


def others(height: int, width: int) -> NDArray[np.bool_]:
    """The mask of the pixels that the small picture does not contain."""
    mask = np.ones((height, width), np.bool_)
    mask[::2, ::2] = False
    return mask


def accuracy(drawn: Picture, true: Picture) -> float:
    """The share of the hidden pixels of pictures (N, H, W, 4) that are right."""
    return float((drawn == true).all(-1)[:, others(*true.shape[1:3])].mean())


def judge_rule(name: str, true: Picture) -> Figures:
    """The figures of a rule, from every second pixel of pictures (N, H, W, 4)."""
    return Figures(name, accuracy(np.stack([RULES[name](one[::2, ::2]) for one in true]), true), None, None)


def judge_model(engine: Engine, name: str, true: Picture, classes: Sequence[str]) -> Figures:
    """The figures of a checkpoint on the same pictures. In a multi-scale model, completing the hidden pixels is
    enlarging."""
    mask = others(*true.shape[1:3])

    def drawn(temperature: float) -> Picture:
        requests = [Request(name, {c: 1.0}, temperature=temperature) for c in classes]
        return np.stack(
            [engine.complete(one, picture, mask)[0].picture for one, picture in zip(requests, true, strict=True)]
        )

    loaded, nats = engine.library.load(name), 0.0
    with torch.no_grad():
        for picture, class_name in zip(true, classes, strict=True):
            context = context_of(loaded.codec, picture, mask, loaded.class_weights({class_name: 1.0}), count=1)
            nats -= float((loaded.model.log_prob(context.pixels, context) * context.mask[:, None]).double().sum())
    bits = nats / (math.log(2) * len(true) * int(mask.sum()))
    return Figures(name, accuracy(drawn(1.0), true), accuracy(drawn(CAREFUL), true), bits)


def unseen(engine: Engine, names: Sequence[str], data: Path, *, limit: int) -> PictureSet:
    """At most `limit` pictures that none of the checkpoints was trained on, in the colours of the first.

    Raises:
        PixelArtError: none is left, or the checkpoints differ in size or colours.
    """
    infos = [engine.info(name) for name in names]
    first = infos[0]
    for info in infos[1:]:
        alike = info.colours is not None and first.colours is not None and np.array_equal(info.colours, first.colours)
        if (info.height, info.width) != (first.height, first.width) or not alike:
            raise RequestRejected(f"{info.name} and {first.name} differ in size or palette: measure them separately")
    pictures = read_pictures(data, size=(first.height, first.width))
    for name in names:
        pictures = held_out(pictures, engine.library.seen_in_training(name), data)
    return pictures.select(np.arange(len(pictures)) < limit)


def line(figures: Figures) -> str:
    """A row of the table."""
    careful = "" if figures.careful is None else f"{figures.careful:.1%}"
    bits = "" if figures.bits is None else f"{figures.bits:.3f}"
    return f"| {figures.name} | {figures.drawn:.1%} | {careful} | {bits} |"


def report(rows: Sequence[Figures], images: int, command: str) -> str:
    """The content of ENLARGE.md."""
    head = ["| by | accuracy, drawn | careful | bits a pixel |", "|---" * 4 + "|"]
    title = f"# Enlarging to twice the size\n\n    {command}\n\nMeasured on {describe_machine()}; pictures: {images}.\n"
    return "\n".join([title, *head, *map(line, rows), "", NOTES])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table. Returns 2, after one line on stderr, for bad input."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", nargs="+", default=["dungeon-multiscale"], metavar="NAME")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--data", type=Path, default=Path("examples/dungeon.zip"))
    parser.add_argument("--limit", type=int, default=10**6, help="most pictures to measure")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/ENLARGE.md"))
    options = parser.parse_args(words)
    try:
        if options.limit < 1:
            raise RequestRejected(f"limit {options.limit}: must be at least 1")
        engine = Engine(options.checkpoints, device=torch.device("cpu"))
        pictures = unseen(engine, options.checkpoint, options.data, limit=options.limit)
        true = np.stack([engine.snap(options.checkpoint[0], picture)[0] for picture in pictures.pictures])
        rows = [judge_rule(name, true) for name in RULES]
        for name in options.checkpoint:
            rows.append(judge_model(engine, name, true, pictures.class_names))
            print(line(rows[-1]), flush=True)
    except PixelArtError as error:
        print(f"benchmarks.enlarge: {error}", file=sys.stderr)
        return 2
    command = told_command("enlarge", words)
    write_file(options.out, report(rows, len(true), command).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
