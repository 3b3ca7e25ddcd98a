"""Handlers of Generate, Complete mask, New colours, Enlarge and Stop. They stream rows or passes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from pixelart.controls import COMPLETE, ENLARGE, GENERATE, MOST_REDRAWS
from pixelart.engine import Drawing, Engine, OnRow, Preview
from pixelart.engine.completion import added_pixels
from pixelart.engine.redrawing import count_redrawn
from pixelart.errors import Cancelled, PixelArtError, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.kept_kinds import KEEP_SKETCH
from pixelart.images.tiling import Shift, back, rolled, shift_to_join
from pixelart.settings import SETTINGS
from pixelart.ui.create.canvas_value import Canvas, Painting
from pixelart.ui.create.form import Values, only_for, request_from, sized
from pixelart.ui.create.likeness import partly_masked
from pixelart.ui.create.model_choice import enlarger, fitted_canvas, model_info, values_for
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.results import ResultFiles, caption_of
from pixelart.ui.session import Session
from pixelart.ui.status import counted, status_progress, status_text
from pixelart.ui.worker import Worker

_log = logging.getLogger(__name__)
DRAWING_FAULT = "Something went wrong while drawing. Your canvas is unchanged; the program's log has details."
UNSTARTED = "Stopped before the first row."
ENLARGED = 2
"""How many times as large Enlarge draws the canvas."""
OTHER_SIZE = " The painted temperature was not used: these pictures have another size than the canvas."
UNDO = "Undo restores your size."
IDLE = "Stopped. Nothing is being drawn."
Outputs = tuple[Any, Any, Any]
"""canvas, status, gallery; gr.skip() leaves one as it is."""
NOTHING: Outputs = (gr.skip(), gr.skip(), gr.skip())
DrawFunction = Callable[[OnRow, Callable[[], bool]], list[Drawing]]
"""work(on_row, cancel): the engine's call."""


@dataclass(frozen=True)
class Frame:
    """A step of a drawing: `done` of `rows` rows are final.

    `picture` (H, W, 4): the first picture so far. `passes`: passes over all pixels so far; 0 = it is drawn row by row.
    `sketch`: only the sketch is drawn so far.
    """

    done: int
    rows: int
    picture: Picture
    passes: int = 0
    sketch: bool = False


DrawingWorker = Worker[list[Drawing], Frame]


@dataclass(frozen=True)
class _Job:
    """One press of a drawing button.

    `work`: the engine's call. `seed`: of the picture that is shown while drawing. `stopped`: the picture that remains
    after a stop. `order`, `note`: ends of the status line. `mask`: where it draws; None = everywhere. `shown_mask`:
    replaces the page's mask; None keeps it.
    """

    work: DrawFunction
    seed: int
    stopped: Callable[[Frame], Picture]
    order: str = ""
    note: str = ""
    mask: NDArray[np.bool_] | None = None
    shown_mask: NDArray[np.bool_] | None = None


