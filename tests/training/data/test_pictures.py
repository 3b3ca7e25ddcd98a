"""Folders and archives of pictures: the same set from both, and nothing unsafe."""

from __future__ import annotations

import io
import os
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelart.errors import DataRejected, ImageRejected
from pixelart.images.codec import Picture
from pixelart.images.io import resize_nearest
from pixelart.settings import SETTINGS
from pixelart.training.data import archives as sources
from pixelart.training.data import pictures as data
from pixelart.training.data.archives import COMPRESSIONS
from pixelart.training.data.classes import NO_FOLDER
from pixelart.training.data.pictures import is_validation, picture_hash, read_pictures
from tests.training.files import dot, folder_of, zip_of

FILES = {
    "a/2.png": dot(1),
    "a/1.png": dot(2),
    "a-b/1.png": dot(3),  # "-" sorts before "/": a folder and an archive must agree all the same
    "a b/x.GIF": dot(4),
    "b/deep/1.png": dot(5),
    "top.png": dot(6),
    "Zoë/ünï.png": dot(7),
    "notes.txt": b"no picture",
    "b/readme.md": b"# no",
}


@pytest.mark.parametrize("method", COMPRESSIONS)
def test_a_folder_and_an_archive_give_the_same_set(tmp_path: Path, method: int) -> None:
    folder = read_pictures(folder_of(tmp_path / "set", FILES))
    backwards = dict(reversed(FILES.items()))
    archive = read_pictures(zip_of(tmp_path / "set.zip", {**backwards, "a/": b""}, method=method))
    assert folder.class_names == archive.class_names and folder.hashes == archive.hashes
    assert np.array_equal(folder.pictures, archive.pictures)
    assert folder.fingerprint() == archive.fingerprint()


def test_the_sub_folder_is_the_class(tmp_path: Path) -> None:
    pictures = read_pictures(folder_of(tmp_path, FILES))
    by_colour = dict(zip(pictures.pictures[:, 0, 0, 0].tolist(), pictures.class_names, strict=True))
    assert by_colour == {1: "a", 2: "a", 3: "a-b", 4: "a b", 5: "b", 6: NO_FOLDER, 7: "Zoë"}
    assert pictures.classes == tuple(sorted({"a", "a-b", "a b", "b", NO_FOLDER, "Zoë"}))
    assert len(pictures) == 7 and pictures.pictures.shape == (7, 4, 4, 4)


def test_folders_that_wrap_all_the_others_are_no_classes(tmp_path: Path) -> None:
    files = {"my/set/a/1.png": dot(1), "my/set/a/more/2.png": dot(2), "my/set/b/3.png": dot(3)}
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        assert read_pictures(source).class_names == ("a", "a", "b")
    assert read_pictures(folder_of(tmp_path / "one", {"my/a/1.png": dot(1)})).class_names == ("a",)


def test_folders_of_the_parts_of_a_set_are_no_classes(tmp_path: Path) -> None:
    parts = {"data/train/a/1.png": dot(1), "data/train/b/2.png": dot(2), "data/test/a/3.png": dot(3)}
    assert read_pictures(zip_of(tmp_path / "1.zip", parts)).class_names == ("a", "a", "b")
    vehicles = {"train/1.png": dot(1), "ship/2.png": dot(2)}
    assert read_pictures(zip_of(tmp_path / "2.zip", vehicles)).class_names == ("ship", "train")
    vehicles = {"train/red/1.png": dot(1), "ship/red/2.png": dot(2)}
    assert read_pictures(zip_of(tmp_path / "3.zip", vehicles)).class_names == ("ship", "train")


def test_the_set_is_in_order_of_name(tmp_path: Path) -> None:
    names = [f"c/{i}.png" for i in (3, 1, 2)]
    pictures = read_pictures(zip_of(tmp_path / "a.zip", {n: dot(i) for i, n in enumerate(names)}))
    assert pictures.pictures[:, 0, 0, 0].tolist() == [1, 2, 0]


def test_select_keeps_pictures_with_their_names(tmp_path: Path) -> None:
    pictures = read_pictures(folder_of(tmp_path, FILES))
    part = pictures.select(np.array([c == "a" for c in pictures.class_names]))
    assert part.class_names == ("a", "a") and part.classes == ("a",)
    assert all(picture_hash(p) == h for p, h in zip(part.pictures, part.hashes, strict=True))
    assert sorted(part.pictures[:, 0, 0, 0].tolist()) == [1, 2]


