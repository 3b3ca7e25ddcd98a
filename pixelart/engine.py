"""What a user can do: generate, complete, judge, inspect. No gradio, no argparse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.codec import Codec, Picture
from pixelart.completion import complete, context_of, whole_log_prob
from pixelart.devices import pick_device
from pixelart.errors import RequestRejected
from pixelart.inspection import ColourChance as ColourChance
from pixelart.inspection import Inspection as Inspection
from pixelart.inspection import PixelColours as PixelColours
from pixelart.inspection import colours_at, inspect
from pixelart.library import Checkpoint as Checkpoint
from pixelart.library import CheckpointInfo as CheckpointInfo
from pixelart.library import Library
from pixelart.requests import Drawing as Drawing
from pixelart.requests import Request as Request
from pixelart.seams import Shift, back, rolled, seam_repairs, shift_to_join

CHUNK = 16  # pictures drawn at a time: bounds memory, and a stop is answered within one row of them
OnRow = Callable[[int, int, Callable[[], Picture]], None]
"""on_row(done, rows, pictures): `done` of `rows` rows are drawn; `pictures()` decodes them, (count, H, W, 4)."""


class Engine:
    """Finds checkpoints in a folder, loads them when first used, draws. Safe under threads.

    At most `memory_bytes` of weights are kept; the least recently used are dropped first.
    """

    def __init__(
        self,
        folder: Path = Path("checkpoints"),
        *,
        device: torch.device | None = None,
        memory_bytes: int = 1 << 30,
    ) -> None:
        self.device = device or pick_device()
        self.library = Library(folder, device=self.device, memory_bytes=memory_bytes)

    @property
    def device_name(self) -> str:
        """ "CUDA", "MPS" or "CPU"."""
        return self.device.type.upper()

    def list_checkpoints(self) -> list[CheckpointInfo]:
        """The valid checkpoints of the folder, sorted by name; damaged ones are logged and left out."""
        return self.library.list()

    def info(self, checkpoint: str) -> CheckpointInfo:
        """What one checkpoint can draw.

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: its config is damaged.
        """
        return self.library.info(checkpoint)

    def warm_up(self, checkpoint: str) -> None:
        """Load the checkpoint and draw one pixel, so that nobody waits for weights, or for inner loops to be compiled
        (once on a machine: some 15 seconds).

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: damaged.
        """
        info = self.library.load(checkpoint).info
        mask = np.zeros((info.height, info.width), np.bool_)
        mask[0, 0] = True
        self.complete(Request(checkpoint), np.zeros((*mask.shape, 4), np.uint8), mask)

    def snap(self, checkpoint: str, picture: Picture) -> tuple[Picture, int]:
        """The picture (H, W, 4) as the codec can hold it, and how many pixels look different for it.

        Raises:
            RequestRejected: no such checkpoint.
        """
        codec = self.library.load(checkpoint).codec
        return codec.decode(codec.encode(picture[None]))[0], int(codec.snapped(picture[None]).sum())

    def generate(
        self, request: Request, *, on_row: OnRow | None = None, cancel: Callable[[], bool] | None = None
    ) -> list[Drawing]:
        """`request.count` new pictures, in order of seed; of a seamless request each is drawn, and then its seam anew.

        Raises:
            RequestRejected: a value of the request is outside its limits.
            Cancelled: `cancel` answered True.
        """
        info = self.library.load(request.checkpoint).info
        blank = np.zeros((info.height, info.width, 4), np.uint8)
        drawings = self._draw(request, blank, np.ones(blank.shape[:2], np.bool_), on_row, cancel)
        if not request.seamless:
            return drawings
        return [self.mend_seam(replace(request, count=1, seed=d.seed), d.picture, cancel=cancel)[0] for d in drawings]

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
        came, bit for bit. In a seamless request the edges meet: a mask that touches one sees what lies beyond it.

        Raises:
            RequestRejected: an empty mask, a wrong size, or a value of the request outside its limits.
            Cancelled: `cancel` answered True.
        """
        info = self.library.load(request.checkpoint).info
        _check_size(picture, info)
        if mask.shape != picture.shape[:2] or mask.dtype != np.bool_:
            found = " x ".join(map(str, mask.shape[::-1]))
            raise RequestRejected(f"mask is {found}; the picture is {info.width} x {info.height}")
        if not mask.any():
            raise RequestRejected("the mask is empty: mark the pixels to repaint")
        if request.seamless:
            request.check()
            shift = shift_to_join(mask, request.seamless)
            drawings = self._draw_rolled(request, picture, mask, shift, on_row, cancel)
        else:
            drawings = self._draw(request, picture, mask, on_row, cancel)
        return sorted(drawings, key=lambda drawing: -drawing.log_prob)

    def mend_seam(
        self, request: Request, picture: Picture, *, cancel: Callable[[], bool] | None = None
    ) -> list[Drawing]:
        """Candidates for a picture (H, W, 4) that tiles along `request.seamless`, most probable first: the pixels of
        `seam_band` are drawn anew, every other one is returned as it came, bit for bit.

        Raises:
            RequestRejected: a wrong size, no axis, or a value of the request outside its limits.
            Cancelled: `cancel` answered True.
        """
        info = self.library.load(request.checkpoint).info
        _check_size(picture, info)
        request.check()
        if not request.seamless:
            raise RequestRejected("seamless '': choose x, y or xy")
        first, *others = seam_repairs(info.height, info.width, request.seamless)
        drawings = self._draw_rolled(request, picture, first.mask, first.shift, None, cancel)
        for mask, shift in others:
            again = [(replace(request, count=1, seed=d.seed), d.picture) for d in drawings]
            drawings = [self._draw_rolled(one, p, mask, shift, None, cancel)[0] for one, p in again]
        return sorted(drawings, key=lambda drawing: -drawing.log_prob)

    def log_likelihood(
        self, checkpoint: str, picture: Picture, *, class_weights: Mapping[str, float] | None = None
    ) -> float:
        """log p of a whole picture (H, W, 4) in nats given the class alone; colours are snapped first.

        Raises:
            RequestRejected: a wrong size or an unknown class.
        """
        loaded, weights = self._load_for(checkpoint, picture, class_weights)
        everything = np.ones(picture.shape[:2], np.bool_)
        context = context_of(loaded.codec, picture, everything, weights, count=1)
        return float(whole_log_prob(loaded.model, context.pixels, weights)[0])

    def inspect(
        self, checkpoint: str, picture: Picture, *, class_weights: Mapping[str, float] | None = None
    ) -> Inspection:
        """How surprising each pixel of a whole picture (H, W, 4) is given the class alone, in bits that sum to -log2 p,
        and p(class | picture) by Bayes' rule, each class as probable beforehand; colours are snapped first.

        Raises:
            RequestRejected: a wrong size or an unknown class.
        """
        loaded, weights = self._load_for(checkpoint, picture, class_weights)
        return inspect(loaded.model, loaded.codec, picture, weights, classes=loaded.info.classes)

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
        """The `top` most probable colours of one pixel given the class and every other pixel of the picture (H, W, 4),
        before it and after it, and the probability of the colour that is there; colours are snapped first.

        Raises:
            RequestRejected: a wrong size, an unknown class, a pixel outside the picture, or `top` not 1 to 256.
        """
        loaded, weights = self._load_for(checkpoint, picture, class_weights)
        return colours_at(loaded.model, loaded.codec, picture, weights, row=row, column=column, top=top)

    def _load_for(
        self, checkpoint: str, picture: Picture, class_weights: Mapping[str, float] | None
    ) -> tuple[Checkpoint, Tensor]:
        loaded = self.library.load(checkpoint)
        _check_size(picture, loaded.info)
        return loaded, loaded.class_weights(class_weights or {})

    def _draw_rolled(
        self,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        shift: Shift,
        on_row: OnRow | None,
        cancel: Callable[[], bool] | None,
    ) -> list[Drawing]:
        """Drawn while all is rolled by `shift`, and rolled back; log p is that of the pictures as they come back."""
        home = back(shift)

        def report(done: int, rows: int, pictures: Callable[[], Picture]) -> None:
            if on_row:
                on_row(done, rows, lambda: np.stack([rolled(p, home) for p in pictures()]))

        heat = request.temperature
        there = replace(request, temperature=rolled(heat, shift)) if isinstance(heat, np.ndarray) else request
        drawings = self._draw(there, rolled(picture, shift), rolled(mask, shift), report, cancel)
        return [self._moved(request, drawing, rolled(drawing.picture, home)) for drawing in drawings]

    def _moved(self, request: Request, drawing: Drawing, picture: Picture) -> Drawing:
        log_prob = self.log_likelihood(request.checkpoint, picture, class_weights=request.class_weights)
        facts = {**request.settings(), "seamless": request.seamless, "log_prob": round(log_prob, 3)}
        return Drawing(picture, drawing.seed, log_prob, {**drawing.settings, **facts})

    def _draw(
        self,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        on_row: OnRow | None,
        cancel: Callable[[], bool] | None,
    ) -> list[Drawing]:
        loaded = self.library.load(request.checkpoint)
        request.check()
        controls = request.controls()
        weights = loaded.class_weights(request.class_weights)
        candidates = []
        for start in range(0, request.count, CHUNK):
            size = min(CHUNK, request.count - start)
            done = _Progress(loaded.codec, picture, mask, request.count, [c.picture for c in candidates])
            candidates += complete(
                loaded.model,
                loaded.codec,
                picture,
                mask,
                weights,
                count=size,
                seed=request.seed + start,
                controls=controls,
                on_row=done.reporter(on_row, start) if on_row else None,
                cancel=cancel,
            )
        settings = {**request.settings(), "size": f"{loaded.info.width}x{loaded.info.height}"}
        return [
            Drawing(c.picture, c.seed, c.log_prob, {**settings, "seed": c.seed, "log_prob": round(c.log_prob, 3)})
            for c in candidates
        ]


