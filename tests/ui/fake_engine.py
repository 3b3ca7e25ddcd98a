"""An engine without a network: quick, deterministic, and it draws row by row like the real one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.engine import CheckpointInfo, ColourChance, Drawing, Inspection, OnRow, PixelColours, Preview, Request
from pixelart.engine.variations import Variations
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Indexed, Picture, parse_hex_colours

CODEC = Indexed(parse_hex_colours(["1a1c2c", "5d275d", "b13e53", "ef7d57", "ffcd75", "a7f070", "38b764", "41a6f6"]))


class FakeEngine(Variations):
    """`row_seconds` slows it down; `fault` is raised in row `fault_row`; `names` are its models, of which "scales"
    enlarges; `asked` are the pixels (column, row) whose colours were asked for; `inexact` lists of them leave out more
    probable ones."""

    device_name = "CPU"

    def __init__(self, *, names: tuple[str, ...] = ("tiny",), row_seconds: float = 0.0, size: int = 16) -> None:
        self.names, self.row_seconds, self.size = names, row_seconds, size
        self.fault: Exception | None = None
        self.fault_row = 3
        self.running = threading.Event()
        self.asked: list[tuple[int, int]] = []
        self.inexact = False
        self.library: Any = SimpleNamespace(load=lambda name: SimpleNamespace(info=self.info(name)))

    def list_checkpoints(self) -> list[CheckpointInfo]:
        return [self.info(name) for name in self.names]

    def own_checkpoints(self) -> list[CheckpointInfo]:
        return self.list_checkpoints()

    def info(self, checkpoint: str) -> CheckpointInfo:
        if checkpoint not in self.names:
            raise RequestRejected(f"checkpoint {checkpoint!r:.80} not found")
        size = self.size * (2 if checkpoint == "large" else 1)
        enlarges = checkpoint == "scales"
        return CheckpointInfo(checkpoint, "fake", size, size, ("hero", "wall"), CODEC.table, enlarges=enlarges)

    def revision(self, checkpoint: str) -> str | None:
        return None

    def snap(self, checkpoint: str, picture: Picture) -> tuple[Picture, int]:
        return CODEC.decode(CODEC.encode(picture[None]))[0], int(CODEC.snapped(picture[None]).sum())

    @property
    def is_drawing(self) -> bool:
        return self.running.is_set()

    def inspect(
        self, checkpoint: str, picture: Picture, *, class_weights: Mapping[str, float] | None = None
    ) -> Inspection:
        """The level of each pixel as its bits."""
        self._check(checkpoint, picture)
        levels = CODEC.encode(picture[None])[0, 0].numpy().astype(np.float64)
        return Inspection(levels, {"wall": 0.75, "hero": 0.25}, picture.shape[0] * picture.shape[1])

    def colours_at(
        self,
        checkpoint: str,
        picture: Picture,
        *,
        row: int,
        column: int,
        top: int = 5,
        class_weights: Mapping[str, float] | None = None,
    ) -> PixelColours:
        """The colours from the one numbered row + column on, each half as probable as the one before."""
        self._check(checkpoint, picture)
        if not all(isinstance(v, int) and 0 <= v < n for v, n in zip((row, column), picture.shape, strict=False)):
            raise RequestRejected(f"pixel {row!r:.40}, {column!r:.40}: outside the picture")
        self.asked.append((column, row))
        levels = [(row + column + i) % CODEC.levels for i in range(CODEC.levels)]
        chances = {level: 0.5**i for i, level in enumerate(levels, 1)}
        colours = [(r, g, b, a) for r, g, b, a in CODEC.table.tolist()]
        likely = [ColourChance(colours[level], chances[level]) for level in levels[:top]]
        now = int(CODEC.encode(picture[None])[0, 0, row, column])
        bound = 1.0 if self.inexact else likely[-1].probability
        return PixelColours(tuple(likely), ColourChance(colours[now], chances[now]), bound)

    def _check(self, checkpoint: str, picture: Picture) -> None:
        info = self.info(checkpoint)
        if picture.shape != (info.height, info.width, 4):
            raise RequestRejected(f"picture is of another size than {checkpoint} draws")

    def generate(
        self, request: Request, *, on_row: OnRow | None = None, cancel: Callable[[], bool] | None = None
    ) -> list[Drawing]:
        info = self.info(request.checkpoint)
        blank = np.zeros((info.height, info.width, 4), np.uint8)
        return self._draw(request, blank, np.ones(blank.shape[:2], np.bool_), on_row, cancel)

    def complete(
        self,
        request: Any,
        picture: Any,
        mask: Any,
        *,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> list[Drawing]:
        return sorted(self._draw(request, picture, mask, on_row, cancel), key=lambda d: -d.log_prob)

    def enlarge(
        self,
        request: Request,
        picture: Picture,
        *,
        factor: int = 2,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> list[Drawing]:
        if not self.info(request.checkpoint).enlarges:
            raise RequestRejected(f"{request.checkpoint} does not enlarge")
        if request.seamless:
            raise RequestRejected("an enlarged picture cannot be made to tile")
        large = picture.repeat(factor, 0).repeat(factor, 1)
        mask = np.ones(large.shape[:2], np.bool_)
        mask[::factor, ::factor] = False
        return sorted(self._draw(request, large, mask, on_row, cancel), key=lambda d: -d.log_prob)

    def _draw(
        self,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        on_row: OnRow | None,
        cancel: Callable[[], bool] | None,
    ) -> list[Drawing]:
        allowed = np.array(request.allowed or range(CODEC.levels))
        seeds = [request.seed + i for i in range(request.count)]
        drawn = [allowed[np.random.default_rng(s).integers(len(allowed), size=mask.shape)] for s in seeds]
        pictures = np.where(mask[..., None], CODEC.table[np.stack(drawn)], picture)
        rows = np.flatnonzero(mask.any(1))
        self.running.set()
        try:
            for done, row in enumerate(range(rows[0], rows[-1] + 1), 1):
                time.sleep(self.row_seconds)
                if cancel and cancel():
                    raise Cancelled
                if self.fault and done == self.fault_row:
                    raise self.fault
                waiting = mask & (np.arange(len(mask)) > row)[:, None]
                if on_row:
                    shown = np.where(waiting[..., None], np.uint8(0), pictures)
                    on_row(done, len(rows), Preview(lambda shown=shown: shown, lambda waiting=waiting: waiting))
        finally:
            self.running.clear()
        settings = {"checkpoint": request.checkpoint, "class_weights": dict(request.class_weights)}
        return [Drawing(p, s, -50.0 - s % 7, settings) for p, s in zip(pictures, seeds, strict=True)]
