"""Archives of the corpus: names as programs write them, and which folders are classes."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from pixelart.checkpoint.format import CONFIG_FILE
from pixelart.errors import DataRejected, ImageRejected
from pixelart.images.io import encode_png
from pixelart.settings import SETTINGS
from pixelart.training.config import Schedule
from pixelart.training.data import archives as sources
from pixelart.training.data.classes import NO_FOLDER, folder_names
from pixelart.training.data.pictures import PictureSet, read_pictures
from pixelart.training.data.report import Survey, prepare
from pixelart.training.data.survey import Options, survey
from pixelart.training.export import export_run
from pixelart.training.run_config import RUN_FILE, read_run
from pixelart.training.runs import resume_run, start_run
from tests.corpus import make
from tests.training.files import dot, folder_of, noise, zip_of

ZOE, EPEE = "Zoë", "épée"
BESIDE = "outside the class folders; its class is pictures"


def _archive(name: str) -> Path:
    return make.FOLDER / "archives" / f"{name}.zip"


def _told(found: Survey) -> dict[str, tuple[str, ...]]:
    return {problem.what: problem.places for problem in found.problems if not problem.blocks}


def _reds(pictures: PictureSet) -> dict[int, str]:
    """Which picture of the corpus -> its class."""
    return dict(zip(pictures.pictures[:, 0, 0, 0].tolist(), pictures.class_names, strict=True))


# --- names --------------------------------------------------------------------------------------------------------


def test_backslashes_are_separators() -> None:
    assert _reds(read_pictures(_archive("backslashes"))) == {0: "hero", 1: "hero", 2: "slime"}


def test_backslashes_pass_the_same_checks() -> None:
    told = _told(survey(_archive("backslashes-unsafe")))
    assert told["left out, unsafe name"] == ("../../evil.png", "/evil.png", "C:/evil.png")
    with pytest.raises(DataRejected, match=r"evil\.png: unsafe name$"):
        read_pictures(_archive("backslashes-unsafe"))


@pytest.mark.skipif(os.name == "nt", reason="there a backslash is a separator anyway")
def test_a_folder_that_was_unpacked_from_backslashes_is_read_like_the_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(_archive("backslashes")) as archive:
        archive.extractall(tmp_path)
    assert next(path.name for path in sorted(tmp_path.iterdir())) == "Pack\\hero\\1.png"
    assert read_pictures(tmp_path).fingerprint() == read_pictures(_archive("backslashes")).fingerprint()


@pytest.mark.parametrize("name", ["utf8-without-flag", "cp437"])
def test_names_without_the_flag_are_utf8_where_they_can_be(name: str) -> None:
    pictures = read_pictures(_archive(name))
    assert pictures.classes == (ZOE, EPEE) and _reds(pictures) == {0: ZOE, 1: ZOE, 2: EPEE}


def test_an_archive_that_is_cut_off_is_called_so() -> None:
    for read in (read_pictures, survey):
        with pytest.raises(DataRejected, match=r"^cut-off\.zip: the end of the \.zip is missing; copy or download it"):
            read(_archive("cut-off"))


def test_folders_that_begin_with_a_dot_are_named() -> None:
    found = survey(_archive("dot-folders"))
    assert _told(found)["skipped, a hidden folder"] == (".old", "hero/.cache")
    assert found.pictures.class_names == ("hero",)


# --- classes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stray-in-pack", "stray-at-root"])
def test_pictures_beside_the_classes_are_told_apart(name: str, tmp_path: Path) -> None:
    found = survey(_archive(name))
    assert _reds(found.pictures) == {0: NO_FOLDER, 1: "hero", 2: "hero", 3: "slime"}
    assert _told(found)[BESIDE] == ("Pack/preview.png" if name == "stray-in-pack" else "preview.png",)
    with zipfile.ZipFile(_archive(name)) as archive:
        archive.extractall(tmp_path)
    assert read_pictures(tmp_path).fingerprint() == read_pictures(_archive(name)).fingerprint()


def test_parts_of_a_set_alone_are_no_classes() -> None:
    found = survey(_archive("train-and-test"))
    assert found.pictures.classes == (NO_FOLDER,) and BESIDE not in _told(found)


@pytest.mark.parametrize(
    ("places", "classes"),
    [
        ("1.png 2.png", "pictures pictures"),
        ("hero/1.png", "hero"),
        ("hero/1.png hero/2.png hero/old/3.png", "hero hero hero"),  # a corner of the class, not the class
        ("Pack/1.png Pack/hero/2.png Pack/hero/3.png", "pictures hero hero"),
        ("Pack/1.png Pack/2.png Pack/a/3.png Pack/b/4.png", "pictures pictures a b"),
        ("1.png a/2.png b/3.png", "pictures a b"),
        ("My/Pack/hero/1.png My/Pack/slime/2.png My/readme.png", "hero slime pictures"),
        ("train/1.png", "pictures"),
        ("Train/1.png TEST/2.png", "pictures pictures"),
        ("train/hero/1.png test/hero/2.png test/3.png", "hero hero pictures"),
        ("data/train/1.png data/test/2.png", "pictures pictures"),
        ("train/1.png ship/2.png", "train ship"),
        ("a/deep/1.png b/2.png", "a b"),
        ("", ""),
    ],
)
def test_which_folder_is_the_class(places: str, classes: str) -> None:
    assert folder_names([PurePosixPath(place) for place in places.split()]).classes == tuple(classes.split())


def test_what_is_prepared_is_read_as_it_was_found_when_only_a_part_of_a_set_is_left(tmp_path: Path) -> None:
    files = {f"train/{i}.png": encode_png(noise(i)) for i in range(9)} | {"ship/1.png": dot(1, 9, 9)}
    found = survey(folder_of(tmp_path / "set", files))
    assert [(row.name, row.pictures) for row in found.classes] == [("pictures", 9), ("ship", 0)]
    read = read_pictures(prepare(found, tmp_path / "out.zip"))
    assert read.fingerprint() == found.pictures.fingerprint()


def test_a_class_is_the_same_however_its_letters_are_written(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", ZOE)
    assert decomposed != ZOE
    files = {f"{decomposed}/{i}.png": dot(i) for i in range(3)} | {f"{ZOE}/9.png": dot(9)}
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        assert read_pictures(source).classes == (ZOE,)


@pytest.mark.slow
def test_a_run_that_names_classes_as_it_was_done_before_goes_on(tmp_path: Path) -> None:
    pictures = {f"Pack/{i:02}.png": encode_png(noise(i)) for i in range(20)}
    pictures |= {f"Pack/hero/{i}.png": encode_png(noise(50 + i)) for i in range(5)}
    pictures |= {f"Pack/slime/{i}.png": encode_png(noise(70 + i)) for i in range(5)}
    data, run = folder_of(tmp_path / "set", pictures), tmp_path / "run"
    schedule = Schedule(steps=2, batch_size=2, threads=1)
    with start_run(run, data, preset="debug", colours=8, schedule=schedule) as trainer:
        assert trainer.config.classes == ("hero", "pictures", "slime")
    shutil.rmtree(run)
    old = read_pictures(data, class_rule=1)
    assert old.classes == ("Pack",)
    with start_run(run, data, preset="debug", colours=8, schedule=schedule) as trainer:
        values = json.loads((run / RUN_FILE).read_bytes())
    del values["class_rule"], values["frames"]
    values["classes"], values["data_fingerprint"] = list(old.classes), old.fingerprint()
    values["model_config"]["num_classes"] = 1
    (run / RUN_FILE).write_text(json.dumps(values))
    with resume_run(run, data) as trainer:
        assert trainer.config.classes == ("Pack",)


# --- animations ---------------------------------------------------------------------------------------------------


def _walk() -> bytes:
    return (make.FOLDER / "pictures" / "three-frames.gif").read_bytes()


def test_of_an_animation_the_first_frame_is_taken_and_all_are_offered(tmp_path: Path) -> None:
    files = {"a/walk.gif": _walk(), "a/still.png": encode_png(noise(1))}
    note = "an animation; only its first frame is used"
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        found = survey(source)
        assert len(found.pictures) == 2 and _told(found)[note] == ("a/walk.gif",)
        every = survey(source, Options(frames="all"))
        assert len(every.pictures) == 4 and note not in _told(every)
        assert np.array_equal(every.pictures.pictures[1:2], found.pictures.pictures[1:2])
        read = read_pictures(source, frames="all")
        assert read.fingerprint() == every.pictures.fingerprint()


def test_a_frame_is_named(tmp_path: Path) -> None:
    still = encode_png(noise(1, 5, 5))
    source = folder_of(tmp_path, {"a/walk.gif": _walk()} | {f"a/{i}.png": still for i in range(4)})
    with pytest.raises(DataRejected, match=r"^a/walk\.gif: 8 x 8 pixels"):
        read_pictures(source, frames="all", size=(5, 5))
    told = _told(survey(source, Options(frames="all")))
    assert told["left out, 8 x 8 pixels; must be 5 x 5"] == (
        "a/walk.gif", "a/walk.gif frame 2", "a/walk.gif frame 3",
    )  # fmt: skip


def test_a_damaged_frame_is_told_and_those_before_it_are_used(tmp_path: Path) -> None:
    walk = _walk()
    source = folder_of(tmp_path, {"a/walk.gif": walk[: walk.rindex(b",") + 12]})
    found = survey(source, Options(frames="all"))
    assert len(found.pictures) == 2
    assert [places for what, places in _told(found).items() if "not a readable" in what] == [("a/walk.gif",)]
    with pytest.raises(ImageRejected, match=r"^a/walk\.gif: not a readable picture"):
        read_pictures(source, frames="all")


def test_frames_count_as_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SETTINGS", type(SETTINGS)(max_pictures=2))
    source = folder_of(tmp_path / "set", {"a/walk.gif": _walk()})
    with pytest.raises(DataRejected, match=r"^set: more than 2 pictures and frames, the limit$"):
        read_pictures(source, frames="all")


@pytest.mark.slow
def test_a_run_of_all_frames_is_resumed_with_all_frames(tmp_path: Path) -> None:
    files = {f"a/{i}.png": encode_png(noise(i)) for i in range(9)} | {"a/walk.gif": _walk()}
    data, run = folder_of(tmp_path / "set", files), tmp_path / "run"
    schedule = Schedule(steps=2, batch_size=2, threads=1)
    with start_run(run, data, preset="debug", colours=8, frames="all", schedule=schedule) as trainer:
        assert len(trainer.classes) == 12
    assert read_run(run).frames == "all"
    with resume_run(run, data) as trainer:
        assert len(trainer.classes) == 12


# --- links --------------------------------------------------------------------------------------------------------


def _snapshot(cache: Path, files: Sequence[str], *, shared: bool = False) -> Path:
    """A snapshot of a dataset as the Hub's client makes it."""
    repository = cache / "datasets--art--sprites"
    snapshot, blobs = repository / "snapshots" / "0123abcd", repository / "blobs"
    for number, name in enumerate(files):
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        blobs.mkdir(exist_ok=True)
        if shared:
            store = cache / "blobs" / "ab"
            store.mkdir(parents=True, exist_ok=True)
            (store / str(number)).write_bytes(dot(number))
            (blobs / str(number)).symlink_to(os.path.relpath(store / str(number), blobs))
        else:
            (blobs / str(number)).write_bytes(dot(number))
        (snapshot / name).symlink_to(os.path.relpath(blobs / str(number), (snapshot / name).parent))
    return snapshot


