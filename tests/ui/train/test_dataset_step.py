"""Pictures that a visitor puts in: looked through, told, and made ready."""

from __future__ import annotations

import base64
import copy
import errno
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.errors import Cancelled
from pixelart.images.io import encode_png
from pixelart.settings import SETTINGS
from pixelart.storage import Files
from pixelart.training.data.pictures import read_pictures
from pixelart.ui.train import dataset_step as module
from pixelart.ui.train.dataset_form import AS_MODEL, DATASET, FOLDER, ZIP, ImagesForm
from pixelart.ui.train.dataset_step import (
    CHANGED,
    CHECK_STOPPED,
    FOLDER_NOT_HERE,
    HANDED_OVER,
    NOTHING_YET,
    UNCHANGED,
    ImagesHandlers,
    suggested_name,
)
from pixelart.ui.train.scratch import Scratch
from pixelart.ui.train.uploads import Images
from tests.corpus import make
from tests.training.files import folder_of, noise
from tests.ui.fake_engine import FakeEngine
from tests.ui.security.test_local_request import HERE, request_of

FORM = ImagesForm(ZIP, "", "", AS_MODEL, False, False, False, 0, 0, 0, 0, "new:gated_pixelcnn", "")
Check = Callable[[ImagesForm], str]


def fake(**settings: Any) -> Any:
    return FakeEngine(**settings)


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(Scratch(tmp_path / "incoming"))


@pytest.fixture
def check(images: Images) -> Check:
    """What is told in the end."""
    handlers = ImagesHandlers(fake(size=8), local=True)
    return lambda form: _told(_checked(handlers, images, form)[-1])


def _checked(handlers: ImagesHandlers, images: Images, form: ImagesForm, request: Any = HERE) -> list[Any]:
    """Everything that a check shows, one after the other."""
    return list(handlers.check_pictures(images, request, **asdict(form)))


def _told(shown: tuple[Any, ...]) -> str:
    return " ".join(re.sub("<[^>]+>", " ", value) for value in shown[:2] if isinstance(value, str))


def _event(path: Path, name: str = "my sprites.zip") -> Any:
    return SimpleNamespace(_data={"name": name, "data": base64.b64encode(path.read_bytes()).decode()})


def test_a_dropped_archive_is_looked_through_at_once_and_made_ready(
    images: Images, tiny_data: Path, tmp_path: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", tiny_data))
    handlers = ImagesHandlers(fake(size=8), local=False)
    shown = list(handlers.receive_archive(images, HERE, _event(archive), **asdict(FORM)))
    assert "40 pictures of 8 x 8 in 2 classes. Ready to train." in _told(shown[-1])
    assert shown[-1][2] == "my-sprites" and images.ready
    assert not shown[0][3].interactive and shown[-1][3].interactive, "Start"
    made, given = read_pictures(images.ready.path), read_pictures(tiny_data)
    assert np.array_equal(made.pictures, given.pictures) and made.class_names == given.class_names


def test_the_base_model_says_the_size(check: Check, tiny_data: Path) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), base="tiny")
    assert "40 pictures of 8 x 8" in check(form)
    assert "must be 16 x 16" in check(replace(form, size=16))
    assert "40 pictures of 16 x 16" in check(replace(form, size=16, resize=True))


def test_sheets_are_cut_into_tiles(check: Check, tiny_data: Path) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), tile_width=4)
    assert "pictures of 4 x 4" in check(form)


def test_a_name_that_was_given_stays(images: Images, tiny_data: Path) -> None:
    handlers = ImagesHandlers(fake(size=8), local=True)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), name="knights")
    assert _checked(handlers, images, form)[-1][2] == gr.skip()


def test_a_name_that_was_suggested_follows_the_pictures(images: Images, tiny_data: Path) -> None:
    handlers = ImagesHandlers(fake(size=8), local=True)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data))
    first = _checked(handlers, images, form)[-1][2]
    other = shutil.copytree(tiny_data, images.folder / "other")
    second = _checked(handlers, images, replace(form, folder=str(other), name=first))[-1][2]
    assert (first, second) == ("data", "other")


def test_what_is_no_archive_is_told_without_where_it_lies(images: Images, tiny_data: Path) -> None:
    handlers = ImagesHandlers(fake(size=8), local=False)
    shown = [*handlers.receive_archive(images, HERE, _event(tiny_data / "cross" / "00.png"), **asdict(FORM))]
    assert "my sprites.zip: neither a folder nor a .zip" in _told(shown[-1])
    assert str(images.folder) not in _told(shown[-1])


