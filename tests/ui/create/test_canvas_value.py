"""The canvas's value: exact both ways, and nothing hostile gets through."""

from __future__ import annotations

import base64
import math
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.ui.components import ColourPicker, PixelCanvas
from pixelart.ui.create.canvas_value import (
    MAX_SIDE,
    Canvas,
    CanvasRejected,
    Swatches,
    blank_canvas,
    canvas_from_payload,
    canvas_to_payload,
)
from pixelart.ui.create.palette_value import (
    allowed_from_payload,
    allowed_to_payload,
    everything_allowed,
    only_colours_of,
)
from tests.ui.fake_engine import CODEC


def text(length: int) -> str:
    return base64.b64encode(bytes(length)).decode()


def good() -> dict[str, Any]:
    return {"width": 4, "height": 2, "pixels": text(32), "mask": text(8)}


HOSTILE = {
    "list": [1, 2],
    "text": "canvas",
    "number": 5,
    "empty": {},
    "width missing": {k: v for k, v in good().items() if k != "width"},
    "pixels missing": {k: v for k, v in good().items() if k != "pixels"},
    "width zero": good() | {"width": 0},
    "width negative": good() | {"width": -4},
    "both negative": good() | {"width": -4, "height": -2},
    "width huge": good() | {"width": 10**12},
    "over the limit": {"width": MAX_SIDE + 1, "height": 1, "pixels": text(4 * (MAX_SIDE + 1)), "mask": ""},
    "width text": good() | {"width": "4"},
    "width fraction": good() | {"width": 4.5},
    "width whole float": good() | {"width": 4.0},
    "width nan": good() | {"width": math.nan},
    "width infinite": good() | {"height": math.inf},
    "width bool": good() | {"width": True},
    "width null": good() | {"width": None},
    "width list": good() | {"width": [4]},
    "pixels short": good() | {"pixels": text(28)},
    "pixels long": good() | {"pixels": text(36)},
    "pixels empty": good() | {"pixels": ""},
    "pixels null": good() | {"pixels": None},
    "pixels list": good() | {"pixels": [0] * 32},
    "pixels dict": good() | {"pixels": {"path": "/etc/passwd"}},
    "pixels not base64": good() | {"pixels": "!" * 44},
    "pixels not ascii": good() | {"pixels": "é" * 44},
    "pixels padded inside": good() | {"pixels": "====" * 11},
    "pixels megabytes": good() | {"pixels": "A" * 5_000_000},
    "mask short": good() | {"mask": text(7)},
    "mask long": good() | {"mask": text(80)},
    "mask number": good() | {"mask": 7},
    "mask not base64": good() | {"mask": "*" * 12},
    "temperature short": good() | {"temperature": text(7)},
    "temperature not base64": good() | {"temperature": "*" * 12},
    "temperature number": good() | {"temperature": 7},
    "mask of other values": good() | {"mask": base64.b64encode(bytes([0, 1, 2, 255] * 2)).decode()},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_payloads_are_refused_in_one_plain_line(name: str) -> None:
    with pytest.raises(CanvasRejected) as caught:
        canvas_from_payload(HOSTILE[name])
    assert 0 < len(str(caught.value)) < 150 and "\n" not in str(caught.value)
    with pytest.raises(gr.Error, match="canvas"):
        PixelCanvas().preprocess(HOSTILE[name])


def test_round_trip_is_exact_with_every_alpha_and_both_mask_values() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (7, 5, 4), np.uint8)
    picture[0, :, 3] = [0, 1, 127, 128, 255]
    mask = random.random((7, 5)) < 0.5
    canvas = PixelCanvas()
    back = canvas.preprocess(canvas.postprocess(Canvas(picture, mask)))
    assert back is not None and np.array_equal(back.picture, picture) and np.array_equal(back.painted_mask, mask)
    assert back.picture.dtype == np.uint8 and back.painted_mask.dtype == np.bool_ and back.temperature is None
    percents = random.integers(0, 256, (7, 5), np.uint8)
    posted = canvas_to_payload(Canvas(picture, mask)) | {"temperature": base64.b64encode(percents.tobytes()).decode()}
    painted = canvas_from_payload(posted).temperature
    assert painted is not None and np.array_equal(painted, percents)


def test_no_mask_and_no_canvas() -> None:
    payload = canvas_to_payload(Canvas(np.zeros((2, 3, 4), np.uint8), preview=True, palette=("ff0000",)))
    assert payload["mask"] is None and payload["preview"] is True and payload["palette"] == ["ff0000"]
    assert not canvas_from_payload(payload).painted_mask.any()
    assert PixelCanvas().preprocess(None) is None and PixelCanvas().postprocess(None) is None


@pytest.mark.parametrize(
    "payload",
    [
        7,
        {},
        {"colours": ["ff0000"], "allowed": []},
        {"colours": ["ff0000"], "allowed": [1]},
        {"colours": [3], "allowed": [True]},
        {"colours": ["x" * 99], "allowed": [True]},
        {"colours": ["ff0000"] * 1000, "allowed": [True] * 1000},
        {"colours": "ab", "allowed": "cd"},
    ],
)
def test_hostile_palettes_are_refused(payload: Any) -> None:
    with pytest.raises(gr.Error, match="palette"):
        ColourPicker().preprocess(payload)


def test_allowed_colours_name_the_codecs_own_indices() -> None:
    everything = everything_allowed(CODEC.table)
    assert everything.colours[0] == "" and everything.indices() is None
    picture = CODEC.table[np.array([[0, 3], [3, 5]])]
    chosen = only_colours_of(picture, CODEC.table)
    assert chosen.indices() == (0, 3, 5)
    assert allowed_from_payload(allowed_to_payload(chosen)) == chosen
    assert everything_allowed(None).colours == ()


def test_the_page_says_where_the_models_window_is_and_gets_what_the_model_draws_at_once() -> None:
    sent = canvas_to_payload(blank_canvas(16, 24))
    assert canvas_from_payload(sent).window is None
    assert canvas_from_payload({**sent, "window": [3, 5]}).window == (3, 5)
    for wrong in ([3], [3, -1], [3, 5.0], [3, True], [3, MAX_SIDE], "35", {"top": 3}):
        with pytest.raises(CanvasRejected, match="canvas window"):
            canvas_from_payload({**sent, "window": wrong})
    assert canvas_to_payload(Swatches((), (16, 24), (48, 64)))["largest"] == [64, 48]
    assert canvas_to_payload(Swatches((), (16, 24)))["largest"] is None


def test_a_painted_temperature_goes_both_ways_and_none_leaves_the_page_its_own() -> None:
    percent = np.array([[100, 160], [50, 100]], np.uint8)
    blank = blank_canvas(2, 2)
    payload = canvas_to_payload(Canvas(blank.picture, blank.mask, temperature=percent))
    again = canvas_from_payload(payload)
    assert again.temperature is not None and np.array_equal(again.temperature, percent)
    assert "temperature" not in canvas_to_payload(blank)
