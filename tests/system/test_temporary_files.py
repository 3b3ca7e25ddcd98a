"""The folder of temporary files: gone with the program, or with the next one where it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pixelart.system.temporary_files import PREFIX, clear_abandoned

ROOT = Path(__file__).parents[2]
APP = """
import os, sys
os.environ["GRADIO_TEMP_DIR"] = sys.argv[1]
from pixelart.system.temporary_files import own_temporary_folder
with own_temporary_folder():
    open(os.path.join(os.path.dirname(os.environ["GRADIO_TEMP_DIR"]), "result.png"), "w").close()
    print("there", flush=True)
    sys.stdin.read()
"""


def start(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", APP, str(folder)]
    app = subprocess.Popen(words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert app.stdout and app.stdout.readline() == "there\n"
    return app


def test_what_a_killed_app_left_is_cleared_by_the_next_and_a_living_one_is_let_be(tmp_path: Path) -> None:
    killed, alive = start(tmp_path), start(tmp_path)
    killed.kill()
    killed.communicate()
    before = set(tmp_path.iterdir())
    assert len(before) == 2
    last = start(tmp_path)
    now = set(tmp_path.iterdir())
    assert len(before & now) == 1 and len(now) == 2
    for app in (alive, last):
        app.communicate("")
        assert app.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_an_app_s_stays(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}other").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lock").touch()
    os.symlink(tmp_path / "elsewhere", tmp_path / f"{PREFIX}link")
    clear_abandoned(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3 and (tmp_path / "elsewhere" / "lock").exists()
    clear_abandoned(tmp_path / "nowhere")
