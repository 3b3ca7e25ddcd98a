"""The route of other editors, as a program meets it: by HTTP and by WebSocket."""

from __future__ import annotations

import base64
import http.client
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from pixelart.engine import Request
from pixelart.images.codec import Picture
from pixelart.images.io import encode_rgba_png
from pixelart.settings import SETTINGS
from pixelart.ui import launch_settings
from pixelart.ui.editor.route import PATH
from pixelart.ui.security.hosting import Hosting
from tests.ui.editor.socket_client import SocketClient
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
DESKTOP = Hosting("desktop")
RANDOM = np.random.default_rng(3)
PICTURE: Picture = RANDOM.integers(0, 256, (20, 24, 4), np.uint8)
MASK = RANDOM.random((20, 24)) < 0.3


def sent(picture: Picture) -> str:
    return base64.b64encode(encode_rgba_png(picture)).decode()


def painted(mask: Any) -> str:
    return sent(np.where(mask[..., None], np.uint8(255), np.array([0, 0, 0, 255], np.uint8)))


COMPLETION = {"action": "complete", "picture": sent(PICTURE), "mask": painted(MASK), "images": 2, "seed": 4}


def pixels(result: dict[str, Any]) -> Picture:
    with Image.open(io.BytesIO(base64.b64decode(result["png"]))) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def url(engine: FakeEngine) -> Iterator[str]:
    with serving(engine, hosting=DESKTOP) as url:
        yield url


