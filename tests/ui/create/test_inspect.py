"""Inspect with a fake engine: its answers, and every bad question."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.ui.create.canvas_value import Canvas, canvas_to_payload
from pixelart.ui.create.inspect import MAX_NUMBER, InspectHandlers
from pixelart.ui.security.safe_blocks import FAULT
from tests.ui.create.test_canvas_value import HOSTILE
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
LEVELS = np.random.default_rng(1).integers(CODEC.levels, size=(16, 16))
QUESTION = canvas_to_payload(Canvas(CODEC.table[LEVELS])) | {"number": 7, "pixel": None}
OF_PIXEL = QUESTION | {"pixel": [9, 4]}  # column, row


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def ask(engine: FakeEngine, question: Any, *, model: Any = "tiny", class_name: Any = "Any") -> dict[str, Any]:
    handlers = InspectHandlers(engine)  # pyright: ignore[reportArgumentType]
    return handlers.inspect(model, class_name, gr.EventData(None, question))


def test_the_map_has_the_bits_of_every_pixel_row_by_row_their_sum_and_the_classes(engine: FakeEngine) -> None:
    answer = ask(engine, QUESTION, class_name="hero")
    assert answer["number"] == 7 and answer["bits"] == LEVELS.ravel().tolist()
    assert answer["most"] == LEVELS.max() and answer["total"] == LEVELS.sum() and answer["given"] == "hero"
    assert answer["classes"] == [("wall", 0.75), ("hero", 0.25)]
    assert ask(engine, QUESTION)["given"] is None
    assert json.loads(json.dumps(answer, allow_nan=False))


def test_the_colours_of_a_pixel_are_those_the_engine_has_most_probable_first(engine: FakeEngine) -> None:
    answer = ask(engine, OF_PIXEL)
    assert engine.asked == [(9, 4)] and "bits" not in answer
    names = ["", *(bytes(c).hex() for c in CODEC.colours.tolist())]
    assert [c["colour"] for c in answer["likely"]] == [names[(13 + i) % len(names)] for i in range(5)]
    assert [c["probability"] for c in answer["likely"]] == [0.5, 0.25, 0.125, 0.0625, 0.03125]
    assert answer["current"]["colour"] == names[LEVELS[4, 9]] and answer["exact"]
    engine.inexact = True
    answer = ask(engine, OF_PIXEL)
    assert not answer["exact"] and answer["bound"] == 1.0


def test_while_anything_is_drawn_the_page_is_told_to_wait_and_nothing_is_computed(engine: FakeEngine) -> None:
    engine.running.set()
    assert ask(engine, OF_PIXEL) == {"number": 7, "waits": True} and not engine.asked
    engine.running.clear()
    assert ask(engine, OF_PIXEL)["likely"]


@pytest.mark.parametrize("number", [None, True, -1, 1.0, "1", math.nan, [], {}, MAX_NUMBER + 1, 10**400])
def test_a_question_without_a_number_is_refused(engine: FakeEngine, number: Any) -> None:
    with pytest.raises(gr.Error, match="question"):
        ask(engine, QUESTION | {"number": number})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pixel": [16, 0]}, "pixel"),
        ({"pixel": [0, -1]}, "pixel"),
        ({"pixel": [0.0, 1]}, "pixel"),
        ({"pixel": [None, "x" * 5000]}, "pixel"),
        ({"pixel": [1, 2, 3]}, "pixel"),
        ({"pixel": {"row": 1}}, "pixel"),
        ({"pixel": "12"}, "pixel"),
        ({"pixel": False}, "pixel"),
        ({"width": 8, "height": 32}, "another size"),
        *((dict(width=None, pixels=None) | h, "canvas") for h in HOSTILE.values() if isinstance(h, dict)),
    ],
)
def test_a_hostile_question_gets_one_plain_line(engine: FakeEngine, change: dict[str, Any], told: str) -> None:
    answer = ask(engine, QUESTION | change)
    assert set(answer) == {"number", "error"} and told in answer["error"]
    assert "\n" not in answer["error"] and len(answer["error"]) < 200


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (None, "still loading"),
        ("", "still loading"),
        ([], "must be a name"),
        ({"a": 1}, "must be a name"),
        (5, "must be a name"),
        ("gone", "not found"),
        ("x" * 5000, "not found"),
    ],
)
def test_a_hostile_model_gets_one_plain_line(engine: FakeEngine, model: Any, told: str) -> None:
    error = ask(engine, QUESTION, model=model)["error"]
    assert told in error and len(error) < 200


@pytest.mark.parametrize("class_name", [None, "dragon", [], {}, 3, True, "<b>"])
def test_a_hostile_class_gets_one_plain_line(engine: FakeEngine, class_name: Any) -> None:
    error = ask(engine, OF_PIXEL, class_name=class_name)["error"]
    assert "lass" in error and len(error) < 200 and not engine.asked


def test_a_fault_is_told_without_its_text(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("/home/secret/path")

    monkeypatch.setattr(engine, "inspect", broken)
    assert ask(engine, QUESTION) == {"number": 7, "error": FAULT}


@pytest.fixture
def visitor(engine: FakeEngine) -> Iterator[Visitor]:
    with serving(engine) as url:
        yield Visitor(url)


@pytest.mark.slow
def test_questions_have_a_queue_of_their_own_and_wait_for_no_drawing(visitor: Visitor, engine: FakeEngine) -> None:
    engine.row_seconds = 0.2
    visitor.start("generate", visitor.values("generate", model="tiny", class_name="hero", seed=5))
    assert engine.running.wait(20)
    other = Visitor(visitor.url)
    assert other.post("inspect", ["tiny", "Any"], QUESTION).data == [{"number": 7, "waits": True}]
    assert engine.running.is_set()
    engine.row_seconds = 0.0
    visitor.results()
    assert other.post("inspect", ["tiny", "Any"], QUESTION).data[0]["total"] == LEVELS.sum()