@dataclass(frozen=True)
class _Progress:
    """Turns rows of one chunk into pictures of the whole request."""

    codec: Codec
    picture: Picture
    mask: NDArray[np.bool_]
    count: int
    finished: list[Picture]

    def reporter(self, on_row: OnRow, start: int) -> Callable[[int, int, Tensor], None]:
        def report(done: int, rows: int, x: Tensor) -> None:
            chunks = -(-self.count // CHUNK)
            on_row(start // CHUNK * rows + done, rows * chunks, lambda: self.pictures(x.clone(), rows, done))

        return report

    def pictures(self, x: Tensor, rows: int, done: int) -> Picture:
        """(count, H, W, 4): finished ones, those of this chunk so far (rows not yet drawn are clear), and blanks."""
        first = int(np.flatnonzero(self.mask.any(1))[0])
        waiting = self.mask & (np.arange(len(self.mask)) >= first + done)[:, None]
        blank = np.where(self.mask[..., None], np.uint8(0), self.picture)
        drawn = np.where(self.mask[..., None], self.codec.decode(x), self.picture)
        drawn[:, waiting] = 0
        rest = self.count - len(self.finished) - len(drawn)
        return np.concatenate([*(p[None] for p in self.finished), drawn, *([blank[None]] * rest)])


def _check_size(picture: Picture, info: CheckpointInfo) -> None:
    if picture.shape != (info.height, info.width, 4) or picture.dtype != np.uint8:
        found = " x ".join(map(str, picture.shape[1::-1]))
        raise RequestRejected(f"picture is {found}; {info.name} draws {info.width} x {info.height}")