@contextmanager
def posted(url: str, message: Any, **headers: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    connection.request("POST", PATH, body, headers)
    with connection.getresponse() as answer:
        yield answer
    connection.close()


def asked(url: str, message: Any) -> list[dict[str, Any]]:
    with posted(url, message) as answer:
        assert answer.status == 200
        return [json.loads(line) for line in answer]


def asked_by_socket(url: str, message: Any) -> list[dict[str, Any]]:
    with SocketClient(url, PATH) as client:
        client.send(json.dumps(message))
        return client.until_last()


@pytest.mark.parametrize("ask", [asked, asked_by_socket])
def test_a_completion_keeps_every_pixel_outside_the_mask(url: str, engine: FakeEngine, ask: Any) -> None:
    *before, last = ask(url, COMPLETION)
    wanted = engine.complete(Request("tiny", count=2, seed=4), PICTURE, MASK)
    assert [each["seed"] for each in last["results"]] == [drawing.seed for drawing in wanted]
    assert np.array_equal([pixels(each) for each in last["results"]], [drawing.picture for drawing in wanted])
    assert (pixels(last["results"][0])[~MASK] == PICTURE[~MASK]).all() and last["left"] == last["up"] == 0
    assert before and all("progress" in each or each == {"waiting": True} for each in before)


@pytest.mark.parametrize("ask", [asked, asked_by_socket])
def test_the_models_are_told(url: str, ask: Any) -> None:
    (answer,) = ask(url, {"action": "models"})
    (model,) = answer["models"]
    assert (model["name"], model["classes"], model["width"], model["any_size"]) == ("tiny", ["hero", "wall"], 16, False)


def test_a_generation_has_the_pictures_of_its_seeds(url: str, engine: FakeEngine) -> None:
    message = {"action": "generate", "class_name": "hero", "seed": 7}
    last, raw = (asked(url, {**message, "raw": raw})[-1] for raw in (False, True))
    wanted = engine.generate(Request("tiny", {"hero": 1.0}, seed=7))[0].picture
    assert np.array_equal(pixels(last["results"][0]), wanted)
    assert base64.b64decode(raw["results"][0]["rgba"]) == wanted.tobytes() and "png" not in raw["results"][0]


@pytest.mark.parametrize("side", ["left", "right", "up", "down"])
def test_an_extension_holds_the_picture_where_it_says(url: str, side: str) -> None:
    last = asked(url, {"action": "extend", "picture": sent(PICTURE), side: 5, "seed": 1})[-1]
    left, up, found = last["left"], last["up"], pixels(last["results"][0])
    assert found.shape == (last["height"], last["width"], 4) and found.shape[0] + found.shape[1] == 49
    assert np.array_equal(found[up : up + 20, left : left + 24], PICTURE)


def test_a_small_picture_is_completed_and_extended_too(url: str) -> None:
    small, mask = PICTURE[:9, :7], MASK[:9, :7]
    found = asked(url, {"action": "complete", "picture": sent(small), "mask": painted(mask)})[-1]["results"][0]
    assert pixels(found).shape == small.shape and (pixels(found)[~mask] == small[~mask]).all()
    last = asked(url, {"action": "extend", "picture": sent(small), "left": 2})[-1]
    assert np.array_equal(pixels(last["results"][0])[:, 2:], small) and last["left"] == 2
    for more in ({"seamless": "x"}, {"temperature_percent": sent(small)}):
        (last,) = asked(url, {"action": "complete", "picture": sent(small), "mask": painted(mask), **more})
        assert last["error"] == f"{next(iter(more))}: 7 x 9 is smaller than tiny draws, so it has none"


@pytest.mark.parametrize("action", ["generate", "complete", "extend"])
def test_every_drawn_pixel_is_of_the_palette(url: str, action: str) -> None:
    palette = ["ff0044", "00ff00", "123456"]
    more = {"complete": {"mask": painted(MASK), "picture": sent(PICTURE)}, "extend": {"picture": sent(PICTURE)}}
    margin = {"right": 6} if action == "extend" else {}
    message = {"action": action, "palette": palette, "seed": 2, **more.get(action, {}), **margin}
    found = pixels(asked(url, message)[-1]["results"][0])
    kept = np.zeros(found.shape[:2], np.bool_)
    if action != "generate":
        kept[:20, :24] = ~MASK if action == "complete" else True
        assert np.array_equal(found[kept], PICTURE[kept[:20, :24]])
    drawn = {bytes(colour).hex() for colour in np.unique(found[~kept], axis=0).tolist()}
    assert drawn <= {"00000000", *(colour + "ff" for colour in palette)} and len(drawn) > 1


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (b"[", "The message must be a JSON object."),
        ([], "The message must be a JSON object."),
        ({}, "action None: must be generate, complete, extend, models, cancel"),
        ({"action": "models", "model": 5}, ""),
        ({"action": "complete", "file": "/etc/passwd"}, "complete does not take 'file'"),
        ({"action": "generate", "picture": "A"}, "generate does not take 'picture'"),
        ({"action": "complete", "mask": ""}, "picture: must be a PNG file in base64"),
        ({"action": "complete", "picture": "/etc/passwd", "mask": ""}, "picture: not"),
        ({**COMPLETION, "mask": painted(MASK[:5])}, "mask is 24 x 5; the picture is 24 x 20"),
        ({**COMPLETION, "images": 17}, "Images: must be a number from 1 to 16."),
        ({**COMPLETION, "class_name": "dragon"}, "Class 'dragon': tiny does not have it."),
        ({**COMPLETION, "model": "../.."}, "checkpoint '../..' not found"),
        ({**COMPLETION, "palette": "ff0044"}, "palette: must be a list of 1 to 256 colours such as ff0044"),
        ({**COMPLETION, "palette": ["x"]}, "x"),
        ({**COMPLETION, "raw": 1}, "raw: must be true or false"),
        ({"action": "extend", "picture": sent(PICTURE)}, "nothing to extend"),
        ({"action": "extend", "picture": sent(PICTURE), "left": -1}, "left -1: must be a whole number"),
    ],
)
def test_a_bad_message_is_told_in_one_line(url: str, message: Any, told: str) -> None:
    (last,) = asked(url, message)
    assert "error" in last or not told
    assert told in last.get("error", "") and "\n" not in last.get("error", "")


@pytest.fixture
def slow(engine: FakeEngine) -> Iterator[FakeEngine]:
    engine.row_seconds = 0.05
    yield engine
    engine.row_seconds = 0.0


def idle(engine: FakeEngine) -> bool:
    """Whether the engine draws nothing, after at most two seconds."""
    end = time.monotonic() + 2
    while engine.running.is_set() and time.monotonic() < end:
        time.sleep(0.01)
    return not engine.running.is_set()


def test_closing_the_connection_ends_the_drawing(url: str, slow: FakeEngine) -> None:
    slow.row_seconds = 0.2
    with posted(url, COMPLETION) as answer:
        assert any(b"progress" in answer.readline() for _ in range(5)) and slow.running.is_set()
    assert idle(slow)


