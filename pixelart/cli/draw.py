"""The commands that draw and evaluate: models, generate, complete, enlarge, evaluate."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.cli.common import (
    Json,
    check_out_folder,
    check_scale,
    class_weights,
    find,
    progress_bar,
    row_progress,
    say,
)
from pixelart.controls import CONTROLS
from pixelart.engine import Checkpoint, Drawing, Engine, Request
from pixelart.errors import DataRejected, RequestRejected
from pixelart.images.codec import parse_hex_colours
from pixelart.images.palette_choice import OF_MODEL
from pixelart.images.palette_choice import WORDS as PALETTE_WORDS
from pixelart.images.palette_files import read_palette_file
from pixelart.models import create_model, get_variant, list_models
from pixelart.storage import write_file
from pixelart.training.data.encoded import code_pictures
from pixelart.training.data.picture_store import EncodedSet
from pixelart.training.data.pictures import PictureSet, read_pictures
from pixelart.training.evaluation import HoleSums, hole_sums, nats_per_stage, pooled_bits, stage_bits


def models(options: argparse.Namespace) -> Json:
    """List model variants with their presets, and checkpoints."""
    size: dict[str, Any] = {"channels": 1, "levels": 64, "height": 32, "width": 32, "num_classes": 10}
    variants = []
    for name in list_models():
        network = create_model(name, **size)
        parameters = sum(p.numel() for p in network.parameters())
        variants.append({"name": name, "presets": list(get_variant(name).presets), "parameters": parameters})
    checkpoints = [
        {"name": c.name, "model": c.model, "size": [c.width, c.height], "classes": list(c.classes)}
        for c in Engine(options.checkpoints).list_checkpoints()
    ]
    for v in variants:
        presets, parameters = ", ".join(v["presets"]), f"{v['parameters'] / 1e6:.1f} M parameters"
        say(options, f"{v['name']}  presets: {presets}  {parameters} (default; 32 x 32, 64 colours, 10 classes)")
    for c in checkpoints:
        width, height = c["size"]
        say(options, f"checkpoint {c['name']}  {c['model']}  {width} x {height}  classes: {', '.join(c['classes'])}")
    return {"models": variants, "checkpoints": checkpoints}


def generate(options: argparse.Namespace) -> Json:
    """Write new pictures to --out."""
    engine, request = _request(options)
    with row_progress() as on_row:
        return _write(options, engine.generate(request, on_row=on_row))


def complete(options: argparse.Namespace) -> Json:
    """Write candidates for the masked pixels to --out, most probable first, nearly empty ones last."""
    engine, request = _request(options)
    with row_progress() as on_row:
        return _write(options, engine.complete(request, options.image, options.mask, on_row=on_row))


def enlarge(options: argparse.Namespace) -> Json:
    """Write larger pictures to --out, most probable first, nearly empty ones last."""
    if options.checkpoint is None:
        able = [info.name for info in Engine(options.checkpoints).list_checkpoints() if info.enlarges]
        if not able:
            raise RequestRejected(f"no checkpoint in {options.checkpoints} enlarges; train one: --model multiscale")
        options.checkpoint = able[0]
    engine, request = _request(options)
    snapped = engine.snap(request.checkpoint, options.image)[1]
    with row_progress() as on_row:
        drawings = engine.enlarge(request, options.image, factor=options.factor, on_row=on_row)
    if snapped:
        say(options, f"pixels read as the nearest colour of the checkpoint: {snapped}")
    return {"checkpoint": request.checkpoint, "snapped": snapped, **_write(options, drawings)}


def evaluate(options: argparse.Namespace) -> Json:
    """Measure bits per dimension, and bits in masks, of pictures that were not trained on."""
    engine, name = find(options.checkpoints, options.checkpoint)
    loaded = engine.library.load(name)
    pictures = read_pictures(
        options.data, size=(loaded.info.height, loaded.info.width), fit=options.fit, frames=options.frames
    )
    if not options.include_training:
        pictures = held_out(pictures, engine.library.seen_in_training(name), options.data)
    own = options.palette == "own"
    if own and not loaded.info.takes_palettes:
        raise RequestRejected(f"palette own: {loaded.info.name} draws in its own colours alone")
    result = judge(loaded, pictures, own_palettes=own)
    if not options.per_class:
        del result["per_class"]
    if options.holes:
        result |= judge_holes(loaded, pictures, options.holes, own_palettes=own)
    say(options, *(f"{key}: {value}" for key, value in result.items()))
    return result


def judge(loaded: Checkpoint, pictures: PictureSet, *, own_palettes: bool = False) -> Json:
    """Bits per dimension of whole pictures of all sizes, each sub-pixel counting once; also of each class and, of a
    chain, of each scale. With `own_palettes` each picture is in its own colours. `sizes`: how many there are of each
    size where that is not the checkpoint's alone.

    Raises:
        DataRejected: no picture, or a class or size that the checkpoint does not have.
    """
    found, parts = list[Tensor](), list[Tensor]()
    sets = _judged_sizes(loaded, pictures)
    for one, (x, palettes, weights) in zip(sets, _encoded(loaded, sets, own_palettes=own_palettes), strict=True):
        with progress_bar(f"judging {_size_word(one)}") as progress:
            found.append(nats_per_stage(loaded.model, x, weights, palettes=palettes, progress=progress))
        parts.append(torch.full((len(one),), x[0].numel(), dtype=torch.float64))
    nats, dimensions = torch.cat([of_stages.sum(1) for of_stages in found]), torch.cat(parts)
    names = np.array([name for one in sets for name in one.class_names])
    rows = {c: torch.from_numpy(np.flatnonzero(names == c)) for c in pictures.classes}
    chain = loaded.model.scales > 1
    usual = [one.size for one in sets] == [(loaded.info.height, loaded.info.width)]
    return {
        "checkpoint": loaded.info.name,
        "images": len(nats),
        **({} if usual else {"sizes": {_size_word(one): len(one) for one in sets}}),
        "bits_per_dim": pooled_bits(nats, dimensions),
        "nats_per_image": float(nats.mean()),
        **({"stages": stage_bits(loaded.model, found[0])} if chain else {}),
        "per_class": {c: pooled_bits(nats[i], dimensions[i]) for c, i in rows.items()},
    }


def judge_holes(loaded: Checkpoint, pictures: PictureSet, kind: str, *, own_palettes: bool = False) -> Json:
    """Bits in holes of a kind of HOLES, with and without context, of all sizes, each sub-pixel counting once.

    Raises:
        DataRejected: no picture, or a class or size that the checkpoint does not have.
    """
    sums, sets = list[HoleSums](), _judged_sizes(loaded, pictures)
    for one, (x, palettes, weights) in zip(sets, _encoded(loaded, sets, own_palettes=own_palettes), strict=True):
        with progress_bar(f"{kind} {_size_word(one)}") as progress:
            sums.append(hole_sums(loaded.model, x, weights, holes=kind, palettes=palettes, progress=progress))
    first, *others = sums
    holes = sum(others, first).bits()
    return {"holes": kind, **holes.__dict__, "seam_ratio": holes.seam_ratio}


def _judged_sizes(loaded: Checkpoint, pictures: PictureSet) -> list[PictureSet]:
    """The pictures of each size. Raises DataRejected when there is none, or one of a size that it cannot judge."""
    sets, info = [one for one in pictures.sizes if len(one)], loaded.info
    if not sets:
        raise DataRejected("there is no picture to judge")
    for one in sets:
        if not loaded.model.any_size and one.size != (info.height, info.width):
            raise DataRejected(f"pictures are {_size_word(one)}; {info.name} judges {info.width}x{info.height} alone")
    return sets


def _size_word(pictures: PictureSet) -> str:
    return f"{pictures.size[1]}x{pictures.size[0]}"


def _encoded(
    loaded: Checkpoint, sets: Sequence[PictureSet], *, own_palettes: bool
) -> Iterator[tuple[EncodedSet, Tensor | None, Tensor]]:
    """Of each size x (N, C, H, W), the palettes where they are an input, and class weights (N, K); pictures of one
    class that is unknown are of any class."""
    names = {name for one in sets for name in one.class_names}
    unknown = sorted(names - set(loaded.info.classes))
    if unknown and len(names) > 1:
        raise DataRejected(f"{loaded.info.name} has no class {', '.join(unknown)[:80]}")
    for one in sets:
        weights = [loaded.class_weights({} if c in unknown else {c: 1.0}) for c in one.class_names]
        classes = torch.zeros(len(one), dtype=torch.int64)  # unused: the weights give the classes
        coded = code_pictures(loaded.codec, one.pictures, classes)
        x, palettes = (coded.own.x, coded.own.palettes) if own_palettes and coded.own else (coded.x, coded.palettes)
        yield x, palettes, torch.stack(weights)


def held_out(pictures: PictureSet, seen: frozenset[str], data: Path) -> PictureSet:
    """The pictures of all sizes whose content hash is not among those `seen` in training.

    Raises:
        DataRejected: none is left.
    """
    first, *others = (one.select(np.array([h not in seen for h in one.hashes], np.bool_)) for one in pictures.sizes)
    if not any(map(len, (first, *others))):
        count = sum(map(len, pictures.sizes))
        raise DataRejected(f"{data.name}: all {count} pictures were trained on; --include-training takes them")
    return replace(first, others=tuple(one for one in others if len(one)))


def _request(options: argparse.Namespace) -> tuple[Engine, Request]:
    check_scale(options.scale)
    check_out_folder(options.out)
    engine, name = find(options.checkpoints, options.checkpoint)
    if options.allow and options.palette not in ("", OF_MODEL):
        raise RequestRejected("allow: cannot be combined with a palette of given colours")
    request = engine.request(
        name,
        **{field: getattr(options, field) for field in CONTROLS if field not in ("class_name", "palette")},
        class_weights=class_weights(options),
        allowed=_allowed(engine, name, options.allow),
        sampler=options.sampler,
        own_colours=options.own_colours,
        palette=_palette(options.palette),
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


def _write(options: argparse.Namespace, drawings: list[Drawing]) -> Json:
    options.out.mkdir(parents=True, exist_ok=True)
    images = []
    for index, drawing in enumerate(drawings):
        path = options.out / f"{index}.png"
        write_file(path, drawing.png(scale=options.scale))
        images.append({"file": str(path), "seed": drawing.seed, "log_prob": drawing.log_prob})
        say(options, f"{path}  seed {drawing.seed}  log p {drawing.log_prob:.1f}")
    return {"images": images}
