"""Several visitors at once: none sees or ends what another draws, and a full queue says so."""

from __future__ import annotations

import contextlib
import time
import urllib.error
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pixelart.settings import SETTINGS
from pixelart.ui.create.canvas_value import canvas_from_payload
from pixelart.ui.security import memory_budget as unread
from tests.ui.fake_engine import FakeEngine
from tests.ui.page_events import CANVAS, GOOD, form, wanted
from tests.ui.serving import GRADIO_WARNINGS, serving_app
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def test_two_visitors_see_nothing_of_each_other(url: str, engine: FakeEngine, visitor: Visitor) -> None:
    other = Visitor(url)
    for one in (visitor, other):
        one.post("load", [None, None])
    visitor.post("generate", GOOD["generate"])
    assert "Draw a picture first" in other.post("reuse_seed", [None, None]).told()
    assert "There is no result yet." in other.post("download", GOOD["download"]).told()
    assert "gone" in other.post("choose", [None, 0, "tiny", None, None, 0], {"index": 0}).told()
    other.post("generate", form("generate", seed=900))
    assert (
        visitor.post("reuse_seed", [None, None]).data[0] == 5 and other.post("reuse_seed", [None, None]).data[0] == 900
    )
    canvas, _ = visitor.post("choose", [None, 0, "tiny", None, None, 0], {"index": 1}).data
    assert np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 6))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data"),
    [("stop", [None, 10**9]), ("select_model", [None, 10**9, "tiny", CANVAS, "hero", None, "Custom"])],
)
def test_no_visitor_ends_the_drawing_of_another(
    url: str, engine: FakeEngine, visitor: Visitor, name: str, data: list[Any]
) -> None:
    other = Visitor(url)
    engine.row_seconds = 0.05
    visitor.start("generate", GOOD["generate"])
    assert engine.running.wait(5)
    assert other.post(name, data).error is None
    canvas, status, _ = visitor.results().data
    assert "2 pictures in" in status and np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 5))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stop", "select_model", "choose"])
def test_a_visitor_ends_the_own_drawing_and_draws_again(visitor: Visitor, engine: FakeEngine, name: str) -> None:
    visitor.post("generate", GOOD["generate"])
    engine.row_seconds = 0.05
    visitor.start("generate", form("generate", ticket=2))
    assert engine.running.wait(5)
    data = GOOD[name].copy()
    data[1] = 2
    visitor.post(name, data, {"index": 0})
    told = visitor.results().told()
    assert ("Stopped" in told) == (name == "stop") and "pictures in" not in told
    engine.row_seconds = 0.0
    assert "2 pictures in" in visitor.post("generate", form("generate", ticket=3)).told()


@pytest.mark.slow
def test_a_full_queue_says_so_at_once() -> None:
    engine = FakeEngine(row_seconds=0.02)
    with serving_app(engine) as (app, url):
        app._queue.max_size = 3
        visitors = [Visitor(url) for _ in range(6)]
        visitors[0].start("generate", GOOD["generate"])
        assert engine.running.wait(5)
        for visitor in visitors[1:4]:
            visitor.start("generate", GOOD["generate"])
        began = time.monotonic()
        for visitor in visitors[4:]:
            with pytest.raises(urllib.error.HTTPError, match="503") as refused:
                visitor.start("generate", GOOD["generate"])
            assert b"Queue is full" in refused.value.read()
            refused.value.close()
        assert time.monotonic() - began < 1
        assert all("2 pictures in" in visitor.results().told() for visitor in visitors[:4])


@pytest.mark.slow
def test_a_page_that_does_not_read_what_it_is_told_is_not_served_for_ever(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread.BoundedQueue, "settings", replace(SETTINGS, max_unread=3))
    for ticket in range(1, 6):
        with contextlib.suppress(urllib.error.HTTPError):  # it is refused by then
            visitor.start("generate", form("generate", ticket=ticket))
    time.sleep(1)  # in which more is told than it may leave unread
    assert unread.UNREAD in visitor.results().raw
    assert visitor.post("stop", [None, 9]).error is None