class DrawingHandlers:
    """The handlers of one page. A visitor's state is in the Session passed to each handler."""

    def __init__(self, engine: Engine, results: ResultFiles) -> None:
        self.engine, self.results = engine, results

    def generate(
        self, session: Session, ticket: int, model: Any, canvas: Canvas | None = None, **values: Any
    ) -> Iterator[Outputs]:
        """Draw new pictures; the first one appears on the canvas row by row, or pass by pass."""
        yield from self._draw(session, ticket, lambda: self._generation(canvas, model, values))

    def complete(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Draw candidates for the masked pixels; every other pixel stays."""
        yield from self._draw(session, ticket, lambda: self._completion(canvas, model, values))

    def recolour(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Redraw the colours of the canvas, or only inside its mask; shapes and shading stay."""
        yield from self._draw(session, ticket, lambda: self._recolouring(canvas, model, values))

    def enlarge(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, **values: Any
    ) -> Iterator[Outputs]:
        """Draw the canvas twice as large. Its pixels stay: they are every second pixel of the result."""
        yield from self._draw(session, ticket, lambda: self._enlargement(canvas, model, values))

    def more_like(
        self, session: Session, ticket: int, model: Any, event: gr.EventData, **values: Any
    ) -> Iterator[Outputs]:
        """Draw variants of a result: a random part of it is redrawn."""
        asked = event_data(event)
        yield from self._draw(session, ticket, lambda: self._likeness(asked, model, values))

    def stop(self, session: Session, ticket: int) -> Any:
        """End this visitor's drawings up to this ticket; the finished rows stay."""
        session.stop(ticket)
        return gr.skip() if session.running else status_text(IDLE)

    def _generation(self, canvas: Canvas | None, model: Any, values: Values) -> _Job:
        there = sized(model_info(self.engine, model), values.get("size"))
        size = there.height, there.width
        percent = None if canvas is None else canvas.temperature
        fits = percent is not None and percent.shape == size
        values = {**values, "temperature_percent": percent if fits else None}
        request = replace(request_from(only_for(GENERATE, values), there), size=size, redraw=MOST_REDRAWS)
        return _Job(
            lambda on_row, cancel: self.engine.generate(request, on_row=on_row, cancel=cancel),
            request.seed,
            settled,
            note="" if percent is None or fits else OTHER_SIZE,
        )

    def _recolouring(self, canvas: Canvas | None, model: Any, values: Values) -> _Job:
        if canvas is None or not canvas.picture.any():
            raise RequestRejected("Draw or import a picture first, then press New colours.")
        if not canvas.painted_mask.any():
            canvas = replace(canvas, mask=np.ones(canvas.picture.shape[:2], np.bool_))
        return self._completion(canvas, model, {**values, "keep": values.get("keep") or KEEP_SKETCH})

    def _likeness(self, asked: Any, model: Any, values: Values) -> _Job:
        return self._completion(partly_masked(asked), model, values)

    def _completion(self, canvas: Canvas | None, model: Any, values: Values) -> _Job:
        if canvas is None or not canvas.painted_mask.any():
            raise RequestRejected("Paint a mask first.")
        info = model_info(self.engine, model)
        fitted = fitted_canvas(canvas, info)
        picture, mask = fitted.picture, fitted.painted_mask
        there = replace(info, height=picture.shape[0], width=picture.shape[1])
        values = {**values, "temperature_percent": fitted.temperature}
        request = request_from(only_for(COMPLETE, values), there)
        request = replace(request, window=canvas.window if fitted is canvas else None)
        shift = shift_to_join(mask, request.seamless)
        note = "" if fitted is canvas else f" {info.name} draws {info.width} x {info.height}; {UNDO}"
        note += OTHER_SIZE if fitted.temperature is not canvas.temperature else ""
        return _Job(
            lambda on_row, cancel: self.engine.complete(request, picture, mask, on_row=on_row, cancel=cancel),
            request.seed,
            lambda frame: undrawn_kept(frame, fitted, shift),
            " Likeliest first.",
            note,
            mask=mask,
            shown_mask=None if fitted is canvas else mask,
        )

    def _enlargement(self, canvas: Canvas | None, model: Any, values: Values) -> _Job:
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
        return _Job(
            lambda on_row, cancel: self.engine.enlarge(request, picture, factor=ENLARGED, on_row=on_row, cancel=cancel),
            request.seed,
            lambda frame: frame.picture,
            " Likeliest first.",
            f"{by} The canvas is now {width} x {height}; Undo restores the small picture.",
            added_pixels(height, width, factor=ENLARGED),
        )

    def _draw(self, session: Session, ticket: int, prepare: Callable[[], _Job]) -> Iterator[Outputs]:
        if session.is_stopped(ticket):
            yield NOTHING if session.has_left(ticket) else (gr.skip(), status_text(UNSTARTED), gr.skip())
            return
        try:
            job = prepare()
        except PixelArtError as error:
            yield refused(str(error))
            return
        worker = drawing_worker(job.work, lambda: session.is_stopped(ticket))
        session.running += 1
        try:
            yield gr.skip(), status_progress("Loading the model", done=0, rows=0), gr.skip()
            for frame in worker.watch():
                yield NOTHING if session.has_left(ticket) else _progress(worker, frame, ticket)
            left = (gr.skip(), session.status or gr.skip(), gr.skip())
            yield left if session.has_left(ticket) else self._result(session, ticket, worker, job)
        finally:  # even if the visitor has left
            session.running -= 1
            worker.stop()

    def _result(self, session: Session, ticket: int, worker: DrawingWorker, job: _Job) -> Outputs:
        painting = Painting(ticket)
        try:
            drawings = worker.result()
        except Cancelled:
            return _stopped(session, ticket, worker.step, job)
        except PixelArtError as error:
            return painting, *refused(str(error))[1:]
        except Exception:
            _log.exception("drawing failed")
            return painting, *refused(DRAWING_FAULT)[1:]
        session.keep(ticket, drawings, job.mask)
        self.results.archive(drawings)
        shown = Canvas(drawings[0].picture, job.shown_mask, ticket=ticket)
        try:
            items = [(self.results.save(d), caption_of(d, job.mask, rank)) for rank, d in enumerate(drawings)]
        except PixelArtError as error:  # full disk: the canvas still shows the first result
            return shown, *refused(str(error))[1:]
        status = status_text(summary(drawings, worker.seconds, job.order) + job.note)
        return shown, status, gr.Gallery(value=items, selected_index=0)


def drawing_worker(
    work: DrawFunction, is_stopped: Callable[[], bool] = lambda: False, *, limit: float = SETTINGS.max_drawing_seconds
) -> DrawingWorker:
    """Run the engine's call; its steps are frames."""

    def in_frames(tell: Callable[[Frame], None], cancel: Callable[[], bool]) -> list[Drawing]:
        def on_row(done: int, rows: int, pictures: Preview) -> None:
            tell(Frame(done, rows, pictures()[0].copy(), pictures.passes, pictures.sketch))

        return work(on_row, cancel)

    return Worker(in_frames, is_stopped, limit=limit)


def _progress(worker: DrawingWorker, frame: Frame | None, ticket: int) -> Outputs:
    latest = worker.step
    if latest is None:
        return NOTHING
    rows = f"row {latest.done} of {latest.rows} · {worker.seconds:.1f} s"
    parts = ["sketch"] if latest.sketch else []
    parts += [f"pass {latest.passes}"] if latest.passes else []
    text = " · ".join([*parts, rows]).capitalize()
    canvas = gr.skip() if frame is None else Canvas(frame.picture, preview=True, ticket=ticket)
    return canvas, status_progress(text, done=latest.done, rows=latest.rows), gr.skip()


def _stopped(session: Session, ticket: int, frame: Frame | None, job: _Job) -> Outputs:
    if frame is None:
        return Painting(ticket), status_text(UNSTARTED), gr.skip()
    session.seed = job.seed
    text = f"Stopped. {counted(frame.done, 'row')} of {frame.rows} drawn."
    return Canvas(job.stopped(frame), job.shown_mask, ticket=ticket), status_text(text), gr.skip()


def refused(message: str) -> Outputs:
    """Show a message as a notice and on the status line; the canvas and the results stay."""
    gr.Warning(message)
    return gr.skip(), status_text(message), gr.skip()


def settled(frame: Frame) -> Picture:
    """The rows finished before a stop; unfinished pixels become transparent."""
    reached = np.arange(len(frame.picture)) < frame.done
    return np.where(reached[:, None, None], frame.picture, np.uint8(0))


def undrawn_kept(frame: Frame, canvas: Canvas, shift: Shift) -> Picture:
    """The rows finished before a stop, and the canvas's own pixels in the masked rows after them. Rows are counted in
    the picture as rolled by `shift` for drawing."""
    mask = rolled(canvas.painted_mask, shift)
    reached = np.arange(len(mask)) < int(np.flatnonzero(mask.any(1))[0]) + frame.done
    drawn = rolled(mask & reached[:, None], back(shift))
    return np.where(drawn[..., None], frame.picture, canvas.picture)


def summary(drawings: list[Drawing], seconds: float, order: str) -> str:
    """The status of a finished drawing, such as "2 pictures in 1.4 s. Likeliest first. Click one ..." """
    text, redrawn = f"{counted(len(drawings), 'picture')} in {seconds:.1f} s.", count_redrawn(drawings)
    if redrawn:
        text += f" {counted(redrawn, 'was', 'were')} drawn again: nearly empty or confetti."
    return text if len(drawings) == 1 else f"{text}{order} Click one to put it on the canvas."
