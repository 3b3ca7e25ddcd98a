"""The page with a model that draws in any palette and size: nothing is snapped, fitted or mapped."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from numpy.typing import NDArray

from pixelart.engine import Drawing, OnRow, Preview, Request
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.ui.api import ApiHandlers
from pixelart.ui.browser_storage import Kept
from pixelart.ui.create.canvas import PictureHandlers
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.drawing_job import _progress, drawing_worker
from pixelart.ui.create.form import only_for, request_from, sized
from pixelart.ui.create.model_choice import MAX_DOCUMENT, fitted_canvas
from pixelart.ui.create.palette_panel import PaletteHandlers
from pixelart.ui.create.palette_value import ALL_COLOURS, CUSTOM, AllowedColours, everything_allowed, hex_colours
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from tests.ui.fake_engine import CODEC, FakeEngine

FORM: dict[str, Any] = {"class_name": "hero", "temperature": 0.8, "seed": 7, "guidance": 1.5}


class AnyEngine(FakeEngine):
    """Of a model that says that it takes palettes and any size."""

    def info(self, checkpoint: str):
        info = replace(super().info(checkpoint), takes_palettes=True, most_colours=64, any_size=True)
        return replace(info, keeps=("shape", "sketch"))


ENGINE = AnyEngine(names=("tiny",), size=32)
INFO = ENGINE.info("tiny")
HANDLERS = PaletteHandlers(ENGINE)  # pyright: ignore[reportArgumentType]


def test_a_palette_of_the_program_is_taken_as_it_is() -> None:
    allowed, status = HANDLERS.choose_palette("tiny", "Game Boy")
    assert allowed.colours == ("", "0f380f", "306230", "8bac0f", "9bbc0f") and all(allowed.allowed)
    assert "exactly these 4 colours" in status
    request = request_from(dict(FORM, colours=allowed), INFO)
    assert request.palette == allowed.colours[1:] and request.allowed is None


def test_colours_of_the_canvas_are_the_palette() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[:2, :, :3], picture[2:, :, 1], picture[..., 3] = 7, 200, 255
    allowed, choice, _ = HANDLERS.colours_on_canvas(Canvas(picture), "tiny")
    assert choice == CUSTOM and set(allowed.colours) == {"", "070707", "00c800"}


def test_colours_that_are_ticked_off_are_not_drawn_nor_is_clear() -> None:
    given = AllowedColours(("", "ff0000", "00ff00", "0000ff"), (False, True, False, True))
    request = request_from(dict(FORM, colours=given), INFO)
    assert request.palette == ("ff0000", "0000ff") and request.allowed == (1, 2)
    own = everything_allowed(CODEC.table)
    assert request_from(dict(FORM, colours=own), INFO).palette == "" and own.colours == hex_colours(INFO.colours)
    not_mine = dict(FORM, colours=own, own_colours=False)
    assert request_from(not_mine, INFO).palette == "model"  # the picture's colours are not wanted
    assert request_from(only_for("generate", not_mine), INFO).palette == ""
    with pytest.raises(RequestRejected, match="allow at least one colour"):
        request_from(dict(FORM, colours=AllowedColours(("", "ff0000"), (False, False))), INFO)


def test_a_picture_keeps_its_size_where_the_model_draws_it() -> None:
    small, large, huge = (Canvas(np.zeros((height, 40, 4), np.uint8)) for height in (24, 90, MAX_DOCUMENT + 1))
    assert fitted_canvas(small, INFO) is small and fitted_canvas(large, INFO) is large, "in windows"
    assert fitted_canvas(huge, INFO).picture.shape == (32, 32, 4)
    fixed = FakeEngine().info("tiny")
    assert fitted_canvas(large, fixed) is large
    assert fitted_canvas(Canvas(np.zeros((8, 40, 4), np.uint8)), fixed).picture.shape == (16, 16, 4)


def test_new_pictures_come_in_the_size_that_is_asked_for() -> None:
    for text, size in (("48 x 32", (32, 48)), ("16x24", (24, 16)), ("20", (20, 20)), ("", (32, 32)), (None, (32, 32))):
        there = sized(INFO, {"size": text})
        assert (there.height, there.width) == size
    assert np.shape(request_from(dict(FORM, bottom_temperature=0.5), sized(INFO, {"size": "8x5"})).temperature) == (
        5,
        8,
    )
    assert sized(FakeEngine().info("tiny"), {"size": "48 x 32"}).width == 16, "of one size: not asked for there"
    with pytest.raises(RequestRejected, match="Size 'wide': write width x height, such as 48 x 32"):
        sized(INFO, {"size": "wide"})
    with pytest.raises(RequestRejected, match="Size is 90 x 8; tiny draws 4 to 64 pixels a side"):
        sized(INFO, {"size": "90x8"})


def drawn(
    folder: Path, handler: str, canvas: Canvas | None, *, keep: str = "", size: str = ""
) -> tuple[list[Request], str]:
    """The requests of the engine, and the last status."""
    engine, asked = AnyEngine(names=("tiny",), size=8), list[Request]()
    for name in ("generate", "complete"):
        real = getattr(engine, name)
        setattr(engine, name, lambda request, *a, real=real, **b: (asked.append(request), real(request, *a, **b))[1])
    handlers = DrawingHandlers(engine, ResultFiles(folder))  # pyright: ignore[reportArgumentType]
    form = dict(FORM, keep=keep, size=size, own_colours=False)
    given = () if handler == "generate" else (canvas,)
    *_, last = getattr(handlers, handler)(Session(), 1, *given, "tiny", **form)
    return asked, last[1]


@pytest.mark.filterwarnings("ignore:Draw or import")
def test_new_colours_keep_the_shading_of_the_canvas(tmp_path: Path) -> None:
    picture, mask = np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8), np.bool_)
    picture[2:5, 2:5], mask[3, 3] = (9, 9, 9, 255), True
    (request,), _ = drawn(tmp_path, "recolour", Canvas(picture, mask))
    assert request.keep == "sketch"
    (request,), _ = drawn(tmp_path, "recolour", Canvas(picture), keep="shape", size="48 x 32")
    assert request.keep == "shape" and request.size is None
    asked, told = drawn(tmp_path, "recolour", Canvas(np.zeros((8, 8, 4), np.uint8)))
    assert not asked and "Draw or import a picture first" in told
    (request,), _ = drawn(tmp_path, "generate", None, keep="shape", size="12 x 10")
    assert request.keep == "" and request.size == (10, 12)


def test_a_sketch_says_that_it_is_one() -> None:
    def work(on_row: OnRow, cancel: object) -> list[Drawing]:
        on_row(3, 16, Preview(lambda: np.zeros((1, 8, 8, 4), np.uint8), lambda: np.ones((8, 8), np.bool_), sketch=True))
        return []

    worker = drawing_worker(work)
    worker.wait()
    assert "Sketch · row 3 of 16" in _progress(worker, None, 1)[1]


def test_a_program_completes_a_picture_of_another_size_between_two_temperatures(tmp_path: Path) -> None:
    asked = list[Request]()

    class DatasetSpec(AnyEngine):
        def complete(self, request: Request, picture: Picture, mask: NDArray[np.bool_], **how: Any) -> list[Drawing]:
            asked.append(request)
            return super().complete(request, picture, mask, **how)

    picture, mask = np.zeros((24, 40, 4), np.uint8), np.zeros((24, 40, 4), np.uint8)
    picture[..., 3], mask[...] = 255, 255
    sent, marked = (base64.b64encode(encode_png(one)).decode() for one in (picture, mask))
    results = ResultFiles(tmp_path)
    api = ApiHandlers(DatasetSpec(names=("tiny",), size=32), results)  # pyright: ignore[reportArgumentType]
    api.complete(sent, marked, temperature=1.5, bottom_temperature=0.5)
    heat = asked[0].temperature
    assert isinstance(heat, np.ndarray) and heat.shape == (24, 40) and heat[0, 0] == 1.5 and heat[-1, -1] == 0.5
    grays = picture.copy()
    grays[..., :3] = np.where(np.arange(40)[:, None] < 20, 50, 160)
    percent = base64.b64encode(encode_png(grays)).decode()
    api.complete(sent, marked, temperature=1.0, temperature_percent=percent)
    heat = asked[1].temperature
    assert isinstance(heat, np.ndarray) and np.unique(heat).tolist() == [0.5, 1.6] and heat[0, 19] == 0.5
    for bad, message in (("/etc/passwd", "not base64"), (marked[:40], "temperature_percent")):
        with pytest.raises(gr.Error, match=message):
            api.complete(sent, marked, temperature_percent=bad)
    api = ApiHandlers(FakeEngine(), results)  # pyright: ignore[reportArgumentType]
    sent, marked = (base64.b64encode(encode_png(one[:8])).decode() for one in (picture, mask))
    with pytest.raises(gr.Error, match="picture is 40 x 8; tiny draws 16 x 16"):
        api.complete(sent, marked, bottom_temperature=0.5)


def rgba(*colours: str) -> Picture:
    """A visitor's palette: clear and these colours, (K, 4)."""
    return np.array([[0] * 4, *([*bytes.fromhex(colour), 255] for colour in colours)], np.uint8)


