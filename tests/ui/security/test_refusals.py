"""What is sent wrongly is answered with one plain line and a status of 4xx, and leaves no traceback in the log."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from pixelart.ui import build, launch_settings
from pixelart.ui.security.hosting import Hosting
from pixelart.ui.security.request_filter import NOT_UNDERSTOOD, ROUTES, RouteAllowlist
from pixelart.ui.security.safe_blocks import FAULT, NO_FILES
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, OFF, serving_app, without_resource_warnings

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
WRONG: list[Any] = [
    {"data": []},
    {"data": [], "fn_index": 0},
    {"data": [], "fn_index": 99999},
    {"data": [], "fn_index": -1},
    {"data": None, "fn_index": 0},
    {},
    [],
    7,
    {"data": [], "fn_index": "x"},
    {"data": [None], "fn_index": 0, "event_data": FILE},
    {"data": [], "api_name": "nope"},
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[gr.Blocks, str]]:
    with serving_app(FakeEngine()) as app_and_url:
        yield app_and_url


def ask(url: str, body: Any = None, *, method: str = "POST") -> tuple[int, str]:
    data = None if method == "GET" else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.slow
@pytest.mark.parametrize("body", [*WRONG, b"{", b"", b"\xff"], ids=str)
def test_an_event_that_is_none_is_refused(
    served: tuple[gr.Blocks, str], body: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        status, text = ask(f"{served[1]}gradio_api/run/predict", body)
    assert 400 <= status < 500 and text.startswith("{") and FAULT not in text
    assert "Traceback" not in text + caplog.text + "".join(capfd.readouterr())


def test_event_data_that_name_a_file_are_refused_for_every_event(
    served: tuple[gr.Blocks, str], capfd: pytest.CaptureFixture[str]
) -> None:
    app, url = served
    for number, function in app.fns.items():
        body = {"data": [None] * len(function.inputs), "fn_index": number, "event_data": [{"deep": FILE}]}
        status, text = ask(f"{url}gradio_api/run/predict", {**body, "session_hash": "files"})
        assert 400 <= status < 500, (function.name, text)
        if function.fn and not function.queue:
            assert json.loads(text)["error"] == NO_FILES
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("has_begun", [False, True])
def test_what_gradio_does_not_expect_is_answered_plainly(has_begun: bool) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        if has_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("state")

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    gate = RouteAllowlist(broken, results=Path("/nowhere"), routes=ROUTES)
    scope = {"type": "http", "method": "GET", "path": "/login/callback", "headers": [], "query_string": b""}
    asyncio.run(gate(scope, None, send))  # pyright: ignore[reportArgumentType]
    assert sent[0]["status"] == (200 if has_begun else 400) and sent[-1]["type"] == "http.response.body"
    assert has_begun or json.loads(sent[-1]["body"]) == {"detail": NOT_UNDERSTOOD}


@pytest.mark.slow
def test_a_fault_of_the_program_itself_stays_500(
    served: tuple[gr.Blocks, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = served
    at_once = {n: len(function.inputs) for n, function in app.fns.items() if function.fn and not function.queue}
    number = min(at_once, key=lambda n: at_once[n])

    def broken(*_: Any) -> None:
        raise RuntimeError("/home/secret")

    monkeypatch.setattr(app.fns[number], "fn", broken)
    status, text = ask(f"{url}gradio_api/run/predict", {"data": [None] * at_once[number], "fn_index": number})
    assert (status, json.loads(text)["error"]) == (500, FAULT)


@pytest.mark.slow
def test_the_mcp_page_names_its_own_address() -> None:
    pytest.importorskip("mcp")
    with without_resource_warnings():
        app = build(FakeEngine(), OFF)  # pyright: ignore[reportArgumentType]
        settings = launch_settings(Hosting("desktop"), tools=True)
        _, url, _ = app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, **settings)
        try:
            _, text = ask(f"{url}gradio_api/mcp", method="GET")
        finally:
            app.close(verbose=False)
    assert f"{url}gradio_api/mcp/" in text and "None" not in text
