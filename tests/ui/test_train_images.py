"""Pictures that a visitor puts in: looked through, told, and made ready."""

from __future__ import annotations

import base64
import copy
import gc
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.training.data import read_pictures
from pixelart.ui.training import images as module
from pixelart.ui.training.images import (
    AS_MODEL,
    DATASET,
    FOLDER,
    NOTHING_YET,
    ZIP,
    Images,
    ImagesForm,
    ImagesHandlers,
    suggested_name,
)
from pixelart.ui.training.room import Room
from tests.ui.fake_engine import FakeEngine

FORM = ImagesForm(ZIP, "", "", AS_MODEL, False, False, 0, 0, 0, 0, "new:gated_pixelcnn", "")
Check = Callable[[ImagesForm], str]


def fake(**settings: Any) -> Any:
    return FakeEngine(**settings)


@pytest.fixture
def images() -> Iterator[Images]:
    images = Images()
    yield images
    images.free()


@pytest.fixture
def check(images: Images) -> Check:
    """What is told in the end."""
    handlers = ImagesHandlers(fake(size=8), local=True)
    return lambda form: _told(list(handlers.check_pictures(images, *astuple(form)))[-1])


def _told(shown: tuple[Any, ...]) -> str:
    return " ".join(re.sub("<[^>]+>", " ", value) for value in shown[:2] if isinstance(value, str))


def _event(path: Path, name: str = "my sprites.zip") -> Any:
    return SimpleNamespace(_data={"name": name, "data": base64.b64encode(path.read_bytes()).decode()})


def test_a_dropped_archive_is_looked_through_at_once_and_made_ready(
    images: Images, tiny_data: Path, tmp_path: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", tiny_data))
    handlers = ImagesHandlers(fake(size=8), local=False)
    shown = list(handlers.receive_archive(images, _event(archive), *astuple(FORM)))
    assert "40 pictures of 8 x 8 in 2 classes. Ready to train." in _told(shown[-1])
    assert shown[-1][2] == "my-sprites" and images.ready
    made, given = read_pictures(images.ready.path), read_pictures(tiny_data)
    assert np.array_equal(made.pictures, given.pictures) and made.class_names == given.class_names


def test_the_base_model_says_the_size(check: Check, tiny_data: Path) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), base="tiny")
    assert "40 pictures of 8 x 8" in check(form)
    assert "needed are 16 x 16" in check(replace(form, size=16))
    assert "40 pictures of 16 x 16" in check(replace(form, size=16, resize=True))


def test_sheets_are_cut_into_tiles(check: Check, tiny_data: Path) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), tile_width=4)
    assert "pictures of 4 x 4" in check(form)


def test_a_name_that_was_given_stays(images: Images, tiny_data: Path) -> None:
    handlers = ImagesHandlers(fake(size=8), local=True)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), name="knights")
    assert [*handlers.check_pictures(images, *astuple(form))][-1][2] == gr.skip()


def test_a_name_that_was_suggested_follows_the_pictures(images: Images, tiny_data: Path) -> None:
    handlers = ImagesHandlers(fake(size=8), local=True)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data))
    first = [*handlers.check_pictures(images, *astuple(form))][-1][2]
    other = shutil.copytree(tiny_data, images.folder / "other")
    second = [*handlers.check_pictures(images, *astuple(replace(form, folder=str(other), name=first)))][-1][2]
    assert (first, second) == ("data", "other")


def test_what_is_no_archive_is_told_without_where_it_lies(images: Images, tiny_data: Path) -> None:
    handlers = ImagesHandlers(fake(size=8), local=False)
    shown = [*handlers.receive_archive(images, _event(tiny_data / "cross" / "00.png"), *astuple(FORM))]
    assert "neither a folder nor a .zip" in _told(shown[-1]) and str(images.folder) not in _told(shown[-1])


def test_a_dataset_is_fetched_into_a_folder_of_the_visitor(
    check: Check, images: Images, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(dataset_id: str, target: Path) -> Path:
        assert dataset_id == "art/sprites" and target.is_relative_to(images.folder)
        return tiny_data

    monkeypatch.setattr(module, "fetch_dataset", fetch)
    assert "40 pictures" in check(replace(FORM, source=DATASET, dataset=" art/sprites "))


def test_what_is_bad_is_told_and_nothing_is_ready(
    check: Check, images: Images, tiny_data: Path, tmp_path: Path
) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data))
    check(form)
    assert images.ready
    for bad, told in (
        (FORM, NOTHING_YET),
        (replace(form, folder=str(tmp_path / "none")), "neither a folder nor a .zip"),
        (replace(form, folder=" "), "Name a folder"),
        (replace(FORM, source=DATASET), "Name a dataset"),
        (replace(form, size="huge"), "Size: must be"),
        (replace(form, tile_width=-1), "Tile width: must be"),
        (replace(form, base="gone"), "not found"),
        (replace(form, folder="~nobody-of-this-name/x"), "The disk: "),
    ):
        assert told in check(bad) and images.ready is None, bad


def test_a_folder_may_be_named_only_where_the_program_runs(images: Images, tiny_data: Path) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data))
    shown = [*ImagesHandlers(fake(), local=False).check_pictures(images, *astuple(form))]
    assert NOTHING_YET in _told(shown[-1]) and images.ready is None


def test_each_visitor_has_a_folder_of_its_own_that_goes_with_the_page(images: Images) -> None:
    other = copy.deepcopy(images)
    assert other.folder != images.folder
    other.free()
    assert not other._folder and images.folder.is_dir()


@pytest.mark.parametrize(("source", "name"), [("my sprites.zip", "my-sprites"), ("art/tiles", "tiles"), ("..zip", "")])
def test_a_model_is_called_after_its_pictures(source: str, name: str) -> None:
    assert suggested_name(source) == name


def test_the_pictures_of_many_visitors_fill_no_disk(tmp_path: Path) -> None:
    room, visitors = Room(most=1000), [Images() for _ in range(5)]
    folders = [visitor.folder for visitor in visitors]
    for visitor in visitors:
        (visitor.folder / "upload.zip").write_bytes(bytes(300))
        room.has_put_in(visitor)
    assert [(folder / "upload.zip").exists() for folder in folders] == [False, False, True, True, True]
    (visitors[0].folder / "upload.zip").write_bytes(bytes(2000))
    room.has_put_in(visitors[0])
    assert not any(folder.exists() for folder in folders) and (visitors[0].folder / "upload.zip").exists()
    for visitor in visitors:
        visitor.free()


def test_a_visitor_whom_gradio_drops_leaves_no_files() -> None:
    visitor = Images()
    folder = visitor.folder
    (folder / "upload.zip").write_bytes(b"a")
    del visitor
    gc.collect()
    assert not folder.exists()
