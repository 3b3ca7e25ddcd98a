"""The .zip of a model is added with the checks of a pull: sizes first, no pickle, nothing outside its folder."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE
from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.hub import unpack_checkpoint
from pixelart.settings import SETTINGS
from pixelart.training.export import exported_archive, exported_files

Zip = Callable[[dict[str, bytes]], Path]


@pytest.fixture(scope="module")
def files(tiny_run: Path) -> dict[str, bytes]:
    return exported_files(tiny_run)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


@pytest.fixture
def make_zip(tmp_path: Path) -> Zip:
    def make(entries: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        return tmp_path / "mine.zip"

    return make


def refused(archive: Path, place: Path) -> str:
    with pytest.raises(WeightsRejected) as error:
        unpack_checkpoint(archive, place, "mine")
    assert not place.exists() or list(place.iterdir()) == [], "nothing is left"
    return str(error.value)


def test_a_downloaded_model_comes_back_bit_for_bit(
    tiny_run: Path, files: dict[str, bytes], tmp_path: Path, place: Path
) -> None:
    (tmp_path / "mine.zip").write_bytes(exported_archive(tiny_run, "any"))
    target = unpack_checkpoint(tmp_path / "mine.zip", place, "again")
    assert {path.name: path.read_bytes() for path in target.iterdir()} == files
    assert target.stat().st_mode & 0o077 == 0, "like a pulled one"
    with pytest.raises(RequestRejected, match="exists already"):
        unpack_checkpoint(tmp_path / "mine.zip", place, "again")
    with pytest.raises(RequestRejected, match="use 1 to 64 letters"):
        unpack_checkpoint(tmp_path / "mine.zip", place, "../up")


def test_only_the_files_of_a_checkpoint_are_unpacked(files: dict[str, bytes], make_zip: Zip, place: Path) -> None:
    more = {"model.pkl": b"\x80\x04", "hub.json": b"{}", "sub/other.py": b"x", "__MACOSX/._config.json": b"x"}
    target = unpack_checkpoint(make_zip({**files, **more}), place, "mine")
    assert {path.name for path in target.iterdir()} == set(files)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({CONFIG_FILE: None}, "not a model"),
        ({WEIGHTS_FILE: None, "model.pkl": b"\x80\x04"}, "not a model"),
        ({WEIGHTS_FILE: b"\x80\x04K\x01."}, "5 bytes; the model of config.json takes"),
        ({CONFIG_FILE: b"{}"}, "config.json: not readable"),
        ({CONFIG_FILE: b" " * (SETTINGS.max_config_bytes + 1)}, "the limit is"),
        ({"palette.gpl": b"0" * (SETTINGS.max_palette_bytes + 1)}, "palette.gpl: .* bytes; the limit is"),
        ({"../up.txt": b"x"}, "unsafe name"),
        ({"/etc/x": b"x"}, "unsafe name"),
        ({"c:\\x": b"x"}, "unsafe name"),
        ({f"b/{CONFIG_FILE}": b"{}", f"b/{WEIGHTS_FILE}": b"x"}, "2 models; load one at a time"),
        ({f"x{number}": b"" for number in range(1001)}, "the limit is 1000"),
    ],
)  # fmt: skip
def test_what_is_no_model_or_unsafe_is_refused(
    files: dict[str, bytes], make_zip: Zip, place: Path, changes: dict[str, bytes | None], told: str
) -> None:
    entries = {name: data for name, data in {**files, **changes}.items() if data is not None}
    assert re.search(told, refused(make_zip(entries), place))


def test_weights_that_are_not_finite_and_a_bomb_and_a_lie_are_refused(
    files: dict[str, bytes], make_zip: Zip, place: Path, tmp_path: Path
) -> None:
    weights = bytearray(files[WEIGHTS_FILE])
    weights[-4:] = b"\x00\x00\xc0\x7f"  # NaN
    assert "not finite" in refused(make_zip({**files, WEIGHTS_FILE: bytes(weights)}), place)
    bomb = make_zip({**files, WEIGHTS_FILE: bytes(64 << 20)})
    assert bomb.stat().st_size < 1 << 20 and "bytes; the model of config.json takes" in refused(bomb, place)
    size = len(files[WEIGHTS_FILE])
    bomb = make_zip({**files, WEIGHTS_FILE: bytes(8 << 20)})
    lying = bomb.read_bytes().replace((8 << 20).to_bytes(4, "little"), size.to_bytes(4, "little"))
    (tmp_path / "mine.zip").write_bytes(lying)
    assert "damaged" in refused(tmp_path / "mine.zip", place)
    (tmp_path / "mine.zip").write_bytes(b"PK\3\4 cut")
    assert "cannot be read" in refused(tmp_path / "mine.zip", place)


def test_a_link_an_encrypted_file_and_a_file_twice_are_refused(
    files: dict[str, bytes], place: Path, tmp_path: Path
) -> None:
    def pack(change: Callable[[zipfile.ZipFile], None]) -> Path:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
            change(archive)
        (tmp_path / "mine.zip").write_bytes(buffer.getvalue())
        return tmp_path / "mine.zip"

    link = zipfile.ZipInfo("README.md")
    link.external_attr = 0o120777 << 16
    assert "a link" in refused(pack(lambda archive: archive.writestr(link, "/etc/passwd")), place)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = pack(lambda archive: archive.writestr(CONFIG_FILE, json.dumps({})))
    assert "twice in the archive" in refused(twice, place)

    def lock(archive: zipfile.ZipFile) -> None:
        archive.getinfo(CONFIG_FILE).flag_bits |= 1

    assert "encrypted" in refused(pack(lock), place)
