"""What the app keeps of its visitors, and for how long."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pixelart.ui.session import Session
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving_app
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
GENERATE: dict[str, Any] = {"ticket": 1, "model": "tiny", "class_name": "hero", "seed": 5, "images": 2}


@pytest.fixture(autouse=True)
def own_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of results are named by their content, so the apps of other tests would write the same ones."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


@pytest.mark.slow
def test_a_session_keeps_no_more_the_more_is_drawn() -> None:
    with serving_app(FakeEngine()) as (app, url):
        visitor = Visitor(url)
        visitor.post("load", [None, None])
        for number in range(1, 4):
            visitor.post("generate", visitor.values("generate", **{**GENERATE, "ticket": number}))
        session = app.state_holder.session_data[visitor.session]
        assert session.blocks_config.blocks.keys() == app.blocks.keys()
        assert len(app._queue.event_analytics) <= 1
        assert app._queue.cached_event_analytics_summary == {"functions": {}}


@pytest.mark.slow
def test_an_app_that_ends_leaves_no_files_of_results(tmp_path: Path) -> None:
    with serving_app(FakeEngine()) as (app, url):
        visitor = Visitor(url)
        visitor.post("load", [None, None])
        visitor.post("generate", visitor.values("generate", **GENERATE))
        files = [Path(path) for paths in app.temp_file_sets for path in paths]
        assert files and all(file.exists() and tmp_path in file.parents for file in files)
    for _ in range(50):
        if any(file.exists() for file in files):
            time.sleep(0.1)
    assert not any(file.exists() for file in files)


@pytest.mark.slow
def test_a_page_that_was_closed_long_ago_keeps_nothing() -> None:
    with serving_app(FakeEngine()) as (app, url):
        visitor = Visitor(url)
        visitor.post("load", [None, None])
        visitor.post("generate", visitor.values("generate", **GENERATE))
        kept = app.state_holder.session_data[visitor.session]
        session = next(v for v in kept.state_data.values() if isinstance(v, Session))
        assert session.drawings
        assert not any(kept.config_values.values()), "what was posted is kept a second time"
        kept.is_closed = True
        kept.STATE_TTL_WHEN_CLOSED = 0  # pyright: ignore[reportAttributeAccessIssue]
        for _ in range(50):
            if kept.state_data:
                time.sleep(0.1)
        assert not kept.state_data and not session.drawings
