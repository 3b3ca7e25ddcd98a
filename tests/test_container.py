"""The container's command under its restrictions: another user, no home, nothing writable but temporary files."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pixelart.layers import compiling
from tests.not_compiled import NOT_COMPILED

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "Dockerfile").read_text().splitlines()
NOBODY = 10001
AS_ANOTHER = """
import ctypes, os, pathlib, sys
user = int(sys.argv[1])
if os.getuid() == 0:
    for capability in range(64):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: root with no more rights than others
    python = pathlib.Path(sys.executable)
    needed = [python, python.resolve(), pathlib.Path(sys.base_prefix).resolve(), pathlib.Path.cwd()]
    if all(parent.stat().st_mode & 1 for path in needed for parent in path.parents):
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""Becomes a user without rights, where it may and that user can reach this Python; root is left without its own."""

SMALL = """
from pixelart.layers.compiling import compiled

@compiled()
def one_more(number):
    return number + 1

print(one_more(2))
"""
"""A program with a kernel that is quickly compiled."""


def words_of(instruction: str) -> list[str]:
    """The words of a line such as CMD ["python", "app.py"], without the program."""
    line = next(line for line in LINES if line.startswith(instruction))
    program, *words = json.loads(line[line.index("[") :])
    assert program == "python"
    return words


def variables() -> dict[str, str]:
    """Those of the image, and no home."""
    line = next(line for line in LINES if line.startswith("ENV "))
    return dict(word.split("=", 1) for word in line.split()[1:])


@pytest.fixture
def tree(tmp_path: Path, tiny_checkpoints: Path) -> Iterator[Path]:
    """The files of the image, which nobody can write to, and beside them `tmp`, for temporary files."""
    place, temporary = tmp_path / "app", tmp_path / "tmp"
    shutil.copytree(ROOT / "pixelart", place / "pixelart", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", place)
    shutil.copytree(tiny_checkpoints, place / "checkpoints")
    (place / "small.py").write_text(SMALL)
    temporary.mkdir()
    temporary.chmod(0o1777)
    folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
    for path in place.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    place.chmod(0o555)
    for parent in tmp_path.parents:
        if parent != Path(parent.root) and parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o111)  # so that another user gets here
    tmp_path.chmod(0o755)
    yield place
    for path in folders:
        path.chmod(0o755)


def restricted(tree: Path, *words: str, **more: str) -> tuple[list[str], dict[str, str]]:
    """A command and its environment."""
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tree.parent / "tmp"), "OMP_NUM_THREADS": "1"}
    environment |= NOT_COMPILED
    environment["HOME"] = "/proc/no-home"  # where even root makes nothing
    return [sys.executable, "-c", AS_ANOTHER, str(NOBODY), *words], {**environment, **more}


def run(tree: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    command, environment = restricted(tree, *words, **more)
    return subprocess.run(command, cwd=tree, env=environment, text=True, capture_output=True, timeout=300)


pytestmark = pytest.mark.skipif(os.name == "nt", reason="users of POSIX")


@pytest.mark.slow
def test_commands_work_where_nothing_can_be_written(tree: Path) -> None:
    done = run(tree, "-m", "pixelart", "--help")
    assert (done.returncode, done.stderr) == (0, "") and "usage: pixelart" in done.stdout
    out = tree.parent / "tmp" / "out"
    words = ("-m", "pixelart", "generate", "--checkpoint", "tiny", "--out", str(out), "--json")
    done = run(tree, *words)
    assert (done.returncode, done.stderr) == (0, "") and (out / "0.png").is_file()
    done = run(tree, "small.py", NUMBA_DISABLE_JIT="0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
    (compiled,) = (tree.parent / "tmp").glob("pixel-art-studio-compiled-*")
    assert list(compiled.rglob("*.nbi")) and compiled.stat().st_mode & 0o777 == 0o700
    done = run(tree, "-m", "pixelart", "generate", "--checkpoint", "tiny", "--out", str(tree / "out"))
    assert done.returncode == 2 and done.stderr.startswith("pixelart generate: ") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_container_s_command_serves_and_its_health_is_good(tree: Path) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    given = {**variables(), "GRADIO_SERVER_PORT": port, "HF_HOME": str(tree.parent / "tmp" / "hf")}
    command, environment = restricted(tree, *words_of("CMD"), **given)
    app = subprocess.Popen(
        command, cwd=tree, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert app.stdout
        seen = []
        for line in iter(app.stdout.readline, ""):
            seen.append(line)
            if re.search(r"http://0\.0\.0\.0:\d+", line):
                break
        assert run(tree, *words_of("HEALTHCHECK"), **given).returncode == 0, seen
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/config") as page:
            told = page.read().decode()
        assert "Training is off: Permission denied." in told or "Training is off: Read-only" in told
        assert str(tree) not in re.sub(r'"[^"]*\.(js|css)"', "", told).replace(str(tree.parent / "tmp"), "")
        app.terminate()
        assert app.wait(60) == 0
        assert "Traceback" not in "".join([*seen, app.stdout.read()])
        assert run(tree, *words_of("HEALTHCHECK"), **given).returncode != 0
    finally:
        app.kill()
        app.communicate()


def test_the_image_runs_as_a_user_without_rights() -> None:
    user = next(line for line in LINES if line.startswith("USER "))
    assert user == f"USER {NOBODY}:{NOBODY}" and LINES.index(user) < LINES.index('CMD ["python", "app.py"]')
    assert any("--read-only" in line for line in LINES)


# --- where compiled functions are kept ----------------------------------------------------------------------------


def _double(x: int) -> int:
    return 2 * x


def test_without_any_cache_it_compiles_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise RuntimeError("cannot cache function '_double': no locator available")

    monkeypatch.setattr(compiling, "_LenientCache", nowhere)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert compiling.compiled()(_double)(4) == 8


@pytest.mark.parametrize("kind", ["link", "open to all", "file"])
def test_a_temporary_cache_of_somebody_else_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = tmp_path / f"pixel-art-studio-compiled-{os.getuid()}"
    if kind == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "theirs")
    elif kind == "file":
        place.touch()
    else:
        place.mkdir()
        place.chmod(0o777)
    assert compiling._temporary_folder() is None
    (place.unlink if kind != "open to all" else place.rmdir)()
    assert compiling._temporary_folder() == place and place.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_is_damaged_or_full_stops_no_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    assert compiling.compiled()(_double)(4) == 8
    (index,) = tmp_path.rglob("*.nbi")
    index.write_bytes(b"\x80")
    assert compiling.compiled()(_double)(4) == 8
    monkeypatch.setattr(
        "numba.core.caching.IndexDataCacheFile.save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    shutil.rmtree(index.parent)
    assert compiling.compiled()(_double)(4) == 8
