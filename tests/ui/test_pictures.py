"""Models, import, results and export with a fake engine."""

from __future__ import annotations

import base64
import copy
import io
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from pixelart.codec import Picture
from pixelart.engine import Drawing
from pixelart.errors import WeightsRejected
from pixelart.images import encode_png
from pixelart.settings import SETTINGS
from pixelart.ui.canvas_value import Canvas
from pixelart.ui.pictures import PictureHandlers
from pixelart.ui.session import Session
from pixelart.ui.status import WELCOME
from tests.ui.fake_engine import CODEC, FakeEngine


def pictures(**settings: Any) -> PictureHandlers:
    return PictureHandlers(FakeEngine(**settings))  # pyright: ignore[reportArgumentType]


def sprite() -> Picture:
    return CODEC.table[np.random.default_rng(1).integers(CODEC.levels, size=(16, 16))]


def sent(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def sent_file(content: bytes, name: str = "hero.png") -> gr.EventData:
    return sent({"name": name, "data": base64.b64encode(content).decode()})


def drawing(seed: int) -> Drawing:
    return Drawing(sprite(), seed, -10.0, {"class_weights": {"hero": 1.0}})


def test_a_fresh_page_shows_the_first_model() -> None:
    session = Session()
    same, notice, model, classes, canvas, colours, gallery, _ = pictures(names=("a", "b")).load(session)
    assert same is session, "gradio frees only what a handler has returned"
    assert notice.visible is False and model.value == "a" and [c[0] for c in classes.choices] == ["Any", "hero", "wall"]
    assert canvas.picture.shape == (16, 16, 4) and len(canvas.palette) == len(CODEC.colours) and gallery == []
    assert len(colours.allowed) == CODEC.levels


@pytest.mark.parametrize("fault", [None, WeightsRejected("config.json: damaged"), OSError("no such folder")])
def test_without_a_model_the_page_says_so_and_can_be_painted_on(fault: Exception | None) -> None:
    engine = FakeEngine(names=())
    if fault:

        def broken() -> Any:
            raise fault

        engine.list_checkpoints = broken
    _, notice, model, _, canvas, _, _, status = PictureHandlers(engine).load(Session())  # pyright: ignore[reportArgumentType]
    assert notice.visible is True and model.value is None and canvas.picture.shape == (32, 32, 4)
    assert "install a model" in status


def test_enlarge_is_offered_where_some_model_can() -> None:
    assert pictures(names=("tiny", "scales")).offer_enlarge().visible is True
    assert pictures(names=("tiny",)).offer_enlarge().visible is False
    assert pictures(names=()).offer_enlarge().visible is False


def test_a_larger_result_is_chosen_in_its_own_size() -> None:
    large = replace(drawing(3), picture=sprite().repeat(2, 0))
    session, page = Session(drawings=[large]), pictures(names=("scales",))
    canvas, _ = page.choose(session, 0, sent({"index": 0}))
    assert np.array_equal(canvas.picture, large.picture) and canvas.mask is None
    canvas = page.select_model(session, 0, canvas, "scales")[1]
    assert canvas.picture.shape == (16, 16, 4), "another model fits the canvas to its own size again"


def test_another_model_keeps_the_painting_and_drops_the_results() -> None:
    session = Session(drawings=[drawing(1)])
    page = pictures(names=("tiny", "large"))
    canvas = page.select_model(session, 0, Canvas(sprite()), "large")[1]
    assert np.array_equal(canvas.picture, sprite().repeat(2, 0).repeat(2, 1)) and not session.drawings
    assert np.array_equal(page.select_model(session, 0, Canvas(sprite()), "tiny")[1].picture, sprite())


def test_another_model_snaps_the_painting_to_its_palette_and_says_so() -> None:
    picture = sprite()
    picture[3, 4] = [250, 1, 2, 255]
    _, canvas, _, _, status = pictures(names=("tiny", "large")).select_model(Session(), 0, Canvas(picture), "large")
    shown = {tuple(c) for c in canvas.picture.reshape(-1, 4).tolist()}
    assert shown <= {tuple(c) for c in CODEC.table.tolist()}
    assert "16 x 16 fitted to 32 x 32" in status and "4 pixels snapped to the palette" in status
    assert WELCOME in pictures().select_model(Session(), 0, Canvas(sprite()), "tiny")[4]


def test_a_damaged_model_leaves_the_painting_and_says_so() -> None:
    def broken(*_: Any) -> Any:
        raise WeightsRejected("model.safetensors: damaged")

    page = pictures()
    page.engine.snap = broken  # pyright: ignore[reportAttributeAccessIssue]
    picture = np.random.default_rng(2).integers(0, 256, (16, 16, 4), np.uint8)
    _, canvas, _, _, status = page.select_model(Session(), 0, Canvas(picture), "tiny")
    assert np.array_equal(canvas.picture, picture) and "model.safetensors: damaged" in status
    assert "gone" in page.select_model(Session(), 0, Canvas(picture), "gone")[4]


def test_another_model_picture_or_result_leaves_the_drawings_so_far() -> None:
    page = pictures()
    for leave in (
        lambda s: page.select_model(s, 3, Canvas(sprite()), "tiny"),
        lambda s: page.import_picture(s, 3, "tiny", sent_file(encode_png(sprite()))),
        lambda s: page.choose(s, 3, sent({"index": 0})),
    ):
        session = Session(drawings=[drawing(1)])
        leave(session)
        assert session.has_left(3) and session.is_stopped(3) and not session.has_left(4)


def test_import_finds_the_grid_snaps_and_says_so() -> None:
    picture = sprite()
    picture[3, 4] = [250, 1, 2, 255]
    picture[5, 6] = [1, 250, 2, 255]
    event = sent_file(encode_png(picture, scale=4))
    canvas, status = pictures().import_picture(Session(), 0, "tiny", event)
    changed = (canvas.picture != sprite()).any(-1)
    assert (
        set(map(tuple, np.argwhere(changed).tolist())) <= {(3, 4), (5, 6)}
        and not canvas.painted_mask.any()
        and not canvas.preview
    )
    assert "2 pixels snapped to the palette" in status and "64 x 64 fitted to 16 x 16" in status


def test_import_keeps_a_fitting_picture_exactly() -> None:
    canvas, status = pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(sprite())))
    assert np.array_equal(canvas.picture, sprite()) and "every colour kept" in status


