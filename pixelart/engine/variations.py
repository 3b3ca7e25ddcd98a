"""What is made of several completions: larger pictures, tilesets, animations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pixelart.checkpoint.library import Library
from pixelart.engine.drawing import drawn_in, most_probable_first
from pixelart.engine.margins import Margins, growth
from pixelart.engine.previews import OnRow
from pixelart.engine.request import Drawing, Preview, Request, RequestLike, as_request, later_seed, once_more
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.coercion import MaskLike, PictureLike, as_facts, as_mask, as_picture
from pixelart.images.corner_tiles import CHANGES, OUTSIDE, WITHIN, edge_start, edge_strips, sheet_order, tile_start
from pixelart.images.io import Facts, encode_png
from pixelart.progress import Cancel
from pixelart.settings import SETTINGS

FRAMES = (2, 4)
"""Smallest and largest number of frames of an animation."""
MOST_REDRAWN = 0.5
"""Largest share of a picture that the frames of an animation redraw."""
REDRAWN = "each frame redraws the masked part by itself; the model plans no movement"
"""What an animation is."""
_NONE = Margins()
_PART = 1000
"""Rows that one of several completions counts in previews."""


@dataclass(frozen=True)
class Tileset:
    """16 tiles (H, W, 4) by number, see `images.corner_tiles`. `drawings`: those that were drawn, by number."""

    pictures: tuple[Picture, ...]
    drawings: Mapping[int, Drawing] = field(default_factory=dict)

    def sheet(self) -> Picture:
        """The tiles in a sheet of 4 x 4, in which all neighbours meet."""
        return np.concatenate([np.concatenate([self.pictures[n] for n in row], 1) for row in sheet_order().tolist()])

    def png(self, number: int, *, scale: int = 1) -> bytes:
        """Tile `number` as PNG; a drawn one includes its settings."""
        drawn = self.drawings.get(number)
        return drawn.png(scale=scale) if drawn else encode_png(self.pictures[number], scale=scale)


@dataclass(frozen=True)
class Animation:
    """The frames (H, W, 4): the given picture, then `drawings` in order of seed. See REDRAWN."""

    frames: tuple[Picture, ...]
    drawings: tuple[Drawing, ...]


class Variations(ABC):
    """Composes completions, so that a remote backend needs to know only these."""

    library: Library

    @abstractmethod
    def complete(
        self,
        request: RequestLike,
        picture: PictureLike,
        mask: MaskLike,
        *,
        on_row: OnRow | None = None,
        cancel: Cancel | None = None,
    ) -> list[Drawing]:
        """See `Engine.complete`."""

    def extend(
        self,
        request: RequestLike,
        picture: PictureLike,
        *,
        left: int = 0,
        right: int = 0,
        up: int = 0,
        down: int = 0,
        on_row: OnRow | None = None,
        cancel: Cancel | None = None,
    ) -> list[Drawing]:
        """Draw margins around `picture` (H, W, 4), sorted by `most_probable_first`. The picture stays bit for bit.

        Wide margins are drawn outward in steps of half a window; the log p is then the sum over the steps. A
        temperature map has the size of the result.

        Raises:
            RequestRejected: a margin or the result is outside the limits, or a value of the request is.
            ImageRejected: the file is not a picture within the limits.
            Cancelled: `cancel` returned True.
        """
        margins = Margins(left, right, up, down)
        margins.check()
        facts, picture, request = as_facts(picture), as_picture(picture), _each_once(request).without_keep()
        size, whole = picture.shape[:2], margins.size(*picture.shape[:2])
        request = request.checked(*whole)
        steps = growth(margins, size, self.library.load(request.checkpoint).info.window_of(*whole))
        parts = 1 + request.count * (len(steps) - 1)
        drawings, done, number = [Drawing(picture, request.seed, 0.0, {})], Margins(), 0
        for index, step in enumerate(steps):
            done, grown = done.plus(step), list[Drawing]()
            for before in drawings:
                asked = _of_step(request if not index else once_more(request, before), margins, done, whole, index)
                watch = in_parts(on_row, number, parts, margins.minus(done))
                larger, mask = step.around(before.picture), step.mask(*before.picture.shape[:2])
                number += 1
                for drawn in self.complete(asked, larger, mask, on_row=watch, cancel=cancel):
                    seed = before.seed if index else drawn.seed
                    grown.append(replace(drawn, seed=seed, log_prob=before.log_prob + drawn.log_prob))
            drawings = grown
        return most_probable_first([_extended(drawing, margins, size, facts) for drawing in drawings])

    def tileset(
        self,
        request: RequestLike,
        tile: PictureLike,
        *,
        outside: PictureLike | None = None,
        on_row: OnRow | None = None,
        cancel: Cancel | None = None,
    ) -> Tileset:
        """The 16 tiles between the terrain `tile` (H, W, 4) and `outside`, by default transparent; all edges meet, see
        `images.corner_tiles`.

        Tile 15 is `tile` and tile 0 is `outside`, bit for bit; they should tile by themselves. First the border strips
        of the edges that change are drawn, then the tiles given their strips.

        Raises:
            RequestRejected: tiles of different sizes or smaller than the checkpoint draws, a seamless request, or one
                for several pictures.
            ImageRejected: the file is not a picture within the limits.
            Cancelled: `cancel` returned True.
        """
        request = _for_one(_each_once(request).without_keep(), "a tileset")
        if request.seamless:
            raise RequestRejected(f"seamless {request.seamless!r}: the edges of a tileset meet by themselves")
        request.check()
        inner = as_picture(tile)
        outer = np.zeros_like(inner) if outside is None else as_picture(outside, name="outside")
        if outer.shape != inner.shape:
            found = " x ".join(map(str, outer.shape[1::-1]))
            raise RequestRejected(f"outside is {found}; the tile is {inner.shape[1]} x {inner.shape[0]}")
        sources, between, strips, drawings = (outer, inner), range(OUTSIDE + 1, WITHIN), {}, dict[int, Drawing]()
        parts = len(CHANGES) + len(between)
        for number, kind in enumerate(CHANGES):
            asked, watch = _reseeded(request, number), in_parts(on_row, number, parts)
            (drawn,) = self.complete(asked, *edge_start(kind, sources), on_row=watch, cancel=cancel)
            strips[kind] = edge_strips(kind, drawn.picture)
        for number in between:
            part = len(CHANGES) + number - 1
            asked, watch = _reseeded(request, part), in_parts(on_row, part, parts)
            (drawn,) = self.complete(asked, *tile_start(number, sources, strips), on_row=watch, cancel=cancel)
            drawings[number] = replace(drawn, settings={**drawn.settings, "tile": number})
        return Tileset((outer, *(drawings[number].picture for number in between), inner), drawings)

    def animate(
        self,
        request: RequestLike,
        picture: PictureLike,
        mask: MaskLike,
        *,
        frames: int = 3,
        on_row: OnRow | None = None,
        cancel: Cancel | None = None,
    ) -> Animation:
        """`picture` (H, W, 4), and `frames` - 1 pictures in which the masked pixels are redrawn with the seeds seed,
        seed + 1, ... Good for flames, water and idle poses; REDRAWN says what it is not.

        Raises:
            RequestRejected: not 2 to 4 frames, a mask of more than half of the picture, or as in `Engine.complete`.
            ImageRejected: the file is not a picture within the limits.
            Cancelled: `cancel` returned True.
        """
        if type(frames) is not int or not FRAMES[0] <= frames <= FRAMES[1]:
            raise RequestRejected(f"frames {frames!r:.40}: must be a whole number from {FRAMES[0]} to {FRAMES[1]}")
        request, marked = _for_one(_each_once(request), "an animation"), as_mask(mask)
        if marked.mean() > MOST_REDRAWN:
            raise RequestRejected(
                f"the mask covers {marked.mean():.0%} of the picture; an animation redraws at most {MOST_REDRAWN:.0%}"
            )
        several = replace(request, count=frames - 1)
        drawings = self.complete(several, picture, marked, on_row=on_row, cancel=cancel)
        drawings = sorted(drawings, key=lambda drawing: drawing.seed)
        labelled = [replace(d, settings={**d.settings, "animation": REDRAWN}) for d in drawings]
        return Animation((as_picture(picture), *(d.picture for d in labelled)), tuple(labelled))


def _each_once(request: RequestLike) -> Request:
    """The request without `redraw`: replacements would have seeds that other parts use."""
    return replace(as_request(request), redraw=0)


def _for_one(request: Request, what: str) -> Request:
    """The request. Raises RequestRejected if it is for several pictures."""
    if request.count != 1:
        raise RequestRejected(f"count {request.count!r:.40}: {what} is drawn once")
    return request


def _reseeded(request: Request, number: int) -> Request:
    """The checked request with another seed for each `number`, which no other picture of a request has."""
    return replace(request, seed=later_seed(request, number * SETTINGS.max_count))


def _of_step(request: Request, margins: Margins, done: Margins, whole: tuple[int, int], index: int) -> Request:
    """The request for step `index`, after which the margins `done` of `margins` are drawn: opposite edges meet in the
    last one only, and a temperature map is cut to the size."""
    ahead, temperature = margins.minus(done), request.temperature
    if isinstance(temperature, np.ndarray) and temperature.shape == whole:
        temperature = temperature[ahead.up : whole[0] - ahead.down, ahead.left : whole[1] - ahead.right]
    seamless = "" if any(ahead) else request.seamless
    return _reseeded(replace(request, temperature=temperature, seamless=seamless), index)


def _extended(drawing: Drawing, margins: Margins, size: tuple[int, int], facts: Facts) -> Drawing:
    """The drawing with the settings of the whole extension of a picture of `size`, and the metadata of its file."""
    told = {"seed": drawing.seed, "log_prob": round(drawing.log_prob, 3), "extended": margins._asdict()}
    drawing = replace(drawing, settings={**drawing.settings, **told}, facts=facts)
    return drawn_in(margins.mask(*size), drawing)


def in_parts(on_row: OnRow | None, number: int, parts: int, ahead: Margins = _NONE) -> OnRow | None:
    """`on_row` for completion `number` (from 0) of `parts`; its previews get the margins that are still to be drawn."""
    if on_row is None or parts == 1:
        return on_row

    def report(done: int, rows: int, pictures: Preview) -> None:
        shown = replace(
            pictures,
            decode=lambda: np.stack([ahead.around(picture) for picture in pictures()]),
            undrawn=lambda: ahead.around_mask(pictures.undrawn()),
            parts=parts,
        )
        on_row(number * _PART + _PART * done // rows, parts * _PART, shown)

    return report