def test_a_snapshot_of_the_hub_is_read(tmp_path: Path) -> None:
    snapshot = _snapshot(tmp_path, ["a/1.png", "a/2.png", "b/3.png"])
    assert read_pictures(snapshot).class_names == ("a", "a", "b")
    assert read_pictures(snapshot / "a").pictures[:, 0, 0, 0].tolist() == [0, 1]
    assert read_pictures(snapshot.parent.parent).class_names == ("a", "a", "b")


def test_what_several_snapshots_share_is_read_where_the_client_marked_it(tmp_path: Path) -> None:
    snapshot = _snapshot(tmp_path, ["a/1.png"], shared=True)
    with pytest.raises(DataRejected, match=r"^a/1\.png: a link that leads out of the folder"):
        read_pictures(snapshot)
    (tmp_path / "blobs" / ".huggingface-shared-blobs").write_text("1\n")
    assert read_pictures(snapshot).class_names == ("a",)


@pytest.mark.parametrize("target", ["datasets--other--set/blobs/0", "secret.png", "datasets--art--sprites/refs/main"])
def test_links_of_a_snapshot_to_elsewhere_are_refused_with_a_way_on(tmp_path: Path, target: str) -> None:
    snapshot = _snapshot(tmp_path, ["a/1.png"])
    (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / target).write_bytes(dot(9))
    (snapshot / "a" / "z.png").symlink_to(tmp_path / target)
    with pytest.raises(DataRejected, match=r"^a/z\.png: a link that leads out of the folder; replace it"):
        read_pictures(snapshot)