def too_large() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (5000, 5000)).save(buffer, "PNG")
    return buffer.getvalue()


def base64_of(content: bytes) -> dict[str, str]:
    return {"name": "hero.png", "data": base64.b64encode(content).decode()}


BAD_IMPORTS = {
    "null": None,
    "list": [],
    "name number": {"name": 3, "data": "AAAA"},
    "data null": {"name": "a.png", "data": None},
    "not base64": {"name": "a.png", "data": "not base64!"},
    "too many bytes": {"name": "a.png", "data": "A" * (SETTINGS.max_file_bytes * 2)},
    "no bytes": base64_of(b""),
    "svg": base64_of(b"<svg/>"),
    "cut off": base64_of(encode_png(sprite())[:60]),
    "too large": base64_of(too_large()),
}


@pytest.mark.parametrize("name", BAD_IMPORTS)
def test_a_bad_import_is_a_plain_message(name: str, warnings_shown: list[str]) -> None:
    canvas, status = pictures().import_picture(Session(), 0, "tiny", sent(BAD_IMPORTS[name]))
    assert not isinstance(canvas, Canvas) and len(warnings_shown) == 1 and "status" in status
    assert len(warnings_shown[0]) < 200 and "\n" not in warnings_shown[0]


def test_the_name_of_an_import_is_shown_without_markup_or_folders() -> None:
    status = pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(sprite()), "../../<b>x.png"))[1]
    assert "&lt;b&gt;x.png" in status and ".." not in status


def test_a_click_on_a_result_puts_it_on_the_canvas() -> None:
    session = Session(drawings=[drawing(3), drawing(9)])
    canvas, status = pictures().choose(session, 0, sent({"index": 1}))
    assert np.array_equal(canvas.picture, sprite()) and canvas.mask is None and "Seed 9" in status
    assert pictures().reuse_seed(session)[0] == 9


@pytest.mark.parametrize("index", [5, -1, None, "0", [0, 1], 10**30])
def test_a_click_on_nothing_changes_nothing(index: Any) -> None:
    session = Session(drawings=[drawing(3)])
    assert not isinstance(pictures().choose(session, 0, sent({"index": index}))[0], Canvas)
    assert session.chosen == 0


def test_reuse_without_a_result_says_so() -> None:
    seed, status = pictures().reuse_seed(Session())
    assert not isinstance(seed, int) and "Draw a picture first" in status


def test_without_snapping_a_picture_keeps_its_colours_bit_for_bit_and_that_is_said() -> None:
    picture = sprite()
    picture[3, 4] = [250, 1, 2, 255]
    picture[5, 6] = [9, 8, 7, 0]
    canvas, status = pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(picture)), False)
    assert np.array_equal(canvas.picture, picture)
    assert "1 pixel of colours that the model does not have" in status and "snapped" not in status
    page = pictures(names=("tiny", "large"))
    large = page.select_model(Session(), 0, Canvas(picture), "large", False)[1]
    assert np.array_equal(large.picture, picture.repeat(2, 0).repeat(2, 1))
    for anything in (True, None, "no", 0):
        snapped = page.select_model(Session(), 0, Canvas(picture), "large", anything)[1]
        assert not np.array_equal(snapped.picture, large.picture)


def test_sessions_share_nothing() -> None:
    first = Session(drawings=[drawing(1)])
    assert copy.deepcopy(first).drawings == [] and copy.deepcopy(first) is not first


def test_a_freed_session_keeps_nothing_and_ends_its_drawings() -> None:
    session = Session(drawings=[drawing(1)])
    session.free()
    assert not session.drawings and session.is_stopped(10**9)
    session.keep(10**9, [drawing(2)])
    assert not session.drawings
