"""Turn a request into drawings: draw in chunks, report previews, count active drawings, roll pictures that tile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.checkpoint.library import Checkpoint, Library
from pixelart.engine.completion import Candidate, complete_picture, context_of, run_lengths, whole_log_prob
from pixelart.engine.own_colours import OwnColours
from pixelart.engine.previews import CHUNK, OnRow, PreviewFrame, PreviewReporter
from pixelart.engine.request import Drawing, Preview, Request
from pixelart.engine.windows import WindowsFrame, plan_windows, whole_window, windows_for
from pixelart.errors import RequestRejected
from pixelart.images.class_names import label_settings
from pixelart.images.codec import Codec, Picture
from pixelart.images.defects import NEARLY_EMPTY, visible_share
from pixelart.images.kept_kinds import KEEP_NOTHING, KEEP_SHAPE, KEEP_SKETCH, opacity_of
from pixelart.images.palette_choice import CodecOf, palette_settings
from pixelart.images.tiling import Shift, back, rolled
from pixelart.models.footprint import bytes_around_windows, bytes_of_drawing
from pixelart.sampling import Controls, pick_sampler


class Draw(Protocol):
    """Draws `count` pictures of a request."""

    def __call__(
        self,
        codec: Codec,
        class_weights: Tensor,
        /,
        *,
        count: int,
        seed: int,
        controls: Controls,
        sampler: str,
        on_row: Callable[[int, int, Tensor], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> list[Candidate]: ...


@dataclass(frozen=True)
class Given:
    """What the pictures of a request are drawn given, by seed: their codecs, and their look and kind, "" = any."""

    codecs: CodecOf
    look_and_kind: Callable[[int], tuple[str, str]]

    def weights(self, loaded: Checkpoint, request: Request, seeds: range) -> Tensor:
        """The weights of the network's labels for the picture of each seed, (n, labels)."""
        pairs = [self.look_and_kind(seed) for seed in seeds]
        weights = {pair: loaded.class_weights(request.class_weights, *pair) for pair in set(pairs)}
        return torch.stack([weights[pair] for pair in pairs])

    def settings(self, seed: int) -> dict[str, Any]:
        """The look and the kind of a picture as settings to save."""
        return label_settings(*self.look_and_kind(seed))


@dataclass(frozen=True)
class Recolouring:
    """Maps drawn pixels (where `mask` is True) to the picture's own colours `own`; None = leave the model's colours.
    The log p stays that of what the model drew."""

    own: OwnColours | None
    mask: NDArray[np.bool_]

    def watching(self, on_row: OnRow | None) -> OnRow | None:
        """`on_row` wrapped so that it receives recoloured previews."""
        own = self.own
        if own is None or on_row is None:
            return on_row

        def report(done: int, rows: int, pictures: Preview) -> None:
            on_row(done, rows, replace(pictures, decode=lambda: own(pictures(), self.mask)))

        return report

    def of(self, drawings: list[Drawing]) -> list[Drawing]:
        """The drawings, recoloured."""
        if self.own is None:
            return drawings
        pictures = self.own(np.stack([drawing.picture for drawing in drawings]), self.mask)
        return [replace(drawing, picture=picture) for drawing, picture in zip(drawings, pictures, strict=True)]