def test_a_folder_named_like_a_cache_opens_nothing_beside_it(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "datasets--mine" / "set", {"a/1.png": dot(1)})
    folder_of(tmp_path / "datasets--mine" / "blobs", {"z": dot(9)})
    (source / "a" / "z.png").symlink_to("../../blobs/z")
    with pytest.raises(DataRejected, match="leads out of the folder"):
        read_pictures(source)


# --- old checkpoints ----------------------------------------------------------------------------------------------


def test_a_class_that_is_typed_is_found_in_an_old_checkpoint(tiny_run: Path, tmp_path: Path) -> None:
    from pixelart.engine import Engine, Request

    folder = export_run(tiny_run, tmp_path / "checkpoints" / "old")
    values = json.loads((folder / CONFIG_FILE).read_bytes())
    values["classes"] = [unicodedata.normalize("NFD", ZOE), "stripe"]
    (folder / CONFIG_FILE).write_text(json.dumps(values))
    engine = Engine(folder.parent)
    assert engine.info("old").classes == (ZOE, "stripe")
    loaded = engine.library.load("old")
    for typed in (ZOE, unicodedata.normalize("NFD", ZOE)):
        assert loaded.class_weights({typed: 1.0}).tolist() == [1.0, 0.0]
        assert Request("old", {typed: 1.0}).class_weights == {ZOE: 1.0}
    assert replace(Request("old"), class_weights={ZOE: 2}).class_weights == {ZOE: 2.0}


def test_a_folder_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/1.png", "b/c/2.png", ".private/3.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(dot(1))
    opened, closed = os.scandir, {tmp_path / "b" / "c", tmp_path / ".private"}

    def scandir(path: Any) -> Any:
        if Path(path) in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataRejected, match=r"^b/c: this folder cannot be opened$"):
        read_pictures(tmp_path)
    closed.remove(tmp_path / "b" / "c")
    assert read_pictures(tmp_path).class_names == ("a", "b")
    closed.add(tmp_path)
    with pytest.raises(DataRejected, match=r": this folder cannot be opened$"):
        read_pictures(tmp_path)
