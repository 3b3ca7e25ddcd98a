"""Stop: what is drawn stays, and the visitor's own pixels stay where nothing final is drawn yet."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pixelart.engine import Drawing, Engine, OnRow, Preview
from pixelart.errors import Cancelled
from pixelart.images.codec import Picture
from pixelart.ui.create.canvas_value import Canvas, Painting
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.drawing_job import UNSTARTED, DrawingJob, DrawingRunner, Outputs
from pixelart.ui.create.form import ANY_CLASS
from pixelart.ui.create.palette_value import everything_allowed
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from pixelart.ui.status import status_text
from tests.ui.create.test_drawing import SLOW, canvases, handlers, painted, status_of, until_row, values
from tests.ui.fake_engine import FakeEngine


def test_stop_keeps_the_rows_that_were_drawn() -> None:
    session, page = Session(), handlers(FakeEngine(row_seconds=SLOW))
    frames = page.generate(session, 1, "tiny", **values())
    until_row(frames, 4)
    page.stop(session, 1)
    last = list(frames)[-1]
    whole = Session()
    list(handlers(FakeEngine()).generate(whole, 1, "tiny", **values()))
    drawn = canvases([last])[0].picture
    rows = next(n for n in range(16) if not np.array_equal(drawn[n], whole.drawings[0].picture[n]))
    assert 4 <= rows < 10 and not drawn[rows:].any() and "Stopped" in status_of(last)
    assert not session.drawings and session.running == 0


def test_stop_of_a_completion_keeps_the_canvas_where_it_was_not_reached() -> None:
    session, page, canvas = Session(), handlers(FakeEngine(row_seconds=SLOW)), painted()
    frames = page.complete(session, 1, canvas, "tiny", **values())
    until_row(frames, 3)
    page.stop(session, 1)
    drawn = canvases([list(frames)[-1]])[0].picture
    assert np.array_equal(drawn[~canvas.painted_mask], canvas.picture[~canvas.painted_mask])
    assert np.array_equal(drawn[11], canvas.picture[11]) and not np.array_equal(drawn[4:7], canvas.picture[4:7])


def test_a_stopped_drawing_leaves_its_seed() -> None:
    session, page = Session(), handlers(FakeEngine(row_seconds=SLOW))
    list(handlers(FakeEngine()).generate(session, 1, "tiny", **values(seed=5)))
    frames = page.generate(session, 2, "tiny", **values(seed=77))
    until_row(frames, 2)
    page.stop(session, 2)
    assert "Stopped" in status_of(list(frames)[-1]) and session.seed == 77


def test_stop_ends_every_drawing_asked_for_so_far_and_none_after() -> None:
    session, page = Session(), handlers(FakeEngine(row_seconds=SLOW))
    running = page.generate(session, 1, "tiny", **values())
    until_row(running, 2)
    page.stop(session, 3)  # while the second waits for its turn, and the third never comes
    assert "Stopped" in status_of(list(running)[-1])
    waiting = list(page.complete(session, 2, painted(), "tiny", **values()))
    assert [status_of(o) for o in waiting] == [status_text(UNSTARTED)] and not canvases(waiting)
    page = handlers(FakeEngine())
    assert canvases(list(page.generate(session, 4, "tiny", **values()))) and session.drawings


def test_stop_without_a_drawing_says_so_and_does_not_touch_the_next() -> None:
    session, page = Session(), handlers(FakeEngine())
    assert "Nothing" in page.stop(session, 0)
    list(page.generate(session, 1, "tiny", **values()))
    assert session.drawings and "Nothing" in page.stop(session, 1)


def test_a_stop_before_the_first_row_sends_no_canvas() -> None:
    session, page = Session(), handlers(FakeEngine(row_seconds=5 * SLOW))
    frames = page.generate(session, 1, "tiny", **values())
    next(frames)
    page.stop(session, 1)
    outputs = list(frames)
    assert outputs[-1][:2] == (Painting(1), status_text(UNSTARTED)) and not canvases(outputs)


def stopped(work: Any, **job: Any) -> Outputs:
    """The last outputs of a job that is stopped."""
    runner = DrawingRunner(FakeEngine(), ResultFiles(Path(tempfile.gettempdir())))  # pyright: ignore[reportArgumentType]
    return list(runner.run(Session(), 1, lambda: DrawingJob(work, 5, **job)))[-1]


def one_frame(picture: Picture, undrawn: NDArray[np.bool_], **how: Any) -> Any:
    """The work of a job that is stopped after one frame."""

    def work(on_row: OnRow, cancel: Any) -> list[Drawing]:
        on_row(40, 64, Preview(lambda: picture[None], lambda: undrawn, **how))
        raise Cancelled

    return work


def test_a_stop_keeps_final_pixels_and_says_their_share() -> None:
    canvas, undrawn = painted(), np.zeros((16, 16), np.bool_)
    undrawn[8:12, 3:9] = True
    drawn = np.where(canvas.painted_mask[..., None], np.uint8(9), canvas.picture)
    shown, status, _ = stopped(one_frame(drawn, undrawn), mask=canvas.mask, before=canvas.picture)
    assert (shown.picture[4:8, 3:9] == 9).all() and status == status_text("Stopped. 50 % drawn.")
    assert np.array_equal(shown.picture[8:], canvas.picture[8:])
    whole = np.full((16, 16, 4), 9, np.uint8)
    shown, status, _ = stopped(one_frame(whole, np.arange(16)[:, None] + np.zeros((16, 16)) >= 4, passes=7))
    assert (shown.picture[:4] == 9).all() and not shown.picture[4:].any() and "25 % drawn" in status


@pytest.mark.parametrize("method", ["generate", "complete"])
def test_a_stop_at_the_sketch_leaves_the_canvas_as_it_was(method: str) -> None:
    canvas = painted()
    mask = canvas.painted_mask if method == "complete" else np.ones((16, 16), np.bool_)
    sketch = np.full((16, 16, 4), 128, np.uint8)
    job = {"mask": mask, "before": canvas.picture} if method == "complete" else {}
    shown, status, _ = stopped(one_frame(sketch, mask, sketch=True), **job)
    assert shown == Painting(1) and status == status_text(UNSTARTED)


def test_a_stop_between_windows_keeps_the_pixels_that_were_not_drawn(
    tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of all windows add up, and are no rows of the picture."""
    engine, session = Engine(tiny_checkpoints), Session()
    picture = np.random.default_rng(3).integers(1, 256, (8, 24, 4), np.uint8)
    canvas, complete = Canvas(picture, np.ones((8, 24), np.bool_)), engine.complete

    def stop_after_the_first_window(*given: Any, on_row: OnRow, **how: Any) -> list[Drawing]:
        def watch(done: int, rows: int, pictures: Preview) -> None:
            on_row(done, rows, pictures)
            if done >= 8:
                session.stop(1)

        return complete(*given, on_row=watch, **how)

    monkeypatch.setattr(engine, "complete", stop_after_the_first_window)
    page = DrawingHandlers(engine, ResultFiles(Path(tempfile.gettempdir())))
    choice = values(class_name=ANY_CLASS, colours=everything_allowed(engine.info("tiny").colours))
    last = list(page.complete(session, 1, canvas, "tiny", **choice))[-1]
    (shown,) = canvases([last])
    is_own = (shown.picture == picture).all(-1)
    assert is_own[:, 7:].all() and not is_own[:, :4].any() and "Stopped. " in status_of(last)
