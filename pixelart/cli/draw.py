"""The commands that draw: models, generate, complete, enlarge."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.cli.arguments import add_command, checkpoint_option, checkpoints_option, class_option, sides
from pixelart.cli.common import (
    Json,
    check_not_read,
    check_out_file,
    check_out_folder,
    check_scale,
    class_weights,
    find,
    row_progress,
    say,
)
from pixelart.cli.sets import check_set_options, generate_set, set_options
from pixelart.controls import COMPLETE, CONTROLS, ENLARGE, GENERATE, controls_of
from pixelart.engine import Drawing, Engine, Request
from pixelart.errors import RequestRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK
from pixelart.images.codec import parse_hex_colours
from pixelart.images.coercion import percent_of
from pixelart.images.io import read_picture
from pixelart.images.palette_choice import AUTO_PALETTE, OF_MODEL
from pixelart.images.palette_choice import WORDS as PALETTE_WORDS
from pixelart.images.palette_files import read_palette_file
from pixelart.images.sprite_json import SpriteSheet, sprite_sheet
from pixelart.models import create_model, get_variant, list_models
from pixelart.sampling import AUTO, SAMPLERS
from pixelart.settings import SETTINGS
from pixelart.storage import write_file

_READ = ("class_name", "palette", "temperature_percent")
"""Controls whose options are not the values themselves."""


def models(options: argparse.Namespace) -> Json:
    """List model variants with their presets, and checkpoints."""
    size: dict[str, Any] = {"channels": 1, "levels": 64, "height": 32, "width": 32, "num_classes": 10}
    variants = []
    for name in list_models():
        network = create_model(name, **size)
        parameters = sum(p.numel() for p in network.parameters())
        variants.append({"name": name, "presets": list(get_variant(name).presets), "parameters": parameters})
    checkpoints = [
        {
            "name": c.name,
            "model": c.model,
            "size": [c.width, c.height],
            "classes": list(c.classes),
            "looks": list(c.looks),
            "kinds": c.kinds_by_class(),
        }
        for c in Engine(options.checkpoints).list_checkpoints()
    ]
    for v in variants:
        presets, parameters = ", ".join(v["presets"]), f"{v['parameters'] / 1e6:.1f} M parameters"
        say(options, f"{v['name']}  presets: {presets}  {parameters} (default; 32 x 32, 64 colours, 10 classes)")
    for c in checkpoints:
        width, height = c["size"]
        looks = f"  looks: {', '.join(c['looks'])}" if c["looks"] else ""
        looks += "".join(f"  kinds of {name}: {', '.join(kinds)}" for name, kinds in c["kinds"].items())
        names = f"classes: {', '.join(c['classes'])}{looks}"
        say(options, f"checkpoint {c['name']}  {c['model']}  {width} x {height}  {names}")
    return {"models": variants, "checkpoints": checkpoints}


def generate(options: argparse.Namespace) -> Json:
    """Write new pictures to --out; in shards, if there are many."""
    if options.shards or options.count > SETTINGS.max_count:
        return generate_set(options, *drawing_request(options))
    check_set_options(options)
    engine, request = drawing_request(options, numbered(options.count))
    with row_progress() as on_row:
        return write_drawings(options, engine.generate(request, on_row=on_row))


def complete(options: argparse.Namespace) -> Json:
    """Write candidates for the masked pixels to --out, most probable first, nearly empty ones last."""
    engine, request = drawing_request(options, numbered(options.count))
    with row_progress() as on_row:
        return write_drawings(options, engine.complete(request, options.image, options.mask, on_row=on_row))


def enlarge(options: argparse.Namespace) -> Json:
    """Write larger pictures to --out, most probable first, nearly empty ones last."""
    if options.checkpoint is None:
        able = [info.name for info in Engine(options.checkpoints).list_checkpoints() if info.enlarges]
        if not able:
            raise RequestRejected(f"no checkpoint in {options.checkpoints} enlarges; train one: --model multiscale")
        options.checkpoint = able[0]
    engine, request = drawing_request(options, numbered(options.count))
    snapped = engine.snap(request.checkpoint, options.image)[1]
    with row_progress() as on_row:
        drawings = engine.enlarge(request, options.image, factor=options.factor, on_row=on_row)
    if snapped:
        say(options, f"pixels replaced by the nearest colour of the checkpoint: {snapped}")
    return {"checkpoint": request.checkpoint, "snapped": snapped, **write_drawings(options, drawings)}


def numbered(count: int) -> list[str]:
    """The names of the first `count` pictures in --out, at most as many as a request may have."""
    return [f"{number}.png" for number in range(min(count, SETTINGS.max_count))]


def drawing_request(options: argparse.Namespace, names: Sequence[str] = ()) -> tuple[Engine, Request]:
    """The engine, and the request of the options of `drawing_options`. Checks that the outputs can be written: the
    sheet, and files of these `names` in --out."""
    check_scale(options.scale)
    check_out_folder(options.out)
    _check_sheet(options)
    for name in names:
        check_not_read(options, options.out / name)
        if options.sheet and (options.out / name).resolve() == options.sheet.resolve():
            raise RequestRejected(f"sheet {options.sheet}: is also the name of a picture")
    engine, name = find(options.checkpoints, options.checkpoint)
    if options.allow and options.palette not in ("", OF_MODEL):
        raise RequestRejected("allow: cannot be combined with a palette of given colours")
    request = engine.request(
        name,
        **{field: getattr(options, field) for field in CONTROLS if field not in _READ},
        class_weights=class_weights(options),
        allowed=_allowed(engine, name, options.allow),
        sampler=options.sampler,
        own_colours=options.own_colours,
        palette=_palette(options.palette),
        temperature_percent=percent_of(read_picture(file)) if (file := options.temperature_percent) else None,
    )
    return engine, request


def _allowed(engine: Engine, name: str, text: str | None) -> tuple[int, ...] | None:
    """Palette indices of colours written as hex digits or "transparent", separated by commas."""
    if text is None:
        return None
    colours = engine.info(name).colours
    if colours is None:
        raise RequestRejected(f"{name} has no palette to choose from")
    allowed = []
    for word in text.split(","):
        rgba = [0, 0, 0, 0] if word.strip() == "transparent" else [*parse_hex_colours([word])[0].tolist(), 255]
        matches = np.flatnonzero((colours == rgba).all(axis=1))
        if not len(matches):
            raise RequestRejected(f"colour {word.strip()!r:.20} is not in the palette of {name}")
        allowed.append(int(matches[0]))
    return tuple(allowed)


def _palette(text: str) -> str | NDArray[np.uint8]:
    """One of the palette words, or the colours of a palette file."""
    return text if text in PALETTE_WORDS else read_palette_file(Path(text))


def _check_sheet(options: argparse.Namespace) -> None:
    if options.columns and not options.sheet:
        raise RequestRejected("columns needs --sheet")
    if not 0 <= options.columns <= SETTINGS.max_count:
        raise RequestRejected(f"columns {options.columns}: must be from 0 to {SETTINGS.max_count}")
    if options.sheet:
        if options.sheet.suffix.lower() != ".png":
            raise RequestRejected(f"sheet {options.sheet}: must end in .png")
        check_out_file(options.sheet, option="sheet")
        check_not_read(options, options.sheet, option="sheet")


def write_drawings(options: argparse.Namespace, drawings: list[Drawing]) -> Json:
    """Write the pictures to --out and --sheet, and say so. Returns what --json prints."""
    options.out.mkdir(parents=True, exist_ok=True)
    images = []
    for name, drawing in zip(numbered(len(drawings)), drawings, strict=True):
        path = options.out / name
        write_file(path, drawing.png(scale=options.scale))
        images.append({"file": str(path), "seed": drawing.seed, "log_prob": drawing.log_prob})
        say(options, f"{path}  seed {drawing.seed}  log p {drawing.log_prob:.1f}")
    sheet = {}
    if options.sheet:
        drawn = sprite_sheet([d.picture for d in drawings], [d.name for d in drawings], columns=options.columns)
        sheet = {"sheet": write_sheet(options, drawn, options.sheet)}
    return {"images": images, **sheet}


def write_sheet(options: argparse.Namespace, sheet: SpriteSheet, path: Path, **how: Any) -> Json:
    """Write a sheet to `path`, its JSON beside it, and say so. `how`: see `SpriteSheet.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".json")
    write_file(path, sheet.png(scale=options.scale))
    write_file(beside, sheet.json(image=path.name, scale=options.scale, **how).encode(errors="replace"))
    say(options, f"{path}  {beside.name}  {sheet.columns} x {sheet.rows} frames")
    return {"file": str(path), "data": str(beside), "columns": sheet.columns, "rows": sheet.rows}


def add_commands(add: Any) -> None:
    """Add models, generate, complete and enlarge."""
    _add_models(add)
    _add_generate(add)
    _add_complete(add)
    _add_enlarge(add)


def _add_models(add: Any) -> None:
    command = add_command(add, "models", models, "--json")
    checkpoints_option(command)


def _add_generate(add: Any) -> None:
    example = "--checkpoint dungeon-gated --class hero --count 16 --seed 1 --scale 4 --out heroes/"
    command = add_command(add, "generate", generate, example)
    _with_checkpoint(command, GENERATE)
    command.add_argument("--size", type=sides, metavar="SIZE", help="32, or width x height: 48x32 (that of the class)")
    text = "a palette file to draw in, or model: the checkpoint's own colours (a palette of the class)"
    command.add_argument("--palette", metavar="FILE", default=AUTO_PALETTE, help=text)
    set_options(command)


def _add_complete(add: Any) -> None:
    example = "--checkpoint dungeon-gated --image in.png --mask mask.png --class hero --count 4 --out done/"
    command = add_command(add, "complete", complete, example)
    command.add_argument("--image", type=Path, required=True, help="the picture")
    command.add_argument("--mask", type=Path, required=True, help="same size; white = repaint")
    redrawing_options(command, COMPLETE)


def _add_enlarge(add: Any) -> None:
    example = "--checkpoint scales --image in.png --factor 2 --count 4 --seed 1 --out large/"
    command = add_command(add, "enlarge", enlarge, example)
    command.add_argument("--image", type=Path, required=True, help="the small picture")
    command.add_argument("--factor", type=int, default=2, help="how many times as large, 2 or 4 (2)")
    command.add_argument("--checkpoint", help="a name under checkpoints/, or a folder (the first that enlarges)")
    checkpoints_option(command)
    drawing_options(command, ENLARGE)
    _own_colours(command)


def redrawing_options(command: argparse.ArgumentParser, action: str) -> None:
    """The options of every command that draws a part of a picture; `action` picks the controls."""
    _with_checkpoint(command, action)
    text = "draw in the colours of: picture, model, or a palette file (the picture's, and more if it has few)"
    command.add_argument("--palette", metavar="FILE", default=AUTO_PALETTE, help=text)
    _own_colours(command)


def _with_checkpoint(command: argparse.ArgumentParser, action: str) -> None:
    checkpoint_option(command)
    drawing_options(command, action)


def drawing_options(command: argparse.ArgumentParser, action: str) -> None:
    """The options of every command that draws; `action` picks the controls."""
    class_option(command)
    command.add_argument("--look", default=NO_LOOK, help=f"{CONTROLS['look'].text} (any)")
    command.add_argument("--kind", default=NO_KIND, help=f"{CONTROLS['kind'].text} (any)")
    usual = {field: control.default for field, control in CONTROLS.items()}
    command.set_defaults(
        **{**usual, "own_colours": False, "class_name": None, "size": None, "sheet": None, "columns": 0}
    )
    _controls(command, action)
    command.add_argument("--allow", metavar="COLOURS", help="only these colours, such as ff0044,transparent")
    text = "how to draw; all give the same pictures, auto is the fastest for the model (auto)"
    command.add_argument("--sampler", choices=(AUTO, *SAMPLERS), default=AUTO, help=text)
    command.add_argument("--scale", type=int, default=1, help="enlarge the files by this factor (1)")
    command.add_argument("--out", type=Path, required=True, help="folder for 0.png, 1.png, ...")
    if "temperature_percent" in dict(controls_of(action)):
        text = "a PNG of the result's size: each gray is the percent of the temperature at its pixel (100 everywhere)"
        command.add_argument("--temperature-percent", metavar="FILE", default="", help=text)
    if "count" in dict(controls_of(action)):
        text = "also write a sprite sheet, and its JSON in Aseprite's hash form beside it"
        command.add_argument("--sheet", type=Path, metavar="FILE.png", help=text)
        command.add_argument("--columns", type=int, default=0, help="of the sheet (as many as rows)")


def _controls(command: argparse.ArgumentParser, action: str) -> None:
    """The options that `pixelart.controls` declares. Options that a preset sets have the default None."""
    for field, control in controls_of(action):
        flag, default = f"--{field.replace('_', '-')}", None if control.of_preset else control.default
        if not (control.choices or control.limits):
            continue
        words = [word for word in control.choices if word] or None
        usual = (
            default or control.default_words if words else control.default_words if default is None else f"{default:g}"
        )
        text = control.help(action, control.limits, usual or control.default_words)
        command.add_argument(flag, type=control.kind, choices=words, default=default, help=text)


def _own_colours(command: argparse.ArgumentParser) -> None:
    text = "use the picture's own colour if it has one near the model's colour"
    command.add_argument("--own-colours", action="store_true", help=text)