class Drawer:
    """Draws checked requests with the checkpoints of a library. `on_drawing`, `memory`: see `Engine`. Thread-safe."""

    def __init__(
        self, library: Library, on_drawing: Callable[[bool], None] | None = None, *, memory: int = sys.maxsize
    ) -> None:
        self._library, self._on_drawing, self._memory = library, on_drawing, memory
        self._drawings = 0
        self._lock = threading.Lock()

    @property
    def is_drawing(self) -> bool:
        """Whether any thread is drawing a picture now."""
        return self._drawings > 0

    def at_once(self, loaded: Checkpoint, height: int, width: int, *, streams: int = 1, around: int = 0) -> int:
        """How many pictures (height, width) fit in memory at once, each with `streams` copies and `around` bytes more;
        at most CHUNK.

        Raises:
            RequestRejected: not even one fits.
        """
        if loaded.device.type != "cpu":  # the limit is on main memory
            return CHUNK
        one = streams * bytes_of_drawing(loaded.model, height, width) + around
        if one > self._memory:
            raise RequestRejected(
                f"size {width} x {height}: {loaded.info.name} takes about {one >> 20:,} MiB of memory for a picture; "
                f"the limit is {self._memory >> 20:,} MiB"
            )
        return min(CHUNK, self._memory // one)

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        self._count_drawings(1)
        try:
            yield
        finally:
            self._count_drawings(-1)

    def _count_drawings(self, change: int) -> None:
        with self._lock:
            before, self._drawings = self._drawings, self._drawings + change
            if self._on_drawing and (before > 0) != (self._drawings > 0):
                self._on_drawing(self._drawings > 0)

    def draw_rolled(
        self,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        shift: Shift,
        on_row: OnRow | None,
        cancel: Callable[[], bool] | None,
        given: Given,
    ) -> list[Drawing]:
        """Roll everything by `shift`, draw, and roll back. The log p is that of the pictures after rolling back; of
        windows it is that of the rolled ones, because it is the sum over those that were drawn."""
        home = back(shift)

        def report(done: int, rows: int, pictures: Preview) -> None:
            if on_row:
                moved = replace(
                    pictures,
                    decode=lambda: np.stack([rolled(p, home) for p in pictures()]),
                    undrawn=lambda: rolled(pictures.undrawn(), home),
                )
                on_row(done, rows, moved)

        temperature = request.temperature
        there = (
            replace(request, temperature=rolled(temperature, shift)) if isinstance(temperature, np.ndarray) else request
        )
        with self._drawing():
            drawings = self.complete(there, rolled(picture, shift), rolled(mask, shift), report, cancel, given)
            moved = [self._moved(request, d, rolled(d.picture, home), given, cancel) for d in drawings]
            return [drawn_in(mask, drawing) for drawing in moved]

    def _moved(
        self,
        request: Request,
        drawing: Drawing,
        picture: Picture,
        given: Given,
        cancel: Callable[[], bool] | None,
    ) -> Drawing:
        loaded, seeds = self._library.load(request.checkpoint), range(drawing.seed, drawing.seed + 1)
        weights, log_prob = given.weights(loaded, request, seeds)[0], drawing.log_prob
        if loaded.info.window_of(*picture.shape[:2]) == picture.shape[:2]:
            log_prob = log_likelihood(loaded, given.codecs(seeds), picture, weights, cancel=cancel)
        facts = {**request.settings(), "seamless": request.seamless, "log_prob": round(log_prob, 3)}
        return Drawing(picture, drawing.seed, log_prob, {**drawing.settings, **facts})

    def complete(
        self,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        on_row: OnRow | None,
        cancel: Callable[[], bool] | None,
        given: Given,
    ) -> list[Drawing]:
        """Draw the pixels of `picture` (H, W, 4) where `mask` (H, W) is True, in order of seed. Sizes are already
        checked."""
        loaded = self._library.load(request.checkpoint)
        model, size = loaded.model, loaded.info.window_of(*mask.shape)
        windows = windows_for(mask, size, request.window)
        kept = {KEEP_NOTHING: None, KEEP_SHAPE: opacity_of, KEEP_SKETCH: model.level_of}[request.keep]
        blank = np.where(mask[..., None], np.uint8(0), picture)

        def draw(codec: Codec, class_weights: Tensor, /, **how: Any) -> list[Candidate]:
            return complete_picture(model, codec, picture, mask, class_weights, kept=kept, windows=windows, **how)

        shown = picture, mask, blank, 1 + model.has_sketch
        frame = WindowsFrame(*shown, windows) if windows else PreviewFrame(*shown)
        return self.draw(request, draw, frame, on_row, cancel, given, {})

    def draw(
        self,
        request: Request,
        draw: Draw,
        frame: PreviewFrame,
        on_row: OnRow | None,
        cancel: Callable[[], bool] | None,
        given: Given,
        facts: Mapping[str, Any],
    ) -> list[Drawing]:
        """Draw a request chunk by chunk with `draw`. `frame`: what previews show. `facts`: extra settings saved with
        each drawing."""
        loaded, controls = self._library.load(request.checkpoint), request.controls()
        candidates, of_seed = list[Candidate](), list[dict[str, Any]]()
        sampler = pick_sampler(request.sampler, loaded.model, loaded.device)
        streams, is_one = 1 if request.guidance == 1 else 2, frame.size == frame.mask.shape
        around = 0 if is_one else bytes_around_windows(loaded.model, *frame.mask.shape)
        chunk = self.at_once(loaded, *frame.size, streams=streams, around=around)
        for start in range(0, request.count, chunk):
            size = min(chunk, request.count - start)
            finished = [c.picture for c in candidates]
            seeds = range(request.seed + start, request.seed + start + size)
            codec = given.codecs(seeds)
            in_passes = sampler == "fixed_point"
            done = PreviewReporter(frame, codec, request.count, finished, in_passes, chunk)
            with self._drawing():
                candidates += draw(
                    codec,
                    given.weights(loaded, request, seeds),
                    count=size,
                    seed=request.seed + start,
                    controls=controls,
                    sampler=sampler,
                    on_row=done.reporter(on_row, start) if on_row else None,
                    cancel=cancel,
                )
            of_seed += [{**palette_settings(codec, i), **given.settings(seed)} for i, seed in enumerate(seeds)]
        size = f"{frame.mask.shape[1]}x{frame.mask.shape[0]}"
        settings = {**request.settings(), **loaded.identity, "size": size, "mask": run_lengths(frame.mask), **facts}
        own = [
            {**chosen, "seed": c.seed, "log_prob": round(c.log_prob, 3)}
            for c, chosen in zip(candidates, of_seed, strict=True)
        ]
        return [
            Drawing(c.picture, c.seed, c.log_prob, {**settings, **of_it})
            for c, of_it in zip(candidates, own, strict=True)
        ]


def log_likelihood(
    loaded: Checkpoint,
    codec: Codec,
    picture: Picture,
    weights: Tensor,
    *,
    cancel: Callable[[], bool] | None = None,
) -> float:
    """log p of a whole picture (H, W, 4) in nats given the labels alone, `weights` (labels,); its colours are first
    snapped to the codec. For a picture larger than the model draws it is the sum over windows that cover it.

    Raises:
        Cancelled: `cancel` returned True.
    """
    everything = np.ones(picture.shape[:2], np.bool_)
    context, size = context_of(codec, picture, everything, weights, count=1), loaded.info.window_of(*picture.shape[:2])
    windows = [whole_window(*size)] if size == everything.shape else plan_windows(everything, size)
    parts = [context.pixels[..., rows, columns] for rows, columns in (window.seen for window in windows)]
    return sum(float(whole_log_prob(loaded.model, x, weights, context.palette, cancel=cancel)[0]) for x in parts)


def drawn_in(mask: NDArray[np.bool_], drawing: Drawing) -> Drawing:
    """The drawing, with the mask (H, W) of drawn pixels in its settings."""
    return replace(drawing, settings={**drawing.settings, "mask": run_lengths(mask)})


def most_probable_first(drawings: list[Drawing]) -> list[Drawing]:
    """Sort drawings by log p, highest first, with nearly empty ones last: models give empty pictures very high
    probability. Of the orders compared in benchmarks/QUALITY.md this one agrees best with a classifier."""
    return sorted(drawings, key=lambda drawing: (is_nearly_empty(drawing.picture), -drawing.log_prob))


def is_nearly_empty(picture: Picture) -> bool:
    """Whether less than the share NEARLY_EMPTY of a picture (H, W, 4) is visible."""
    return bool(visible_share(picture[None])[0] < NEARLY_EMPTY)
