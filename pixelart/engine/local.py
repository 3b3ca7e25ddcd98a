"""Draws checked requests in this process, each with its palette, its seams and its recolouring."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelart.checkpoint.library import Checkpoint, Library
from pixelart.engine.completion import Candidate, added_pixels, enlarge_picture
from pixelart.engine.drawing import Drawer, Given, Recolouring, drawn_in, most_probable_first
from pixelart.engine.own_colours import own_colours
from pixelart.engine.previews import OnRow, PreviewFrame
from pixelart.engine.remote import Call
from pixelart.engine.request import Drawing, Request, once_more
from pixelart.errors import RequestRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK
from pixelart.images.codec import Codec, Picture
from pixelart.images.palette_choice import OF_MODEL, OF_PICTURE, codec_of, example_picker
from pixelart.images.tiling import Repair, join_steps, seam_repairs
from pixelart.progress import Cancel


class LocalBackend:
    """Draws what `Engine` has checked, with the checkpoints of a library. `on_drawing`, `memory`: see `Engine`.

    Each method raises Cancelled if `cancel` returned True. Thread-safe.
    """

    def __init__(
        self, library: Library, on_drawing: Callable[[bool], None] | None = None, *, memory: int = sys.maxsize
    ) -> None:
        self._library, self._drawer = library, Drawer(library, on_drawing, memory=memory)

    @property
    def is_drawing(self) -> bool:
        """Whether any thread is drawing a picture now."""
        return self._drawer.is_drawing

    def at_once(self, loaded: Checkpoint, height: int, width: int) -> int:
        """How many pictures (height, width) fit in memory at once. Raises RequestRejected if not even one fits."""
        return self._drawer.at_once(loaded, height, width)

    def draw(self, call: Call, on_row: OnRow | None, cancel: Cancel | None) -> list[Drawing]:
        """Run the call."""
        factor = (call.factor,) if call.method == "enlarge" else ()
        return getattr(self, call.method)(call.request, *call.arguments, *factor, on_row, cancel)

    def generate(self, request: Request, on_row: OnRow | None, cancel: Cancel | None) -> list[Drawing]:
        """New pictures, in order of seed; each picture's seam is repaired if the request is seamless."""
        assert request.size is not None
        blank = np.zeros((*request.size, 4), np.uint8)
        everything = np.ones(blank.shape[:2], np.bool_)
        given = self._given(request, blank, everything)
        drawings = self._drawer.complete(request, blank, everything, on_row, cancel, given)
        if not request.seamless:
            return drawings
        mended = [self.mend_seam(once_more(request, d), d.picture, cancel) for d in drawings]
        return [drawn_in(everything, drawing) for (drawing,) in mended]

    def complete(
        self,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        on_row: OnRow | None,
        cancel: Cancel | None,
    ) -> list[Drawing]:
        """Candidates for the pixels of `picture` (H, W, 4) where `mask` (H, W) is True, by `most_probable_first`."""
        paint, given = self._recolouring(request, picture, mask), self._given(request, picture, mask)
        watch = paint.watching(on_row)
        if request.seamless:
            drawings = self._in_steps(request, picture, join_steps(mask, request.seamless), watch, cancel, given)
        else:
            drawings = self._drawer.complete(request, picture, mask, watch, cancel, given)
        return most_probable_first(paint.of(drawings))

    def mend_seam(self, request: Request, picture: Picture, cancel: Cancel | None) -> list[Drawing]:
        """Candidates of `picture` (H, W, 4) that tile along `request.seamless`, sorted by `most_probable_first`."""
        steps = seam_repairs(picture.shape[0], picture.shape[1], request.seamless)
        band = steps[0].mask
        paint, given = self._recolouring(request, picture, band), self._given(request, picture, band)
        return most_probable_first(paint.of(self._in_steps(request, picture, steps, None, cancel, given)))

    def _in_steps(
        self,
        request: Request,
        picture: Picture,
        steps: Sequence[Repair],
        on_row: OnRow | None,
        cancel: Cancel | None,
        given: Given,
    ) -> list[Drawing]:
        """Draw the first step, whose mask has those of the others in it, and then the others in each of its
        pictures."""
        first, *others = steps
        drawings = self._drawer.draw_rolled(request, picture, first.mask, first.shift, on_row, cancel, given)
        for mask, shift in others:
            again = [(replace(request, count=1, seed=d.seed), d.picture) for d in drawings]
            drawings = [self._drawer.draw_rolled(one, p, mask, shift, None, cancel, given)[0] for one, p in again]
        return [drawn_in(first.mask, drawing) for drawing in drawings]

    def enlarge(
        self,
        request: Request,
        picture: Picture,
        factor: int,
        on_row: OnRow | None,
        cancel: Cancel | None,
    ) -> list[Drawing]:
        """`picture` (h, w, 4) enlarged to (factor * h, factor * w, 4), sorted by `most_probable_first`."""
        model = self._library.load(request.checkpoint).model
        large = picture.repeat(factor, 0).repeat(factor, 1)
        mask = added_pixels(*large.shape[:2], factor=factor)
        paint, given = self._recolouring(request, large, mask), self._given(request, large, mask)

        def draw(codec: Codec, class_weights: Tensor, /, **how: Any) -> list[Candidate]:
            return enlarge_picture(model, codec, picture, class_weights, factor=factor, **how)

        frame, watch = PreviewFrame(large, mask, large), paint.watching(on_row)
        drawn = self._drawer.draw(request, draw, frame, watch, cancel, given, {"factor": factor})
        return most_probable_first(paint.of(drawn))

    def _recolouring(self, request: Request, picture: Picture, mask: NDArray[np.bool_]) -> Recolouring:
        """The recolouring by `request.own_colours` of the pixels of `picture` (H, W, 4) where `mask` is True."""
        loaded = self._library.load(request.checkpoint)
        is_recoloured = request.own_colours and not loaded.info.takes_palettes
        return Recolouring(own_colours(loaded.codec, picture, mask) if is_recoloured else None, mask)

    def _given(self, request: Request, picture: Picture, mask: NDArray[np.bool_]) -> Given:
        """What the pixels of `picture` (H, W, 4) where `mask` (H, W) is True are drawn given, by seed."""
        loaded = self._library.load(request.checkpoint)
        weights = loaded.class_weights(request.class_weights)[: len(loaded.config.classes)].tolist()
        class_mix = dict(zip(loaded.config.classes, weights, strict=True)) if any(weights) else {}
        palette = OF_MODEL if request.allowed is not None and not request.palette else request.palette
        size, named = (mask.shape[0], mask.shape[1]), {"look": request.look, "kind": request.kind}
        example = example_picker(loaded.palettes, size, class_weights=class_mix, **named)
        how: dict[str, Any] = {"picture": picture, "mask": mask, "example_of": example}
        codecs = codec_of(loaded.codec, palette, **how, name=loaded.info.name)
        if loaded.info.takes_palettes and request.allowed is not None:
            if palette == OF_PICTURE:
                raise RequestRejected("allowed: colour numbers need a named palette, or the model's own")
            count = len(codecs(range(request.seed, request.seed + 1)).to_config()["colours"])
            if max(request.allowed, default=0) > count:
                raise RequestRejected(f"allowed {max(request.allowed)}: the palette has {count} colours")
        drawn = [name for name, weight in class_mix.items() if weight]
        if len(drawn) != 1 or request.keep or not mask.all():
            return Given(codecs, lambda seed: (request.look, request.kind))
        # a damaged file of palettes may name others
        looks, kinds = set(loaded.info.looks), set(loaded.info.labels.kinds_of(drawn))

        def look_and_kind(seed: int) -> tuple[str, str]:
            picked = example(seed)
            look = picked.look if picked and picked.look in looks else NO_LOOK
            kind = picked.kind if picked and picked.kind in kinds else NO_KIND
            return request.look or look, request.kind or kind

        return Given(codecs, look_and_kind)
