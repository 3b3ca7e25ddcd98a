"""Checkpoints on disk: listed, checked, loaded on first use, and evicted when memory is short."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, CheckpointConfig, read_config, read_seen
from pixelart.checkpoint.info import CheckpointInfo, info_of
from pixelart.checkpoint.ownership import current_owner, may_see, owns
from pixelart.checkpoint.weights import check_weights, load_weights, pack_weights
from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK, find_class
from pixelart.images.codec import Codec, codec_from_config
from pixelart.images.coercion import ClassBlend, as_blend
from pixelart.images.example_palettes import PalettesOfClasses, class_palettes_json, read_class_palettes
from pixelart.models import AutoregressiveModel
from pixelart.settings import SETTINGS

_log = logging.getLogger(__name__)
_MOST_NAME_BYTES = 255
"""Of the name of a folder: file systems raise an error for longer ones."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: its config, its codec, and the network on its device."""

    info: CheckpointInfo
    config: CheckpointConfig
    codec: Codec
    model: AutoregressiveModel
    palettes: PalettesOfClasses = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    @cached_property
    def identity(self) -> Mapping[str, str | None]:
        """Digests that tell checkpoints of the same name apart, 16 hexadecimal digits of a SHA-256 each.

        `revision` is of the weights as `export` writes them; `palette` is of the RGBA table of an indexed codec, else
        None.
        """
        colours = self.info.colours
        palette = None if colours is None else _digest(colours.tobytes())
        return {"revision": _digest(pack_weights(self.model)), "palette": palette}

    @cached_property
    def palettes_digest(self) -> str | None:
        """Digest of the class palettes; None without any."""
        return _digest(class_palettes_json(self.palettes)) if self.palettes else None

    def class_weights(self, blend: ClassBlend, look: str = NO_LOOK, kind: str = NO_KIND) -> Tensor:
        """The weights of the network's labels: float32 (labels,), of which those of the classes sum to 1, or are zeros
        for "any class", and those of the look and of the kind of these classes are 1. A class name is a blend of one.

        Raises:
            RequestRejected: an unknown class, look or kind, or a weight that is negative or not finite.
        """
        weights = torch.zeros(len(self.config.labels), dtype=torch.float64)
        for name, weight in as_blend(blend).items():
            meant = find_class(name, self.config.classes) if isinstance(name, str) else None
            if meant is None:
                known = ", ".join(self.config.classes)
                raise RequestRejected(f"class {name!r:.80} is not one of {known}")
            if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= weight < float("inf"):
                raise RequestRejected(f"weight {weight!r} of class {name}: must be 0 or more")
            weights[self.config.classes.index(meant)] = weight
        if weights.any():
            weights /= weights.max()  # avoids overflow and underflow of the sum
            weights /= weights.sum()
        drawn = [name for name, weight in zip(self.config.classes, weights.tolist(), strict=False) if weight]
        if look:
            weights[self.info.look_number(look)] = 1.0
        if kind:
            weights[self.info.kind_numbers(kind, drawn)] = 1.0
        return weights.float().to(self.device)


Infos: TypeAlias = list[CheckpointInfo]  # in Library, `list` is a method
Faults: TypeAlias = list[WeightsRejected]
Stamp: TypeAlias = list[tuple[int, int]]


