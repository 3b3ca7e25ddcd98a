"""What the app holds for its pages, in bytes; and whose sessions it keeps."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.exceptions import HTTPException

from pixelart.settings import SETTINGS
from pixelart.ui.security.body_limit import BodyLimit
from pixelart.ui.security.memory_budget import UNREAD, BoundedQueue, size_of
from pixelart.ui.security.sessions import Sessions
from pixelart.ui.session import Session
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS
from tests.ui.serving import serving_app as _serving_app
from tests.ui.visitor import Answer, Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
SIDE = 128
ANSWER = SIDE * SIDE * 4 * 4 // 3
"""Bytes of a canvas of this size on its way to a page."""
FORM: dict[str, Any] = {"ticket": 1, "model": "tiny", "class_name": "hero", "seed": 5, "images": 2}


def _generate(visitor: Visitor) -> Answer:
    return visitor.post("generate", visitor.values("generate", **FORM))


def serving_app(engine: FakeEngine) -> contextlib.AbstractContextManager[tuple[Any, str]]:
    """The app, of a kind that has more than gradio's, and its URL."""
    return _serving_app(engine)


def _picture() -> dict[str, str]:
    buffer = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE, 4), 255, np.uint8)).save(buffer, "PNG")
    return {"name": "a.png", "data": base64.b64encode(buffer.getvalue()).decode()}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """An app and its URL; a page may hold 4 answers, all together 10."""
    few = replace(SETTINGS, max_session_bytes=4 * ANSWER, max_held_bytes=10 * ANSWER)
    monkeypatch.setattr(BoundedQueue, "settings", few)
    with serving_app(FakeEngine(size=SIDE)) as served:
        yield served


def _import(visitor: Visitor, *, ticket: int = 1) -> None:
    """Asks for an answer of ANSWER bytes and does not read it."""
    event = visitor.events["import_picture"]["id"]
    body = {"data": [None, ticket, "tiny", True, None, 0], "fn_index": event, "session_hash": visitor.session}
    visitor._send("queue/join", {**body, "event_data": _picture()}).close()


def _until_idle(app: Any) -> None:
    for _ in range(200):
        if not app._queue.event_ids_to_events:
            return
        time.sleep(0.05)
    raise AssertionError("events wait")


@pytest.mark.parametrize(
    ("value", "size"),
    [("a" * 1000, 1000), ([1.5] * 1000, 8000), ({"k": ["b" * 500, "c" * 500]}, 1000), (None, 0), ([], 0)],
)
def test_the_size_of_a_value_is_about_that_of_its_texts_and_numbers(value: Any, size: int) -> None:
    assert size <= size_of(value) <= size + 100


@pytest.mark.slow
def test_a_page_that_does_not_read_its_answers_is_told_how_much_it_may_hold(app: tuple[Any, str]) -> None:
    blocks, url = app
    visitor = Visitor(url)
    refused = 0
    for ticket in range(8):
        try:
            _import(visitor, ticket=ticket)
            _until_idle(blocks)
        except urllib.error.HTTPError as error:
            with error:
                assert error.code == 400 and "the limit is" in error.read().decode()
            refused += 1
        assert blocks._queue.held(visitor.session) <= 4 * ANSWER
    assert refused or UNREAD in visitor.results().raw


@pytest.mark.slow
def test_answers_that_nobody_reads_make_room_the_oldest_first(app: tuple[Any, str]) -> None:
    blocks, url = app
    visitors = [Visitor(url) for _ in range(16)]
    for visitor in visitors:
        _import(visitor)
        _until_idle(blocks)
        assert blocks._queue.held() <= 10 * ANSWER
    held = [visitor.session for visitor in visitors if blocks._queue.held(visitor.session)]
    assert held and held == [visitor.session for visitor in visitors[-len(held) :]]
    assert visitors[-1].results().error is None
    assert _generate(Visitor(url)).error is None


@pytest.mark.slow
def test_messages_of_made_up_sessions_push_out_none_for_which_something_is_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pixelart.ui.security.memory_budget.MOST_PAGES", 3)
    engine = FakeEngine(row_seconds=0.05)
    with serving_app(engine) as (blocks, url):
        drawing = Visitor(url)
        drawing.start("generate", drawing.values("generate", **FORM))
        for _ in range(6):
            _import(Visitor(url))
        assert drawing.results().error is None and len(blocks._queue.unread) <= 3


