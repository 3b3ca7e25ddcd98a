"""What the README shows works as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixelart.cli import parse

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)
COMMANDS = re.findall(r"^    python -m pixelart (.+)$", TEXT, flags=re.M)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_python_blocks_run(code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, "README.md", "exec"), {})
    assert "(32, 32, 4)" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str) -> None:
    assert parse(command.split()).command == command.split()[0]


def test_there_is_something_to_run() -> None:
    assert CODE and len(COMMANDS) >= 7


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", TEXT))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
