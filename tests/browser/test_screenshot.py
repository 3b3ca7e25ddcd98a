"""The script that makes the pictures of README and guide runs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from docs import screenshot
from tests.browser.conftest import missing
from tests.ui.serving import GRADIO_WARNINGS, without_resource_warnings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(*GRADIO_WARNINGS)]
ROOT = Path(__file__).parents[2]


def test_the_script_makes_the_pictures_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
        missing("no chromium on PATH")
    monkeypatch.setattr(sys, "argv", ["screenshot", "share", "tiles", "--out", str(tmp_path)])
    with without_resource_warnings():
        screenshot.main()
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.png")}
    assert made == {Path("guide", f"{name}.png") for name in ("load-model", "tiled", "seamless")}
    for path in made:
        shot, committed = Image.open(tmp_path / path), Image.open(ROOT / "docs" / path)
        assert shot.width == pytest.approx(committed.width, rel=0.1), path
