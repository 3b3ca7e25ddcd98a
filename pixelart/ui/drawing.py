"""Generate, Complete mask and Stop: generator handlers that show rows while they are drawn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from pixelart.codec import Picture
from pixelart.engine import CheckpointInfo, Drawing, Engine
from pixelart.errors import Cancelled, PixelArtError, RequestRejected
from pixelart.ui.canvas_value import Canvas, blank_canvas
from pixelart.ui.form import Form, request_from
from pixelart.ui.results import candidate_caption, gallery_items, seed_caption
from pixelart.ui.session import Session
from pixelart.ui.status import counted, status_progress, status_text
from pixelart.ui.worker import Frame, Worker

log = logging.getLogger(__name__)
FAULT = "Something went wrong while drawing. Your canvas is as it was; the program's log says more."
NO_MODEL = "No model is installed. The notice at the top says how to get one."
UNSTARTED = "Stopped before the first row."
Outputs = tuple[Any, Any, Any]
"""canvas, status, gallery; gr.skip() leaves one as it is."""


@dataclass(frozen=True)
class _Job:
    """`base`: the canvas to go back to; `stopped`: what a stop leaves; `caption` of each result, and their `order`."""

    base: Canvas
    stopped: Callable[[Frame], Picture]
    caption: Callable[[Drawing], str]
    order: str = ""


class DrawingHandlers:
    """The handlers of one page; what they know of a visitor is in the Session that they are given."""

    def __init__(self, engine: Engine, gallery: gr.Gallery) -> None:
        self.engine, self.gallery = engine, gallery

    def generate(self, session: Session, canvas: Canvas | None, model: Any, *values: Any) -> Iterator[Outputs]:
        """New pictures; the first one appears on the canvas row by row."""
        if not session.begin():
            yield gr.skip(), status_text(UNSTARTED), gr.skip()
            return
        try:
            info = model_info(self.engine, model)
            request = request_from(Form(*values), info)
        except PixelArtError as error:
            yield refuse(str(error))
            return
        base = canvas or blank_canvas(info.height, info.width)
        worker = Worker(lambda on_row, cancel: self.engine.generate(request, on_row=on_row, cancel=cancel))
        yield from self._show(session, worker, _Job(base, lambda frame: frame.picture, seed_caption))

    def complete(self, session: Session, canvas: Canvas | None, model: Any, *values: Any) -> Iterator[Outputs]:
        """Candidates for the masked pixels; every other pixel stays."""
        if not session.begin():
            yield gr.skip(), status_text(UNSTARTED), gr.skip()
            return
        if canvas is None or not canvas.painted_mask.any():
            yield refuse("Paint a mask first.")
            return
        try:
            request = request_from(Form(*values), model_info(self.engine, model))
        except PixelArtError as error:
            yield refuse(str(error))
            return
        picture, mask = canvas.picture, canvas.painted_mask
        worker = Worker(
            lambda on_row, cancel: self.engine.complete(request, picture, mask, on_row=on_row, cancel=cancel)
        )
        job = _Job(canvas, lambda frame: undrawn_kept(frame, canvas), candidate_caption, " Likeliest first.")
        yield from self._show(session, worker, job)

    def wait(self, session: Session) -> None:
        """Notes, when a button is pressed, that a drawing waits for its turn."""
        session.waiting = True

    def stop(self, session: Session) -> Any:
        """Ends the drawing of this visitor; its handler keeps the rows that were drawn."""
        return gr.skip() if session.stop() else status_text("Nothing is being drawn.")

    def _show(self, session: Session, worker: Worker, job: _Job) -> Iterator[Outputs]:
        session.worker = worker
        try:
            yield gr.skip(), status_progress("Loading the model", done=0, rows=0), gr.skip()
            for frame in worker.watch():
                yield self._progress(worker, frame)
            yield self._result(session, worker, job)
        finally:  # also when the visitor has left
            worker.stop()
            session.waiting = False
            if session.worker is worker:
                session.worker = None

    def _progress(self, worker: Worker, frame: Frame | None) -> Outputs:
        latest = worker.frame
        if latest is None:
            return gr.skip(), gr.skip(), gr.skip()
        text = f"Row {latest.done} of {latest.rows} · {worker.seconds:.1f} s"
        canvas = gr.skip() if frame is None else Canvas(frame.picture, preview=True)
        return canvas, status_progress(text, done=latest.done, rows=latest.rows), gr.skip()

    def _result(self, session: Session, worker: Worker, job: _Job) -> Outputs:
        unchanged = replace(job.base, mask=None)
        try:
            drawings = worker.drawings()
        except Cancelled:
            frame = worker.frame
            if frame is None:
                return unchanged, status_text(UNSTARTED), gr.skip()
            text = f"Stopped. {counted(frame.done, 'row')} of {frame.rows} drawn."
            return Canvas(job.stopped(frame)), status_text(text), gr.skip()
        except PixelArtError as error:
            return unchanged, *refuse(str(error))[1:]
        except Exception:
            log.exception("drawing failed")
            return unchanged, *refuse(FAULT)[1:]
        session.drawings, session.chosen, session.last_seed = drawings, 0, drawings[0].seed
        items = gallery_items(drawings, [job.caption(d) for d in drawings], gallery=self.gallery)
        return Canvas(drawings[0].picture), status_text(summary(drawings, worker.seconds, job.order)), items


def model_info(engine: Engine, model: Any) -> CheckpointInfo:
    """The chosen model. Raises RequestRejected when none is chosen, or it is gone."""
    if not isinstance(model, str) or not model:
        raise RequestRejected(NO_MODEL)
    return engine.info(model)


def refuse(message: str) -> Outputs:
    """A plain message, as a notice and on the status line; the canvas and the results stay."""
    gr.Warning(message)
    return gr.skip(), status_text(message), gr.skip()


def undrawn_kept(frame: Frame, canvas: Canvas) -> Picture:
    """The rows drawn before a stop, and the canvas's own pixels where a masked row was not reached."""
    mask = canvas.painted_mask
    reached = np.arange(len(mask)) < int(np.flatnonzero(mask.any(1))[0]) + frame.done
    return np.where((mask & reached[:, None])[..., None], frame.picture, canvas.picture)


def summary(drawings: list[Drawing], seconds: float, order: str) -> str:
    """Such as "2 pictures in 1.4 s. Likeliest first. Click one to put it on the canvas." """
    text = f"{counted(len(drawings), 'picture')} in {seconds:.1f} s."
    return text if len(drawings) == 1 else f"{text}{order} Click one to put it on the canvas."