def test_the_fingerprint_depends_on_pictures_and_classes(tmp_path: Path) -> None:
    prints = [
        read_pictures(folder_of(tmp_path / str(i), files)).fingerprint()
        for i, files in enumerate(
            [
                {"a/1.png": dot(1), "a/2.png": dot(2)},
                {"a/1.png": dot(1), "b/2.png": dot(2)},
                {"a/1.png": dot(1), "a/2.png": dot(3)},
                {"a/1.png": dot(2), "a/2.png": dot(1)},
                {"a/1.png": dot(1)},
            ]
        )
    ]
    assert len(set(prints)) == 5
    assert read_pictures(folder_of(tmp_path / "0", {})).fingerprint() == prints[0]


# --- sizes --------------------------------------------------------------------------------------------------------

MIXED = {"a/1.png": dot(1), "a/2.png": dot(2), "a/big.png": dot(3, 8, 12)}


def test_another_size_is_refused_by_name(tmp_path: Path) -> None:
    for source in (folder_of(tmp_path / "set", MIXED), zip_of(tmp_path / "set.zip", MIXED)):
        with pytest.raises(DataRejected, match=r"big\.png: 12 x 8 pixels; must be 4 x 4$"):
            read_pictures(source)


def test_another_size_is_resized_when_asked(tmp_path: Path) -> None:
    pictures = read_pictures(folder_of(tmp_path, MIXED), fit="nearest")
    assert pictures.pictures.shape == (3, 4, 4, 4)
    assert sorted(pictures.pictures[:, 0, 0, 0].tolist()) == [1, 2, 3]


def test_a_size_may_be_demanded(tmp_path: Path) -> None:
    source = folder_of(tmp_path, MIXED)
    with pytest.raises(DataRejected, match="must be 12 x 8"):
        read_pictures(source, size=(8, 12))
    assert read_pictures(source, size=(8, 12), fit="nearest").pictures.shape == (3, 8, 12, 4)


def test_nearest_takes_the_middle_of_each_cell() -> None:
    array = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert resize_nearest(array, 2, 2).tolist() == [[5, 7], [13, 15]]
    assert resize_nearest(array[:2, :2], 4, 4).tolist() == [[0, 0, 1, 1]] * 2 + [[4, 4, 5, 5]] * 2
    assert resize_nearest(array, 4, 4).tolist() == array.tolist()
    assert resize_nearest(np.zeros((3, 5, 4), np.uint8), 7, 2).shape == (7, 2, 4)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "a/../../evil.png",
        "/etc/evil.png",
        "..\\evil.png",
        "a\\..\\..\\evil.png",
        "\\etc\\evil.png",
        "C:\\evil.png",
        "my/D:/evil.png",
        "new\nline/evil.png",
    ],
)
def test_archives_with_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    source = zip_of(tmp_path / "set.zip", {"a/1.png": dot(1), "XXXXXX" + "x" * (len(name) - 6): dot(2)})
    source.write_bytes(source.read_bytes().replace(b"XXXXXX" + b"x" * (len(name) - 6), name.encode()))
    with zipfile.ZipFile(source) as archive:
        assert name in archive.namelist()
    with pytest.raises(DataRejected, match=r"evil\.png: unsafe name$"):
        read_pictures(source)
    assert [p.name for p in tmp_path.iterdir()] == ["set.zip"]


@pytest.mark.parametrize(
    "name", ["..\\1.png", "two\nlines/1.png", b"latin \xe9/1.png"], ids=["backslash", "lines", "bytes"]
)
@pytest.mark.skipif(os.name == "nt", reason="there such names cannot be made")
def test_folders_with_unsafe_names_are_refused(tmp_path: Path, name: str | bytes) -> None:
    source = folder_of(tmp_path / "set", {os.fsdecode(name): dot(1)})
    with pytest.raises(DataRejected, match=r"1\.png: unsafe name$") as refused:
        read_pictures(source)
    assert str(refused.value).encode() and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["a/link.png", "link"])
def test_archives_with_links_are_refused(tmp_path: Path, name: str) -> None:
    source = zip_of(tmp_path / "set.zip", {"a/1.png": dot(1)})
    with zipfile.ZipFile(source, "a") as archive:
        link = zipfile.ZipInfo(name)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../../secret.png")
    with pytest.raises(DataRejected, match=f"^{name}: a link$"):
        read_pictures(source)


