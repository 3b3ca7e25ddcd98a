"""Turn an editor's message into the engine's call; its results keep every pixel outside the mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.checkpoint.info import SMALLEST_SIDE
from pixelart.controls import COMPLETE, EXTEND, GENERATE
from pixelart.engine import CheckpointInfo, Drawing, Engine, OnRow, Request
from pixelart.engine.margins import Margins
from pixelart.errors import ImageRejected, RequestRejected
from pixelart.images.codec import ALPHA_THRESHOLD, Picture, parse_hex_colours, visible_colours
from pixelart.images.io import decode_picture, mask_of
from pixelart.images.palettes import MAX_COLOURS, nearest_colours, oklab
from pixelart.ui.api import chosen_model, file_in, request_of
from pixelart.ui.editor.messages import EditorAnswer, Message, controls_in, margins_in, results_answer

_NONE = Margins()


@dataclass(frozen=True)
class EditorJob:
    """`draw(on_row, cancel)`: the engine's call; `answer`: the message with its drawings."""

    draw: Callable[[OnRow, Callable[[], bool]], list[Drawing]]
    answer: Callable[[Sequence[Drawing]], EditorAnswer]


def editor_job(engine: Engine, message: Message) -> EditorJob:
    """The job of a message. `read_message` has checked its names.

    Raises:
        RequestRejected: a value of a wrong type or out of range.
        ImageRejected: a file that is not a PNG within the limits.
    """
    colours, raw = _colours(message.get("palette")), message.get("raw", False)
    if not isinstance(raw, bool):
        raise RequestRejected("raw: must be true or false")
    if message["action"] == GENERATE:
        return _generation(engine, message, colours, raw)
    picture = decode_picture(file_in(message.get("picture"), "picture"), name="picture")
    if message["action"] == COMPLETE:
        mask = mask_of(decode_picture(file_in(message.get("mask"), "mask"), name="mask"))
        if mask.shape != picture.shape[:2]:
            sizes = f"mask is {mask.shape[1]} x {mask.shape[0]}; the picture is {picture.shape[1]} x {picture.shape[0]}"
            raise ImageRejected(sizes)
        return _completion(engine, message, picture, mask, _NONE, colours, raw)
    return _extension(engine, message, picture, colours, raw)


def _generation(engine: Engine, message: Message, colours: Picture | None, raw: bool) -> EditorJob:
    request = request_of(engine, GENERATE, **controls_in(message))
    info = engine.info(request.checkpoint)
    request = _with_palette(request, info, colours, None)

    def draw(on_row: OnRow, cancel: Callable[[], bool]) -> list[Drawing]:
        return _within(engine.generate(request, on_row=on_row, cancel=cancel), colours, None)

    return EditorJob(draw, lambda drawings: results_answer(drawings, _NONE, raw=raw))


def _completion(
    engine: Engine,
    message: Message,
    picture: Picture,
    mask: NDArray[np.bool_],
    margins: Margins,
    colours: Picture | None,
    raw: bool,
) -> EditorJob:
    """`margins`: what `picture` has more than the one that was sent. A picture smaller than the model draws is
    completed within transparent pixels, which are cut off again, so its edges cannot meet.

    Raises:
        RequestRejected: such a picture with `seamless` or `temperature_percent`, or a value out of range.
    """
    values = controls_in(message)
    height, width = picture.shape[:2]
    info = chosen_model(engine, values.get("model", ""))
    room = _room_for(info, height, width)
    if any(room) and (named := [name for name in ("seamless", "temperature_percent") if values.get(name)]):
        raise RequestRejected(f"{named[0]}: {width} x {height} is smaller than {info.name} draws, so it has none")
    large, hidden = room.around(picture), np.pad(mask, ((room.up, room.down), (room.left, room.right)))
    request = request_of(engine, COMPLETE, shape=large.shape[:2], **values)
    request = _with_palette(request, engine.info(request.checkpoint), colours, picture[~mask])

    def draw(on_row: OnRow, cancel: Callable[[], bool]) -> list[Drawing]:
        drawn = engine.complete(request, large, hidden, on_row=on_row, cancel=cancel)
        rows, columns = slice(room.up, room.up + height), slice(room.left, room.left + width)
        return _within([replace(one, picture=one.picture[rows, columns]) for one in drawn], colours, mask)

    return EditorJob(draw, lambda drawings: results_answer(drawings, margins, raw=raw))


