"""`python -m pixelart inspect`: how probable a picture is to the model, as numbers and a heat map."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.cli.arguments import add_command, checkpoint_option, class_option
from pixelart.cli.common import Json, check_not_read, check_out_file, check_scale, class_weights, find, say
from pixelart.engine import PixelColours
from pixelart.images.codec import colour_word
from pixelart.images.heatmap import heat_map
from pixelart.images.io import encode_png, read_picture
from pixelart.storage import write_file


def inspect(options: argparse.Namespace) -> Json:
    """Report bits, class (by Bayes' rule) and the probable colours of a pixel; write a heat map to --out."""
    check_scale(options.scale)
    if options.out:
        check_not_read(options, options.out)
        check_out_file(options.out)
    engine, name = find(options.checkpoints, options.checkpoint)
    picture, weights = read_picture(options.image), class_weights(options)
    found, info = engine.inspect(name, picture, class_weights=weights), engine.info(name)
    result: Json = {
        "checkpoint": name,
        "bits": found.total_bits,
        "bits_per_dim": found.bits_per_dim,
        "snapped": engine.snap(name, picture)[1],
        **({"most_colours": info.most_colours} if info.takes_palettes else {}),
        "class_probabilities": dict(found.class_probabilities),
        "most_surprising": [pixel._asdict() for pixel in found.most_surprising(options.top)],
    }
    if options.pixel:
        row, column = options.pixel
        at = engine.colours_at(name, picture, row=row, column=column, top=options.top, class_weights=weights)
        result["pixel"] = {"row": row, "column": column, **_colours(at)}
    if options.out:
        result["heat_map"] = _write_heat_map(options, found.bits)
    say(options, *_lines(result, top=options.top))
    return result


def _colours(at: PixelColours) -> Json:
    current, *likely = (
        {"colour": colour_word(chance.colour), "probability": chance.probability} for chance in (at.current, *at.likely)
    )
    return {"current": current, "colours": likely, "exact": at.is_exact, "bound": at.bound}


def _write_heat_map(options: argparse.Namespace, bits: NDArray[np.float64]) -> Json:
    white = float(bits.max())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_file(options.out, encode_png(heat_map(bits, white_bits=white, scale=options.scale)))
    return {"file": str(options.out), "black_bits": 0.0, "white_bits": white}


def _lines(result: Json, *, top: int) -> Iterator[str]:
    yield f"{result['bits']:.1f} bits, {result['bits_per_dim']:.3f} bits/dim"
    if result["snapped"]:
        most = result.get("most_colours")
        nearest = f"nearest of {most} colours, the largest palette" if most else "nearest colour of the checkpoint"
        yield f"pixels judged as the {nearest}: {result['snapped']}"
    for place in result["most_surprising"]:
        yield f"row {place['row']}, column {place['column']}: {place['bits']:.2f} bits"
    for name, p in [*result["class_probabilities"].items()][:top]:
        yield f"class {name}  {p:.2%}"
    if pixel := result.get("pixel"):
        yield f"pixel {pixel['row']},{pixel['column']} is {_chance(pixel['current'])}; it could be"
        yield from (f"  {_chance(chance)}" for chance in pixel["colours"])
        if not pixel["exact"]:
            yield f"  or another colour, each at most {pixel['bound']:.2%}"
    if heat := result.get("heat_map"):
        yield f"{heat['file']}: black 0 bits, white {heat['white_bits']:.2f} bits"


def _chance(chance: Json) -> str:
    return f"{chance['colour']}  {chance['probability']:.2%}"


def add_commands(add: Any) -> None:
    """Add inspect."""
    example = "--checkpoint dungeon-gated --image in.png --class hero --pixel 12,7 --out heat.png"
    command = add_command(add, "inspect", inspect, example)
    command.add_argument("--image", type=Path, required=True, help="the picture")
    checkpoint_option(command)
    class_option(command)
    command.add_argument(
        "--pixel", type=_pixel, metavar="ROW,COLUMN", help="list its most probable colours; 0,0 = top left"
    )
    command.add_argument("--top", type=int, default=5, help="how many pixels, classes and colours to list (5)")
    command.add_argument("--out", type=Path, help="write a heat map to this PNG; brighter = more bits")
    command.add_argument("--scale", type=int, default=8, help="enlarge the heat map by this factor (8)")


def _pixel(text: str) -> tuple[int, int]:
    try:
        row, column = (int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r:.40}: write ROW,COLUMN such as 12,7") from error
    return row, column
