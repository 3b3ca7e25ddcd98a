"""Files of the canvas and of results: their pixels, palettes, texts, names and limits."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import asdict, replace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from pixelart.engine import Drawing
from pixelart.images.codec import Picture
from pixelart.ui.browser_storage import NOTHING_KEPT
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.export import (
    GIF,
    INDEXED,
    MAX_FILE_SIDE,
    MAX_GIF_SIDE,
    RGBA,
    RGBA_INSTEAD,
    SHEET,
    ExportForm,
    ExportHandlers,
)
from pixelart.ui.results import download_value
from pixelart.ui.session import Session
from tests.ui.fake_engine import CODEC, FakeEngine

BACKGROUND = (250, 1, 2)


def sprite(seed: int = 1) -> Picture:
    return CODEC.table[np.random.default_rng(seed).integers(CODEC.levels, size=(16, 16))]


def drawing(seed: int) -> Drawing:
    return Drawing(sprite(seed), seed, -10.0, {"class_weights": {"hero": 1.0}, "seed": seed})


def download(
    canvas: Canvas | None = None,
    *,
    session: Session | None = None,
    model: Any = "tiny",
    picture: str = "Canvas",
    format: str = INDEXED,
    scale: int = 1,
    background: str | None = None,
    columns: int = 4,
    with_json: Any = False,
) -> dict[str, Any]:
    handlers = ExportHandlers(FakeEngine())  # pyright: ignore[reportArgumentType]
    values = ExportForm(picture, format, scale, background is None, background, columns, with_json)
    return handlers.download(session or Session(), canvas, model, NOTHING_KEPT, **asdict(values))


def image_of(saved: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(saved["data"])))


def pixels(saved: dict[str, Any]) -> Picture:
    with image_of(saved) as image:
        return np.asarray(image.convert("RGBA"))


def frames(saved: dict[str, Any]) -> tuple[list[Picture], list[int]]:
    with image_of(saved) as image:
        shown = [(np.asarray(f.convert("RGBA")), f.info["duration"]) for f in ImageSequence.Iterator(image)]
    return [p for p, _ in shown], [d for _, d in shown]


def on_red(picture: Picture) -> Picture:
    return np.where(picture[..., 3:] > 0, picture, np.array([*BACKGROUND, 255], np.uint8))


def test_an_indexed_png_keeps_the_models_palette_whole_and_in_order() -> None:
    saved = download(Canvas(sprite()), scale=4)
    assert saved["name"] == "canvas_64x64.png" and saved["type"] == "image/png"
    with image_of(saved) as image:
        assert image.mode == "P"
        assert (image.getpalette() or [])[: CODEC.levels * 3] == CODEC.table[:, :3].reshape(-1).tolist()
        assert image.getpixel((0, 0)) == CODEC.encode(sprite()[None])[0, 0, 0, 0]
    assert np.array_equal(pixels(saved), sprite().repeat(4, 0).repeat(4, 1))


def test_a_background_takes_the_place_of_transparent_pixels_and_of_entry_0() -> None:
    for colour in ("#fa0102", "rgba(250.2, 1, 2, 1)", "rgb(250,1,2)"):
        saved = download(Canvas(sprite()), background=colour)
        assert np.array_equal(pixels(saved), on_red(sprite()))
        with image_of(saved) as image:
            assert image.mode == "P" and "transparency" not in image.info
            assert (image.getpalette() or [])[:3] == list(BACKGROUND)


def test_a_painting_with_other_colours_or_no_model_is_kept_exactly() -> None:
    odd = sprite()
    odd[0, 0] = [9, 8, 7, 255]
    for model in ("tiny", None, "gone", 7):
        assert np.array_equal(pixels(download(Canvas(odd), model=model)), odd)


def test_rgba_is_rgba_and_what_cannot_be_indexed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Info", said.append)
    with image_of(download(Canvas(sprite()), format=RGBA)) as image:
        assert image.mode == "RGBA" and not said
    soft = sprite()
    soft[0, 0] = [9, 8, 7, 100]
    saved = download(Canvas(soft))
    assert np.array_equal(pixels(saved), soft) and said == [RGBA_INSTEAD]


@pytest.mark.parametrize("format", [INDEXED, RGBA])
def test_the_png_of_a_result_is_named_and_carries_its_settings(format: str) -> None:
    session = Session(drawings=[drawing(7), drawing(1234)])
    session.chosen = 1
    saved = download(session=session, picture="Result", format=format, scale=2)
    assert saved["name"] == "hero_1234_32x32.png"
    with image_of(saved) as image:
        assert json.loads(image.info["pixelart"])["seed"] == 1234 and "seed: 1234" in image.info["parameters"]
    assert np.array_equal(pixels(saved), sprite(1234).repeat(2, 0).repeat(2, 1))


def test_a_result_larger_than_the_model_draws_is_saved_in_its_own_size() -> None:
    large = replace(drawing(3), picture=sprite(3).repeat(2, 0))
    saved = download(session=Session(drawings=[large]), picture="Result", scale=2)
    assert saved["name"] == "hero_3_32x64.png" and np.array_equal(pixels(saved)[::2, ::2], large.picture)


def test_a_sheet_holds_every_result_and_says_how(warnings_shown: list[str]) -> None:
    session = Session(drawings=[drawing(i) for i in range(5)])
    saved = download(session=session, format=SHEET, columns=3, scale=2)
    assert saved["name"] == "sheet_5_96x64.png"
    sheet = pixels(saved)[::2, ::2]
    for i in range(5):
        top, left = i // 3 * 16, i % 3 * 16
        assert np.array_equal(sheet[top : top + 16, left : left + 16], sprite(i))
    assert not sheet[16:, 32:].any()
    with image_of(saved) as image:
        told = json.loads(image.info["pixelart"])
    assert told["sheet"] == {"columns": 3, "rows": 2, "width": 32, "height": 32}
    assert [p["seed"] for p in told["pictures"]] == [0, 1, 2, 3, 4]
    assert pixels(download(session=session, format=SHEET, columns=16)).shape == (16, 80, 4)
    download(session=Session(), format=SHEET)
    assert warnings_shown == ["There is no result yet."]


def test_a_sheet_with_json_says_where_each_result_is(warnings_shown: list[str]) -> None:
    session = Session(drawings=[drawing(i) for i in (4, 5, 5)])
    saved = download(session=session, format=SHEET, columns=2, scale=2, with_json=True)
    assert saved["name"] == "sheet_3_64x64.zip" and saved["type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(saved["data"]))) as archive:
        assert archive.namelist() == ["sheet_3_64x64.png", "sheet_3_64x64.json"]
        png, described = (archive.read(name) for name in archive.namelist())
    plain = download(session=session, format=SHEET, columns=2, scale=2)
    assert png == base64.b64decode(plain["data"]), "the same PNG, with the settings of each result"
    told = json.loads(described)
    assert list(told["frames"]) == ["hero_4", "hero_5", "hero_5_2"] and told["meta"]["image"] == "sheet_3_64x64.png"
    assert told["frames"]["hero_5_2"]["frame"] == {"x": 0, "y": 32, "w": 32, "h": 32}
    assert not warnings_shown
    download(session=session, format=SHEET, with_json="yes")
    assert warnings_shown == ["With JSON: must be on or off."]


@pytest.mark.parametrize("background", [None, "#fa0102"])
def test_a_gif_draws_row_by_row_with_exact_colours(background: str | None) -> None:
    saved = download(Canvas(sprite()), format=GIF, scale=2, background=background)
    assert saved["name"] == "canvas_32x32.gif" and saved["type"] == "image/gif"
    shown, durations = frames(saved)
    assert len(shown) == 17 and sum(durations) <= 5000 and durations[-1] >= 1000
    for done, frame in enumerate(shown):
        wanted = np.where((np.arange(16) < done)[:, None, None], sprite(), np.uint8(0))
        assert np.array_equal(frame[::2, ::2], wanted if background is None else on_red(wanted)), done


def test_the_gif_of_a_completion_begins_with_what_was_known() -> None:
    mask: NDArray[np.bool_] = np.zeros((16, 16), np.bool_)
    mask[4:9, 2:11] = True
    session = Session()
    session.keep(1, [drawing(3)], mask)
    shown, _ = frames(download(session=session, picture="Result", format=GIF))
    assert np.array_equal(shown[0], np.where(mask[..., None], np.uint8(0), sprite(3))) and len(shown) == 6
    assert np.array_equal(shown[-1], sprite(3))


def test_a_gif_of_a_tall_picture_stays_short() -> None:
    tall = np.zeros((300, 2, 4), np.uint8)
    tall[::2] = CODEC.table[3]
    tall[1::2] = CODEC.table[4]
    shown, durations = frames(download(Canvas(tall), format=GIF))
    assert len(shown) <= 64 and sum(durations) <= 5000 and np.array_equal(shown[-1], tall)


def test_what_a_gif_cannot_hold_is_said(warnings_shown: list[str]) -> None:
    many = np.full((16, 17, 4), 255, np.uint8)
    many[..., 0], many[..., 1] = np.mgrid[:16, :17]
    download(Canvas(many), format=GIF)
    soft = sprite()
    soft[0, 0, 3] = 100
    download(Canvas(soft), format=GIF)
    assert warnings_shown == [
        "272 colours; a GIF holds 255",
        "a GIF cannot hold half-transparent pixels; PNG RGBA can",
    ]


def test_nothing_to_save_is_a_plain_message(warnings_shown: list[str]) -> None:
    download(None)
    download(picture="Result")
    assert warnings_shown == ["The canvas is empty.", "There is no result yet."]


def test_a_file_that_would_be_too_large_is_refused_with_the_limit(warnings_shown: list[str]) -> None:
    side = MAX_FILE_SIDE // 16
    wide = np.full((1, side + 1, 4), 255, np.uint8)
    result = Session(drawings=[replace(drawing(1), picture=wide)])
    assert "data" not in download(Canvas(wide), scale=16)
    assert "data" not in download(session=result, picture="Result", scale=16)
    assert "data" in download(Canvas(wide[:, :side]), scale=16)
    assert "data" not in download(Canvas(wide[:, : MAX_GIF_SIDE // 16 + 1]), format=GIF, scale=16)
    assert "data" not in download(session=Session(drawings=[drawing(1)] * 17), format=SHEET, columns=1, scale=16)
    sizes = [f"{(side + 1) * 16} x 16", f"{(side + 1) * 16} x 16", f"{MAX_GIF_SIDE + 16} x 16", f"256 x {17 * 256}"]
    limits = [MAX_FILE_SIDE, MAX_FILE_SIDE, MAX_GIF_SIDE, MAX_FILE_SIDE]
    assert warnings_shown == [
        f"Scale x16: {size} pixels; the limit is {limit} a side." for size, limit in zip(sizes, limits, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image/png"),
        ("a.gif", "image/gif"),
        ("a.zip", "application/zip"),
        ("a", "application/octet-stream"),
    ],
)
def test_a_file_is_saved_as_what_it_is(name: str, kind: str) -> None:
    assert download_value(name, b"")["type"] == kind


def test_the_selected_pixels_are_exported_alone(warnings_shown: list[str]) -> None:
    handlers = ExportHandlers(FakeEngine())  # pyright: ignore[reportArgumentType]
    values = asdict(ExportForm("Selection", INDEXED, 2, True, "#ffffff", 4))
    piece = sprite()[3:8, 2:5]
    saved = handlers.download(Session(), Canvas(sprite()), "tiny", NOTHING_KEPT, Canvas(piece), **values)
    assert saved["name"] == "canvas_6x10.png"
    with Image.open(io.BytesIO(base64.b64decode(saved["data"]))) as image:
        assert np.array_equal(np.asarray(image.convert("RGBA"))[::2, ::2], piece)
    assert not warnings_shown
    handlers.download(Session(), Canvas(sprite()), "tiny", NOTHING_KEPT, None, **values)
    assert warnings_shown == ["Nothing is selected."]