def _extension(engine: Engine, message: Message, picture: Picture, colours: Picture | None, raw: bool) -> EditorJob:
    margins, values = margins_in(message), controls_in(message)
    whole, mask = margins.size(*picture.shape[:2]), margins.mask(*picture.shape[:2])
    if any(_room_for(chosen_model(engine, values.get("model", "")), *whole)):
        return _completion(engine, message, margins.around(picture), mask, margins, colours, raw)
    request = request_of(engine, EXTEND, shape=whole, **values)
    request = _with_palette(request, engine.info(request.checkpoint), colours, picture.reshape(-1, 4))

    def draw(on_row: OnRow, cancel: Callable[[], bool]) -> list[Drawing]:
        drawn = engine.extend(request, picture, **margins.by_side(), on_row=on_row, cancel=cancel)
        return _within(drawn, colours, mask)

    return EditorJob(draw, lambda drawings: results_answer(drawings, margins, raw=raw))


def _room_for(info: CheckpointInfo, height: int, width: int) -> Margins:
    """The transparent margins within which a model completes a picture that is smaller than it draws."""
    least = (SMALLEST_SIDE, SMALLEST_SIDE) if info.any_size else (info.height, info.width)
    more, wider = (max(0, side - given) for side, given in zip(least, (height, width), strict=True))
    return Margins(wider // 2, wider - wider // 2, more // 2, more - more // 2)


def _colours(given: Any) -> Picture | None:
    """The distinct colours (K, 3) of the sprite's palette; None if none is given.

    Raises:
        RequestRejected: not a list of colours such as ff0044, or more than an indexed sprite has.
    """
    if given is None:
        return None
    if not isinstance(given, list) or not 0 < len(given) <= MAX_COLOURS or not all(isinstance(c, str) for c in given):
        raise RequestRejected(f"palette: must be a list of 1 to {MAX_COLOURS} colours such as ff0044")
    return np.array(list(dict.fromkeys(map(tuple, parse_hex_colours(given).tolist()))), np.uint8)


def _with_palette(request: Request, info: CheckpointInfo, colours: Picture | None, known: Picture | None) -> Request:
    """The request in the sprite's colours, if the model's palette is an input. `known` (N, 4): the pixels that stay."""
    if colours is None or not info.takes_palettes or len(colours) < 2:
        return request
    chosen = _most_useful(colours, known, info.most_colours)
    return replace(request, palette=tuple(bytes(colour).hex() for colour in chosen.tolist()))


def _most_useful(colours: Picture, known: Picture | None, most: int) -> Picture:
    """At most `most` of `colours` (K, 3): those of the `known` pixels, the most frequent first, then always the one
    farthest from all chosen ones in Oklab."""
    if len(colours) <= most:
        return colours
    lab, chosen = oklab(colours), list[int]()
    if known is not None and len(visible := visible_colours(known)):
        unique, count = np.unique(visible, axis=0, return_counts=True)
        order = np.argsort(-count, kind="stable")
        chosen = list(dict.fromkeys(nearest_colours(unique[order], colours).tolist()))[:most]
    distance = np.full(len(colours), np.inf)
    for index in chosen:
        distance = np.minimum(distance, np.square(lab - lab[index]).sum(1))
    while len(chosen) < most:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.square(lab - lab[chosen[-1]]).sum(1))
    return colours[sorted(chosen)]


def _within(drawings: Sequence[Drawing], colours: Picture | None, mask: NDArray[np.bool_] | None) -> list[Drawing]:
    """The drawings with every drawn pixel in one of `colours`, or transparent. `mask`: where they are drawn; None =
    everywhere."""
    if colours is None:
        return list(drawings)
    return [replace(drawing, picture=_snapped(drawing.picture, colours, mask)) for drawing in drawings]


def _snapped(picture: Picture, colours: Picture, mask: NDArray[np.bool_] | None) -> Picture:
    drawn = np.ones(picture.shape[:2], np.bool_) if mask is None else mask
    opaque = drawn & (picture[..., 3] >= ALPHA_THRESHOLD)
    snapped = np.where((drawn & ~opaque)[..., None], np.uint8(0), picture)
    if opaque.any():
        unique, places = np.unique(picture[opaque][:, :3], axis=0, return_inverse=True)
        snapped[opaque, :3] = colours[nearest_colours(unique, colours)][places.reshape(-1)]
        snapped[opaque, 3] = 255
    return snapped
