"""The app is told to end: while it starts, while it is idle and looked at; in a plain line, and soon."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from pixelart.shutdown import END_MESSAGE, EXIT_INTERRUPTED
from tests.tiers import a_long

ROOT = Path(__file__).parents[1]
SECONDS = 3.0
TOLD_AMONG_THE_IMPORTS = """
import builtins, os, runpy, signal, sys
original = builtins.__import__
def told(name, *given, **named):
    if name == "pixelart.engine":
        signal.raise_signal(int(sys.argv[1]))
    return original(name, *given, **named)
builtins.__import__ = told
runpy.run_path("app.py", run_name="__main__")
"""
APP = """
import pathlib, signal, sys, time
import app
words = sys.argv[1:]
del sys.argv[1:]
app.CHECKPOINTS, app.JOBS = pathlib.Path(words[0]), pathlib.Path(words[0]) / "jobs"
"""
TOLD_WHILE_IT_BUILDS = """
def told(*_, **__):
    signal.raise_signal(int(words[1]))
    time.sleep(600)
app.build = told
"""
TOLD_AMONG_THE_FIRST_IMPORTS = """
import builtins, os, signal
original = builtins.__import__
def told(name, given=None, *others, **named):
    file = (given or {}).get("__file__") or ""
    if name == os.environ["TOLD_AT"] and file.startswith(os.environ["PROGRAM"]):
        signal.raise_signal(signal.SIGINT)
    return original(name, given, *others, **named)
builtins.__import__ = told
"""
"""A `sitecustomize`, which Python imports before the program."""


def _run(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=200)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [a_long(signal.SIGTERM, 0), (signal.SIGINT, EXIT_INTERRUPTED)])
def test_told_to_end_while_it_imports_it_does_so_in_one_line(number: signal.Signals, code: int) -> None:
    done = _run(TOLD_AMONG_THE_IMPORTS, int(number))
    assert (done.returncode, done.stdout, done.stderr) == (code, f"{END_MESSAGE}\n", "")


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (("-m", "pixelart", "models"), "pathlib"),
        (("-m", "pixelart", "models"), "pixelart.system.cpus"),
        (("-mpixelart",), "pixelart.shutdown"),
        (("app.py",), "pixelart.system.address"),
    ],
)
def test_ctrl_c_among_the_first_imports_ends_without_a_traceback(
    program: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(TOLD_AMONG_THE_FIRST_IMPORTS)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "TOLD_AT": name, "PROGRAM": str(ROOT)}
    done = subprocess.run([sys.executable, *program], cwd=ROOT, env=environment, text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_INTERRUPTED, "", "")


def test_importing_the_package_leaves_ctrl_c_as_it_is() -> None:
    kept = "import signal, pixelart; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    for words in ("", "import sys; sys.argv = ['-m', 'a', 'b', 'c', 'd', 'e']; ", "import sys; del sys.argv; "):
        done = _run(words + kept)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [a_long(signal.SIGTERM, 0), (signal.SIGINT, EXIT_INTERRUPTED)])
def test_told_to_end_while_it_is_built_it_does_so(tmp_path: Path, number: signal.Signals, code: int) -> None:
    done = _run(APP + TOLD_WHILE_IT_BUILDS + "app.main()", tmp_path, int(number))
    assert (done.returncode, done.stdout, done.stderr) == (code, f"{END_MESSAGE}\n", "")


@pytest.mark.slow
def test_told_to_end_while_it_is_idle_and_looked_at_it_does_so_soon(tiny_checkpoints: Path, tmp_path: Path) -> None:
    """With a page that is open, whose connection never ends by itself, and while the model may still be made ready."""
    (tmp_path / "tiny").symlink_to(tiny_checkpoints / "tiny")
    command = [sys.executable, "-u", "-c", APP + "app.main()", str(tmp_path)]
    environment = {**os.environ, "CI": "1"}  # no browser is opened
    app = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert app.stdout
        url = next(found[0] for line in app.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        with urllib.request.urlopen(f"{url}/gradio_api/heartbeat/visitor") as page:
            page.readline()
            told = time.monotonic()
            app.terminate()
            assert app.wait(60) == 0
            assert time.monotonic() - told < SECONDS
        rest = app.stdout.read()
        assert rest.endswith(f"{END_MESSAGE}\n") and "Traceback" not in rest
        assert not (tmp_path / "jobs" / "incoming").exists()
    finally:
        app.kill()
        app.communicate()
