"""The examples and the first view of a new visitor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.engine import CheckpointInfo
from pixelart.ui.browser_storage import Kept
from pixelart.ui.create.canvas import PictureHandlers
from pixelart.ui.create.canvas_value import Canvas, Swatches
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.drawing_job import summary
from pixelart.ui.create.example_strip import ExampleHandlers
from pixelart.ui.create.examples import examples, examples_for, first_class, strip_html
from pixelart.ui.session import Session
from tests.ui.fake_engine import FakeEngine

CHECKPOINT, EXAMPLES = examples()
ENGINE: Any = FakeEngine(names=(CHECKPOINT, "tiny"), size=32)


class Files:
    """Results that are not written."""

    def save(self, drawing: object) -> str:
        return "result.png"

    def archive(self, drawings: object) -> None:
        pass


FILES: Any = Files()


def event(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_every_example_has_a_picture_and_a_mask_or_a_reason_to_generate() -> None:
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES) > 20
    for example in EXAMPLES:
        assert example.picture.shape == (32, 32, 4) and example.picture[..., 3].any(), example.name
        assert example.mask.any() and example.about, example.name
    assert strip_html().count("<button") == len(EXAMPLES)
    assert EXAMPLES[0].class_name == first_class(ENGINE.info(CHECKPOINT)) == "hero"
    assert first_class(None) == "Any"
    assert not examples_for(ENGINE.info("tiny")), "another model drew them"


@pytest.mark.parametrize(
    ("kept", "first"),
    [(Kept(), True), (Kept(values={"model": CHECKPOINT}), False), (Kept(values={"model": "tiny"}), False)],
)
def test_a_new_visitor_finds_the_first_example_and_others_their_own_work(kept: Kept, first: bool) -> None:
    pictures = PictureHandlers(ENGINE, FILES)
    *_, classes, canvas, _, _, status = pictures.load(Session(), kept)
    assert isinstance(canvas, Canvas)
    assert np.array_equal(canvas.picture, EXAMPLES[0].picture) == first
    assert canvas.painted_mask.any() == first
    assert (EXAMPLES[0].about in status) == first
    assert classes.value == "hero"
    painted = pictures.load(Session(), Kept(has_painting=True))[4]
    assert isinstance(painted, Swatches), "the painting stays"


class AnySize(FakeEngine):
    """Of a model that draws any size."""

    def info(self, checkpoint: str) -> CheckpointInfo:
        return replace(super().info(checkpoint), any_size=True)


def test_with_the_first_example_the_page_learns_what_the_model_draws_at_once() -> None:
    engine: Any = AnySize(names=(CHECKPOINT,), size=32)
    first, later = (
        PictureHandlers(engine, FILES).load(Session(), kept)[4] for kept in (Kept(), Kept(values={"class": "hero"}))
    )
    assert np.array_equal(first.picture, EXAMPLES[0].picture) and not later.picture.any()
    assert first.largest == later.largest == (64, 64) and first.palette == later.palette


def test_a_click_on_an_example_brings_its_settings() -> None:
    number = [example.name for example in EXAMPLES].index("Silhouette")
    chosen = ExampleHandlers(ENGINE).choose(Session(), 1, CHECKPOINT, event({"number": number}))
    canvas, class_name, keep, seamless, palette, _, status = chosen
    assert np.array_equal(canvas.picture, EXAMPLES[number].picture) and canvas.mask.all()
    assert (class_name, keep, seamless, palette) == ("hero", "shape", [], "All colours")
    assert EXAMPLES[number].about[:20] in status
    for model, data in ((CHECKPOINT, {"number": 99}), (CHECKPOINT, None), ("tiny", {"number": 0})):
        assert "This example is not there" in ExampleHandlers(ENGINE).choose(Session(), 1, model, event(data))[-1]


def test_the_status_counts_what_was_drawn_again() -> None:
    session = Session()
    page = DrawingHandlers(ENGINE, FILES)
    list(page.generate(session, 1, CHECKPOINT, class_name="hero", images=2, seed=3))
    assert "drawn again" not in summary(session.drawings, 1.0, "")
    session.drawings[0].settings["instead_of_seed"] = 2  # pyright: ignore[reportIndexIssue]
    assert "1 was drawn again" in summary(session.drawings[:1], 1.0, "")