@pytest.mark.parametrize("target", ["secret/s.png", "secret", "loop.png"])
def test_links_that_lead_out_of_a_folder_are_refused(tmp_path: Path, target: str) -> None:
    folder_of(tmp_path / "secret", {"s.png": dot(9)})
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    source = folder_of(tmp_path / "set", {"a/1.png": dot(1)})
    (source / "a" / "z.png").symlink_to(tmp_path / target)
    with pytest.raises(DataRejected, match=r"^a/z\.png: a link that leads out of the folder; replace it"):
        read_pictures(source)


def test_links_inside_a_folder_are_followed_to_files_only(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "set", {"a/1.png": dot(1)})
    (source / "b").mkdir()
    (source / "b" / "2.png").symlink_to("../a/1.png")
    (source / "b" / "round").symlink_to("..")
    (source / "b" / "gone.png").symlink_to("nothing.png")
    (tmp_path / "linked").symlink_to(source)
    for place in (source, tmp_path / "linked"):
        assert read_pictures(place).class_names == ("a", "b")


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "set", {"a/1.png": dot(1)})
    os.mkfifo(source / "a" / "pipe.png")  # opening it would wait for ever
    assert len(read_pictures(source)) == 1


def test_encrypted_archives_are_refused(tmp_path: Path) -> None:
    source = zip_of(tmp_path / "set.zip", {"a/1.png": dot(1)})
    content = bytearray(source.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    source.write_bytes(content)
    with pytest.raises(DataRejected, match=r"^a/1\.png: encrypted$"):
        read_pictures(source)


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    files = {
        "a/1.png": dot(1),
        "a/.2.png": dot(2),
        ".git/3.png": dot(3),
        "__MACOSX/a/._1.png": b"resource fork",
        "a/.cache/4.png": b"",
    }
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        assert read_pictures(source).class_names == ("a",)


def test_a_hidden_folder_may_be_the_source(tmp_path: Path) -> None:
    assert len(read_pictures(folder_of(tmp_path / ".set", {"a/1.png": dot(1)}))) == 1


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3", b"PK\5\6", b"\x1f\x8b\x08", dot(1)], ids=repr)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(DataRejected, match=r"set\.zip: neither a folder nor a \.zip"):
        read_pictures(tmp_path / "set.zip")


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match="neither a folder nor a"):
        read_pictures(tmp_path / "gone")


@pytest.mark.parametrize("files", [{}, {"a/readme.txt": b"no"}, {"a/.1.png": dot(1)}], ids=["empty", "text", "hidden"])
def test_a_source_without_pictures_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    (tmp_path / "set").mkdir()
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        with pytest.raises(DataRejected, match="holds no picture"):
            read_pictures(source)


def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    files = {"a/1.png": dot(1), "a/fake.png": b"hello"}
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        with pytest.raises(ImageRejected, match=r"fake\.png: not a readable picture"):
            read_pictures(source)


def test_damages_to_an_archive_end_in_a_plain_refusal(tmp_path: Path) -> None:
    files = {f"a/{i}.png": dot(i) for i in range(3)}
    sources = [zip_of(tmp_path / f"{m}.zip", files, method=m).read_bytes() for m in (0, 8, 12, 14)]
    random, path = np.random.default_rng(3), tmp_path / "set.zip"
    refused = 0
    for number in range(400):
        content = bytearray(sources[number % 4])
        for place in random.integers(0, len(content), random.integers(1, 6)):
            content[place] ^= 1 << random.integers(0, 8)
        path.write_bytes(content[: random.integers(1, len(content))] if number % 10 == 0 else content)
        try:
            pictures = read_pictures(path)
        except (DataRejected, ImageRejected) as error:
            assert "\n" not in str(error) and len(str(error)) < 400
            refused += 1
        else:
            assert pictures.pictures.ndim == 4
    assert refused > 200


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_are_unpacked_at_once_are_refused(tmp_path: Path, method: int) -> None:
    source = zip_of(tmp_path / "set.zip", {"a/1.png": dot(1)}, method=method)
    message = rf"^a/1\.png: compressed by method {method}; only stored and deflated are supported$"
    with pytest.raises(DataRejected, match=message):
        read_pictures(source)


def test_an_archive_bomb_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "set.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a/1.png", "w") as file:
        for _ in range(9):
            file.write(b"\0" * 2**20)
    with pytest.raises(ImageRejected, match=r"1\.png: .*MiB; the limit is 5 MiB"):
        read_pictures(source)
    content = bytearray(source.read_bytes())
    at = content.index(b"PK\1\2") + 24
    content[at : at + 4] = (SETTINGS.max_archive_bytes + 1).to_bytes(4, "little")
    source.write_bytes(content)
    with pytest.raises(DataRejected, match=r"^set\.zip: unpacks to more than 512 MiB"):
        read_pictures(source)


