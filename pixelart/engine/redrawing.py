"""Draw pictures with a defect again: nearly empty ones and confetti, by the limits of the checkpoint.

A replaced picture keeps its place. Its replacement has a seed of its own, after those of the request, and the same
picture comes from that seed alone. If that one has a defect, too, it is drawn again while `Request.redraw` allows.
What still has a defect then comes last, so that it is not the first that an artist sees; completions are sorted by
probability afterwards, see `most_probable_first`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pixelart.checkpoint.info import CheckpointInfo
from pixelart.engine.previews import OnRow
from pixelart.engine.remote import Call
from pixelart.engine.request import Drawing, Preview, Request, later_seed
from pixelart.errors import Cancelled
from pixelart.images.codec import Picture
from pixelart.images.defects import NO_LIMITS, DefectLimits

INSTEAD_OF = "instead_of_seed"
"""Setting of a replacement: the seed of the first picture in its place."""
MOSTLY_DRAWN = 0.5
"""A completion is judged like a new picture if it draws at least this share of the pixels."""
DrawSome = Callable[[Request, OnRow | None], list[Drawing]]


def without_defects(request: Request, limits: DefectLimits, draw: DrawSome, on_row: OnRow | None) -> list[Drawing]:
    """Draw a request with `draw`, and replace the pictures with a defect. A cancelled round keeps what was there.
    Without `Request.redraw` the drawings stay in the order of `draw`.

    Raises:
        Cancelled: before the first round has ended.
    """
    once = replace(request, redraw=0)
    drawings, used = draw(once, on_row), request.count
    if limits == NO_LIMITS or not request.redraw:
        return drawings
    for _ in range(request.redraw):
        places = np.flatnonzero(_defects(drawings, limits)).tolist()
        if not places:
            break
        some = replace(once, count=len(places), seed=later_seed(request, used))
        try:
            again = draw(some, _among(drawings, places, on_row))
        except Cancelled:
            break
        used += len(places)
        for place, drawing in zip(places, again, strict=True):
            first = drawings[place].settings.get(INSTEAD_OF, drawings[place].seed)
            drawings[place] = replace(drawing, settings={**drawing.settings, INSTEAD_OF: first})
    return [drawings[place] for place in np.argsort(_defects(drawings, limits), kind="stable")]


def _defects(drawings: Sequence[Drawing], limits: DefectLimits) -> NDArray[np.bool_]:
    return limits.exceeded_by(np.stack([drawing.picture for drawing in drawings]))


def limits_for(call: Call, info: CheckpointInfo) -> DefectLimits:
    """The limits for what a call draws: new pictures, and completions of at least the share MOSTLY_DRAWN that keep
    neither shape nor sketch. In other completions the artist's pixels decide how empty or mixed the picture is."""
    request, is_judged = call.request, call.method == "generate"
    if call.method == "complete" and not request.keep:
        is_judged = call.arguments[1].mean() >= MOSTLY_DRAWN
    return info.limits_of(request.class_weights) if is_judged else NO_LIMITS


def count_redrawn(drawings: Sequence[Drawing]) -> int:
    """How many of the drawings are replacements."""
    return sum(INSTEAD_OF in drawing.settings for drawing in drawings)


def _among(drawings: Sequence[Drawing], places: Sequence[int], on_row: OnRow | None) -> OnRow | None:
    """`on_row` for a round: its previews show the replacements in their places among the finished pictures."""
    if on_row is None:
        return None

    def report(done: int, rows: int, pictures: Preview) -> None:
        def decode() -> Picture:
            shown = [drawing.picture for drawing in drawings]
            for place, picture in zip(places, pictures(), strict=False):  # a remote backend shows only the first
                shown[place] = picture
            return np.stack(shown)

        def undrawn() -> NDArray[np.bool_]:
            pending = pictures.undrawn()
            return pending if places[0] == 0 else np.zeros_like(pending)

        on_row(done, rows, replace(pictures, decode=decode, undrawn=undrawn))

    return report
