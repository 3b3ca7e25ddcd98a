"""What `pip install .` gives: the command `pixelart`, from any folder, with the requirements of requirements.txt."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from pixelart.checkpoint.folder import VARIABLE, default_checkpoints, user_data
from pixelart.settings import VERSION
from tests.not_compiled import NOT_COMPILED
from tests.test_tree import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from what git knows."""
    sources, out = (tmp_path_factory.mktemp(name) for name in ("sources", "out"))
    names = ["pyproject.toml", "requirements.txt", "README.md", "LICENSE", "pixelart"]
    listed = subprocess.run(["git", "ls-files", *names], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\n")[:-1]:
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(sources)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_its_requirements_and_version_are_those_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        told, names = message_from_bytes(archive.read(name)), set(archive.namelist())
    assert told["Version"] == VERSION
    required = [line for line in told.get_all("Requires-Dist", []) if "extra ==" not in line]
    wanted = (ROOT / "requirements.txt").read_text().split()
    assert {normal(line) for line in required} == {normal(line) for line in wanted}
    assert set(told.get_all("Provides-Extra", [])) == {"hub-oauth", "mcp", "tensorboard", "multi-gpu", "compress"}
    data = [*(ROOT / "pixelart/ui/static").rglob("*.*"), *(ROOT / "pixelart/integrations").rglob("*.*")]
    static = {f"pixelart/{path.relative_to(ROOT / 'pixelart')}" for path in data if "__pycache__" not in path.parts}
    assert {"pixelart/py.typed", *static} <= names


def normal(requirement: str) -> tuple[str, frozenset[str]]:
    """Name and bounds, in any order."""
    name = requirement.replace(" ", "").partition(";")[0]
    bounds = [part for part in name.replace("<", ",<").replace(">", ",>").replace("==", ",==").split(",") if part]
    return bounds[0], frozenset(bounds[1:])


def test_the_command_works_from_any_folder(wheel: Path, tmp_path: Path, tiny_checkpoints: Path) -> None:
    place, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    environ = {**os.environ, **NOT_COMPILED, "PYTHONPATH": str(place), VARIABLE: str(tiny_checkpoints)}

    def pixelart(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(place / "bin" / "pixelart"), *words]
        return subprocess.run(command, cwd=here, env=environ, capture_output=True, text=True)

    done = pixelart("generate", "--checkpoint", "tiny", "--out", "out")
    assert done.returncode == 0 and (here / "out" / "0.png").is_file(), done.stderr
    done = pixelart("space", "--dry-run", "--out", "space")
    assert done.returncode == 2 and "installed package" in done.stderr and "Traceback" not in done.stderr


def test_checkpoints_are_found_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_checkpoints({VARIABLE: "elsewhere"}) == Path("elsewhere")
    assert default_checkpoints({}) == ROOT / "checkpoints", "beside the program"
    (tmp_path / "checkpoints").mkdir()
    assert default_checkpoints({}) == Path("checkpoints"), "in the working folder"
    assert user_data({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "pixelart" or sys.platform != "linux"
