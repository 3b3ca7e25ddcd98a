"""Send to Create: a picture's own settings draw it again, bit for bit, through the page's handlers."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelart.engine import Drawing, Engine, Request
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.coercion import map_settings
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.controls import advanced_controls, control_input
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.palette_value import AllowedColours, everything_allowed
from pixelart.ui.create.recipe import recipe_of
from pixelart.ui.create.reuse import REUSED, ReuseHandlers
from pixelart.ui.inputs import CheckedCheckbox, CheckedCheckboxGroup, CheckedSlider, Choice, WholeNumber
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, without_resource_warnings

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)

ANYTHING = {"class_name": "Any", "preset": None, "own_colours": True, "images": 3, "seed": 40, "size": "24 x 20"}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "every control": {
        "class_name": "cross", "temperature": 1.3, "top_p": 0.9, "top_k": 4, "guidance": 2.0, "bottom_temperature": 0.4,
    },
    "tiled": {"seamless": ["x", "y"], "own_colours": False},
}  # fmt: skip


class Page:
    """The handlers of a page over an engine, and its inputs as they were set last."""

    def __init__(self, engine: Any, folder: Path) -> None:
        self.session, self.results = Session(), ResultFiles(folder)
        self.drawing = DrawingHandlers(engine, self.results)
        with without_resource_warnings(), gr.Blocks():
            seamless = CheckedCheckboxGroup([("X", "x"), ("Y", "y")])
            inputs = {
                **advanced_controls(),
                "seamless": seamless,
                "seed": WholeNumber(-1),
                "own_colours": CheckedCheckbox(True),
            }
            inputs |= {"size": Choice(["32 x 32"], allow_custom_value=True), "images": control_input("count")}
            inputs |= {name: Choice([("Any", "")], value="") for name in ("look", "kind")}
            inputs |= {"blend_class": Choice([""]), "blend_share": CheckedSlider(0, 100)}
            inputs |= {"temperature": control_input("temperature"), "preset": control_input("preset")}
        self.reuse = ReuseHandlers(engine, inputs)
        self.ticket = 0

    def draw(self, action: str, model: str, canvas: Canvas | None = None, **values: Any) -> list[Drawing]:
        self.ticket += 1
        list(getattr(self.drawing, action)(self.session, self.ticket, model=model, canvas=canvas, **values))
        return self.session.drawings

    def send(self, drawing: Drawing, **change: Any) -> tuple[str, Canvas | None, dict[str, Any], str]:
        """Model, canvas, values and status after a picture was sent."""
        settings = json.dumps({**json.loads(drawing.text()["pixelart"]), **change})
        data = {"name": "a.png", "data": base64.b64encode(drawing.png(scale=3)).decode(), "settings": settings}
        model, classes, colours, canvas, status, *inputs = self.reuse.reuse(
            self.session, 10**6, gr.EventData(None, data)
        )
        self.ticket = 10**6
        values = {name: update["value"] for name, update in zip(REUSED, inputs, strict=True) if "value" in update}
        values |= {"class_name": classes.value, "colours": colours}
        return model, canvas if isinstance(canvas, Canvas) else None, values, status


def scene(engine: Engine, model: str, height: int, width: int) -> Picture:
    """A picture in a few of the model's colours, of which one is not among them."""
    colours = engine.info(model).colours
    assert colours is not None
    picture = colours[np.random.default_rng(5).integers(len(colours), size=(height, width))]
    picture[0, :2] = [1, 250, 3, 255]
    return picture


