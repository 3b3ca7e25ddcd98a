"""What a user can do: generate, complete, judge. No gradio, no argparse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.codec import Picture

OnRow = Callable[[int, int, Callable[[], Picture]], None]
"""on_row(done, rows, pictures): `done` of `rows` rows are drawn; `pictures()` decodes them, (count, H, W, 4)."""


@dataclass(frozen=True)
class Request:
    """What to draw. `class_weights` blends classes by name; empty = any class. Picture i uses seed + i.

    temperature: a number, or a map (H, W). top_k 0 and top_p 1 keep everything. guidance 1 is the plain model.
    allowed: indices of the codec's levels that may be drawn; None = all.
    """

    checkpoint: str
    class_weights: Mapping[str, float] = field(default_factory=dict)
    count: int = 1
    seed: int = 0
    temperature: float | NDArray[np.float64] = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0
    allowed: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Drawing:
    """One result: uint8 (H, W, 4), its own seed, log p of the whole picture in nats, and how it was made."""

    picture: Picture
    seed: int
    log_prob: float
    settings: Mapping[str, Any]

    def png(self, *, scale: int = 1) -> bytes:
        """An indexed PNG, each pixel `scale` wide, with the settings in its text chunks."""
        raise NotImplementedError


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint can draw. `colours`: RGBA uint8 (K, 4) of an indexed codec (0 = transparent), else None."""

    name: str
    model: str
    height: int
    width: int
    classes: tuple[str, ...]
    colours: NDArray[np.uint8] | None


class Engine:
    """Finds checkpoints, loads them lazily, draws. Safe under threads."""

    def list_checkpoints(self) -> list[CheckpointInfo]:
        """The valid checkpoints, sorted by name."""
        raise NotImplementedError

    def info(self, checkpoint: str) -> CheckpointInfo:
        """One of them. Raises RequestRejected."""
        raise NotImplementedError

    @property
    def device_name(self) -> str:
        """"CUDA", "MPS" or "CPU"."""
        raise NotImplementedError

    def snap(self, checkpoint: str, picture: Picture) -> tuple[Picture, int]:
        """The picture as the codec can hold it, and how many pixels that changed."""
        raise NotImplementedError

    def generate(
        self, request: Request, *, on_row: OnRow | None = None, cancel: Callable[[], bool] | None = None
    ) -> list[Drawing]:
        """`request.count` new pictures. Raises RequestRejected, Cancelled."""
        raise NotImplementedError

    def complete(
        self,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        *,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> list[Drawing]:
        """Candidates for the masked pixels (True = repaint), most probable first; every other pixel is returned as it
        came, bit for bit. Raises RequestRejected, Cancelled."""
        raise NotImplementedError
