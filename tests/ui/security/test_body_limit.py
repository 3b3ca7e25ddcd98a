"""Bodies of requests: one beyond the limit is refused before it ends, the largest canvas and file are taken."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import urllib.parse

import numpy as np
import pytest

from pixelart.images.io import encode_png
from pixelart.settings import SETTINGS
from pixelart.ui.create.canvas_value import Canvas, canvas_to_payload
from tests.ui.page_events import GOOD, PICTURE
from tests.ui.serving import GRADIO_WARNINGS
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def _answer(url: str, path: str, headers: dict[str, str], sent: bytes) -> tuple[int, str]:
    """Status and text that come for a POST of which only `sent` has been sent yet."""
    address = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(address.netloc, timeout=20)) as connection:
        connection.putrequest("POST", f"/gradio_api/{path}")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(sent)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("path", ["queue/join", "run/predict", "call/generate"])
def test_a_body_beyond_the_limit_is_refused_before_it_ends(url: str, path: str) -> None:
    kind, limit = "application/json", SETTINGS.max_body_bytes
    announced = _answer(url, path, {"Content-Type": kind, "Content-Length": str(limit + 1)}, b"")
    body = b"[".ljust(limit + 1)
    streamed = _answer(
        url, path, {"Content-Type": kind, "Transfer-Encoding": "chunked"}, b"%x\r\n%b\r\n" % (len(body), body)
    )
    told = {"detail": "The request is too large; the limit is 10 MiB."}
    assert [(status, json.loads(text)) for status, text in (announced, streamed)] == [(413, told)] * 2


def test_the_largest_canvas_with_its_temperature_results_and_settings_fits_into_one_request() -> None:
    side, settings = SETTINGS.max_side, 2**16  # as in MOST_TEXT of work.js
    blank = np.zeros((side, side), np.uint8)
    painted = Canvas(np.zeros((side, side, 4), np.uint8), blank == 0, window=(side - 1, side - 1), temperature=blank)
    canvas, results = len(json.dumps(canvas_to_payload(painted))), len(base64.b64encode(bytes(SETTINGS.max_page_bytes)))
    assert canvas > 8 * 2**20 and canvas + results + settings < SETTINGS.max_body_bytes


def test_the_largest_canvas_and_the_largest_file_are_taken(visitor: Visitor) -> None:
    side = SETTINGS.max_side
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 4), np.uint8)
    painted = np.full((side, side), 50, np.uint8)
    canvas = canvas_to_payload(Canvas(picture, np.ones((side, side), np.bool_), temperature=painted))
    assert "it draws 16 x 16" in visitor.post("select_model", [None, 0, "tiny", canvas, "Any", None, "Custom"]).told()
    padded = encode_png(PICTURE).ljust(SETTINGS.max_file_bytes, b"\0")
    sent = {"name": "a.png", "data": base64.b64encode(padded).decode()}
    assert "Imported a.png" in visitor.post("import_picture", GOOD["import_picture"], sent).told()