def hole(height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    mask[2:6, 1:5] = True
    return mask


def again(page: Page, drawing: Drawing, action: str) -> Drawing:
    model, canvas, values, status = page.send(drawing)
    assert "for the same picture" in status, status
    (drawn,) = page.draw(action, model, canvas, **values)
    assert np.array_equal(drawn.picture, drawing.picture) and drawn.seed == drawing.seed
    new, old = (json.loads(one.text()["pixelart"]) for one in (drawn, drawing))
    # Alone instead of among several, the sums are in another order: the third decimal may round the other way.
    assert new.pop("log_prob") == pytest.approx(old.pop("log_prob"), abs=2e-3)
    assert new == old
    return drawn


@pytest.fixture
def tiny(tiny_checkpoints: Path, tmp_path: Path) -> Page:
    return Page(Engine(tiny_checkpoints, device=torch.device("cpu")), tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_a_generated_picture_is_generated_again(tiny: Page, case: str) -> None:
    names = everything_allowed(tiny.reuse.engine.info("tiny").colours).colours
    allowed = AllowedColours(names, tuple(i not in (1, 4) for i in range(len(names))))
    for drawing in tiny.draw("generate", "tiny", **{**ANYTHING, "colours": allowed, **CASES[case]}):
        again(tiny, drawing, "generate")


def test_a_picture_that_was_completed_everywhere_is_drawn_again(tiny: Page) -> None:
    whole = Canvas(scene(tiny.reuse.engine, "tiny", 12, 10), np.ones((12, 10), np.bool_))
    for drawing in tiny.draw("complete", "tiny", whole, **ANYTHING):
        again(tiny, drawing, "complete")
    tile = Canvas(scene(tiny.reuse.engine, "tiny", 8, 8), np.ones((8, 8), np.bool_))
    for drawing in tiny.draw("complete", "tiny", tile, **{**ANYTHING, "seamless": ["x"], "own_colours": False}):
        again(tiny, drawing, "generate")


@pytest.mark.parametrize("case", CASES)
def test_a_completed_picture_is_completed_again(tiny: Page, case: str) -> None:
    canvas = Canvas(scene(tiny.reuse.engine, "tiny", 8, 8), hole(8, 8))
    for drawing in tiny.draw("complete", "tiny", canvas, **{**ANYTHING, "keep": "shape", **CASES[case]}):
        again(tiny, drawing, "complete")


def test_a_larger_picture_is_completed_again_in_the_same_window(tiny: Page) -> None:
    picture, mask = scene(tiny.reuse.engine, "tiny", 20, 24), hole(20, 24)
    for window in ((1, 0), (2, 1), None):
        drawn = tiny.draw("complete", "tiny", Canvas(picture, mask, window=window), **ANYTHING)[0]
        again(tiny, drawn, "complete")
        shown = tiny.send(drawn)[1]
        assert shown is not None and shown.window == window and np.array_equal(shown.painted_mask, mask)


@pytest.mark.parametrize("action", ["generate", "complete"])
@pytest.mark.parametrize("bottom", [0.0, 0.4])
def test_a_painted_temperature_is_painted_again(tiny: Page, action: str, bottom: float) -> None:
    percent = np.full((8, 8), 100, np.uint8)
    percent[2:5, 3:7], percent[6, :2] = 160, 50
    canvas = Canvas(scene(tiny.reuse.engine, "tiny", 8, 8), hole(8, 8), temperature=percent)
    values = {**ANYTHING, "images": 1, "temperature": 1.3, "bottom_temperature": bottom}
    (drawing,) = tiny.draw(action, "tiny", canvas, **values)
    again(tiny, drawing, action)
    _, shown, inputs, _ = tiny.send(drawing)
    assert shown is not None and shown.temperature is not None and np.array_equal(shown.temperature, percent)
    assert (inputs["temperature"], inputs["bottom_temperature"]) == (1.3, bottom)


def test_without_a_painted_temperature_that_of_the_page_is_removed(tiny: Page) -> None:
    (drawing,) = tiny.draw("generate", "tiny", **{**ANYTHING, "images": 1})
    shown = tiny.send(drawing)[1]
    assert shown is not None and shown.temperature is None and shown.mask is not None, "a mask replaces both"
    assert np.array_equal(shown.picture, drawing.picture)
    even = tiny.send(drawing, temperature=map_settings(np.full((8, 8), 0.7)))
    assert "for the same picture" in even[3] and even[2]["temperature"] == 0.7


def test_an_enlarged_picture_puts_the_small_one_with_its_temperature_on_the_canvas() -> None:
    engine = FakeEngine()
    (drawing,) = engine.generate(Request("tiny"))
    percent = np.full((8, 8), 100, np.uint8)
    percent[:3, :3] = 70
    heat = map_settings(percent.repeat(2, 0).repeat(2, 1) / 100)
    settings = {"checkpoint": "tiny", "size": "16x16", "mask": [0, 256], "seed": 3, "temperature": heat}
    recipe = recipe_of({**settings, "factor": 2}, drawing.picture, engine.info("tiny"))
    assert recipe.action == "enlarge" and np.array_equal(recipe.canvas.picture, drawing.picture[::2, ::2])
    assert recipe.canvas.temperature is not None and np.array_equal(recipe.canvas.temperature, percent)
    assert not {"temperature", "factor"} & {*recipe.differs}
    assert "factor" in recipe_of({**settings, "factor": 4}, drawing.picture, engine.info("tiny")).differs


@pytest.mark.trains
def test_a_model_that_takes_palettes_draws_in_the_same_one(sketch_checkpoints: Path, tmp_path: Path) -> None:
    page = Page(Engine(sketch_checkpoints, device=torch.device("cpu")), tmp_path)
    own = AllowedColours(("", "ff0000", "800000", "400000", "ffffff"), (True, True, False, True, True))
    for colours in (None, own, replace(own, allowed=(False, True, True, True, True))):
        for drawing in page.draw("generate", "any", **{**ANYTHING, "size": "8 x 12", "colours": colours}):
            assert again(page, drawing, "generate").picture.shape == (12, 8, 4)
    canvas = Canvas(page.session.drawings[0].picture, hole(12, 8))
    for change in ({}, {"keep": "shape"}, {"keep": "sketch"}, {"own_colours": False}):
        for drawing in page.draw("complete", "any", canvas, **{**ANYTHING, **change}):
            again(page, drawing, "complete")
    for drawing in page.draw("recolour", "any", canvas, **ANYTHING):
        again(page, drawing, "complete")


def test_a_blend_is_set_again_and_another_picture_clears_it(tiny: Page) -> None:
    blend = {"class_name": "cross", "blend_class": "stripe", "blend_share": 30}
    (drawing, *_) = tiny.draw("generate", "tiny", **{**ANYTHING, **blend})
    assert drawing.settings["class_weights"] == {"cross": 0.7, "stripe": 0.3}
    again(tiny, drawing, "generate")
    values = tiny.send(drawing)[2]
    assert {name: values[name] for name in blend} == blend
    assert tiny.send(drawing, class_weights={"cross": 1.0})[2]["blend_class"] == ""


def test_only_the_inputs_that_its_button_reads_are_set(tiny: Page) -> None:
    (generated, *_) = tiny.draw("generate", "tiny", **ANYTHING)
    assert "own_colours" not in generated.settings, "there was no picture whose colours to use"
    set_by = tiny.send(generated)[2]
    assert not {"own_colours", "keep"} & {*set_by} and {"size", "seamless"} <= {*set_by}
    canvas = Canvas(scene(tiny.reuse.engine, "tiny", 8, 8), hole(8, 8))
    for own in (True, False):
        (completed, *_) = tiny.draw("complete", "tiny", canvas, **{**ANYTHING, "own_colours": own})
        set_by = tiny.send(completed)[2]
        assert set_by["own_colours"] is own and set_by["keep"] == "" and "size" not in set_by


def test_what_the_page_cannot_set_is_said(tiny: Page) -> None:
    (drawing, *_) = tiny.draw("generate", "tiny", **ANYTHING)
    assert "The model has changed since" in tiny.send(drawing, revision="0")[3]
    assert "cannot set class weights" in tiny.send(drawing, class_weights={"cross": 1.0, "stripe": 1.0})[3]
    assert "cannot set kind" in tiny.send(drawing, kind="axe")[3]
    uneven = np.ones((8, 8))
    uneven[3, 3] = 2.9517  # no whole percent
    for map_in_settings in (uneven.tolist(), map_settings(uneven)):
        assert "cannot set temperature" in tiny.send(drawing, temperature=map_in_settings)[3]


BAD: dict[str, dict[str, Any]] = {
    "from extending a picture": {"extended": {"up": 3}},
    "take several steps|takes several steps": {"tile": 4},
    "was drawn as 9 x 9": {"size": "9x9"},
    "do not say where": {"mask": [1]},
    "Temperature": {"temperature": 50},
    "temperature: not understood": {"temperature": [[1, [2]]]},
    "allowed": {"allowed": "all"},
    "Seed": {"seed": 2**40},
    "factor": {"factor": "two"},
}


@pytest.mark.parametrize("message", BAD)
def test_settings_that_are_not_understood_are_refused(message: str) -> None:
    engine = FakeEngine()
    (drawing,) = engine.generate(Request("tiny"))
    settings = {"checkpoint": "tiny", "size": "16x16", "mask": [0, 256], "seed": 3, **BAD[message]}
    with pytest.raises(RequestRejected, match=message):
        recipe_of(settings, drawing.picture, engine.info("tiny"))


def test_a_picture_without_settings_changes_nothing(tmp_path: Path, warnings_shown: list[str]) -> None:
    page, picture = Page(FakeEngine(), tmp_path), FakeEngine().generate(Request("tiny"))[0]
    for settings in (None, "{", "[]", '{"seed": 1}', '{"checkpoint": "gone"}'):
        data = {"name": "a.png", "data": base64.b64encode(picture.png()).decode(), "settings": settings}
        answer = page.reuse.reuse(page.session, 1, gr.EventData(None, data))
        assert warnings_shown.pop() in answer[4].replace("&#x27;", "'") and not warnings_shown
        assert "a.png" in answer[4] or "gone" in answer[4]
        assert all(isinstance(one, dict) and "value" not in one for i, one in enumerate(answer) if i != 4)
    changed = picture.picture.repeat(2, 0).repeat(2, 1)
    changed[0, 0] = [9, 9, 9, 255]
    with pytest.raises(RequestRejected, match="was changed after"):
        recipe_of({"size": "16x16", "mask": [0, 256]}, changed, FakeEngine().info("tiny"))
