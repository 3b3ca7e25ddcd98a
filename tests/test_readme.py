"""What the README shows works as written."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from pixelart.cli import parse
from pixelart.images import read_picture
from pixelart.models.origin import ORIGIN_FILE, Origin

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)
COMMANDS = re.findall(r"^    python -m pixelart (.+)$", TEXT, flags=re.M)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_python_blocks_run(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder where what is pulled is there already, so that nobody is asked for it."""
    (tmp_path / "checkpoints").mkdir()
    for name in ("dungeon-gated", "someone--sprites"):
        shutil.copytree(ROOT / "checkpoints" / "dungeon-gated", tmp_path / "checkpoints" / name)
    origin = Origin("someone/sprites", "0123456789" * 4)
    (tmp_path / "checkpoints" / "someone--sprites" / ORIGIN_FILE).write_bytes(origin.to_json())
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert "(32, 32, 4)" in capsys.readouterr().out or read_picture(tmp_path / "drawing.png").shape == (256, 256, 4)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str) -> None:
    assert parse(shlex.split(command)).command == command.split()[0]


def test_there_is_something_to_run() -> None:
    assert CODE and len(COMMANDS) >= 7


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", TEXT))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
