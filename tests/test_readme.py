"""What the README shows works as written."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelart.cli import parse
from pixelart.images import decode_picture, encode_png, read_picture
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)
COMMANDS = re.findall(r"^    python -m pixelart (.+)$", TEXT, flags=re.M)


def test_the_engine_is_called_as_written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(CODE[0], "README.md", "exec"), {})
    assert "(32, 32, 4)" in capsys.readouterr().out


@pytest.mark.filterwarnings(*GRADIO_WARNINGS)
def test_the_app_is_called_as_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    mask = np.full((16, 16, 4), 255, np.uint8)
    mask[:8, :, :3] = 0
    (tmp_path / "mask.png").write_bytes(encode_png(mask))
    found: dict[str, Any] = {}
    with serving(FakeEngine()) as url:
        exec(compile(CODE[1].replace("http://127.0.0.1:7860", url), "README.md", "exec"), found)
    whole, files = decode_picture(b64decode(found["picture"]), name="whole"), found["files"]
    done = np.stack([read_picture(Path(file)) for file in files])
    assert len(done) == 4 and (done[:, :8] == whole[:8]).all() and not (done[:, 8:] == whole[8:]).all()
    assert all(set(each) == {"seed", "bits"} for each in found["about"])


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str) -> None:
    assert parse(command.split()).command == command.split()[0]


def test_there_is_something_to_run() -> None:
    assert len(CODE) == 2 and len(COMMANDS) >= 7


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", TEXT))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
