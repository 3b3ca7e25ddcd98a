"""The accordion Variations with a fake engine, by iterating its handlers as gradio does."""

from __future__ import annotations

import base64
import io
import json
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pixelart.engine.variations import REDRAWN
from pixelart.images.codec import Picture
from pixelart.images.corner_tiles import edges_of, sheet_order
from pixelart.images.io import decode_picture
from pixelart.ui.browser_storage import NOTHING_KEPT, Kept, kept_from_payload, results_to_payload
from pixelart.ui.create.canvas_value import Canvas, Painting
from pixelart.ui.create.variations import VariationHandlers
from pixelart.ui.results import ResultFiles, caption_of
from pixelart.ui.session import Session
from tests.ui.create.test_drawing import SLOW, canvases, captions, painted, status_of, values
from tests.ui.fake_engine import CODEC, FakeEngine

TILE = CODEC.table[np.random.default_rng(1).integers(1, CODEC.levels, size=(16, 16))]


def handlers(engine: FakeEngine | None = None) -> VariationHandlers:
    return VariationHandlers(
        engine or FakeEngine(),  # pyright: ignore[reportArgumentType]
        ResultFiles(Path(tempfile.gettempdir())),
    )


def sprite() -> Canvas:
    """With a mask, in colours of the fake engine, which a GIF can hold."""
    return Canvas(TILE, painted().mask)


