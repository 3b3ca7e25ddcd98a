"""Words of the trade stand behind Advanced: artists meet none in the page before they open it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pixelart.jobs import Jobs
from pixelart.ui import build
from pixelart.ui.security.hosting import Hosting
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
STATIC = Path(__file__).parents[2] / "pixelart" / "ui" / "static"
TRADE = re.compile(r"\b(bits?|bits/dim|nats?|top-k|top-p|guidance|logits?|log p)\b", re.IGNORECASE)
SHOWN = ("label", "info", "value", "placeholder", "choices", "x_title", "y_title", "title", "headers", "alt")
"""Properties of a component that a visitor reads."""


class _Texts(HTMLParser):
    """What can be read of HTML, or heard: text between tags, tooltips and labels."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found = list[str]()
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("script", "style")
        self.found += [value or "" for name, value in attrs if name in ("title", "aria-label", "placeholder", "alt")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _components(config: dict[str, Any], *, advanced: bool) -> Iterator[dict[str, Any]]:
    """Those inside an accordion called Advanced, or all the others."""
    by_id = {one["id"]: one for one in config["components"]}

    def below(node: dict[str, Any], inside: bool) -> Iterator[dict[str, Any]]:
        component = by_id.get(node["id"], {"props": {}})
        inside = inside or component["props"].get("label") == "Advanced"
        if inside == advanced:
            yield component
        for child in node.get("children", ()):
            yield from below(child, inside)

    return below(config["layout"], False)


def _trade(texts: Iterator[str]) -> list[str]:
    found = [text for shown in texts for text in _Texts(shown).found if TRADE.search(text)]
    return [" ".join(text.split()) for text in found]


def test_no_word_of_the_trade_stands_outside_advanced(tmp_path: Path) -> None:
    engine: Any = FakeEngine(names=("tiny", "scales"))
    with Jobs(tmp_path / "jobs", checkpoints=tmp_path) as jobs:
        app = build(engine, jobs, hosting=Hosting("desktop"))
        config: Any = app.get_config_file()

    def shown(*, advanced: bool) -> Iterator[str]:
        for component in _components(config, advanced=advanced):
            yield from _strings([component["props"].get(name) for name in SHOWN])

    assert {"Top-k", "Guidance"} <= set(_trade(shown(advanced=True)))
    assert _trade(shown(advanced=False)) == []


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.html")), ids=lambda path: path.name)
def test_no_file_of_the_page_has_one(path: Path) -> None:
    assert _trade(iter([path.read_text(encoding="utf-8")])) == []


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_no_text_that_a_script_writes_has_one(path: Path) -> None:
    code = re.sub(r"\$\{[^{}]*\}", "", path.read_text(encoding="utf-8"))
    texts = re.findall(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`", re.sub(r"^\s*(//|\*|/\*).*$", "", code, flags=re.MULTILINE))
    assert [text for text in texts if TRADE.search(text)] == []