class Library:
    """The checkpoints in one folder, with at most `memory_bytes` of loaded weights; the least recently used are
    evicted.

    A name is the name of a sub-folder, not a path. Names that begin with a dot are temporary folders. Thread-safe.
    """

    def __init__(self, folder: Path | str, *, device: torch.device, memory_bytes: int, by_owner: bool = False) -> None:
        """With `by_owner`, only its owner sees a checkpoint that has one (see checkpoint.ownership).

        Raises:
            RequestRejected: `folder` is not a path.
        """
        if not isinstance(folder, str | os.PathLike):
            raise RequestRejected(f"folder {folder!r:.40}: needs the path of a folder")
        self.folder, self.device, self.memory_bytes = Path(folder), device, memory_bytes
        self.by_owner = by_owner
        self._loaded: OrderedDict[str, tuple[Stamp, Checkpoint]] = OrderedDict()
        self._checked: dict[str, tuple[Stamp, CheckpointInfo]] = {}
        self._lock = threading.Lock()

    def list(self) -> list[CheckpointInfo]:
        """The valid checkpoints: `Settings.first_checkpoint`, then the others by name. Damaged ones are logged and left
        out."""
        found, damaged = self._scan()
        found.sort(key=lambda info: info.name != SETTINGS.first_checkpoint)
        for error in damaged:
            _log.warning("left out: %s", error)
        return found

    def own(self) -> Infos:
        """The checkpoints of `list` that were trained here, not pulled; with `by_owner`, only those of the current
        owner."""
        return [i for i in self.list() if i.origin is None and self._is_own(self.folder / i.name)]

    def info(self, name: str) -> CheckpointInfo:
        """What one checkpoint can draw.

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: its config is damaged.
        """
        path = self.path(name)
        return info_of(path, read_config(path))

    def load(self, name: str) -> Checkpoint:
        """The checkpoint, from the cache or from disk.

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: damaged.
        """
        path = self.path(name)
        stamp = _stamp(path)
        with self._lock:
            if name not in self._loaded or self._loaded[name][0] != stamp:  # reload a replaced checkpoint
                config = read_config(path)
                model = load_weights(path, config).to(self.device)
                codec, palettes = codec_from_config(config.codec), read_class_palettes(path, config.classes)
                loaded = Checkpoint(info_of(path, config), config, codec, model, palettes)
                self._loaded[name] = stamp, loaded
            self._loaded.move_to_end(name)
            while len(self._loaded) > 1 and sum(_weight_bytes(c) for _, c in self._loaded.values()) > self.memory_bytes:
                self._loaded.popitem(last=False)
            return self._loaded[name][1]

    def seen_in_training(self, name: str) -> frozenset[str]:
        """Content hashes of the pictures that the checkpoint was trained on, or its weights chosen by.

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: it does not record them.
        """
        return read_seen(self.path(name))

    def path(self, name: str) -> Path:
        """The folder of one checkpoint.

        Raises:
            RequestRejected: no such checkpoint.
        """
        if not isinstance(name, str):
            raise RequestRejected(f"checkpoint {name!r:.40}: needs the name of a checkpoint")
        path, is_short = self.folder / name, len(name.encode(errors="surrogatepass")) <= _MOST_NAME_BYTES
        plain = is_short and not name.startswith(".") and path.parent == self.folder and path.name == name
        if not plain or not (path / CONFIG_FILE).is_file() or not self._is_shown(path):
            names = ", ".join(info.name for info in self._scan()[0]) or "none"
            raise RequestRejected(f"checkpoint {name!r:.80} not found; {self.folder.name}/ holds: {names}")
        return path

    def _is_shown(self, path: Path) -> bool:
        return not self.by_owner or may_see(path, current_owner() or "")

    def _is_own(self, path: Path) -> bool:
        return not self.by_owner or owns(path, current_owner() or "")

    def _scan(self) -> tuple[Infos, Faults]:
        found, damaged = [], []
        for path in sorted(self.folder.glob(f"[!.]*/{CONFIG_FILE}")):
            if not self._is_shown(path.parent):
                continue
            try:
                found.append(self._check(path.parent))
            except WeightsRejected as error:
                damaged.append(error)
        return found, damaged

    def _check(self, path: Path) -> CheckpointInfo:
        """Info of a checkpoint, cached until its files change. Raises WeightsRejected."""
        stamp = _stamp(path)
        known = self._checked.get(path.name)
        if known is None or known[0] != stamp:
            config = read_config(path)
            check_weights(path, config)
            known = self._checked[path.name] = stamp, info_of(path, config)
        return known[1]


def _stamp(path: Path) -> Stamp:
    """Change times and sizes of its files, to notice a replaced checkpoint. Raises WeightsRejected if a file is
    missing."""
    try:
        found = [(path / name).stat() for name in (CONFIG_FILE, WEIGHTS_FILE)]
    except OSError as error:
        raise WeightsRejected(f"{path.name}: {Path(error.filename).name}: {error.strerror}") from error
    return [(file.st_mtime_ns, file.st_size) for file in found]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _weight_bytes(checkpoint: Checkpoint) -> int:
    return sum(p.numel() * p.element_size() for p in checkpoint.model.parameters())