def test_an_archive_that_does_not_fit_on_the_disk_leaves_nothing_there(
    images: Images, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(files: Files, path: Path, data: bytes) -> None:
        path.write_bytes(data[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Files, "write", fill)
    event, handlers = _event(tiny_data / "cross" / "00.png"), ImagesHandlers(fake(size=8), local=False)
    shown = [*handlers.receive_archive(images, HERE, event, **asdict(FORM))]
    assert "No space left on device" in _told(shown[-1]) and not [*images.folder.iterdir()]


def test_a_dataset_is_fetched_once_into_a_folder_of_the_visitor(
    check: Check, images: Images, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(dataset_id: str, target: Path, **_: Any) -> Path:
        assert target.is_relative_to(images.folder)
        asked.append(dataset_id)
        return shutil.copytree(tiny_data, target)

    monkeypatch.setattr(module, "fetch_dataset", fetch)
    form = replace(FORM, source=DATASET, dataset=" art/sprites ")
    assert "40 pictures of 8 x 8" in check(form) and "pictures of 4 x 4" in check(replace(form, tile_width=4))
    assert asked == ["art/sprites"]
    check(replace(form, dataset="art/others"))
    assert asked == ["art/sprites", "art/others"] and len(list(images.folder.glob("dataset-*"))) == 1


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
        (replace(form, folder="~nobody-of-this-name/x"), "~nobody-of-this-name/x: there is no such home folder"),
    ):
        assert told in check(bad) and images.ready is None, bad


def test_a_folder_may_be_named_only_where_the_program_runs(images: Images, tiny_data: Path) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data))
    stranger = request_of({"host": "localhost:7860", "x-forwarded-for": "203.0.113.5"})
    for local, request in ((False, HERE), (True, stranger), (True, None)):
        shown = _checked(ImagesHandlers(fake(size=8), local=local), images, form, request)
        assert FOLDER_NOT_HERE in _told(shown[-1]) and images.ready is None
    assert "40 pictures" in _told(_checked(ImagesHandlers(fake(size=8), local=True), images, form)[-1])


def test_a_folder_is_offered_to_who_may_name_one() -> None:
    offered = [ImagesHandlers(fake(), local=local).offer_folder(HERE).choices for local in (True, False)]
    assert [len(choices) for choices in offered] == [3, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"size": 16}, {"resize": True}, {"enlarged": True}, {"tile_width": 4}, {"spacing": 2, "tile_width": 8},
        {"folder": "/elsewhere"}, {"source": ZIP}, {"base": "large", "size": AS_MODEL}, {"margin": "x"},
    ],
)  # fmt: skip
def test_what_is_changed_after_the_check_makes_it_stale(
    images: Images, tiny_data: Path, change: dict[str, Any]
) -> None:
    handlers = ImagesHandlers(fake(size=8, names=("tiny", "large")), local=True)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), base="tiny")
    assert not handlers.compare(images, **asdict(form))[2].interactive, "nothing was checked"
    _checked(handlers, images, form)
    _, status, start = handlers.compare(images, **asdict(replace(form, **change)))
    assert CHANGED in status and not start.interactive
    _, status, start = handlers.compare(images, **asdict(form))  # as it was
    assert "Ready to train" in status and start.interactive


def test_what_does_not_touch_the_pictures_leaves_the_check_good(images: Images, tiny_data: Path) -> None:
    handlers = ImagesHandlers(fake(size=8, names=("tiny", "other")), local=True)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), base="tiny")
    _checked(handlers, images, form)
    for change in ({"base": "other"}, {"dataset": "a/b"}, {"name": "x"}, {"folder": f" {tiny_data} "}):
        assert handlers.compare(images, **asdict(replace(form, **change)))[2].interactive, change


