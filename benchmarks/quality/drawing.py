"""Draw pictures of a checkpoint for measuring, and cache them in a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from benchmarks.looks import look_for
from pixelart.engine import Engine, Request
from pixelart.images.codec import Picture
from pixelart.sampling import Controls
from pixelart.settings import SETTINGS
from pixelart.storage import write_file

BATCH = 16
"""Pictures per request without `redraw`."""
SAMPLING = 0
"""Raise it when a change of the program changes what is drawn: cached pictures are then not used any more."""


class Drawn(NamedTuple):
    """Pictures (N, H, W, 4), the class of each, and log p (N,) of each given its class, in nats."""

    pictures: Picture
    class_names: tuple[str, ...]
    log_prob: NDArray[np.float64]

    def of(self, class_name: str) -> Picture:
        """The pictures of one class."""
        return self.pictures[np.array(self.class_names) == class_name]


def draw_classes(
    engine: Engine,
    checkpoint: str,
    controls: Controls,
    *,
    count: int,
    first_seed: int = 0,
    classes: Sequence[str] | None = None,
    redraw: int = 0,
    keep: Path | None = None,
) -> Drawn:
    """`count` pictures of each class with the seeds first_seed, first_seed + 1, ...; `keep` is a cache folder.

    `redraw` is that of `Request`; replacements have later seeds, so requests after the first begin as much later.

    Raises:
        RequestRejected: no such checkpoint or class, or a value outside its limits.
    """
    classes = engine.info(checkpoint).classes if classes is None else classes
    common = Request(
        checkpoint,
        temperature=float(controls.temperature),
        top_k=controls.top_k,
        top_p=controls.top_p,
        guidance=controls.guidance,
        allowed=controls.allowed,
        redraw=redraw,
        look=look_for(engine.info(checkpoint)),
    )
    most = SETTINGS.max_count if redraw else BATCH
    parts = [
        _draw(engine, _of_class(common, name, seed=seed, count=min(most, count - start)), keep)
        for name in classes
        for start in range(0, count, most)
        for seed in [first_seed + start * (1 + redraw)]
    ]
    names = [name for name in classes for _ in range(count)]
    return Drawn(np.concatenate([p for p, _ in parts]), tuple(names), np.concatenate([log_p for _, log_p in parts]))


def _of_class(request: Request, name: str, *, seed: int, count: int) -> Request:
    return replace(request, class_weights={name: 1.0}, seed=seed, count=count)


def _draw(engine: Engine, request: Request, keep: Path | None) -> tuple[Picture, NDArray[np.float64]]:
    path = None if keep is None else keep / f"{_key(engine, request)}.safetensors"
    if path is not None and (kept := read_kept(path, "pictures", "log_prob")) is not None:
        return kept[0], kept[1]
    drawings = engine.generate(request)
    pictures = np.stack([drawing.picture for drawing in drawings])
    log_prob = np.array([drawing.log_prob for drawing in drawings])
    if path is not None:
        write_kept(path, pictures=pictures, log_prob=log_prob)
    return pictures, log_prob


def read_kept(path: Path, *names: str) -> list[NDArray[Any]] | None:
    """The arrays `names` in a cache file; None if it is missing or not valid."""
    try:
        values = safetensors.numpy.load(path.read_bytes())
        return [values[name] for name in names]
    except (OSError, KeyError, SafetensorError):
        return None


def write_kept(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays by name into a cache file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, safetensors.numpy.save({name: np.ascontiguousarray(a) for name, a in arrays.items()}))


def _key(engine: Engine, request: Request) -> str:
    """The cache key: a hash of all that determines the pictures (weights, colours, settings, seed, count, and with
    `redraw` the limits of defects)."""
    settings = request.settings()
    del settings["version"], settings["checkpoint"]
    loaded = engine.library.load(request.checkpoint)
    values = {**settings, **loaded.identity, "seed": request.seed, "count": request.count}
    values |= {"class_palettes": loaded.palettes_digest} if loaded.palettes else {}
    values |= {"sampling": SAMPLING} if SAMPLING else {}
    if request.redraw:
        values |= {"redraw": request.redraw, "limits": loaded.info.limits_of(request.class_weights).values()}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]
