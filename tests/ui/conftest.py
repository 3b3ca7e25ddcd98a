"""What the tests of the page share."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import pytest

from tests.ui.serving import without_resource_warnings


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