def test_a_new_message_on_a_socket_ends_the_one_before(url: str, slow: FakeEngine) -> None:
    slow.row_seconds = 0.2
    with SocketClient(url, PATH) as client:
        client.send(json.dumps(COMPLETION))
        while "progress" not in client.receive():
            pass
        client.send(json.dumps({"action": "cancel"}))
        assert client.until_last()[-1] == {"cancelled": True} and idle(slow)
        slow.row_seconds = 0
        client.send(json.dumps(COMPLETION))
        assert len(client.until_last()[-1]["results"]) == 2


@pytest.mark.slow
def test_editors_and_pages_take_turns(url: str, slow: FakeEngine) -> None:
    visitor = Visitor(url)
    visitor.start("generate", visitor.values("generate", model="tiny", seed=5))
    assert slow.running.wait(5)
    answers = asked(url, COMPLETION)
    assert "4 pictures in" in visitor.results().told() and "results" in answers[-1]


@pytest.mark.slow
def test_an_editor_that_leaves_before_its_turn_leaves_nothing(url: str, slow: FakeEngine) -> None:
    slow.row_seconds = 0.1
    visitor = Visitor(url)
    visitor.start("generate", visitor.values("generate", model="tiny", seed=5))
    assert slow.running.wait(5)
    with posted(url, COMPLETION) as answer:
        assert json.loads(answer.readline()) == {"waiting": True}
    assert "4 pictures in" in visitor.results().told()
    assert not slow.running.wait(1.2), "the drawing of an editor that has left"


@pytest.mark.parametrize("headers", [{"Origin": "https://example.org"}, {"Host": "example.org"}])
def test_pages_of_other_sites_are_refused(url: str, headers: dict[str, str]) -> None:
    with posted(url, {"action": "models"}, **headers) as answer:
        assert answer.status == 403
    with pytest.raises(ConnectionError):
        SocketClient(url, PATH, **headers)


def test_aseprites_own_origin_is_accepted(url: str) -> None:
    with SocketClient(url, PATH, Origin=f"ws://{urlsplit(url).netloc}") as client:
        client.send('{"action": "models"}')
        assert client.until_last()[-1]["models"]


def test_other_paths_accept_no_socket(url: str) -> None:
    with pytest.raises(ConnectionError):
        SocketClient(url, "/gradio_api/queue/join")


def test_a_server_has_no_such_route() -> None:
    given = launch_settings()["app_kwargs"]
    assert all(route.path != PATH for route in given["routes"])
    assert all(
        PATH not in layer.kwargs.get(name, ()) for layer in given["middleware"] for name in ("routes", "sockets")
    )


@pytest.mark.slow
def test_a_server_answers_no_editor() -> None:
    with serving(FakeEngine()) as url, posted(url, {"action": "models"}) as answer:
        assert answer.status == 404


def test_a_ticket_that_nobody_waits_for_draws_nothing(url: str, engine: FakeEngine) -> None:
    visitor = Visitor(url)
    assert visitor.post("editor", ["0" * 64]).data == [""] and not engine.running.is_set()


def test_a_fault_is_told_without_its_text(url: str, engine: FakeEngine) -> None:
    engine.fault = RuntimeError("/home/secret/path")
    try:
        assert "secret" not in json.dumps(asked(url, COMPLETION)[-1]) and "error" in asked(url, COMPLETION)[-1]
    finally:
        engine.fault = None


@pytest.mark.parametrize("ask", [asked, asked_by_socket])
def test_an_app_that_cannot_read_its_models_says_so(
    url: str, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    def failing() -> Any:
        raise OSError(5, "Input/output error", "/home/secret")

    monkeypatch.setattr(engine, "list_checkpoints", failing)
    assert ask(url, {"action": "models"}) == [{"error": "Something went wrong; the log of the app has details."}]


def test_a_message_that_is_too_large_closes_the_socket(url: str) -> None:
    with SocketClient(url, PATH) as client:
        client.send("x" * (SETTINGS.max_body_bytes + 1))
        with pytest.raises(ConnectionError):
            client.receive()
