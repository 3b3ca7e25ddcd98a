"""Handlers of Generate, Complete mask, New colours, Enlarge and Stop. They stream rows or passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from pixelart.controls import COMPLETE, ENLARGE, GENERATE, MOST_REDRAWS
from pixelart.engine.completion import added_pixels
from pixelart.engine.request import Request
from pixelart.errors import RequestRejected
from pixelart.images.kept_kinds import KEEP_SKETCH
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.drawing_job import DrawingJob, DrawingRunner, Outputs
from pixelart.ui.create.form import Values, only_for, request_from, sized
from pixelart.ui.create.likeness import labels_shown, partly_masked
from pixelart.ui.create.model_choice import enlarger, fitted_canvas, model_info, values_for
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.session import Session
from pixelart.ui.status import status_text

ENLARGED = 2
"""How many times as large Enlarge draws the canvas."""
OTHER_SIZE = " The painted temperature was not used: these pictures have another size than the canvas."
UNDO = "Undo restores your size."
IDLE = "Stopped. Nothing is being drawn."


class DrawingHandlers(DrawingRunner):
    """The handlers of one page. A visitor's state is in the Session passed to each handler."""

    def generate(
        self, session: Session, ticket: int, model: Any, canvas: Canvas | None = None, **values: Any
    ) -> Iterator[Outputs]:
        """Draw new pictures; the first one appears on the canvas row by row, or pass by pass."""
        yield from self.run(session, ticket, lambda: self._generation(canvas, model, values))

    def complete(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Draw candidates for the masked pixels; every other pixel stays."""
        yield from self.run(session, ticket, lambda: self._completion(canvas, model, values))

    def recolour(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Redraw the colours of the canvas, or only inside its mask; shapes and shading stay."""
        yield from self.run(session, ticket, lambda: self._recolouring(canvas, model, values))

    def enlarge(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Draw the canvas twice as large. Its pixels stay: they are every second pixel of the result."""
        yield from self.run(session, ticket, lambda: self._enlargement(canvas, model, values))

    def more_like(
        self, session: Session, ticket: int, model: Any, event: gr.EventData, **values: Any
    ) -> Iterator[Outputs]:
        """Draw variants of a result: a random part of it is redrawn, as what the result shows."""
        asked = event_data(event)
        yield from self.run(session, ticket, lambda: self._likeness(asked, model, values))

    def stop(self, session: Session, ticket: int) -> Any:
        """End this visitor's drawings up to this ticket; the finished rows stay."""
        session.stop(ticket)
        return gr.skip() if session.running else status_text(IDLE)

    def _generation(self, canvas: Canvas | None, model: Any, values: Values) -> DrawingJob:
        there = sized(model_info(self.engine, model), values)
        size = there.height, there.width
        percent = None if canvas is None else canvas.temperature
        fits = percent is not None and percent.shape == size
        values = {**values, "temperature_percent": percent if fits else None}
        request = request_from(only_for(GENERATE, values), there)
        request = replace(request, size=size, redraw=_redraws(request, values))
        return DrawingJob(
            lambda on_row, cancel: self.engine.generate(request, on_row=on_row, cancel=cancel),
            request.seed,
            note="" if percent is None or fits else OTHER_SIZE,
        )

    def _recolouring(self, canvas: Canvas | None, model: Any, values: Values) -> DrawingJob:
        if canvas is None or not canvas.picture.any():
            raise RequestRejected("Draw or import a picture first, then press New colours.")
        if not canvas.painted_mask.any():
            canvas = replace(canvas, mask=np.ones(canvas.picture.shape[:2], np.bool_))
        return self._completion(canvas, model, {**values, "keep": values.get("keep") or KEEP_SKETCH})

    def _likeness(self, asked: Any, model: Any, values: Values) -> DrawingJob:
        canvas = partly_masked(asked)
        return self._completion(canvas, model, {**values, **labels_shown(asked, model_info(self.engine, model))})

    def _completion(self, canvas: Canvas | None, model: Any, values: Values) -> DrawingJob:
        if canvas is None or not canvas.painted_mask.any():
            raise RequestRejected("Paint a mask first.")
        info = model_info(self.engine, model)
        fitted = fitted_canvas(canvas, info)
        picture, mask = fitted.picture, fitted.painted_mask
        there = replace(info, height=picture.shape[0], width=picture.shape[1])
        values = {**values, "temperature_percent": fitted.temperature}
        request = request_from(only_for(COMPLETE, values), there)
        request = replace(request, window=canvas.window if fitted is canvas else None, redraw=_redraws(request, values))
        note = "" if fitted is canvas else f" {info.name} draws {info.width} x {info.height}; {UNDO}"
        note += OTHER_SIZE if fitted.temperature is not canvas.temperature else ""
        return DrawingJob(
            lambda on_row, cancel: self.engine.complete(request, picture, mask, on_row=on_row, cancel=cancel),
            request.seed,
            " Most probable first.",
            note,
            mask=mask,
            shown_mask=None if fitted is canvas else mask,
            before=picture,
        )

    def _enlargement(self, canvas: Canvas | None, model: Any, values: Values) -> DrawingJob:
        if canvas is None:
            raise RequestRejected("The canvas is empty.")
        picture = canvas.picture
        height, width = (ENLARGED * side for side in picture.shape[:2])
        chosen = model_info(self.engine, model)
        info = enlarger(chosen, self.engine.list_checkpoints())
        percent = None if canvas.temperature is None else canvas.temperature.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
        values = {**values, "temperature_percent": percent}
        seamless = values.get("seamless", [])  # kept, so that the engine reports that it is not possible
        values = {**only_for(ENLARGE, values_for(values, info, chosen)), "seamless": seamless}
        request = request_from(values, replace(info, height=height, width=width))
        by = "" if info is chosen else f" {info.name} enlarged it: {chosen.name} cannot."
        return DrawingJob(
            lambda on_row, cancel: self.engine.enlarge(request, picture, factor=ENLARGED, on_row=on_row, cancel=cancel),
            request.seed,
            " Most probable first.",
            f"{by} The canvas is now {width} x {height}; Undo restores the small picture.",
            added_pixels(height, width, factor=ENLARGED),
            before=picture.repeat(ENLARGED, 0).repeat(ENLARGED, 1),
        )


def _redraws(request: Request, values: Values) -> int:
    """How often pictures with a defect are drawn again. A given seed and one picture repeat that picture as it was."""
    is_repeat = request.count == 1 and values.get("seed", -1) != -1
    return 0 if is_repeat else MOST_REDRAWS
