"""Measure what a checkpoint draws against real tiles that it was not trained on.

    python -m benchmarks.quality --checkpoint dungeon-gated --grid --orders --write-presets
    python -m benchmarks.quality --checkpoint dungeon-gated --pictures 4 --quick --json

The first command measures a grid of temperature x top-p x guidance on the validation tiles, chooses the presets Calm,
Balanced and Wild from it, writes them into the checkpoint's config.json, measures them on the held-out tiles, and
writes benchmarks/QUALITY.md and a contact sheet. The second is quick and writes nothing: it measures the checkpoint's
presets on the validation tiles.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.looks import look_for
from benchmarks.machine import told_command
from benchmarks.quality import choosing, metrics, report
from benchmarks.quality.completions import compare_completions
from benchmarks.quality.drawing import Drawn, draw_classes
from benchmarks.quality.judge import Judge, find_judge, judge_digest
from benchmarks.quality.measure import ceiling, quality
from benchmarks.quality.orders import compare_orders, compare_plain_orders
from benchmarks.quality.tiles import Tiles, read_tiles
from pixelart.checkpoint.format import CONFIG_FILE, PRESETS_KEY
from pixelart.checkpoint.presets import DEFAULT_PRESET
from pixelart.cli.common import progress_bar
from pixelart.controls import MOST_REDRAWS
from pixelart.engine import Engine, Preset
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.io import encode_png
from pixelart.sampling import Controls
from pixelart.settings import SETTINGS
from pixelart.storage import write_file

HERE = Path(__file__).parent
PLAIN = "plain"
"""The name of the setting with temperature 1, all colours and no guidance."""
REDRAWN = f"{DEFAULT_PRESET}, as the app draws"
"""The default preset with nearly empty pictures and confetti drawn again, which the app does unless a seed is given."""
SEEDS_TO_CHOOSE = 1000
"""Settings are chosen with seeds from here on; figures are reported with seeds from 0 on."""
NOTE = """\
Settings are chosen on the validation tiles (content hash from 0.10 to 0.15), which the judge was not trained on, with
other seeds than those reported. A checkpoint trained with a validation share of 0.1 was trained on these tiles."""
ORDERS = """\
Pictures of one class, like the results of a request. Pairs: of two pictures, only one of which the judge recognises as
the class, how often that one comes first. Class gain is log p(picture given class) - log p(picture given any class).
These pictures are drawn with the seeds for choosing (see above)."""


COMPLETIONS = """\
Candidates for a hole in a real validation tile. Pairs: of two candidates, how often the one nearer to the original, by
the judge's features, comes first; 50 % is chance."""
HOLES = ("centre16", "brush")


def controls_of(preset: Preset) -> Controls:
    """The sampling controls of a preset."""
    return Controls(**preset.values())


def find_pieces(engine: Engine, checkpoint: str, options: argparse.Namespace) -> tuple[Tiles, Judge]:
    """The real tiles in the checkpoint's size, and their judge."""
    info = engine.info(checkpoint)
    tiles = read_tiles(options.data, size=(info.height, info.width))
    if not set(tiles.classes) & set(info.classes):
        raise RequestRejected(f"{checkpoint} has none of the classes of {options.data.name}")
    with progress_bar("training the judge") as progress:
        return tiles, find_judge(tiles, options.judge, progress=progress)


def measure_grid(engine: Engine, name: str, judge: Judge, tiles: Tiles, options: argparse.Namespace) -> list[Any]:
    """The figures of every setting of the grid on the validation tiles."""
    rows = []
    for controls in options.grid or choosing.grid(options.temperatures, options.top_ps, options.guidances):
        values: dict[str, Any] = {"two_sample": False, "near_copies": False, "keep": options.keep}
        values |= {"part": "validation", "first_seed": SEEDS_TO_CHOOSE}
        rows.append(quality(engine, name, controls, options.grid_pictures, judge, tiles, **values))
        print(_line("grid", rows[-1]), file=sys.stderr, flush=True)
    return rows


