"""Which colours may be drawn: of a palette of the program, of a file, of the canvas."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.images.palette_files import KNOWN
from pixelart.settings import SETTINGS
from pixelart.ui.create.canvas_value import Canvas, canvas_to_payload
from pixelart.ui.create.palette_panel import PaletteHandlers
from pixelart.ui.create.palette_value import ALL_COLOURS, CUSTOM, AllowedColours, everything_allowed
from tests.ui.fake_engine import CODEC, FakeEngine


def panel() -> PaletteHandlers:
    return PaletteHandlers(FakeEngine())  # pyright: ignore[reportArgumentType]


def sent(text: str | bytes, name: str = "mine.hex") -> dict[str, str]:
    data = text.encode() if isinstance(text, str) else text
    return {"name": name, "data": base64.b64encode(data).decode()}


def test_a_palette_allows_the_nearest_colours_and_transparent() -> None:
    colours, status = panel().choose_palette("tiny", "Black and white")
    assert colours.indices() == (0, 1, 5), "the darkest and the lightest of the model"
    assert "Black and white (one bit a pixel): 2 colours. Drawn with the 2 nearest colours of tiny" in status
    assert panel().choose_palette("tiny", ALL_COLOURS)[0].indices() is None


@pytest.mark.parametrize("palette", KNOWN, ids=lambda p: p.name)
def test_every_palette_of_the_program_can_be_chosen(palette: Any) -> None:
    colours, _ = panel().choose_palette("tiny", palette.name)
    assert colours.allowed[0] and 2 <= sum(colours.allowed) <= 1 + len(palette.colours)


def test_a_file_allows_the_nearest_colours() -> None:
    exact = [bytes(CODEC.table[i, :3]).hex() for i in (3, 6)]
    colours, choice, status = panel().load_palette("tiny", gr.EventData(None, sent("\n".join(exact))))
    assert colours.indices() == (0, 3, 6) and choice == CUSTOM and "mine.hex: 2 colours" in status


@pytest.mark.parametrize(
    ("model", "posted", "told"),
    [
        ("gone", sent("ff0000"), "gone"),
        (None, sent("ff0000"), "still loading"),
        ("tiny", sent("no colours"), "mine.hex: line 1, "),
        ("tiny", sent(b"x" * 70000), "mine.hex: 70000 bytes; the limit"),
        ("tiny", None, "expected a name"),
        ("tiny", {"name": "a", "data": "!"}, "not base64"),
        ("tiny", sent("zz", "<b>.hex"), "&lt;b&gt;.hex"),
    ],
)
def test_a_bad_file_is_a_plain_message(model: Any, posted: Any, told: str) -> None:
    colours, _, status = panel().load_palette(model, gr.EventData(None, posted))
    assert not isinstance(colours, AllowedColours) and told in status


@pytest.mark.parametrize("name", [None, 7, "x" * 999, ["CGA"], {}])
def test_an_unknown_palette_is_a_plain_message(name: Any) -> None:
    colours, status = panel().choose_palette("tiny", name)
    assert not isinstance(colours, AllowedColours) and "not found" in status and len(status) < 200


def test_only_the_colours_on_the_canvas() -> None:
    canvas = Canvas(CODEC.table[np.full((16, 16), 2)])
    assert panel().colours_on_canvas(canvas, "tiny")[0].indices() == (2,)
    assert "gone" in panel().colours_on_canvas(canvas, "gone")[2]
    clear = Canvas(np.full((16, 16, 4), 127, np.uint8))
    for empty in (None, clear):
        assert panel().colours_on_canvas(empty, "tiny")[0] == gr.skip()
        assert "empty" in panel().colours_on_canvas(empty, "tiny")[2]


def test_one_nearest_colour_is_told_as_one() -> None:
    named = gr.EventData(None, {"on": True, "colours": ["ff0000"]})
    status = panel().lock("tiny", named)[1]
    assert "1 colour. Drawn with the 1 nearest colour of tiny." in status


def test_of_a_picture_in_other_colours_the_nearest_ones_are_allowed() -> None:
    picture = CODEC.table[np.full((16, 16), 3)]
    picture[4:, :, :3] += 2
    picture[8:] = 0
    assert panel().colours_on_canvas(Canvas(picture), "tiny")[0].indices() == (0, 3)


def test_the_colours_of_the_largest_canvas_are_found_at_once() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (SETTINGS.max_side, SETTINGS.max_side, 4), np.uint8)
    picture[..., 3] |= 128
    picture[5, 5] = [*CODEC.table[3][:3], 128]  # as opaque as it gets in a palette
    began = time.process_time()
    chosen = panel().colours_on_canvas(Canvas(picture), "tiny")[0]
    assert time.process_time() - began < 0.5
    seen = {bytes(colour) for colour in picture[..., :3].reshape(-1, 3)}
    assert not chosen.allowed[0] and chosen.allowed[3]
    assert all(on for on, colour in zip(chosen.allowed[1:], CODEC.table[1:, :3], strict=True) if bytes(colour) in seen)
    picture[0, 0] = [1, 2, 3, 127]
    assert panel().colours_on_canvas(Canvas(picture), "tiny")[0].allowed[0]


def test_the_lock_draws_in_the_shown_colours_and_unlocking_in_all() -> None:
    shown = [bytes(CODEC.table[i, :3]).hex() for i in (3, 6)]
    colours, status, choice = panel().lock("tiny", gr.EventData(None, {"on": True, "colours": shown}))
    assert colours.indices() == (0, 3, 6) and choice == CUSTOM and "Locked: 2 colours" in status
    colours, status, choice = panel().lock("tiny", gr.EventData(None, {"on": False, "colours": []}))
    assert colours.indices() is None and choice == ALL_COLOURS and "Every colour" in status


@pytest.mark.parametrize(
    "posted",
    [None, 7, {}, {"on": 1, "colours": ["ff0000"]}, {"on": True, "colours": []}, {"on": True, "colours": [7]},
     {"on": True, "colours": ["ff0000"] * 257}, {"on": True, "colours": ["<b>"]}],
)  # fmt: skip
def test_a_hostile_lock_is_a_plain_message(posted: Any) -> None:
    colours, status, _ = panel().lock("tiny", gr.EventData(None, posted))
    assert not isinstance(colours, AllowedColours) and len(status) < 200 and "<b>" not in status


def test_the_choice_names_a_palette_only_while_its_colours_are_allowed() -> None:
    few, _ = panel().choose_palette("tiny", "Game Boy")
    assert panel().name_of("tiny", few, "Game Boy") == "Game Boy"
    assert panel().name_of("tiny", few, "Black and white") == CUSTOM
    changed = replace(few, allowed=(not few.allowed[0], *few.allowed[1:]))
    assert panel().name_of("tiny", changed, "Game Boy") == panel().name_of("tiny", changed, ALL_COLOURS) == CUSTOM
    every = everything_allowed(CODEC.table)
    assert panel().name_of("tiny", every, "Game Boy") == panel().name_of("tiny", None, "Game Boy") == ALL_COLOURS
    for name in (None, 7, ["Game Boy"], {}, "x" * 999, CUSTOM):
        assert panel().name_of("tiny", few, name) == CUSTOM
    assert panel().name_of("gone", few, "Game Boy") == ALL_COLOURS


def test_a_file_is_added_to_the_visitors_own_colours() -> None:
    canvas, status = panel().load_own(gr.EventData(None, sent("ff0000\n0000ff")))
    assert canvas_to_payload(canvas) == {"own": ["ff0000", "0000ff"]} and "2 colours." in status
    assert "line 1, " in panel().load_own(gr.EventData(None, sent("no colours")))[1]
