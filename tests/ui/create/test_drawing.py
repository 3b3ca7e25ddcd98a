"""Generate, Complete mask and Stop with a fake engine, by iterating the handlers as gradio does."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixelart.controls import MOST_REDRAWS
from pixelart.engine import Drawing, Engine, Request
from pixelart.errors import RequestRejected
from pixelart.models import RasterModel
from pixelart.ui.create.canvas_value import Canvas, Painting
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.drawing_job import DRAWING_FAULT, NOTHING, Outputs
from pixelart.ui.create.form import ANY_CLASS
from pixelart.ui.create.model_choice import LOADING, NO_MODEL, model_info
from pixelart.ui.create.palette_value import everything_allowed
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from tests.ui.fake_engine import CODEC, FakeEngine

VALUES: dict[str, Any] = {
    "class_name": "hero", "temperature": 1.0, "seed": 5, "images": 1, "colours": everything_allowed(CODEC.table),
    "top_p": 1.0, "top_k": 0, "guidance": 1.0, "bottom_temperature": 0, "seamless": [], "look": "", "kind": "",
}  # fmt: skip
SLOW = 0.1


def handlers(engine: FakeEngine) -> DrawingHandlers:
    return DrawingHandlers(engine, ResultFiles(Path(tempfile.gettempdir())))  # pyright: ignore[reportArgumentType]


def values(**change: Any) -> dict[str, Any]:
    return {**VALUES, **change}


def painted(size: int = 16) -> Canvas:
    picture = np.random.default_rng(3).integers(0, 256, (size, size, 4), np.uint8)
    mask = np.zeros((size, size), np.bool_)
    mask[4:12, 3:9] = True
    return Canvas(picture, mask)


def canvases(outputs: list[Outputs]) -> list[Canvas]:
    return [canvas for canvas, _, _ in outputs if isinstance(canvas, Canvas)]


def captions(outputs: list[Outputs]) -> list[str]:
    return [caption for _, caption in outputs[-1][2].constructor_args["value"]]


def status_of(output: Outputs) -> str:
    return output[1]


def until_row(frames: Iterator[Outputs], row: int) -> None:
    for _, status, _ in frames:
        found = re.search(r"Row (\d+) of", status) if isinstance(status, str) else None
        if found and int(found[1]) >= row:
            return


def test_generate_streams_previews_and_ends_with_one_final_value() -> None:
    session = Session()
    outputs = list(handlers(FakeEngine(row_seconds=0.03)).generate(session, 1, "tiny", **values(images=3)))
    shown = canvases(outputs)
    assert len(shown) >= 3 and all(c.preview for c in shown[:-1]) and not shown[-1].preview
    assert shown[-1].mask is None, "the mask stays"
    assert np.array_equal(shown[-1].picture, session.drawings[0].picture)
    assert [d.seed for d in session.drawings] == [5, 6, 7]
    assert captions(outputs) == ["seed 5", "seed 6", "seed 7"]
    assert session.running == 0


def test_every_result_is_an_indexed_png_of_exactly_its_pixels() -> None:
    session = Session()
    *_, (_, _, gallery) = handlers(FakeEngine()).generate(session, 1, "tiny", **values(images=2))
    for (path, _), drawing in zip(gallery.constructor_args["value"], session.drawings, strict=True):
        with Image.open(path) as image:
            assert image.mode == "P" and np.array_equal(np.asarray(image.convert("RGBA")), drawing.picture)
        assert Path(path).name == f"hero_{drawing.seed}_16x16.png"


def test_the_same_seed_gives_the_same_picture_at_any_number_of_images() -> None:
    one, three = Session(), Session()
    list(handlers(FakeEngine()).generate(one, 1, "tiny", **values(seed=6)))
    list(handlers(FakeEngine()).generate(three, 1, "tiny", **values(seed=5, images=3)))
    assert np.array_equal(one.drawings[0].picture, three.drawings[1].picture)


def test_the_painted_temperature_reaches_every_button_and_one_of_another_size_is_said_to_be_unused() -> None:
    engine, session = FakeEngine(names=("tiny", "large", "scales")), Session()
    page, canvas = handlers(engine), replace(painted(), temperature=np.full((16, 16), 50, np.uint8))
    canvas.temperature[3, 2] = 160  # pyright: ignore[reportOptionalSubscript]
    seen = list[NDArray[np.float64]]()
    for method in ("generate", "complete", "enlarge"):
        original = getattr(engine, method)

        def spy(request: Request, *given: Any, original: Any = original, **how: Any) -> list[Drawing]:
            assert isinstance(request.temperature, np.ndarray)
            seen.append(request.temperature)
            return original(request, *given, **how)

        setattr(engine, method, spy)
    list(page.generate(session, 1, "tiny", canvas, **values()))
    list(page.complete(session, 2, canvas, "tiny", **values()))
    list(page.enlarge(session, 3, canvas, "scales", **values()))
    assert [heat.shape for heat in seen] == [(16, 16), (16, 16), (32, 32)]
    assert [heat[0, 0] for heat in seen] == [0.5] * 3 and seen[0][3, 2] == seen[2][7, 5] == 1.6
    del engine.generate
    assert "was not used" in status_of(list(page.generate(session, 4, "large", canvas, **values()))[-1])


def test_complete_keeps_every_unmasked_pixel_and_orders_by_log_prob() -> None:
    session, canvas = Session(), painted()
    outputs = list(handlers(FakeEngine()).complete(session, 1, canvas, "tiny", **values(images=8)))
    final = canvases(outputs)[-1]
    assert np.array_equal(final.picture[~canvas.painted_mask], canvas.picture[~canvas.painted_mask])
    log_probs = [d.log_prob for d in session.drawings]
    assert log_probs == sorted(log_probs, reverse=True) and len(set(log_probs)) > 1
    assert [caption.split("\n")[0] for caption in captions(outputs)] == [f"seed {d.seed}" for d in session.drawings]
    ranks = [caption.partition("\n")[2] for caption in captions(outputs)]
    assert ranks[:4] == ["best", "2nd", "3rd", "4th"]


def test_enlarge_keeps_every_pixel_and_shows_the_rows_in_the_large_size() -> None:
    session, canvas, page = Session(), painted(), handlers(FakeEngine(names=("scales",), row_seconds=0.02))
    outputs = list(page.enlarge(session, 1, canvas, "scales", **values(images=3, bottom_temperature=2.0)))
    shown = canvases(outputs)
    assert len(shown) >= 3 and all(c.preview for c in shown[:-1]) and not shown[-1].preview
    assert all(c.picture.shape == (32, 32, 4) for c in shown)
    for drawing in session.drawings:
        assert np.array_equal(drawing.picture[::2, ::2], canvas.picture)
    log_probs = [d.log_prob for d in session.drawings]
    assert log_probs == sorted(log_probs, reverse=True) and len(captions(outputs)) == 3
    assert session.mask is not None and not session.mask[::2, ::2].any() and session.mask.sum() == 3 * 16 * 16
    status = status_of(outputs[-1])
    assert "Most probable first" in status and "The canvas is now 32 x 32; Undo restores the small picture." in status


def test_stop_of_an_enlargement_keeps_its_rows_over_the_plainly_enlarged_canvas() -> None:
    session, canvas = Session(), painted()
    page = handlers(FakeEngine(names=("scales",), row_seconds=SLOW))
    frames = page.enlarge(session, 1, canvas, "scales", **values())
    until_row(frames, 3)
    page.stop(session, 1)
    last = list(frames)[-1]
    drawn = canvases([last])[0].picture
    assert drawn.shape == (32, 32, 4) and np.array_equal(drawn[::2, ::2], canvas.picture)
    assert "% drawn" in status_of(last) and not session.drawings


@pytest.mark.parametrize(
    ("canvas", "model", "axes", "message"),
    [
        (None, "scales", [], "canvas is empty"),
        (painted(), None, [], "still loading"),
        (painted(), "scales", ["x"], "cannot be made to tile"),
    ],
)
def test_what_cannot_be_enlarged_is_a_plain_message(
    canvas: Canvas | None, model: str | None, axes: list[str], message: str, warnings_shown: list[str]
) -> None:
    page = handlers(FakeEngine(names=("tiny", "scales")))
    outputs = list(page.enlarge(Session(), 1, canvas, model, **values(seamless=axes)))
    assert message in warnings_shown[0] and not canvases(outputs)


@pytest.mark.parametrize("canvas", [None, Canvas(np.zeros((16, 16, 4), np.uint8), np.zeros((16, 16), np.bool_))])
def test_an_empty_mask_is_a_plain_message(canvas: Canvas | None, warnings_shown: list[str]) -> None:
    outputs = list(handlers(FakeEngine()).complete(Session(), 1, canvas, "tiny", **values()))
    assert warnings_shown == ["Paint a mask first."] and not canvases(outputs)


def test_a_drawing_that_was_left_shows_nothing_more() -> None:
    engine, session = FakeEngine(row_seconds=SLOW), Session()
    frames = handlers(engine).generate(session, 1, "tiny", **values(seed=77))
    until_row(frames, 2)
    session.leave(1)
    assert all(o == NOTHING for o in frames) and not engine.running.is_set()
    assert not session.drawings and session.seed is None
    assert list(handlers(engine).generate(session, 1, "tiny", **values())) == [NOTHING], "nor when its turn comes later"


def test_a_drawing_that_was_left_ends_by_repeating_what_it_was_left_for() -> None:
    """A frame of its own, sent before, may reach the page after the answer to a click, and would stay on the line."""
    engine, session = FakeEngine(row_seconds=SLOW), Session()
    frames = handlers(engine).generate(session, 1, "tiny", **values())
    until_row(frames, 2)
    session.leave(1)
    session.set_status("Seed 5 is on the canvas.")
    *silent, last = frames
    assert all(o == NOTHING for o in silent) and last == (NOTHING[0], "Seed 5 is on the canvas.", NOTHING[2])
    session.leave(2)
    assert session.status is None, "what was said of an earlier place must not be repeated"


def test_results_that_come_after_the_visitor_left_are_dropped() -> None:
    engine, session = FakeEngine(), Session()
    frames = handlers(engine).generate(session, 1, "tiny", **values())
    next(frames)
    session.leave(1)
    assert all(o == NOTHING for o in frames) and not session.drawings


def test_a_visitor_who_closes_the_page_ends_the_work() -> None:
    engine, session = FakeEngine(row_seconds=SLOW), Session()
    frames = handlers(engine).generate(session, 1, "tiny", **values())
    until_row(frames, 2)
    assert session.running == 1
    frames.close()  # pyright: ignore[reportAttributeAccessIssue]
    time.sleep(3 * SLOW)
    assert not engine.running.is_set() and session.running == 0


@pytest.mark.parametrize("row", [1, 3])
@pytest.mark.parametrize(
    ("fault", "message"),
    [(RequestRejected("count 99: must be from 1 to 64"), "count 99"), (RuntimeError("secret detail"), DRAWING_FAULT)],
)
def test_an_error_brings_back_what_was_painted(
    row: int, fault: Exception, message: str, warnings_shown: list[str]
) -> None:
    engine = FakeEngine(row_seconds=0.02)
    engine.fault, engine.fault_row = fault, row
    outputs = list(handlers(engine).generate(Session(), 1, "tiny", **values()))
    assert outputs[-1][0] == Painting(1) and all(canvas.preview for canvas in canvases(outputs))
    assert message in warnings_shown[0] and "secret" not in status_of(outputs[-1])


@pytest.mark.parametrize(
    ("model", "message"), [(None, "still loading"), ("gone", "gone"), (7, "must be a name"), ("", "still loading")]
)
def test_a_missing_model_is_a_plain_message(model: Any, message: str, warnings_shown: list[str]) -> None:
    outputs = list(handlers(FakeEngine()).generate(Session(), 1, model, **values()))
    assert message in warnings_shown[0] and not canvases(outputs)


def test_the_handler_answers_at_least_five_times_a_second() -> None:
    outputs = list(handlers(FakeEngine(row_seconds=0.5, size=2)).generate(Session(), 1, "tiny", **values()))
    assert len(outputs) >= 5


def test_passes_are_shown_as_whole_pictures(tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(tiny_checkpoints)
    plain = engine.generate(Request("tiny", seed=5, temperature=2.0))[0]
    model = engine.library.load("tiny").model
    assert isinstance(model, RasterModel)
    decode = model.decode
    monkeypatch.setattr(type(model), "fastest_sampler", {engine.device.type: "fixed_point"})
    monkeypatch.setattr(model, "decode", lambda *given: (time.sleep(0.15), decode(*given))[1])
    choice = values(class_name=ANY_CLASS, colours=everything_allowed(engine.info("tiny").colours), temperature=2.0)
    page = DrawingHandlers(engine, ResultFiles(Path(tempfile.gettempdir())))  # pyright: ignore[reportArgumentType]
    outputs = list(page.generate(Session(), 1, "tiny", **choice))
    said = [re.search(r"Pass (\d+) · row \d of 8", o[1]) for o in outputs if isinstance(o[1], str)]
    numbers = [int(found[1]) for found in said if found]
    assert numbers == sorted(numbers) and len(set(numbers)) > 1
    shown = canvases(outputs)
    assert any(c.preview and c.picture[7].any() for c in shown), "a pass shows the last row too"
    assert np.array_equal(shown[-1].picture, plain.picture) and not shown[-1].preview


@pytest.mark.parametrize("chosen", [None, ""])
def test_before_a_model_is_chosen_it_is_said_whether_there_is_one(chosen: str | None) -> None:
    for engine, told in ((FakeEngine(), LOADING), (FakeEngine(names=()), NO_MODEL)):
        with pytest.raises(RequestRejected, match=re.escape(told)):
            model_info(engine, chosen)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("method", ["generate", "complete"])
def test_one_picture_of_a_given_seed_is_drawn_as_it_is(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, redraws = FakeEngine(), list[int]()

    def draw(request: Request, *pictures: Any, **how: Any) -> list[Drawing]:
        redraws.append(request.redraw)
        return getattr(FakeEngine, method)(engine, request, *pictures, **how)

    monkeypatch.setattr(engine, method, draw)
    for seed, images in ((5, 1), (5, 2), (-1, 1)):
        canvas = [painted()] if method == "complete" else []
        list(getattr(handlers(engine), method)(Session(), 1, *canvas, "tiny", **values(seed=seed, images=images)))
    assert redraws == [0, MOST_REDRAWS, MOST_REDRAWS], "the settings of one picture draw it again, also with a defect"
