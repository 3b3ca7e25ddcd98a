"""What each command of the terminal does, once its options are read."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from pixelart.codec import parse_hex_colours
from pixelart.engine import Drawing, Engine, Request
from pixelart.errors import DataRejected, RequestRejected
from pixelart.images import read_picture
from pixelart.models import create_model, get_variant, list_models
from pixelart.terminal import Json, check_scale, class_weights, find, progress_bar, row_progress, say
from pixelart.training.checkpoint import write_file
from pixelart.training.data import PictureSet, read_pictures
from pixelart.training.evaluation import bits_per_dim, hole_bits, nats_per_image
from pixelart.training.run import RUN_FILE, Schedule
from pixelart.training.setup import export_run, resume_run, start_run
from pixelart.training.trainer import Trainer

SCHEDULE_OPTIONS: list[tuple[str, Callable[[str], Any], str]] = [
    ("steps", int, "how many steps to train"),
    ("minutes", float, "or how many minutes"),
    ("batch_size", int, "pictures a step (16)"),
    ("learning_rate", float, "the highest of the schedule (0.0015)"),
    ("context_first", float, "share of the schedule in which the context encoder learns alone (0)"),
    ("validation_share", float, "share of the pictures, by content, that is only measured on (0.1)"),
    ("flip", float, "share of the pictures shown mirrored left to right, and said to be (0)"),
    ("weight_decay", float, "of AdamW (0.01)"),
    ("ema", float, "decay of the averaged weights (0.999)"),
    ("seed", int, "of weights, order and masks (0)"),
    ("save_every", int, "steps between checkpoints (500)"),
    ("precision", str, "bf16 or fp32 (bf16)"),
    ("threads", int, "CPU threads (all)"),
]
SCHEDULE_SWITCHES = [
    ("compile", "compile the step first: slower to start, faster to train; needs a C++ compiler"),
]
START_OPTIONS = {
    "model": "gated_pixelcnn",
    "preset": "default",
    "codec": "indexed",
    "colours": 64,
    "fit": "refuse",
    "base": None,
}


def models(options: argparse.Namespace) -> Json:
    """Variants with their presets, and checkpoints."""
    variants = []
    for name in list_models():
        network = create_model(name, channels=1, levels=64, height=32, width=32, num_classes=10)
        parameters = sum(p.numel() for p in network.parameters())
        variants.append({"name": name, "presets": list(get_variant(name).presets), "parameters": parameters})
    checkpoints = [
        {"name": c.name, "model": c.model, "size": [c.width, c.height], "classes": list(c.classes)}
        for c in Engine(options.checkpoints).list_checkpoints()
    ]
    say(options, *(f"{v['name']}  {v['parameters'] / 1e6:.1f} M parameters" for v in variants))
    for c in checkpoints:
        width, height = c["size"]
        say(options, f"checkpoint {c['name']}  {c['model']}  {width} x {height}  classes: {', '.join(c['classes'])}")
    return {"models": variants, "checkpoints": checkpoints}


def generate(options: argparse.Namespace) -> Json:
    """New pictures to --out."""
    engine, request = _request(options)
    with row_progress() as on_row:
        return _write(options, engine.generate(request, on_row=on_row))


def complete(options: argparse.Namespace) -> Json:
    """Candidates for the masked pixels to --out, most probable first."""
    engine, request = _request(options)
    picture, mask = read_picture(options.image), _read_mask(options.mask)
    with row_progress() as on_row:
        return _write(options, engine.complete(request, picture, mask, on_row=on_row))


def evaluate(options: argparse.Namespace) -> Json:
    """Bits per dimension, and bits in holes, of pictures that were not trained on."""
    engine, name = find(options.checkpoints, options.checkpoint)
    loaded = engine.library.load(name)
    pictures = read_pictures(options.data, size=(loaded.info.height, loaded.info.width), fit=options.fit)
    unknown = sorted(set(pictures.classes) - set(loaded.info.classes))
    if unknown and len(pictures.classes) > 1:
        raise DataRejected(f"{options.data.name}: {name} has no class {', '.join(unknown)[:80]}")
    if not options.include_training:
        pictures = held_out(pictures, engine.library.seen_in_training(name), options.data)
    x = loaded.codec.encode(pictures.pictures).to(loaded.device)
    weights = torch.stack([loaded.class_weights({} if c in unknown else {c: 1.0}) for c in pictures.class_names])
    with progress_bar("judging") as progress:
        nats = nats_per_image(loaded.model, x, weights, progress=progress)
    dimensions = x[0].numel()
    result: Json = {
        "checkpoint": name,
        "images": len(pictures),
        "bits_per_dim": bits_per_dim(nats, dimensions=dimensions),
        "nats_per_image": float(nats.mean()),
    }
    if options.per_class:
        names = np.array(pictures.class_names)
        rows = {c: torch.from_numpy(np.flatnonzero(names == c)) for c in pictures.classes}
        result["per_class"] = {c: bits_per_dim(nats.cpu()[i], dimensions=dimensions) for c, i in rows.items()}
    if options.holes:
        with progress_bar(options.holes) as progress:
            holes = hole_bits(loaded.model, x, weights, holes=options.holes, progress=progress)
        result.update(holes=options.holes, **holes.__dict__, seam_ratio=holes.seam_ratio)
    say(options, *(f"{key}: {value}" for key, value in result.items()))
    return result


def train(options: argparse.Namespace) -> Json:
    """Start or continue a run; Ctrl+C saves and stops."""
    trainer = open_run(options)
    with tqdm(total=100, desc="training", unit="%", disable=None, file=sys.stderr) as bar:

        def report(state: Trainer) -> None:
            bar.update(round(100 * state.progress(), 1) - bar.n)
            bar.set_postfix_str(f"step {state.step}, {state.recent_bits():.3f} bits/dim")

        run_until_stopped(trainer, report)
    measured = trainer.rows and trainer.rows[-1]["step"] == trainer.step
    last = trainer.rows[-1] if measured else {"step": trainer.step}
    say(options, ", ".join(f"{key} {value}" for key, value in last.items()))
    return {"run": str(options.out), "finished": trainer.progress() >= 1, **last}


def open_run(options: argparse.Namespace) -> Trainer:
    """The run that the options of `train` describe, new, or, with --resume, where it was saved last.

    Raises:
        PixelArtError: options, data or a run that cannot be used.
    """
    given = {n: getattr(options, n) for n, *_ in [*SCHEDULE_OPTIONS, *SCHEDULE_SWITCHES]}
    given = {name: value for name, value in given.items() if value is not None}
    start = {name: getattr(options, name) for name in START_OPTIONS if getattr(options, name) is not None}
    if options.base:
        engine, name = find(options.checkpoints, options.base)
        start["base"] = engine.library.path(name)
    if options.resume and (options.out / RUN_FILE).exists():
        return resume_run(options.out, options.data, given={**given, **start})
    return start_run(options.out, options.data, **{**START_OPTIONS, **start}, schedule=Schedule(**given))


def export(options: argparse.Namespace) -> Json:
    """A checkpoint folder from a run folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", options.name):
        raise RequestRejected(f"name {options.name!r:.80}: use 1 to 64 letters, digits, '.', '_' and '-'")
    target = export_run(options.run_folder, options.checkpoints / options.name)
    say(options, f"wrote {target}")
    return {"checkpoint": str(target)}