def kept(*colours: Any, allowed: list[bool] | None = None) -> Kept:
    return Kept({"model": "tiny", "colours": {"colours": [*colours], "allowed": allowed or [True] * len(colours)}})


def test_a_reload_brings_a_palette_of_the_visitor_back(tmp_path: Path) -> None:
    pictures = PictureHandlers(ENGINE, ResultFiles(tmp_path))  # pyright: ignore[reportArgumentType]

    def loaded(given: Kept) -> AllowedColours:
        return pictures.load(Session(), given)[5]

    mine = AllowedColours(("", "ff0000", "00ff00"), (True, False, True))
    assert loaded(kept(*mine.colours, allowed=[*mine.allowed])) == mine
    everything = everything_allowed(CODEC.table)
    too_many = [f"{i:06x}" for i in range(65)]
    for bad in (
        ["", "ff0000"],
        ["", "ff0000", "ff0000"],
        ["", "ff0000", "<img"],
        ["ff0000", "00ff00"],
        ["", *too_many],
    ):
        assert loaded(kept(*bad)) == everything, bad
    own = PictureHandlers(FakeEngine(), ResultFiles(tmp_path))  # pyright: ignore[reportArgumentType]
    assert own.load(Session(), kept(*mine.colours))[5] == everything, "a model that draws in its own colours alone"


