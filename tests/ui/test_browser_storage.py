"""What a page hands back to a program that may not know it, and what of it is believed."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.engine import Drawing
from pixelart.engine.completion import run_lengths
from pixelart.images.io import encode_png
from pixelart.settings import SETTINGS
from pixelart.ui.browser_storage import Kept, kept_from_payload, restored, results_to_payload, usable
from pixelart.ui.create.canvas import PictureHandlers
from pixelart.ui.create.palette_value import AllowedColours, allowed_to_payload, everything_allowed
from pixelart.ui.inputs import (
    CheckedCheckbox,
    CheckedCheckboxGroup,
    CheckedSlider,
    CheckedTextbox,
    Choice,
    Colour,
    Real,
    Style,
    Switch,
    WholeNumber,
)
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from tests.ui.fake_engine import CODEC, FakeEngine

MASK = np.zeros((16, 16), np.bool_)
MASK[3:7, 2:9] = True


def drawing(seed: int = 5, **settings: Any) -> Drawing:
    picture = np.random.default_rng(seed).integers(0, 256, (16, 16, 4), np.uint8)
    made = {"checkpoint": "tiny", "class_weights": {"hero": 1.0}, "mask": run_lengths(MASK), **settings}
    return Drawing(picture, seed, -12.5, made)


def payload(*drawings: Drawing, **others: Any) -> dict[str, Any]:
    return json.loads(json.dumps({**results_to_payload(drawings), **others}))


def test_results_come_back_bit_for_bit_with_how_they_were_made() -> None:
    kept = kept_from_payload(payload(drawing(5), drawing(6), painting=True, values={"seed": 7}))
    assert kept.has_painting and kept.values == {"seed": 7}
    for before, after in zip((drawing(5), drawing(6)), kept.drawings, strict=True):
        assert np.array_equal(before.picture, after.picture)
        assert (before.seed, before.log_prob, dict(before.settings)) == (after.seed, after.log_prob, after.settings)
    assert kept.mask is not None and np.array_equal(kept.mask, MASK)


def test_what_was_drawn_everywhere_has_no_mask() -> None:
    everywhere = drawing(mask=run_lengths(np.ones((16, 16), np.bool_)))
    assert kept_from_payload(payload(everywhere)).mask is None
    for lengths in ([255], [-1, 257], ["256"], [1.0, 255.0], None, [1] * 300, [True] * 256):
        assert kept_from_payload(payload(drawing(mask=lengths))).mask is None, lengths


def test_a_page_keeps_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(encode_png(drawing(1).picture)) + len(json.dumps(drawing(1).settings))
    monkeypatch.setattr("pixelart.ui.browser_storage.SETTINGS", replace(SETTINGS, max_page_bytes=2 * size + size // 2))
    assert len(results_to_payload([drawing(1), drawing(2), drawing(3)])["results"]) == 2
    monkeypatch.setattr("pixelart.ui.browser_storage.SETTINGS", replace(SETTINGS, max_page_pixels=300))
    assert len(results_to_payload([drawing(1), drawing(2)])["results"]) == 1
    assert kept_from_payload({"results": [one(drawing(1)), one(drawing(2))]}).drawings == []


def one(result: Drawing, **change: Any) -> dict[str, Any]:
    (made,) = results_to_payload([result])["results"] or [{}]
    return {**made, **change}


def png(*shape: int) -> str:
    return base64.b64encode(encode_png(np.zeros((*shape, 4), np.uint8))).decode()


BAD: dict[str, Any] = {
    "no list": {"a": 1},
    "no dicts": [1, None],
    "no picture": [{}],
    "not base64": [one(drawing(), png="%%%%")],
    "no PNG": [one(drawing(), png="AAAA")],
    "too many bytes": [one(drawing(), png="A" * 4 * SETTINGS.max_page_bytes)],
    "seed text": [one(drawing(), seed="5")],
    "seed true": [one(drawing(), seed=True)],
    "seed below 0": [one(drawing(), seed=-1)],
    "seed too large": [one(drawing(), seed=2**63)],
    "no probability": [one(drawing(), log_prob=None)],
    "infinite": [one(drawing(), log_prob=math.inf)],
    "settings of a list": [one(drawing(), settings="[]")],
    "settings no JSON": [one(drawing(), settings="{")],
    "settings deep": [one(drawing(), settings="[" * 200_000)],
    "settings object": [one(drawing(), settings={})],
    "checkpoint number": [one(drawing(), settings='{"checkpoint": 3}')],
    "temperature no map": [one(drawing(), settings='{"temperature": {"runs": 3}}')],
    "classes list": [one(drawing(), settings='{"class_weights": ["a"]}')],
    "weights text": [one(drawing(), settings='{"class_weights": {"a": "b"}}')],
    "of two sizes": [one(drawing()), one(drawing(), png=png(8, 8))],
    "too many": [one(drawing())] * 17,
    "too many pixels": [one(drawing(), png=png(1024, 1024))] * 2,
}


@pytest.mark.parametrize("name", BAD)
def test_results_that_cannot_be_are_left_out_and_the_rest_comes_back(name: str) -> None:
    kept = kept_from_payload({"results": BAD[name], "values": {"seed": 3}, "painting": True})
    assert kept == Kept({"seed": 3}, [], None, True)


@pytest.mark.parametrize("posted", [None, 3, [], "x", {}, {"values": [], "results": None, "painting": 1}])
def test_whatever_is_posted_nothing_fails(posted: Any) -> None:
    assert kept_from_payload(posted) == Kept()


INPUTS: list[tuple[Any, list[Any], list[Any]]] = [
    (CheckedSlider(0.1, 2), [0.1, 1, 2.0], [0, 2.1, math.nan, math.inf, True, "1", None]),
    (WholeNumber(0), [-1, 5, 5.0], [1.5, math.nan, math.inf, 2**63, True, "5", None]),
    (Real(0), [0.5, 3], [math.nan, True, None, "1"]),
    (CheckedCheckbox(), [True, False], [1, None, "on"]),
    (CheckedCheckboxGroup(["x", "y"]), [[], ["y", "x"]], [["z"], "xy", ["x"] * 3, [["x"]], None]),
    (Switch(["A", "B"]), ["A"], ["C", ["A"], {}, None]),
    (Style(["A", "B"]), ["A", None], ["C", ["A"], {}]),
    (Choice([("One", "1"), ("Two", "2")]), ["2"], ["Two", 2, ["1"]]),
    (CheckedTextbox(), ["", "art/sprites"], ["x" * 5000, 3, None]),
    (Colour(), ["#ff0044"], ["x" * 99, 3, None]),
    (gr.HTML(), [], ["<b>", None]),
]


@pytest.mark.parametrize(("component", "good", "bad"), INPUTS, ids=[type(row[0]).__name__ for row in INPUTS])
def test_an_input_takes_back_only_what_it_could_have_had(component: Any, good: list[Any], bad: list[Any]) -> None:
    assert all(usable(component, value) for value in good)
    assert not any(usable(component, value) for value in bad)


def test_inputs_are_put_back_by_name() -> None:
    inputs = {"seed": WholeNumber(0), "flip": CheckedCheckbox(), "name": CheckedTextbox()}
    updates = restored(inputs, {"seed": 7, "flip": "no", "other": 3})
    assert updates[0]["value"] == 7 and "value" not in updates[1] and "value" not in updates[2]


# --- a page that opens ------------------------------------------------------------------------------------------------


def page(tmp_path: Path, *names: str) -> PictureHandlers:
    engine: Any = FakeEngine(names=names or ("tiny", "large"))
    return PictureHandlers(engine, ResultFiles(tmp_path))


def test_a_page_comes_back_as_it_was_left(tmp_path: Path) -> None:
    names = everything_allowed(CODEC.table).colours
    some = AllowedColours(names, (False, True) * 4 + (False,))
    values = {"model": "large", "class": "wall", "colours": allowed_to_payload(some)}
    session, kept = Session(), kept_from_payload(payload(drawing(5), drawing(6), painting=True, values=values))
    _, _, model, classes, canvas, colours, gallery, status = page(tmp_path).load(session, kept)
    assert (model.value, classes.value, colours) == ("large", "wall", some)
    assert canvas.size == (32, 32) and not hasattr(canvas, "picture"), "the page has its painting"
    assert [caption for _, caption in gallery] == ["seed 5\nbest", "seed 6\n2nd"]
    assert all(Path(path).is_file() for path, _ in gallery) and "as you left it" in status
    assert [d.seed for d in session.drawings] == [5, 6]


def test_a_page_opens_even_if_its_results_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("a file")
    kept = kept_from_payload(payload(drawing(5), painting=True, values={"model": "large"}))
    session = Session()
    _, _, model, _, _, colours, gallery, status = page(tmp_path / "no-folder").load(session, kept)
    assert model.value == "large" and len(model.choices) == 2 and colours == everything_allowed(CODEC.table)
    assert gallery == [] and "The result could not be saved to the disk" in status
    assert [d.seed for d in session.drawings] == [5], "a click or an export still finds them"


@pytest.mark.parametrize(
    ("values", "class_name"),
    [
        ({"model": "gone", "class": "dragon", "colours": {"colours": ["", "123456"], "allowed": [True, False]}}, "Any"),
        ({"model": ["tiny"], "class": {}, "colours": 3}, "Any"),
        ({}, "hero"),  # a new visitor begins with a class
    ],
)
def test_what_there_is_no_more_is_the_first(tmp_path: Path, values: dict[str, Any], class_name: str) -> None:
    _, _, model, classes, canvas, colours, gallery, _ = page(tmp_path).load(Session(), Kept(values))
    assert (model.value, classes.value, gallery) == ("tiny", class_name, [])
    assert canvas.picture.shape == (16, 16, 4) and colours == everything_allowed(CODEC.table)


def test_results_that_the_program_does_not_know_any_more_are_still_there(tmp_path: Path) -> None:
    kept = kept_from_payload(payload(drawing(5), drawing(6)))
    handlers, event = page(tmp_path), gr.EventData(None, {"index": 1})
    canvas, status = handlers.choose(Session(), 0, event, "large", kept)
    assert np.array_equal(canvas.picture, drawing(6).picture) and "Seed 6 is on the canvas. tiny drew it." in status
    assert handlers.reuse_seed(Session(), kept)[0] == 5


def test_the_program_believes_itself_before_the_page(tmp_path: Path) -> None:
    session, kept = Session([drawing(9)]), kept_from_payload(payload(drawing(5)))
    canvas, _ = page(tmp_path).choose(session, 0, gr.EventData(None, {"index": 0}), "tiny", kept)
    assert np.array_equal(canvas.picture, drawing(9).picture)


def test_results_that_were_dropped_to_free_memory_come_back_with_the_chosen_one() -> None:
    results = [drawing(5), drawing(6), drawing(7)]
    session, kept = Session(), kept_from_payload(payload(*results))
    session.keep(1, results)
    session.chosen, session.seed = 2, 7
    session.drop_results()
    assert session.held_bytes == 0 and session.chosen_drawing is None
    session.recover(kept.drawings, kept.mask)
    assert session.chosen_drawing is not None and (session.chosen_drawing.seed, session.seed) == (7, 7)
    session.drop_results()
    session.recover(kept.drawings[:1], None)
    assert session.chosen_drawing is not None and session.chosen_drawing.seed == 5
