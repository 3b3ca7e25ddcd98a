"""Run a drawing of the page: stream its frames, stop it, and keep its results. All drawing buttons use it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from pixelart.engine import Drawing, Engine, OnRow, Preview
from pixelart.engine.redrawing import count_redrawn
from pixelart.errors import Cancelled, PixelArtError
from pixelart.images.codec import Picture
from pixelart.settings import SETTINGS
from pixelart.ui.create.canvas_value import Canvas, Painting
from pixelart.ui.metrics import METRICS
from pixelart.ui.results import ResultFiles, caption_of
from pixelart.ui.session import Session
from pixelart.ui.status import counted, status_progress, status_text
from pixelart.ui.worker import Worker

_log = logging.getLogger(__name__)
DRAWING_FAULT = "Something went wrong while drawing. Your canvas is unchanged; the program's log has details."
UNSTARTED = "Stopped before the first row."
Outputs = tuple[Any, Any, Any]
"""canvas, status, gallery; gr.skip() leaves one as it is."""
NOTHING: Outputs = (gr.skip(), gr.skip(), gr.skip())
DrawFunction = Callable[[OnRow, Callable[[], bool]], list[Drawing]]
"""work(on_row, cancel): the engine's call."""


@dataclass(frozen=True)
class Frame:
    """A step of a drawing: `done` of `rows` rows are drawn.

    `picture` (H, W, 4): the first picture so far. `undrawn` (H, W): its pixels that are not final. `passes`: over all
    pixels so far; 0 = it is drawn row by row. `sketch`: only the sketch is drawn so far. `parts`: of how many
    completions the drawing consists; its rows are then shares of them.
    """

    done: int
    rows: int
    picture: Picture
    undrawn: NDArray[np.bool_]
    passes: int = 0
    sketch: bool = False
    parts: int = 1

    @property
    def part(self) -> int:
        """The completion that is drawn now, counted from 1."""
        return min(self.parts, self.done * self.parts // self.rows + 1)

    def settled(self, before: Picture | None) -> Picture:
        """The final pixels; the others are those of `before`, or transparent."""
        return np.where(self.undrawn[..., None], np.uint8(0) if before is None else before, self.picture)


DrawingWorker = Worker[list[Drawing], Frame]


@dataclass(frozen=True)
class DrawingJob:
    """One press of a drawing button.

    `work`: the engine's call. `seed`: of the picture that is shown while drawing. `order`, `note`: ends of the status
    line. `mask`: where it draws; None = everywhere. `shown_mask`, `temperature`: replace the page's mask and painted
    temperature; a mask of None keeps both. `before`: what a stop leaves where no pixel is final; None = transparent.
    `keeps_canvas`: at the end the canvas has the visitor's picture again.
    """

    work: DrawFunction
    seed: int
    order: str = ""
    note: str = ""
    mask: NDArray[np.bool_] | None = None
    shown_mask: NDArray[np.bool_] | None = None
    temperature: NDArray[np.uint8] | None = None
    before: Picture | None = None
    keeps_canvas: bool = False

    def canvas(self, picture: Picture, ticket: int) -> Canvas:
        """What the page shows at the end, unless the canvas keeps its picture."""
        return Canvas(picture, self.shown_mask, ticket=ticket, temperature=self.temperature)


class DrawingRunner:
    """Runs jobs. A visitor's state is in the Session passed to each handler."""

    def __init__(self, engine: Engine, results: ResultFiles) -> None:
        self.engine, self.results = engine, results

    def run(self, session: Session, ticket: int, prepare: Callable[[], DrawingJob]) -> Iterator[Outputs]:
        """Prepare a job and run it; an error becomes a message. Stop, and what else ends a ticket, ends it."""
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

    def _result(self, session: Session, ticket: int, worker: DrawingWorker, job: DrawingJob) -> Outputs:
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
        shown = painting if job.keeps_canvas else job.canvas(drawings[0].picture, ticket)
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
            shown, undrawn = pictures()[0].copy(), pictures.undrawn()
            tell(Frame(done, rows, shown, undrawn, pictures.passes, pictures.sketch, pictures.parts))

        with METRICS.drawing() as pictures:
            drawings = work(on_row, cancel)
            pictures.append(len(drawings))
        return drawings

    return Worker(in_frames, is_stopped, limit=limit)


def _progress(worker: DrawingWorker, frame: Frame | None, ticket: int) -> Outputs:
    latest = worker.step
    if latest is None:
        return NOTHING
    place = f"row {latest.done} of {latest.rows}" if latest.parts == 1 else f"part {latest.part} of {latest.parts}"
    parts = ["sketch"] if latest.sketch else []
    parts += [f"pass {latest.passes}"] if latest.passes else []
    text = " · ".join([*parts, place, f"{worker.seconds:.1f} s"]).capitalize()
    canvas = gr.skip() if frame is None else Canvas(frame.picture, preview=True, ticket=ticket)
    return canvas, status_progress(text, done=latest.done, rows=latest.rows), gr.skip()


def _stopped(session: Session, ticket: int, frame: Frame | None, job: DrawingJob) -> Outputs:
    drawn = 0.0 if frame is None else _share_drawn(frame, job)
    if frame is None or not drawn:
        return Painting(ticket), status_text(UNSTARTED), gr.skip()
    session.seed = job.seed
    share = f"{int(100 * drawn)} % drawn."
    text = f"Stopped. {share if frame.parts == 1 else f'Part {frame.part} of {frame.parts} was not finished.'}"
    shown = Painting(ticket) if job.keeps_canvas else job.canvas(frame.settled(job.before), ticket)
    return shown, status_text(text), gr.skip()


def _share_drawn(frame: Frame, job: DrawingJob) -> float:
    """The share of the pixels to draw that are final in the first picture."""
    pixels = frame.undrawn.size if job.mask is None else np.count_nonzero(job.mask)
    return 1 - np.count_nonzero(frame.undrawn) / pixels


def refused(message: str) -> Outputs:
    """Show a message as a notice and on the status line; the canvas and the results stay."""
    gr.Warning(message)
    return gr.skip(), status_text(message), gr.skip()


def summary(drawings: list[Drawing], seconds: float, order: str) -> str:
    """The status of a finished drawing, such as "2 pictures in 1.4 s. Most probable first. Click one ..." """
    text, redrawn = f"{counted(len(drawings), 'picture')} in {seconds:.1f} s.", count_redrawn(drawings)
    if redrawn:
        text += f" {counted(redrawn, 'was', 'were')} drawn again: nearly empty or confetti."
    return text if len(drawings) == 1 else f"{text}{order} Click one to put it on the canvas."
