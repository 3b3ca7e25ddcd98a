"""The page with a model that draws in any palette and size: nothing is snapped, fitted or mapped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pixelart.errors import RequestRejected
from pixelart.ui.canvas_value import Canvas
from pixelart.ui.drawing import fitted_canvas
from pixelart.ui.form import Form, request_from
from pixelart.ui.palette_panel import CUSTOM, PaletteHandlers
from pixelart.ui.palette_value import AllowedColours, everything_allowed, hex_colours
from tests.ui.fake_engine import CODEC, FakeEngine

FORM = Form("hero", 0.8, 7, 1, None, 1.0, 0, 1.5, 0, [])


class AnyEngine(FakeEngine):
    """Of a model that says that it takes palettes and any size."""

    def info(self, checkpoint: str):
        return replace(super().info(checkpoint), takes_palettes=True, most_colours=64, any_size=True)


ENGINE = AnyEngine(names=("tiny",), size=32)
INFO = ENGINE.info("tiny")
HANDLERS = PaletteHandlers(ENGINE)  # pyright: ignore[reportArgumentType]


def test_a_palette_of_the_program_is_taken_as_it_is() -> None:
    allowed, status = HANDLERS.choose_palette("tiny", "Game Boy")
    assert allowed.colours == ("", "0f380f", "306230", "8bac0f", "9bbc0f") and all(allowed.allowed)
    assert "exactly these 4 colours" in status
    request = request_from(replace(FORM, colours=allowed), INFO)
    assert request.palette == allowed.colours[1:] and request.allowed is None


def test_colours_of_the_canvas_are_the_palette() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[:2, :, :3], picture[2:, :, 1], picture[..., 3] = 7, 200, 255
    allowed, choice, _ = HANDLERS.colours_on_canvas(Canvas(picture), "tiny")
    assert choice == CUSTOM and set(allowed.colours) == {"", "070707", "00c800"}


def test_colours_that_are_ticked_off_are_not_drawn_nor_is_clear() -> None:
    given = AllowedColours(("", "ff0000", "00ff00", "0000ff"), (False, True, False, True))
    request = request_from(replace(FORM, colours=given), INFO)
    assert request.palette == ("ff0000", "0000ff") and request.allowed == (1, 2)
    own = everything_allowed(CODEC.table)
    assert request_from(replace(FORM, colours=own), INFO).palette == "" and own.colours == hex_colours(INFO.colours)
    with pytest.raises(RequestRejected, match="allow at least one colour"):
        request_from(replace(FORM, colours=AllowedColours(("", "ff0000"), (False, False))), INFO)


def test_a_picture_keeps_its_size_where_the_model_draws_it() -> None:
    small, large = (Canvas(np.zeros((height, 40, 4), np.uint8)) for height in (24, 90))
    assert fitted_canvas(small, INFO) is small
    assert fitted_canvas(large, INFO).picture.shape == (32, 32, 4)
