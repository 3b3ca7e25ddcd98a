"""Step 1, Images: what an artist drops or names is looked through, told, and made ready to train on."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from pixelart.engine import Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.hub import fetch_dataset
from pixelart.training.dataset import Survey, prepare
from pixelart.training.sheets import Slicing
from pixelart.training.survey import Options, survey
from pixelart.ui.form import whole
from pixelart.ui.pictures import uploaded_file
from pixelart.ui.status import counted, status_progress, status_text
from pixelart.ui.training.form import base_of
from pixelart.ui.training.room import Room
from pixelart.ui.training.view import plain, survey_html

ZIP, DATASET, FOLDER = "ZIP", "Hugging Face", "Folder"
NOTHING_YET = "Drop a .zip of pictures; its folders are the classes."
AS_MODEL = "As the base model"
SIZES = (8, 16, 24, 32, 48, 64)
READY, UPLOAD = "pictures.zip", "upload.zip"
MAX_TILE = 256
Shown = tuple[Any, Any, Any]
"""status, report, name of the model to come"""


@dataclass(frozen=True)
class Ready:
    """Pictures that can be trained on: the .zip that holds them, their size (height, width), and what to call them."""

    path: Path
    size: tuple[int, int]
    count: int
    name: str


class Images:
    """What one visitor has put in. gradio copies the initial value for every visitor, and calls `free` when the page
    was closed long ago."""

    def __init__(self) -> None:
        self.ready: Ready | None = None
        self.upload = self.suggested = ""
        self._folder: Path | None = None

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Images:
        return Images()

    @property
    def folder(self) -> Path:
        """A folder that no one else is given, and nobody is served from."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="pixelart-training-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # a session that gradio drops
        return self._folder

    def free(self) -> None:
        """Nothing is kept."""
        self.ready = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


@dataclass(frozen=True)
class ImagesForm:
    """The raw values, in the order of the page's inputs; a page may post anything in them."""

    source: Any
    dataset: Any
    folder: Any
    size: Any
    resize: Any
    enlarged: Any
    tile_width: Any
    tile_height: Any
    margin: Any
    spacing: Any
    base: Any
    name: Any


class ImagesHandlers:
    """The handlers of one page; what they know of a visitor is in the Images that they are given. `local`: the page is
    used where the program runs, so a folder may be named."""

    def __init__(self, engine: Engine, *, local: bool) -> None:
        self.engine, self.local, self.room = engine, local, Room()

    def receive_archive(self, images: Images, event: gr.EventData, *values: Any) -> Iterator[Shown]:
        """Keeps an archive that was dropped, and looks through it."""
        try:
            images.upload, data = uploaded_file(event._data)
            (images.folder / UPLOAD).write_bytes(data)
            self.room.has_put_in(images)
        except (PixelArtError, OSError) as error:
            yield _refused(images, error)
            return
        yield from self.check_pictures(images, ZIP, *values[1:])

    def check_pictures(self, images: Images, *values: Any) -> Iterator[Shown]:
        """Looks through what is chosen, and makes the good pictures ready."""
        images.ready = None
        try:
            form = ImagesForm(*values)
            options = options_from(form, self._size(form))
            yield status_progress("Looking at the pictures", done=0, rows=0), gr.skip(), gr.skip()
            source, name = self._source(images, form)
            found = survey(source, options)
            if found.ready:
                path = prepare(found, images.folder / READY)
                images.ready = Ready(path, found.size, len(found.pictures), name)
                self.room.has_put_in(images)
            given = form.name not in ("", images.suggested)
            images.suggested = suggested_name(name)
            yield status_text(_summary(found)), survey_html(found), gr.skip() if given else images.suggested
        except (PixelArtError, OSError, RuntimeError) as error:  # RuntimeError: a home folder that there is not
            yield _refused(images, error)

    def _source(self, images: Images, form: ImagesForm) -> tuple[Path, str]:
        if form.source == DATASET:
            if not isinstance(form.dataset, str) or not form.dataset.strip():
                raise RequestRejected("Name a dataset, such as owner/name.")
            target = images.folder / "dataset"
            shutil.rmtree(target, ignore_errors=True)
            return fetch_dataset(form.dataset.strip(), target), form.dataset.strip()
        if form.source == FOLDER and self.local:
            if not isinstance(form.folder, str) or not form.folder.strip():
                raise RequestRejected("Name a folder.")
            folder = Path(form.folder.strip()).expanduser()
            return folder, folder.name
        if not images.upload:
            raise RequestRejected(NOTHING_YET)
        return images.folder / UPLOAD, images.upload

    def _size(self, form: ImagesForm) -> tuple[int, int] | None:
        """(height, width) wanted; None = the most frequent one."""
        if form.size != AS_MODEL:
            side = whole(form.size, "Size", 1, 1024)
            return side, side
        base = base_of(form.base) if form.base else None  # none is chosen yet when the page is slow to load
        if base is None:
            return None
        info = self.engine.info(base)
        return info.height, info.width


def options_from(form: ImagesForm, size: tuple[int, int] | None) -> Options:
    """Raises RequestRejected, with the limits, for a value that cannot be used."""
    width, height = (
        whole(value, name, 0, MAX_TILE)
        for value, name in ((form.tile_width, "Tile width"), (form.tile_height, "Tile height"))
    )
    margin, spacing = whole(form.margin, "Margin", 0, MAX_TILE), whole(form.spacing, "Spacing", 0, MAX_TILE)
    slicing = Slicing(height or width, width or height, margin, spacing) if width or height else None
    return Options(
        to_true_grid=form.enlarged is True,
        slicing=slicing,
        size=size,
        fit="nearest" if form.resize is True else "refuse",
    )


def suggested_name(source: str) -> str:
    """What a model of these pictures may be called: "my sprites.zip" is my-sprites."""
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(source).stem).strip("-")[:64]


def _refused(images: Images, error: Exception) -> Shown:
    images.ready = None
    return status_text(plain(error).replace(f"{images.folder}/", "")), "", gr.skip()


def _summary(found: Survey) -> str:
    height, width = found.size
    if not found.ready:
        return "These cannot be trained on yet; the list says why."
    pictures, classes = counted(len(found.pictures), "picture"), counted(len(found.classes), "class", "classes")
    return f"{pictures} of {width} x {height} in {classes}. Ready to train."