def unpacked(saved: dict[str, Any]) -> tuple[Picture, dict[str, Any]]:
    """The sheet and the JSON of a saved .zip."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(saved["data"]))) as archive:
        png, described = archive.namelist()
        return decode_picture(archive.read(png), name=png), json.loads(archive.read(described))


# --- sweep ----------------------------------------------------------------------------------------------------------


def test_a_sweep_is_a_labelled_row_of_one_seed() -> None:
    session = Session()
    outputs = list(handlers().sweep(session, 1, "tiny", "0.6, 1; 1.45", **values(images=8)))
    assert captions(outputs) == ["temperature 0.6", "temperature 1.0", "temperature 1.45"]
    assert [(d.seed, d.settings["temperature"]) for d in session.drawings] == [(5, 0.6), (5, 1.0), (5, 1.45)]
    assert not canvases(outputs)[-1].preview and "3 pictures in" in status_of(outputs[-1])
    kept = kept_from_payload(results_to_payload(session.drawings)).drawings
    assert [caption_of(d, None, 0) for d in kept] == captions(outputs), "after a reload too"


def test_a_stopped_sweep_keeps_the_finished_pictures() -> None:
    session, engine = Session(), FakeEngine(row_seconds=SLOW / 4)
    page = handlers(engine)
    frames = page.sweep(session, 1, "tiny", "0.5 1 1.5", **values())
    assert any("Part 2 of 3" in str(status) for _, status, _ in frames)
    session.stop(1)
    assert "picture in" in status_of(list(frames)[-1]) and len(session.drawings) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1", "write 2 to 8 numbers"), ("", "write 2"), (None, "write 2"), ("1, hot", "write 2"),
        ("1 " * 9, "write 2"), ("1, 3", "Temperatures: must be a number from 0.1 to 2"), ("1, ." , "write 2"),
    ],
)  # fmt: skip
def test_temperatures_outside_the_limits_are_refused(text: Any, told: str, warnings_shown: list[str]) -> None:
    list(handlers().sweep(Session(), 1, "tiny", text, **values()))
    assert told in warnings_shown[0]


# --- extend ---------------------------------------------------------------------------------------------------------


def test_an_extended_picture_stays_bit_for_bit_in_the_larger_document() -> None:
    session, canvas = Session(), painted()
    outputs = list(handlers().extend(session, 1, canvas, "tiny", ["left", "down"], 20, **values(images=3)))
    shown = canvases(outputs)
    assert all(one.picture.shape == (36, 36, 4) for one in shown) and not shown[-1].preview
    assert len(session.drawings) == 3
    for drawing in session.drawings:
        assert np.array_equal(drawing.picture[:16, 20:], canvas.picture) and drawing.picture[16:].any()
        assert drawing.settings["extended"] == {"left": 20, "right": 0, "up": 0, "down": 20}
    mask = shown[-1].painted_mask
    assert np.array_equal(mask[:16, 20:], canvas.painted_mask) and mask.sum() == canvas.painted_mask.sum()
    assert "now 36 x 36" in status_of(outputs[-1]) and session.mask is not None and not session.mask[:16, 20:].any()


def test_the_painted_temperature_stays_on_its_pixels_when_the_picture_is_extended() -> None:
    percent = np.arange(256, dtype=np.uint8).reshape(16, 16)
    canvas = replace(painted(), temperature=percent)
    outputs = list(handlers().extend(Session(), 1, canvas, "tiny", ["left", "down"], 20, **values(images=1)))
    shown = canvases(outputs)[-1].temperature
    assert shown is not None and np.array_equal(shown[:16, 20:], percent)
    assert (shown[:, :20] == 100).all() and (shown[16:] == 100).all()


@pytest.mark.parametrize(
    ("canvas", "sides", "pixels", "told"),
    [
        (None, ["left"], 4, "Draw or import a picture first, then press Extend."),
        (painted(), [], 4, "choose one or more of left"),
        (painted(), "left", 4, "choose one or more of left"),
        (painted(), ["left", {}], 4, "choose one or more of left"),
        (painted(), ["up"], 129, "Pixels: must be a number from 1 to 128"),
        (painted(), ["up"], None, "Pixels: must be"),
        (Canvas(np.full((16, 200, 4), 9, np.uint8)), ["right"], 57, "257 x 16 pixels; the limit is 256 a side"),
    ],
)
def test_what_cannot_be_extended_is_a_plain_message(
    canvas: Canvas | None, sides: Any, pixels: Any, told: str, warnings_shown: list[str]
) -> None:
    outputs = list(handlers().extend(Session(), 1, canvas, "tiny", sides, pixels, **values()))
    assert told in warnings_shown[0] and not canvases(outputs)


# --- tileset --------------------------------------------------------------------------------------------------------


def test_a_tileset_is_16_results_and_a_sheet_whose_seams_meet() -> None:
    session, page = Session(), handlers()
    outputs = list(page.tileset(session, 1, Canvas(TILE), "tiny", **values(images=4, seamless=["x"])))
    assert isinstance(outputs[-1][0], Painting), "the canvas keeps its tile"
    order = sheet_order().flatten().tolist()
    assert captions(outputs) == [f"tile {n}" for n in order] and "16 pictures in" in status_of(outputs[-1])
    tiles = dict(zip(order, (d.picture for d in session.drawings), strict=True))
    assert np.array_equal(tiles[15], TILE) and not tiles[0].any()
    for axis, (after, before) in enumerate([("upper", "lower"), ("left", "right")]):
        for one in range(16):
            same = [n for n in range(16) if edges_of(n)[before] == edges_of(one)[before]]
            assert all(np.array_equal(tiles[n].take(-1, axis), tiles[one].take(-1, axis)) for n in same)
            same = [n for n in range(16) if edges_of(n)[after] == edges_of(one)[after]]
            assert all(np.array_equal(tiles[n].take(0, axis), tiles[one].take(0, axis)) for n in same)
    sheet, described = unpacked(page.save_sheet(session, NOTHING_KEPT))
    for name, frame in described["frames"].items():
        x, y = frame["frame"]["x"], frame["frame"]["y"]
        assert np.array_equal(sheet[y : y + 16, x : x + 16], tiles[int(name.removeprefix("tile_"))])
    assert sheet.shape == (64, 64, 4) and described["meta"]["image"] == "tileset.png"
    assert 'class="tiles"' in page.show(session)
    kept = Kept(drawings=kept_from_payload(results_to_payload(session.drawings)).drawings)
    assert np.array_equal(unpacked(page.save_sheet(Session(), kept))[0], sheet), "after a restart too"


# --- animation ------------------------------------------------------------------------------------------------------


def test_an_animation_redraws_the_masked_part_only() -> None:
    session, page, canvas = Session(), handlers(), sprite()
    outputs = list(page.animate(session, 1, canvas, "tiny", 4, **values(images=9)))
    assert isinstance(outputs[-1][0], Painting) and captions(outputs) == [f"frame {n}" for n in (1, 2, 3, 4)]
    pictures = [drawing.picture for drawing in session.drawings]
    assert np.array_equal(pictures[0], canvas.picture)
    assert all(np.array_equal(p[~canvas.painted_mask], canvas.picture[~canvas.painted_mask]) for p in pictures)
    assert len({p.tobytes() for p in pictures}) == 4
    saved = page.save_gif(session, NOTHING_KEPT)
    with Image.open(io.BytesIO(base64.b64decode(saved["data"]))) as image:
        moved = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
    assert saved["name"] == "animation.gif" and all(map(np.array_equal, moved, pictures)) and len(moved) == 4
    strip, described = unpacked(page.save_sheet(session, NOTHING_KEPT))
    assert np.array_equal(strip, np.concatenate(pictures, axis=1))
    assert described["meta"]["frameTags"][0]["to"] == 3
    assert REDRAWN in page.show(session) and "steps(4, jump-none)" in page.show(session)


@pytest.mark.parametrize(
    ("canvas", "frames", "told"),
    [
        (None, 3, "Draw or import a picture first, then press Animate."),
        (Canvas(TILE), 3, "Paint a mask first: the part that moves."),
        (sprite(), 5, "Frames: must be a number from 2 to 4"),
        (Canvas(TILE, np.ones((16, 16), np.bool_)), 3, "the mask covers 100% of the picture"),
    ],
)
def test_what_cannot_be_animated_is_a_plain_message(
    canvas: Canvas | None, frames: Any, told: str, warnings_shown: list[str]
) -> None:
    list(handlers().animate(Session(), 1, canvas, "tiny", frames, **values()))
    assert told in warnings_shown[0]


def test_a_stopped_set_gives_the_canvas_back() -> None:
    session, page = Session(), handlers(FakeEngine(row_seconds=SLOW / 10))
    frames = page.tileset(session, 1, Canvas(TILE), "tiny", **values())
    assert any("Part 2 of 18" in str(status) for _, status, _ in frames)
    session.stop(1)
    last = list(frames)[-1]
    assert isinstance(last[0], Painting) and "of 18 was not finished" in status_of(last) and not session.drawings


def test_other_results_are_no_set(warnings_shown: list[str]) -> None:
    session, page = Session(), handlers()
    list(page.sweep(session, 1, "tiny", "1 2", **values()))
    assert page.show(session) == "" and page.show(Session()) == ""
    page.save_gif(session, NOTHING_KEPT)
    page.save_sheet(session, NOTHING_KEPT)
    assert warnings_shown == ["There is no animation yet.", "There is no tileset or animation yet."]


# --- blend ----------------------------------------------------------------------------------------------------------


def test_second_classes_follow_the_model() -> None:
    page = handlers()
    offered = page.offer_classes("tiny", "wall").constructor_args
    assert [value for _, value in offered["choices"]] == ["", "hero", "wall"] and offered["value"] == "wall"
    assert page.offer_classes("tiny", "dragon").constructor_args["value"] == ""
    assert page.offer_classes("tiny", "", Kept({"blend_class": "hero"})).constructor_args["value"] == "hero"
    assert page.offer_classes(None, ["wall"]).constructor_args["choices"] == [("None", "")]


@pytest.mark.parametrize(
    ("share", "weights"), [(0, {"hero": 1.0}), (30, {"hero": 0.7, "wall": 0.3}), (100, {"wall": 1.0})]
)
def test_a_blend_is_in_the_settings_of_a_result(share: int, weights: dict[str, float]) -> None:
    session = Session()
    blend = {"blend_class": "wall", "blend_share": share}
    list(handlers().sweep(session, 1, "tiny", "1 2", **values(class_name="hero", **blend)))
    assert session.drawings[0].settings["class_weights"] == weights


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"class_name": "Any"}, "choose a first class too"),
        ({"blend_class": "dragon"}, "'dragon': tiny does not have it"),
        ({"blend_class": ["wall"]}, "does not have it"),
        ({"blend_share": 101}, "Second class, %: must be a number from 0 to 100"),
    ],
)
def test_a_blend_outside_the_limits_is_refused(change: dict[str, Any], told: str, warnings_shown: list[str]) -> None:
    blend = {"blend_class": "wall", "blend_share": 50, **change}
    list(handlers().sweep(Session(), 1, "tiny", "1 2", **values(**blend)))
    assert told in warnings_shown[0]