class SlowHub:
    """In place of `fetch_dataset`: it waits until it is let go on, or cancelled."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.asked, self.goes_on = data, threading.Semaphore(0), threading.Event()
        monkeypatch.setattr(module, "fetch_dataset", self.fetch)

    def fetch(self, dataset: str, target: Path, *, cancel: Any, on_progress: Any) -> Path:
        on_progress(120, 4000)
        self.asked.release()
        while not self.goes_on.wait(0.02):
            if cancel():
                raise Cancelled
        return shutil.copytree(self.data, target)


@pytest.fixture
def slow_hub(tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowHub]:
    hub = SlowHub(tiny_data, monkeypatch)
    yield hub
    hub.goes_on.set()


HUB_FORM = replace(FORM, source=DATASET, dataset="art/sprites")


def test_a_slow_download_shows_how_far_it_is_and_keeps_nobody_else_waiting(
    images: Images, tiny_data: Path, slow_hub: SlowHub
) -> None:
    handlers = ImagesHandlers(fake(size=8), local=True)
    slow = handlers.check_pictures(images, HERE, **asdict(HUB_FORM))
    assert "Looking at the pictures" in next(slow)[0]
    assert "Downloading 120 of 4,000" in next(slow)[0]
    other = copy.deepcopy(images)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data))
    assert "Ready to train" in _told(_checked(handlers, other, form)[-1])
    slow_hub.goes_on.set()
    assert "Ready to train" in _told(list(slow)[-1])


def test_a_check_is_ended_by_its_visitor_alone(images: Images, slow_hub: SlowHub) -> None:
    handlers, other = ImagesHandlers(fake(size=8), local=True), copy.deepcopy(images)
    running = handlers.check_pictures(images, HERE, **asdict(HUB_FORM))
    next(running)
    assert handlers.stop_check(other) == gr.skip() and images.stop()
    assert CHECK_STOPPED in _told(list(running)[-1]) and images.ready is None
    assert handlers.stop_check(images) == gr.skip(), "there is nothing to stop any more"


def test_a_visitor_has_one_check_at_a_time_and_the_newest_counts(
    images: Images, tiny_data: Path, slow_hub: SlowHub
) -> None:
    handlers = ImagesHandlers(fake(size=8), local=True)
    first = handlers.check_pictures(images, HERE, **asdict(HUB_FORM))
    next(first)
    assert slow_hub.asked.acquire(timeout=10)
    form = replace(FORM, source=FOLDER, folder=str(tiny_data))
    assert "Ready to train" in _told(_checked(handlers, images, form)[-1])
    kept = images.ready
    slow_hub.goes_on.set()
    assert list(first)[-1] == UNCHANGED and images.ready is kept


def test_datasets_are_fetched_for_a_few_at_once_and_others_are_told(images: Images, slow_hub: SlowHub) -> None:
    handlers = ImagesHandlers(fake(size=8), local=True)
    running = []
    for _ in range(SETTINGS.max_fetches):
        running.append(handlers.check_pictures(copy.deepcopy(images), HERE, **asdict(HUB_FORM)))
        next(running[-1])
        assert slow_hub.asked.acquire(timeout=10)
    assert "4 datasets are being downloaded" in _told(_checked(handlers, images, HUB_FORM)[-1])
    for check in running:
        check.close()  # the page was closed


def test_what_visitors_keep_together_is_bounded(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", tiny_data))
    full = "Storage for pictures is full"
    scratch = Scratch(tmp_path, limit=archive.stat().st_size * 3)
    ann, bob = Images(scratch), Images(scratch)
    handlers = ImagesHandlers(fake(size=8), local=True)

    def drop(images: Images) -> str:
        return _told(list(handlers.receive_archive(images, HERE, _event(archive), **asdict(FORM)))[-1])

    assert "Ready to train" in drop(ann) and full in drop(bob) and bob.ready is None
    ann.free()
    assert "Ready to train" in drop(bob)
    monkeypatch.setattr(module, "fetch_dataset", _endless)
    assert full in _told(_checked(handlers, ann, HUB_FORM)[-1])


def _endless(dataset: str, target: Path, *, cancel: Any, on_progress: Any) -> Path:
    target.mkdir()
    (target / "large").write_bytes(bytes(2**20))
    while not cancel():
        pass
    raise Cancelled


def test_what_a_training_has_taken_in_is_not_kept(images: Images, tiny_data: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", tiny_data))
    handlers = ImagesHandlers(fake(size=8), local=True)
    list(handlers.receive_archive(images, HERE, _event(archive), **asdict(FORM)))
    images.hand_over()
    assert images.ready and list(images.folder.iterdir()) == [images.ready.path]
    assert HANDED_OVER in _told(_checked(handlers, images, FORM)[-1]) and not list(images.folder.iterdir())


def test_refusals_name_the_controls_of_the_page(check: Check, tiny_data: Path, tmp_path: Path) -> None:
    form = replace(FORM, source=FOLDER, folder=str(tiny_data), size=16)
    told = check(form)
    assert "--" not in told and "&quot;Resize the others&quot; resizes" in told


def test_each_visitor_has_a_folder_of_its_own_that_goes_with_the_page(images: Images) -> None:
    other = copy.deepcopy(images)
    assert other.folder != images.folder
    gone = other.folder
    other.free()
    assert not gone.exists() and images.folder.is_dir()
    dropped = other.folder
    del other  # by gradio, when there are too many sessions
    assert not dropped.exists() and images.folder.is_dir()


@pytest.mark.parametrize(("source", "name"), [("my sprites.zip", "my-sprites"), ("art/tiles", "tiles"), ("..zip", "")])
def test_a_model_is_called_after_its_pictures(source: str, name: str) -> None:
    assert suggested_name(source) == name


def test_all_frames_of_animations_are_taken_where_it_is_asked(check: Check, images: Images, tmp_path: Path) -> None:
    walk = (make.FOLDER / "pictures" / "three-frames.gif").read_bytes()
    files = {f"a/{i}.png": encode_png(noise(i)) for i in range(8)} | {"a/walk.gif": walk}
    form = replace(FORM, source=FOLDER, folder=str(folder_of(tmp_path / "set", files)))
    told = check(form)
    assert "9 pictures of 8 x 8" in told
    assert "an animation; only its first frame is used (&quot;All frames&quot; uses all): a/walk.gif" in told
    assert "11 pictures of 8 x 8" in check(replace(form, frames=True))