@pytest.mark.slow
def test_results_that_were_drawn_longest_ago_make_room(app: tuple[Any, str]) -> None:
    blocks, url = app
    visitors = [Visitor(url) for _ in range(9)]
    for visitor in visitors:
        visitor.post("load", [None, None])
        assert _generate(visitor).error is None
    sizes = [blocks.sessions.held(visitor.session) for visitor in visitors]
    assert not sizes[0] and sizes[-1] >= 2 * SIDE * SIDE * 4 and sum(sizes) <= 10 * ANSWER
    told = visitors[0].post("choose", [None, 2, "tiny", None, None, 0], {"index": 0})
    assert "This result is gone" in told.told()
    sessions = [v for v in blocks.sessions[visitors[-1].session].state_data.values() if isinstance(v, Session)]
    assert sessions[0].drawings


@pytest.mark.slow
def test_more_pictures_than_a_page_may_keep_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelart.ui.create.form.SETTINGS", replace(SETTINGS, max_session_bytes=2**20))
    with serving_app(FakeEngine(size=512)) as (_, url):
        told = _generate(Visitor(url)).told()
    assert "2 pictures of 512 x 512 take 2 MiB; a page may keep 1 MiB" in told


# --- whose sessions are kept ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _page(url: str, session: str) -> Iterator[None]:
    """The heartbeat of a living page."""
    host = url.removeprefix("http://").rstrip("/")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=20)) as connection:
        connection.request("GET", f"/gradio_api/heartbeat/{session}")
        answer = connection.getresponse()
        assert answer.readline()
        yield
        answer.close()


def _load(url: str, session: str) -> Visitor:
    visitor = Visitor(url)
    visitor.session = session
    visitor.post("load", [None, None])
    return visitor


@pytest.mark.slow
def test_made_up_session_numbers_push_out_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_app(FakeEngine()) as (blocks, url):
        blocks.state_holder.capacity = 5
        real = [_load(url, f"real{number}") for number in range(3)]
        with contextlib.ExitStack() as pages:
            for visitor in real:
                pages.enter_context(_page(url, visitor.session))
            visitor = real[0]
            assert _generate(visitor).error is None
            for number in range(30):
                _load(url, f"made-up-{number}")
            assert {v.session for v in real} <= set(blocks.sessions) and len(blocks.sessions) <= 5
            assert visitor.post("choose", [None, 2, "tiny", None, None, 0], {"index": 0}).data[0]["width"] == 16
        for number in range(3):  # of pages alone the one that is idle longest goes
            pages.enter_context(_page(url, f"later{number}"))


@pytest.mark.slow
def test_a_refused_call_makes_no_session() -> None:
    with serving_app(FakeEngine()) as (blocks, url):
        visitor = Visitor(url)
        for number in range(5):
            visitor.session = f"made-up-{number}"
            assert visitor.post("stop", [None]).error
            body = {"data": ["no such model"], "session_hash": f"api-{number}"}
            answer = visitor._send("call/generate", body)
            answer.close()
            with contextlib.suppress(urllib.error.HTTPError):
                visitor._send("run/predict", {"data": [], "fn_index": 10**6, "session_hash": f"none-{number}"}).close()
        _until_idle(blocks)
        assert len([name for name in blocks.sessions if name.startswith(("made-up", "api"))]) == 0
        assert len(blocks.sessions) <= 2 and not blocks.state_holder.time_last_used


def test_of_pages_alone_the_one_unused_longest_goes() -> None:
    class _State:
        state_components = ()
        state_data: dict[int, Any] = {1: None}  # noqa: RUF012

    sessions: Any = Sessions()
    with contextlib.ExitStack() as pages:
        for name in "abc":
            pages.enter_context(sessions.living(name))
            sessions[name] = _State()
        sessions["new"] = _State()
        assert sessions.popitem(last=False)[0] == "a"
        sessions.move_to_end("b")
        assert sessions.popitem(last=False)[0] == "new" and sessions.popitem(last=False)[0] == "c"


# --- bodies on their way ----------------------------------------------------------------------------------------


def test_bodies_of_all_requests_together_are_bounded() -> None:
    import asyncio

    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        seen.append(scope["name"])
        if scope["name"] == "first":
            with pytest.raises(HTTPException) as refused:
                await limit({**scope, "name": "second"}, large, send)
            assert refused.value.status_code == 503 and "limit" in refused.value.detail
            await limit({**scope, "name": "small"}, small, send)

    async def large() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(700_000)}

    async def small() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(100)}

    limit = BodyLimit(app, limit=2**20, seconds=5, together=2**20)
    asyncio.run(limit({"type": "http", "headers": [], "name": "first"}, large, None))  # pyright: ignore[reportArgumentType]
    assert seen == ["first", "small"] and limit.held == 0


@pytest.mark.slow
def test_what_the_app_leans_on_in_gradio_is_there(tmp_path: Path) -> None:
    with serving_app(FakeEngine()) as (blocks, url):
        assert isinstance(blocks._queue, BoundedQueue) and blocks.state_holder.session_data is blocks.sessions
        _load(url, "one")
        assert blocks.sessions["one"].state_data
