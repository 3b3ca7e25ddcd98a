"""What the tests of the page share."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import pytest

from pixelart.jobs import Jobs
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import serving_app, without_resource_warnings
from tests.ui.visitor import Visitor


@pytest.fixture
def warnings_shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of gr.Warning, which needs a running app."""
    texts: list[str] = []
    monkeypatch.setattr(gr, "Warning", texts.append)
    return texts


@pytest.fixture(scope="module", autouse=True)
def leave_nothing() -> Iterator[None]:
    """What gradio leaves behind is collected here, not in a later test, which would fail for it."""
    yield
    with without_resource_warnings():
        pass


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    """The engine behind `url`, shared by the tests of one file."""
    return FakeEngine(names=("tiny", "scales"))


@pytest.fixture(scope="module")
def url(engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the app with training is served."""
    folder = tmp_path_factory.mktemp("jobs")
    with Jobs(folder / "jobs", checkpoints=folder) as jobs, serving_app(engine, jobs) as (_, address):
        yield address


@pytest.fixture
def visitor(url: str, engine: FakeEngine) -> Visitor:
    engine.row_seconds, engine.fault = 0.0, None
    return Visitor(url)
