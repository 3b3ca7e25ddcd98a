"""The scripts of the page's events: what a page posts."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from pixelart.ui import build
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import OFF, without_resource_warnings

NODE = shutil.which("node")


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    """The events of the page, as gradio describes them."""
    with without_resource_warnings():
        app = build(FakeEngine(), OFF)  # pyright: ignore[reportArgumentType]
        config: Any = app.get_config_file()
        del app
    return config["dependencies"]


def run(script: str) -> Any:
    """What a script of Node prints, as JSON."""
    if NODE is None:
        pytest.skip("needs Node")
    printed = subprocess.run([NODE, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    return json.loads(printed.stdout)


def test_every_script_is_javascript(events: list[dict[str, Any]]) -> None:
    written = [event["js"] for event in events if event["js"]]
    assert len(written) > 20
    kinds = run(f"console.log(JSON.stringify({json.dumps(written)}.map((text) => typeof eval(text))))")
    assert kinds == ["function"] * len(written)


@pytest.mark.parametrize(("picture", "posted"), [("Canvas", ["canvas", None]), ("Selection", [None, "selected"])])
def test_a_download_posts_one_picture(events: list[dict[str, Any]], picture: str, posted: list[Any]) -> None:
    (download,) = (event for event in events if event["api_name"] == "download")
    inputs = ["session", "canvas", "model", "work", picture, "PNG indexed", 1, True, "#ffffff", 4, False, "canvas"]
    given = "globalThis.window = { drawings: { selected: () => 'selected' }, work: { results: () => 'results' } };"
    found = run(f"{given} console.log(JSON.stringify(await ({download['js']})(...{json.dumps(inputs)})))")
    assert [found[1], found[-1]] == posted and found[3] == "results"
    assert [found[i] for i in (0, 2, *range(4, 11))] == [inputs[i] for i in (0, 2, *range(4, 11))]
