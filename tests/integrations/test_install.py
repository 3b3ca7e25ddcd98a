"""`install-plugin` puts a plug-in where its editor looks, and touches nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pixelart.cli.main import main
from pixelart.errors import RequestRejected
from pixelart.integrations.install import APP, EDITORS, PLUGINS, START_FILE, default_folder, install
from pixelart.settings import VERSION


def files_of(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("name", EDITORS)
def test_it_copies_every_file_and_again_over_an_older_version(name: str, tmp_path: Path) -> None:
    wanted = {path: data for path, data in files_of(PLUGINS / EDITORS[name].folder).items()}
    (tmp_path / "other").mkdir()
    for _ in range(2):
        install(name, tmp_path)
        found = files_of(tmp_path)
        start = json.loads(found.pop(f"{EDITORS[name].names[0]}/{START_FILE}"))
        assert found == wanted and start == {"start": [sys.executable, str(APP)], "version": VERSION}
        (tmp_path / EDITORS[name].names[0] / "of-an-older-version").write_text("")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["other", *EDITORS[name].names])


def test_a_failure_keeps_the_older_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("krita", tmp_path)
    before = files_of(tmp_path)

    def full(path: Path, data: bytes) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("pixelart.integrations.install.write_file", full)
        with pytest.raises(OSError, match="disk full"):
            install("krita", tmp_path)
    assert files_of(tmp_path) == before
    install("krita", tmp_path)
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("name", EDITORS)
def test_something_else_of_that_name_stays(name: str, tmp_path: Path) -> None:
    for part in EDITORS[name].names:
        folder = tmp_path / part
        folder.mkdir(parents=True)
        (folder / "mine").write_text("x")
        with pytest.raises(RequestRejected, match=rf"{part} is something else; move it away, or give another --folder"):
            install(name, folder.parent)
        (folder / "mine").unlink()
        folder.rmdir()
    (tmp_path / EDITORS[name].names[0]).symlink_to(PLUGINS / EDITORS[name].folder / EDITORS[name].names[0])
    with pytest.raises(RequestRejected, match="something else"):
        install(name, tmp_path)


def test_a_folder_that_is_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["install-plugin", "krita", "--folder", str(tmp_path / "file")]) == 2
    told = f"pixelart install-plugin: folder {tmp_path / 'file'}: is a file, not a folder\n"
    assert capsys.readouterr().err == told


def test_where_each_editor_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/a"))
    found = {
        (editor, platform): default_folder(editor, {"APPDATA": "/roaming"}, platform).as_posix()
        for editor in EDITORS
        for platform in ("linux", "darwin", "win32")
    }
    assert found == {
        ("krita", "linux"): "/home/a/.local/share/krita/pykrita",
        ("krita", "darwin"): "/home/a/Library/Application Support/krita/pykrita",
        ("krita", "win32"): "/roaming/krita/pykrita",
        ("aseprite", "linux"): "/home/a/.config/aseprite/extensions",
        ("aseprite", "darwin"): "/home/a/Library/Application Support/Aseprite/extensions",
        ("aseprite", "win32"): "/roaming/Aseprite/extensions",
    }
    named = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert default_folder("krita", named, "linux") == tmp_path / "data" / "krita" / "pykrita"
    assert default_folder("aseprite", named, "linux") == tmp_path / "config" / "aseprite" / "extensions"


def test_the_command_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install-plugin", "krita", "--folder", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert f"wrote {tmp_path / 'pixelart_studio'}" in told and "Python Plugin Manager" in told
    (tmp_path / "pixelart_studio.desktop").write_text("mine")
    assert main(["install-plugin", "krita", "--folder", str(tmp_path)]) == 2
    assert "pixelart_studio.desktop is something else" in capsys.readouterr().err
