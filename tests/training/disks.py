"""Disks that fail, that are watched, and that lose their power; and what is saved on them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pixelart.storage import Files
from pixelart.training.snapshots import MANIFEST, list_checkpoints


def parts(step: int, *, size: int = 200) -> dict[str, bytes]:
    """Made-up parts of the checkpoint of a step, always the same."""
    random = np.random.default_rng(step)
    return {name: random.bytes(size) for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


@dataclass
class Failing(Files):
    """The call number `fail_at` (from 1) raises `code`: before it does anything, half way, or after it is done."""

    fail_at: int
    code: int
    moment: str = "half way"
    calls: int = 0
    stays_broken: bool = False

    def _count(self, half: Callable[[], object], whole: Callable[[], object]) -> None:
        self.calls += 1
        if self.calls != self.fail_at and not (self.stays_broken and self.calls > self.fail_at):
            whole()
            return
        if self.moment == "half way":
            half()
        elif self.moment == "after":
            whole()
        raise OSError(self.code, os.strerror(self.code))

    def write(self, path: Path, data: bytes) -> None:
        self._count(lambda: path.write_bytes(data[: len(data) // 2]), lambda: Files.write(self, path, data))

    def make_folder(self, path: Path) -> None:
        self._count(lambda: None, lambda: Files.make_folder(self, path))

    def sync_folder(self, path: Path) -> None:
        self._count(lambda: None, lambda: Files.sync_folder(self, path))

    def rename(self, source: Path, target: Path) -> None:
        self._count(lambda: None, lambda: Files.rename(self, source, target))

    def remove(self, path: Path) -> None:
        self._count(lambda: next(path.iterdir()).unlink(), lambda: Files.remove(self, path))


@dataclass
class Watched(Files):
    """After every call, how many whole checkpoints lie in `run`."""

    run: Path
    seen: list[int] = field(default_factory=list)

    def _look(self) -> None:
        self.seen.append(len(list_checkpoints(self.run)))

    def write(self, path: Path, data: bytes) -> None:
        super().write(path, data)
        self._look()

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._look()

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self._look()

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self._look()

    def remove(self, path: Path) -> None:
        (path / MANIFEST).unlink()  # the worst order
        self._look()
        super().remove(path)
        self._look()


@dataclass
class Disk(Files):
    """Plays each call for real and keeps what a power cut right after it may leave: one state of names a call.

    A write is durable when it returns (it syncs). A change of names in a folder (make, rename) is durable only once
    that folder is synced, and whatever lies below a name that is lost is lost with it.
    """

    run: Path
    volatile: list[tuple[str, Path, Path | None]] = field(default_factory=list)
    states: list[Path] = field(default_factory=list)

    def _cut(self) -> None:
        """Every subset of the volatile changes may be lost, the later ones first: one copy of the run for each."""
        for lost in range(len(self.volatile) + 1):
            copy = self.run.with_name(f"cut-{len(self.states)}")
            shutil.copytree(self.run, copy)
            for kind, path, target in reversed(self.volatile[len(self.volatile) - lost :]):
                here, there = copy / path.name, copy / target.name if target else None
                if kind == "make" and here.exists():
                    shutil.rmtree(here)
                elif kind == "rename" and there:
                    there.rename(here)
            self.states.append(copy)

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        self._cut()
        super().write(path, data)
        self._cut()

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self.volatile.append(("make", path, None))
        self._cut()

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.volatile.append(("rename", source, target))
        self._cut()

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        if path == self.run:
            self.volatile.clear()
        self._cut()

    def remove(self, path: Path) -> None:
        for file in sorted(path.iterdir()):
            file.unlink()
            self._cut()
        super().remove(path)
        self._cut()
