"""Handlers of the accordion Variations: sweep, extend, tileset, animation. They run like the other drawing buttons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from pixelart.controls import ANIMATE, CONTROLS, EXTEND, GENERATE, TILESET, whole
from pixelart.engine import Drawing, Engine, OnRow, Request
from pixelart.engine.margins import Margins
from pixelart.engine.variations import FRAMES, in_parts
from pixelart.errors import Cancelled, PixelArtError, RequestRejected
from pixelart.ui.browser_storage import NOTHING_KEPT, Kept
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.drawing_job import DrawingJob, DrawingRunner, Outputs
from pixelart.ui.create.form import Values, only_for, request_from, second_classes, sized
from pixelart.ui.create.model_choice import MAX_DOCUMENT, model_info
from pixelart.ui.create.result_sets import animation_gif, animation_results, result_set, tileset_results
from pixelart.ui.results import download_value
from pixelart.ui.session import Session

MARGIN_SIDES = tuple(Margins().by_side())
MOST_ADDED = 128
MOST_STEPS = 8
"""How many temperatures a sweep has at most."""


class VariationHandlers(DrawingRunner):
    """The handlers of one page. A visitor's state is in the Session passed to each handler."""

    def sweep(
        self, session: Session, ticket: int, model: Any, temperatures: Any, **values: Any
    ) -> Iterator[Outputs]:  # fmt: skip
        """Draw one seed at several temperatures."""
        yield from self.run(session, ticket, lambda: self._sweep(model, temperatures, values))

    def extend(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, sides: Any, pixels: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Draw margins around the canvas's picture, whose pixels stay."""
        yield from self.run(session, ticket, lambda: self._extension(canvas, model, (sides, pixels), values))

    def tileset(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Draw 16 border tiles from the tile on the canvas, which stays."""
        yield from self.run(session, ticket, lambda: self._tileset(canvas, model, values))

    def animate(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, frames: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Redraw the masked part of the canvas in each frame; the canvas stays."""
        yield from self.run(session, ticket, lambda: self._animation(canvas, model, frames, values))

    def show(self, session: Session) -> str:
        """HTML of the tileset or the animation that the results form; empty for others."""
        made = result_set(session.drawings)
        return made.html() if made else ""

    def save_gif(self, session: Session, kept: Kept) -> Any:
        """The value of the file saver, or a warning."""
        return self._saved(session, kept, animation_gif)

    def save_sheet(self, session: Session, kept: Kept) -> Any:
        """The value of the file saver, or a warning."""
        return self._saved(session, kept, _sheet_file)

    def offer_classes(self, model: Any, chosen: Any, kept: Kept = NOTHING_KEPT) -> Any:
        """The second classes of the model; the chosen or stored one stays if the model has it."""
        try:
            choices = second_classes(model_info(self.engine, model).classes)
        except PixelArtError:
            choices = second_classes(())
        names, wanted = [name for _, name in choices], kept.values.get("blend_class", chosen)
        known = isinstance(wanted, str) and wanted in names
        return gr.Dropdown(choices=list(choices), value=wanted if known else names[0])

    def _saved(self, session: Session, kept: Kept, file: Callable[[list[Drawing]], tuple[str, bytes]]) -> Any:
        session.recover(kept.drawings, kept.mask)
        try:
            return download_value(*file(session.drawings))
        except PixelArtError as error:
            gr.Warning(str(error))
            return gr.skip()

    def _sweep(self, model: Any, temperatures: Any, values: Values) -> DrawingJob:
        steps = _temperatures(temperatures)
        there = sized(model_info(self.engine, model), values)
        values = {**only_for(GENERATE, values), "images": len(steps), "bottom_temperature": 0}
        request = replace(request_from(values, there), size=(there.height, there.width), count=1)
        return DrawingJob(
            lambda on_row, cancel: _swept(self.engine, request, steps, on_row, cancel),
            request.seed,
            " One seed.",
        )

    def _extension(self, canvas: Canvas | None, model: Any, margins: tuple[Any, Any], values: Values) -> DrawingJob:
        canvas = _painted(canvas, "Extend")
        added, picture = _margins(*margins), canvas.picture
        height, width = added.size(*picture.shape[:2])
        if max(height, width) > MAX_DOCUMENT:
            raise RequestRejected(f"Extend: {width} x {height} pixels; the limit is {MAX_DOCUMENT} a side.")
        there = replace(model_info(self.engine, model), height=height, width=width)
        request, grown = request_from(only_for(EXTEND, values), there), added.by_side()
        drawn = added.mask(*picture.shape[:2])
        mask, temperature = np.zeros_like(drawn), None
        mask[~drawn] = canvas.painted_mask.reshape(-1)
        if canvas.temperature is not None:
            temperature = np.full(drawn.shape, 100, np.uint8)
            temperature[~drawn] = canvas.temperature.reshape(-1)
        return DrawingJob(
            lambda on_row, cancel: self.engine.extend(request, picture, **grown, on_row=on_row, cancel=cancel),
            request.seed,
            " Most probable first.",
            f" The canvas is now {width} x {height}; Undo restores the smaller picture.",
            drawn,
            mask,
            temperature,
        )

    def _tileset(self, canvas: Canvas | None, model: Any, values: Values) -> DrawingJob:
        tile = _painted(canvas, "Tileset").picture
        alike = {"seamless": [], "bottom_temperature": 0}  # the strip of an edge is part of several tiles
        request = self._request_for(tile.shape[:2], 16, TILESET, model, {**values, **alike})
        return DrawingJob(
            lambda on_row, cancel: tileset_results(
                self.engine.tileset(request, tile, on_row=on_row, cancel=cancel), request.seed, request.checkpoint
            ),
            request.seed,
            " The sheet is shown with the results.",
            keeps_canvas=True,
        )

    def _animation(self, canvas: Canvas | None, model: Any, frames: Any, values: Values) -> DrawingJob:
        canvas = _painted(canvas, "Animate")
        if not canvas.painted_mask.any():
            raise RequestRejected("Paint a mask first: the part that moves.")
        picture, mask, count = canvas.picture, canvas.painted_mask, whole(frames, "Frames", *FRAMES)
        request = self._request_for(picture.shape[:2], count, ANIMATE, model, values)

        def work(on_row: OnRow, cancel: Callable[[], bool]) -> list[Drawing]:
            made = self.engine.animate(request, picture, mask, frames=count, on_row=on_row, cancel=cancel)
            return animation_results(made, request.seed, request.checkpoint)

        note = " The animation plays with the results."
        return DrawingJob(work, request.seed, note, mask=mask, keeps_canvas=True)

    def _request_for(self, size: tuple[int, ...], pictures: int, action: str, model: Any, values: Values) -> Request:
        """The request for a set of so many pictures (height, width) = `size`."""
        height, width = size
        if max(size) > MAX_DOCUMENT:
            raise RequestRejected(f"picture is {width} x {height}; the limit is {MAX_DOCUMENT} a side.")
        there = replace(model_info(self.engine, model), height=height, width=width)
        return replace(request_from({**only_for(action, values), "images": pictures}, there), count=1)


def _painted(canvas: Canvas | None, button: str) -> Canvas:
    if canvas is None or not canvas.picture.any():
        raise RequestRejected(f"Draw or import a picture first, then press {button}.")
    return canvas


def _temperatures(text: Any) -> list[float]:
    """The temperatures of a text such as "0.6, 1, 1.4". Raises RequestRejected."""
    parts = re.split(r"[,;\s]+", text.strip()) if isinstance(text, str) and len(text) <= 200 else []
    if not 2 <= len(parts) <= MOST_STEPS or not all(re.fullmatch(r"\d{0,2}\.?\d{1,4}", part) for part in parts):
        raise RequestRejected(f"Temperatures: write 2 to {MOST_STEPS} numbers, such as 0.6, 1, 1.4.")
    return [CONTROLS["temperature"].read("Temperatures", float(part)) for part in parts]


def _margins(sides: Any, pixels: Any) -> Margins:
    """The margins of the chosen sides. Raises RequestRejected."""
    if not isinstance(sides, list) or not sides or not all(side in MARGIN_SIDES for side in sides):
        raise RequestRejected("Extend: choose one or more of left, right, up and down.")
    added = whole(pixels, "Pixels", 1, MOST_ADDED)
    return Margins(**{side: added for side in MARGIN_SIDES if side in sides})


def _swept(
    engine: Engine, request: Request, steps: list[float], on_row: OnRow, cancel: Callable[[], bool]
) -> list[Drawing]:
    """One picture per temperature; after a stop, those that are finished."""
    drawings = list[Drawing]()
    for number, temperature in enumerate(steps):
        asked, watch = replace(request, temperature=temperature), in_parts(on_row, number, len(steps))
        try:
            (drawn,) = engine.generate(asked, on_row=watch, cancel=cancel)
        except Cancelled:
            if not drawings:
                raise
            break
        drawings.append(replace(drawn, settings={**drawn.settings, "temperature": temperature, "sweep": "temperature"}))
    return drawings


def _sheet_file(drawings: list[Drawing]) -> tuple[str, bytes]:
    made = result_set(drawings)
    if made is None:
        raise RequestRejected("There is no tileset or animation yet.")
    return made.files()
