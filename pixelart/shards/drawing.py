"""Draw a set of any number of pictures in shards, with any number of processes.

A set is a folder: `shard-00000.zip` (or .tar) with `shard-00000.jsonl`, one line for each of its pictures; more shards;
and when all exist, `manifest.jsonl` with all lines, and `SHA256SUMS`. Picture i has the seed `seed + i`. A picture does
not depend on the others of its batch, but the last digits of its log p may. Therefore batches begin at fixed seeds, and
each process uses the number of threads in the plan. Memory does not grow with the set.
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pixelart.controls import CONTROLS
from pixelart.engine import Drawing, Engine, Request
from pixelart.engine.previews import CHUNK
from pixelart.errors import RequestRejected
from pixelart.plain_json import to_json
from pixelart.settings import SETTINGS
from pixelart.shards.archives import ShardKind, writing
from pixelart.shards.learned import Learned
from pixelart.shards.shared_work import SharedWork
from pixelart.storage import new_file, write_file

SET_MANIFEST, SUMS = "manifest.jsonl", "SHA256SUMS"
MAX_THREADS = 1024
_BLOCK = 2**20
_UNSAFE = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
"""Characters of a class name that may not be in the name of a folder."""


@dataclass(frozen=True)
class ShardedSet:
    """What a set holds: the pictures of `request`, `shard_size` per `archive`.

    `scale`: of the PNG files. `threads`: of every process, because log p depends on their number. `learned`: pictures
    to compare with.
    """

    request: Request
    shard_size: int
    archive: ShardKind = "zip"
    scale: int = 1
    threads: int = 1
    learned: Learned | None = None

    @property
    def shards(self) -> int:
        """The number of shards."""
        return -(-self.request.count // self.shard_size)

    def seeds(self, shard: int) -> range:
        """The seeds of a shard's pictures."""
        first, end = self.request.seed + shard * self.shard_size, self.request.seed + self.request.count
        return range(first, min(first + self.shard_size, end))

    def check(self) -> None:
        """Raises RequestRejected unless a set can be made of these values."""
        count, most = self.request.count, SETTINGS.max_set
        limits = {"count": (count, most), "shard-size": (self.shard_size, most), "threads": (self.threads, MAX_THREADS)}
        for name, (value, limit) in limits.items():
            if not 1 <= value <= limit:
                raise RequestRejected(f"{name} {value}: must be from 1 to {limit}")
        CONTROLS["seed"].check("seed", self.request.seed)
        CONTROLS["seed"].check("seed + count", self.request.seed + count)
        if self.request.redraw:
            raise RequestRejected("redraw: a set has exactly one picture for each seed")

    def plan(self, engine: Engine) -> Mapping[str, Any]:
        """What all processes must agree on, as JSON values: all that determines the pictures."""
        loaded, request = engine.library.load(self.request.checkpoint), self.request
        request = request.with_map(*(request.size or loaded.info.usual_size(request.class_weights, request.look)))
        return {
            **request.settings(),
            **loaded.identity,
            "class_palettes": loaded.palettes_digest,
            "device": loaded.device.type,
            **{name: getattr(request, name) for name in ("count", "seed", "size", "seamless", "sampler")},
            "chosen_palette": request.palette,
            "shard_size": self.shard_size,
            "kind": self.archive,
            **({"drawn_kind": request.kind} if request.kind else {}),
            "scale": self.scale,
            "threads": self.threads,
            "compared_with": self.learned and self.learned.fingerprint,
        }


@dataclass(frozen=True)
class CompleteSet:
    """A complete set: the SHA-256 of its SHA256SUMS, and what this process drew of it in which time."""

    digest: str
    shards: int
    pictures: int
    seconds: float


def draw_set(
    engine: Engine, wanted: ShardedSet, folder: Path, *, on_shard: Callable[[str, int, float], None]
) -> CompleteSet:
    """Draw a set into `folder`, together with all processes that do the same; returns when it is complete.

    `on_shard` is called with the name, the number of pictures and the seconds of each shard drawn here.

    Raises:
        RequestRejected: values outside their limits, or a folder that holds another set.
        OSError: the folder cannot be written.
    """
    wanted.check()
    torch.set_num_threads(wanted.threads)
    engine.generate(replace(wanted.request, count=1))  # refuses bad values before the folder exists; compiles kernels
    work, shards, drawn = SharedWork(folder, wanted.plan(engine)), list[range](), list[float]()
    parts = [folder / f"shard-{shard:05d}.jsonl" for shard in range(wanted.shards)]

    def draw(shard: int) -> None:
        began, seeds = time.monotonic(), wanted.seeds(shard)
        archive = parts[shard].with_suffix(f".{wanted.archive}")
        _draw_shard(engine, wanted, seeds, archive, parts[shard])
        shards.append(seeds)
        drawn.append(time.monotonic() - began)
        on_shard(archive.name, len(seeds), drawn[-1])

    work.make(parts, draw, name="shards")
    work.make([folder / SUMS], lambda _: _finish(folder, parts, wanted.archive), name="sums")
    return CompleteSet(_sha256(folder / SUMS), len(shards), sum(map(len, shards)), sum(drawn))


def _draw_shard(engine: Engine, wanted: ShardedSet, seeds: range, archive: Path, part: Path) -> None:
    """Draw a shard, and then its part of the manifest, which makes the shard complete."""
    records = list[str]()
    with new_file(archive) as file, writing(wanted.archive, file) as pictures:
        for first in seeds[::CHUNK]:
            count = min(CHUNK, seeds.stop - first)
            drawings = engine.generate(replace(wanted.request, seed=first, count=count))
            for drawing, record in zip(drawings, _records(wanted, drawings, archive.name), strict=True):
                records.append(to_json(record))
                pictures.add(record["file"], drawing.png(scale=wanted.scale), records[-1].encode())
    write_file(part, "".join(f"{record}\n" for record in records).encode())


def _records(wanted: ShardedSet, drawings: list[Drawing], shard: str) -> list[dict[str, Any]]:
    """The lines of the manifest for some drawings: where each is, seed, class (null = any), look and kind (if it has
    them), bits, and the distance to the nearest training picture (null = not compared)."""
    distances: list[float | None] = [None] * len(drawings)
    if wanted.learned:
        distances = [*wanted.learned.distances(np.stack([drawing.picture for drawing in drawings]))]
    label = next(iter(wanted.request.class_weights), None)
    return [
        {
            "shard": shard,
            "file": _file_name(wanted.archive, label, drawing.seed),
            "seed": drawing.seed,
            "class": label,
            **{what: drawing.settings[what] for what in ("look", "kind") if what in drawing.settings},
            "bits": round(-drawing.log_prob / math.log(2), 3),
            "distance": distance,
        }
        for drawing, distance in zip(drawings, distances, strict=True)
    ]


def _file_name(kind: ShardKind, label: str | None, seed: int) -> str:
    name = f"{seed:010d}.png"
    folder = _UNSAFE.sub("_", label or "").strip(". ")
    return f"{folder}/{name}" if kind == "zip" and folder else name


def _finish(folder: Path, parts: list[Path], kind: ShardKind) -> None:
    """Write the manifest, and then the check sums of all files, which makes the set complete."""
    with new_file(folder / SET_MANIFEST) as manifest:
        for part in parts:
            manifest.write(part.read_bytes())
    files = [*(part.with_suffix(f".{kind}") for part in parts), *parts, folder / SET_MANIFEST]
    lines = [f"{_sha256(file)}  {file.name}\n" for file in sorted(files)]
    write_file(folder / SUMS, "".join(lines).encode())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