def test_an_archive_of_too_large_a_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a/1.png": dot(1), **{f"{i}": b"" for i in range(100)}}
    source, size = zip_of(tmp_path / "set.zip", files), sum(46 + len(name) for name in files)
    monkeypatch.setattr(sources, "SETTINGS", type(SETTINGS)(max_directory_bytes=size))
    assert len(read_pictures(source)) == 1
    monkeypatch.setattr(sources, "SETTINGS", type(SETTINGS)(max_directory_bytes=size - 1))
    with pytest.raises(DataRejected, match=r"^set\.zip: the archive cannot be read \(a directory of more than 0 MiB"):
        read_pictures(source)


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = folder_of(tmp_path / "set", {"a/1.png": dot(1), "b": b"", "c": b""})
    monkeypatch.setattr(sources, "SETTINGS", type(SETTINGS)(max_files=4))
    assert len(read_pictures(source)) == 1
    monkeypatch.setattr(sources, "SETTINGS", type(SETTINGS)(max_files=3))
    with pytest.raises(DataRejected, match="set: more than 3 files and folders"):
        read_pictures(source)


def test_too_many_pictures_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SETTINGS", type(SETTINGS)(max_pictures=2))
    files = {f"a/{i}.png": dot(i) for i in range(3)}
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        with pytest.raises(DataRejected, match="3 pictures; the limit is 2"):
            read_pictures(source)


def test_more_than_fits_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SETTINGS", type(SETTINGS)(max_decoded_bytes=3 * 64 - 1))
    files = {f"a/{i}.png": dot(i) for i in range(3)}
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        with pytest.raises(DataRejected, match="decodes to more than"):
            read_pictures(source)


def test_pictures_are_not_enlarged_beyond_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SETTINGS", type(SETTINGS)(max_decoded_bytes=2 * 4 * 100))
    source = folder_of(tmp_path / "set", {f"a/{i}.png": dot(i) for i in range(2)})
    assert len(read_pictures(source, size=(10, 10), fit="nearest")) == 2
    with pytest.raises(DataRejected, match=r"^2 pictures of 11 x 10 pixels take more than 0 MiB"):
        read_pictures(source, size=(10, 11), fit="nearest")


# --- content ------------------------------------------------------------------------------------------------------


def test_equal_looks_are_equal_content() -> None:
    picture = np.zeros((2, 3, 4), np.uint8)
    soft = picture.copy()
    soft[0, 0] = (9, 8, 7, 127)
    assert picture_hash(picture) == picture_hash(soft)
    seen = picture.copy()
    seen[0, 0, 3] = 128
    assert picture_hash(picture) != picture_hash(seen)
    assert picture_hash(picture) != picture_hash(picture.reshape(3, 2, 4))
    buffer = io.BytesIO()
    Image.fromarray(seen).save(buffer, "PNG", compress_level=0)
    assert len(picture_hash(seen)) == 16 and int(picture_hash(seen), 16) >= 0


def test_the_split_is_by_content_and_about_the_share(tiny_pictures: dict[str, Picture]) -> None:
    random = np.random.default_rng(0)
    hashes = [picture_hash(random.integers(0, 256, (4, 4, 4)).astype(np.uint8)) for _ in range(3000)]
    share = sum(is_validation(h, share=0.1) for h in hashes) / 3000
    assert 0.08 < share < 0.12
    assert not any(is_validation(h, share=0.0) for h in hashes)
    held = {h for h in hashes if is_validation(h, share=0.1)}
    assert held <= {h for h in hashes if is_validation(h, share=0.3)}


def test_a_copy_never_sits_on_both_sides(tiny_data: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_data, tmp_path / "set")
    shutil.copytree(tiny_data / "cross", tmp_path / "set" / "copies")
    pictures = read_pictures(tmp_path / "set")
    sides: dict[bytes, set[bool]] = {}
    for picture, content in zip(pictures.pictures, pictures.hashes, strict=True):
        sides.setdefault(picture.tobytes(), set()).add(is_validation(content, share=0.3))
    assert len(sides) == 40 and len(pictures) == 60
    assert all(len(side) == 1 for side in sides.values())
    assert {side for found in sides.values() for side in found} == {True, False}