def test_a_palette_of_the_visitor_stays_over_a_change_of_model_but_not_all_colours_of_the_last_one() -> None:
    pictures = PictureHandlers(ENGINE, ResultFiles(Path()))  # pyright: ignore[reportArgumentType]

    def after(colours: AllowedColours | None, palette: str) -> Any:
        return pictures.select_model(Session(), 0, None, "tiny", "hero", colours, palette)[2]

    mine, everything = everything_allowed(rgba("ff0000", "00ff00")), everything_allowed(CODEC.table)
    for palette in (CUSTOM, "Game Boy"):
        assert after(mine, palette) == gr.skip(), "it is on the page already"
    assert after(mine, ALL_COLOURS) == after(None, CUSTOM) == everything
    assert after(everything, ALL_COLOURS) == gr.skip()
    too_many = everything_allowed(rgba(*[f"{i:06x}" for i in range(65)]))
    assert after(too_many, CUSTOM) == everything


@pytest.mark.parametrize(
    ("colours", "name", "shown"),
    [
        (everything_allowed(CODEC.table), "Game Boy", ALL_COLOURS),
        (AllowedColours(hex_colours(CODEC.table), (False, *(True,) * 8)), "Game Boy", CUSTOM),
        (AllowedColours(hex_colours(CODEC.table), (False, *(True,) * 8)), ALL_COLOURS, CUSTOM),
        (AllowedColours(("", "ff0000", "00ff00"), (True,) * 3), ALL_COLOURS, CUSTOM),
        (AllowedColours(("", "ff0000", "00ff00"), (True,) * 3), "Game Boy", CUSTOM),
        (AllowedColours(("", "0f380f", "306230", "8bac0f", "9bbc0f"), (True,) * 5), "Game Boy", "Game Boy"),
        (None, "Game Boy", ALL_COLOURS),
    ],
)
def test_the_choice_above_the_colours_says_what_they_are(colours: AllowedColours | None, name: str, shown: str) -> None:
    assert HANDLERS.name_of("tiny", colours, name) == shown
