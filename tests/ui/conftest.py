"""What the tests of the page share."""

from __future__ import annotations

import gradio as gr
import pytest


@pytest.fixture
def warnings_shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of gr.Warning, which needs a running app."""
    texts: list[str] = []
    monkeypatch.setattr(gr, "Warning", texts.append)
    return texts
