"""The commands that make more of a picture: extend, tileset, animate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pixelart.cli.arguments import add_command
from pixelart.cli.common import Json, row_progress, say
from pixelart.cli.draw import drawing_request, numbered, redrawing_options, write_drawings, write_sheet
from pixelart.controls import ANIMATE, EXTEND, TILESET
from pixelart.engine.variations import FRAMES, REDRAWN
from pixelart.errors import ImageRejected, RequestRejected
from pixelart.images.corner_tiles import WITHIN, sheet_order
from pixelart.images.gif import frames_gif
from pixelart.images.io import encode_png
from pixelart.images.sprite_json import sprite_sheet
from pixelart.storage import write_file

MARGIN_OPTIONS = ("left", "right", "up", "down")
FRAME_MS_LIMITS = (20, 10_000)
ANIMATION = "animation"
"""The name of the tag in the strip's JSON, and of the GIF."""
TILESET_FILE, STRIP_FILE, GIF_FILE = "tileset.png", "strip.png", f"{ANIMATION}.gif"


def extend(options: argparse.Namespace) -> Json:
    """Write the picture with drawn margins to --out, most probable first, nearly empty ones last."""
    engine, request = drawing_request(options, numbered(options.count))
    margins = {side: getattr(options, side) for side in MARGIN_OPTIONS}
    with row_progress() as on_row:
        return write_drawings(options, engine.extend(request, options.image, **margins, on_row=on_row))


def tileset(options: argparse.Namespace) -> Json:
    """Write 16 tiles to --out, and tileset.png with its JSON: a sheet in which all neighbours meet."""
    names = numbered(WITHIN + 1)
    engine, request = drawing_request(options, [*names, TILESET_FILE])
    with row_progress() as on_row:
        tiles = engine.tileset(request, options.image, outside=options.outside, on_row=on_row)
    options.out.mkdir(parents=True, exist_ok=True)
    files = []
    for number, name in enumerate(names):
        path = options.out / name
        write_file(path, tiles.png(number, scale=options.scale))
        files.append(str(path))
    order = sheet_order().flatten().tolist()
    sheet = sprite_sheet([tiles.pictures[n] for n in order], [f"tile_{n}" for n in order], columns=4)
    say(options, f"{options.out / '0.png'} to {options.out / '15.png'}  the sum of a tile's corners inside:")
    say(options, "  upper left 8, upper right 1, lower right 2, lower left 4")
    return {"images": files, "sheet": write_sheet(options, sheet, options.out / TILESET_FILE)}


def animate(options: argparse.Namespace) -> Json:
    """Write the frames to --out, with animation.gif unless a GIF cannot hold them, and strip.png with its JSON."""
    least, most = FRAME_MS_LIMITS
    if not least <= options.frame_ms <= most:
        raise RequestRejected(f"frame-ms {options.frame_ms}: must be from {least} to {most}")
    names = numbered(options.frames)
    engine, request = drawing_request(options, [*names, GIF_FILE, STRIP_FILE])
    with row_progress() as on_row:
        drawn = engine.animate(request, options.image, options.mask, frames=options.frames, on_row=on_row)
    options.out.mkdir(parents=True, exist_ok=True)
    files = []
    for number, (name, frame) in enumerate(zip(names, drawn.frames, strict=True)):
        path = options.out / name
        data = drawn.drawings[number - 1].png(scale=options.scale) if number else encode_png(frame, scale=options.scale)
        write_file(path, data)
        files.append(str(path))
    moving = options.out / GIF_FILE
    try:
        write_file(moving, frames_gif(drawn.frames, scale=options.scale, frame_ms=options.frame_ms))
    except ImageRejected as reason:  # the frames are PNG files, which hold what a GIF cannot
        say(options, f"no {moving.name}: {reason}")
        moving = None
    titles = [options.image.stem, *(drawing.name for drawing in drawn.drawings)]
    strip = sprite_sheet(drawn.frames, titles, columns=len(titles))
    say(options, f"{moving or options.out}  {len(titles)} frames: {REDRAWN}")
    how = {"frame_ms": options.frame_ms, "tag": ANIMATION}
    told = write_sheet(options, strip, options.out / STRIP_FILE, **how)
    return {"images": files, "gif": moving and str(moving), "strip": told}


def add_commands(add: Any) -> None:
    """Add extend, tileset and animate."""
    _add_extend(add)
    _add_tileset(add)
    _add_animate(add)


def _add_extend(add: Any) -> None:
    example = "--checkpoint dungeon-gated --image in.png --left 16 --right 16 --count 4 --seed 1 --out wide/"
    command = add_command(add, "extend", extend, example)
    command.add_argument("--image", type=Path, required=True, help="the picture")
    for side in MARGIN_OPTIONS:
        text = f"pixels to add {'to the ' + side if side in MARGIN_OPTIONS[:2] else side + 'wards'} (0)"
        command.add_argument(f"--{side}", type=int, default=0, metavar="PIXELS", help=text)
    redrawing_options(command, EXTEND)


def _add_tileset(add: Any) -> None:
    example = "--checkpoint dungeon-gated --image floor.png --class floor --seed 1 --out floor-tiles/"
    command = add_command(add, "tileset", tileset, example)
    command.add_argument(
        "--image", type=Path, required=True, help="a tile of the terrain, as generate --seamless draws"
    )
    command.add_argument("--outside", type=Path, help="a tile of what surrounds it (transparent)")
    redrawing_options(command, TILESET)


def _add_animate(add: Any) -> None:
    example = "--checkpoint dungeon-gated --image torch.png --mask flame.png --frames 4 --seed 1 --out torch/"
    command = add_command(add, "animate", animate, example)
    command.add_argument("--image", type=Path, required=True, help="the picture, which is the first frame")
    command.add_argument("--mask", type=Path, required=True, help="same size; white = redrawn; at most half of it")
    text = f"how many frames, {FRAMES[0]} to {FRAMES[1]} (3)"
    command.add_argument("--frames", type=int, default=3, help=text)
    command.add_argument("--frame-ms", type=int, default=200, help="how long each is shown, in milliseconds (200)")
    redrawing_options(command, ANIMATE)