def run_until_stopped(trainer: Trainer, report: Callable[[Trainer], None]) -> None:
    """Train to the end, or until Ctrl+C or a polite kill, which save and stop; `report` is called after every step."""
    stopping: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda received, _: stopping.append(received)) for number in signals]
    try:
        trainer.train(stop=lambda: bool(stopping), report=report)
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def held_out(pictures: PictureSet, seen: frozenset[str], data: Path) -> PictureSet:
    """The pictures whose content hash is not among those `seen` in training.

    Raises:
        DataRejected: none is left.
    """
    unseen = np.array([h not in seen for h in pictures.hashes])
    if not unseen.any():
        raise DataRejected(f"{data.name}: all {len(pictures)} pictures were trained on; --include-training takes them")
    return pictures.select(unseen)


def _request(options: argparse.Namespace) -> tuple[Engine, Request]:
    check_scale(options.scale)
    engine, name = find(options.checkpoints, options.checkpoint)
    request = Request(
        name,
        class_weights=class_weights(options),
        count=options.count,
        seed=options.seed,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        guidance=options.guidance,
        allowed=_allowed(engine, name, options.allow),
        seamless=options.seamless,
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


def _read_mask(path: Path) -> np.ndarray[Any, np.dtype[np.bool_]]:
    picture = read_picture(path)
    return (picture[..., :3].astype(int).sum(-1) >= 3 * 128) & (picture[..., 3] >= 128)


def _write(options: argparse.Namespace, drawings: list[Drawing]) -> Json:
    options.out.mkdir(parents=True, exist_ok=True)
    images = []
    for index, drawing in enumerate(drawings):
        path = options.out / f"{index}.png"
        write_file(path, drawing.png(scale=options.scale))
        images.append({"file": str(path), "seed": drawing.seed, "log_prob": drawing.log_prob})
        say(options, f"{path}  seed {drawing.seed}  log p {drawing.log_prob:.1f}")
    return {"images": images}