def measure_presets(
    engine: Engine,
    name: str,
    judge: Judge,
    tiles: Tiles,
    presets: Mapping[str, Controls],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """The figures of each preset on the held-out tiles; a quick run measures fewer, on the validation tiles."""
    values: dict[str, Any] = {"keep": options.keep}
    if options.quick:
        values |= {"part": "validation", "two_sample": False, "near_copies": False, "first_seed": SEEDS_TO_CHOOSE}
    found = {}
    for preset, controls in presets.items():
        found[preset] = quality(engine, name, controls, options.pictures, judge, tiles, **values)
        print(_line(preset, found[preset]), file=sys.stderr, flush=True)
    if not options.quick and DEFAULT_PRESET in presets:
        values["redraw"] = MOST_REDRAWS
        found[REDRAWN] = quality(engine, name, presets[DEFAULT_PRESET], options.pictures, judge, tiles, **values)
        print(_line(REDRAWN, found[REDRAWN]), file=sys.stderr, flush=True)
    return found


def _grid_drawn(engine: Engine, name: str, judge: Judge, options: argparse.Namespace) -> list[Drawn]:
    classes = judge.known(engine.info(name).classes)
    values: dict[str, Any] = {"count": options.grid_pictures, "first_seed": SEEDS_TO_CHOOSE, "classes": classes}
    settings = options.grid or choosing.grid(options.temperatures, options.top_ps, options.guidances)
    return [draw_classes(engine, name, controls, keep=options.keep, **values) for controls in settings]


def measure_orders(
    engine: Engine,
    name: str,
    judge: Judge,
    tiles: Tiles,
    presets: Mapping[str, Preset],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """How well each order of results agrees with the judge.

    Measured on pictures of PLAIN, which vary most, on those of the default preset, and on candidates for holes.
    """
    settings = {PLAIN: Controls(), DEFAULT_PRESET: controls_of(presets[DEFAULT_PRESET])}
    values: dict[str, Any] = {"count": options.grid_pictures, "first_seed": SEEDS_TO_CHOOSE, "keep": options.keep}
    values["classes"] = judge.known(engine.info(name).classes)
    found = {}
    for setting, controls in settings.items():
        drawn = draw_classes(engine, name, controls, **values)
        found[setting] = compare_orders(engine.library.load(name), drawn, judge, keep=options.keep)
    if options.grid is not None:
        found["every setting of the grid"] = compare_plain_orders(_grid_drawn(engine, name, judge, options), judge)
    completions = compare_completions(
        engine, name, presets[DEFAULT_PRESET], judge, tiles, holes=HOLES, most=options.completions
    )
    return {"note": ORDERS, "settings": found, "completions_note": COMPLETIONS, "completions": completions}


def judged(judge: Judge, tiles: Tiles) -> dict[str, Any]:
    """Accuracy of the judge on the held-out tiles: in their own colours, mean over classes, in the common palette."""
    names, held = np.array(tiles.held_out.class_names), tiles.held_out
    right = judge.recognises(held.array, held.class_names)
    common = judge.recognises(judge.snap(held.array), held.class_names)
    return {
        "digest": judge_digest(judge),
        "accuracy": metrics.share(right).json(),
        "of_classes": round(float(np.mean([right[names == name].mean() for name in held.classes])), 6),
        "common": metrics.share(common).json(),
    }


def write_presets(folder: Path, presets: Mapping[str, Preset]) -> None:
    """Write presets into the config.json of a checkpoint."""
    values = json.loads((folder / CONFIG_FILE).read_bytes())
    values["training"][PRESETS_KEY] = {name: preset.values() for name, preset in presets.items()}
    write_file(folder / CONFIG_FILE, json.dumps(values, indent=1, ensure_ascii=False).encode())


def measure_checkpoint(engine: Engine, name: str, options: argparse.Namespace, command: str) -> dict[str, Any]:
    """All figures of a checkpoint in QUALITY.md. Also writes its contact sheet, unless the run is quick."""
    if options.orders and engine.info(name).takes_palettes:
        raise RequestRejected(f"orders: {name} draws each picture in a palette of its own; they need a fixed one")
    tiles, judge = find_pieces(engine, name, options)
    result = {"checkpoint": name, "command": command, "machine": report.machine(), "judge": judged(judge, tiles)}
    result["look"] = look_for(engine.info(name))
    presets = dict(engine.info(name).presets)
    rows = [] if options.grid is None else measure_grid(engine, name, judge, tiles, options)
    if rows:
        presets = choosing.choose_presets(rows)
    if options.write_presets:
        write_presets(engine.library.path(name), presets)
    settings = {preset: controls_of(value) for preset, value in presets.items()}
    if not options.quick and Controls() not in settings.values():
        settings[PLAIN] = Controls()
    figures = measure_presets(engine, name, judge, tiles, settings, options)
    result |= {"presets": {preset: value.values() for preset, value in presets.items()}}
    if options.orders:
        result["orders"] = measure_orders(engine, name, judge, tiles, presets, options)
    if options.quick:
        return {**result, "validation": figures}
    values: dict[str, Any] = {"count": options.pictures, "classes": judge.known(engine.info(name).classes)}
    drawn = [draw_classes(engine, name, controls, **values, keep=options.keep) for controls in settings.values()]
    picture = encode_png(report.sheet(tiles, "held_out", drawn, values["classes"]), scale=2)
    write_file(options.out.parent / f"quality-{name}.png", picture)
    result |= {"sheet": list(settings), "first_seed": 0, "held_out": figures, "ceiling": ceiling(judge, tiles)}
    return {**result, "grid": [without_intervals(row) for row in rows], "note": NOTE}


def write_result(result: Mapping[str, Any], out: Path) -> None:
    """Write the figures of a checkpoint beside the report `out`, and the report of all that are there."""
    folder = out.parent / "quality" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / f"{result['checkpoint']}.json", (json.dumps(result, indent=1) + "\n").encode())
    found = [json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))]
    found.sort(key=lambda result: result["checkpoint"] != SETTINGS.first_checkpoint)
    write_file(out, report.text(found).encode())


