"""What the README and the pages of docs/ show works as written."""

from __future__ import annotations

import re
import shlex
import shutil
from base64 import b64decode
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest

from pixelart.checkpoint.origin import ORIGIN_FILE, Origin
from pixelart.cli.main import parse
from pixelart.images.io import decode_picture, encode_png, read_picture
from pixelart.training.data.classes import NO_FOLDER, folder_names
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

ROOT = Path(__file__).parents[1]
PAGES = {
    page: page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
TEXT = "\n".join(PAGES.values())
LINKS = [(page, link) for page, text in PAGES.items() for link in re.findall(r"(?:\]\(|src=\")([^)#:\"]+)[)#\"]", text)]
CODE = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)
MOST_GUIDE_BYTES = 2_500_000
COMMANDS = re.findall(r"^    python -m pixelart (.+)$", TEXT, flags=re.M)


@pytest.mark.parametrize("code", [code for code in CODE if "gradio_client" not in code], ids=range(len(CODE) - 1))
def test_the_engine_is_called_as_written(
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


@pytest.mark.slow
@pytest.mark.filterwarnings(*GRADIO_WARNINGS)
def test_the_app_is_called_as_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    mask = np.full((16, 16, 4), 255, np.uint8)
    mask[:8, :, :3] = 0
    (tmp_path / "mask.png").write_bytes(encode_png(mask))
    found: dict[str, Any] = {}
    with serving(FakeEngine()) as url:
        (code,) = (code for code in CODE if "gradio_client" in code)
        exec(compile(code.replace("http://127.0.0.1:7860", url), "README.md", "exec"), found)
    whole, files = decode_picture(b64decode(found["picture"]), name="whole"), found["files"]
    done = np.stack([read_picture(Path(file)) for file in files])
    assert len(done) == 4 and (done[:, :8] == whole[:8]).all() and not (done[:, 8:] == whole[8:]).all()
    assert all(set(each) == {"seed", "bits"} for each in found["about"])


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str) -> None:
    assert parse(shlex.split(command)).command == command.split()[0]


def test_classes_are_named_as_written() -> None:
    examples = re.findall(r"`([^`\s]+\.png)` is of class\s+`(\w+)`", TEXT)
    assert len(examples) == 2
    for place, name in examples:
        top = place[: place.index(name)]
        others = [f"{top}{name}/mage/2.png", f"{top}monsters/slime/3.png"]
        assert folder_names([PurePath(one) for one in (place, *others)]).classes == (name, name, "monsters")
    assert f"`{NO_FOLDER}`" in TEXT
    assert folder_names([PurePath(one) for one in ("heroes/1.png", "monsters/2.png", "3.png")]).classes[2] == NO_FOLDER


def test_there_is_something_to_run() -> None:
    assert len(CODE) == 3 and len(COMMANDS) >= 7


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.name}-{link}" for page, link in LINKS])
def test_links_lead_somewhere(page: Path, link: str) -> None:
    assert (page.parent / link).exists()


def test_every_picture_is_shown_and_they_are_small() -> None:
    pictures = {path for ending in ("png", "gif") for path in (ROOT / "docs").rglob(f"*.{ending}")}
    assert pictures and pictures - {(page.parent / link).resolve() for page, link in LINKS} == set()
    assert sum(path.stat().st_size for path in pictures if path.parent.name == "guide") < MOST_GUIDE_BYTES


def test_the_readme_is_short() -> None:
    assert len(PAGES[ROOT / "README.md"].splitlines()) <= 120