def without_intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    """The stored figures of a setting of the grid: pooled values and means over classes."""
    pooled = {kind: {"value": figure["value"]} for kind, figure in row["pooled"].items()}
    kept = {key: row[key] for key in ("controls", "part", "first_seed", "pictures", "mean_of_classes")}
    return {**kept, "pooled": pooled}


def _line(setting: str, figures: Mapping[str, Any]) -> str:
    values = figures["controls"]
    pooled, kinds = figures["pooled"], ("kernel_distance", "precision", "recall", "class_accuracy", "blank")
    numbers = ", ".join(f"{kind} {pooled[kind]['value']:.3g}" for kind in kinds if pooled[kind]["value"] is not None)
    return f"{setting} {values['temperature']:g}/{values['top_p']:g}/{values['guidance']:g}: {numbers}"


def _controls(text: str) -> Controls:
    try:
        temperature, top_p, guidance = map(float, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r:.40}: write TEMPERATURE,TOP_P,GUIDANCE such as 0.9,1,1.5") from error
    return Controls(temperature=temperature, top_p=top_p, guidance=guidance)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--checkpoint", nargs="+", default=["dungeon-gated"], metavar="NAME")
    add("--checkpoints", type=Path, default=Path("checkpoints"), help="folder of the checkpoints")
    add("--data", type=Path, default=Path("examples/dungeon.zip"), help="real tiles; sub-folder = class")
    add("--pictures", type=int, default=24, help="pictures per class and preset (24)")
    add("--quick", action="store_true", help="few figures, on the validation tiles; write nothing")
    text = "measure a grid of settings and choose the presets from it: these, or all combinations of the lists below"
    add("--grid", nargs="*", type=_controls, metavar="TEMPERATURE,TOP_P,GUIDANCE", help=text)
    add("--grid-pictures", type=int, default=8, help="pictures per class and setting of the grid (8)")
    add("--temperatures", type=float, nargs="+", default=[0.8, 0.9, 1.0])
    add("--top-ps", type=float, nargs="+", default=[0.9, 1.0])
    add("--guidances", type=float, nargs="+", default=[1.0, 1.5, 2.0])
    add("--write-presets", action="store_true", help="write the presets into the checkpoint's config.json")
    add("--orders", action="store_true", help="also compare orders of results")
    add("--completions", type=int, default=2, help="tiles per class that --orders completes (2)")
    add("--judge", type=Path, default=HERE / "judge.safetensors", help="file of the judge")
    add("--keep", type=Path, default=Path(".quality/drawn"), help="folder where drawn pictures are cached")
    add("--json", action="store_true", help="also print one JSON value")
    add(
        "--out",
        type=Path,
        default=Path("benchmarks/QUALITY.md"),
        help="the report; its figures go into a folder beside it",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write. Returns 2, after one line on stderr, for bad input."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    command = told_command("quality", words)
    results = list[dict[str, Any]]()
    try:
        if options.pictures < 1 or options.grid_pictures < 1:
            raise RequestRejected("pictures: must be at least 1")
        if options.quick and options.write_presets:
            raise RequestRejected("write-presets: not with --quick, which writes nothing")
        if not options.quick:
            options.out.parent.mkdir(parents=True, exist_ok=True)  # now, not after minutes of drawing
        engine = Engine(options.checkpoints, device=torch.device("cpu"))
        for name in options.checkpoint:
            results.append(measure_checkpoint(engine, name, options, command))
            if not options.quick:
                write_result(results[-1], options.out)
    except PixelArtError as error:
        print(f"benchmarks.quality: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(results[0] if len(results) == 1 else results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
