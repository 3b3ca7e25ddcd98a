"""Check the values of step 1, Images, and turn them into options of a survey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pixelart.controls import whole
from pixelart.engine import Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.sprite_sheets import Slicing
from pixelart.training.data.survey import Options
from pixelart.ui.train.form import base_of
from pixelart.ui.train.uploads import DatasetSpec, PreparedDataset

ZIP, DATASET, FOLDER = "ZIP", "Hugging Face", "Folder"
AS_MODEL = "As the base model"
PICTURE_SIDES = (8, 16, 24, 32, 48, 64)
MAX_TILE = 256


@dataclass(frozen=True)
class ImagesForm:
    """The raw values, by the names of the page's inputs; a page may post anything in them."""

    source: Any
    dataset: Any
    folder: Any
    size: Any
    resize: Any
    enlarged: Any
    frames: Any
    tile_width: Any
    tile_height: Any
    margin: Any
    spacing: Any
    base: Any
    name: Any


def spec_from(form: ImagesForm, engine: Engine) -> DatasetSpec:
    """The dataset that step 1 describes. Raises RequestRejected, with the limits, for an unusable value."""
    options = options_from(form, _size(form, engine))
    if form.source in (DATASET, FOLDER):
        place = form.dataset if form.source == DATASET else form.folder
        if not isinstance(place, str) or not place.strip():
            example = "Name a dataset, such as owner/name." if form.source == DATASET else "Name a folder."
            raise RequestRejected(example)
        return DatasetSpec(form.source, place.strip(), options)
    return DatasetSpec(ZIP, "", options)


def matches_form(ready: PreparedDataset, engine: Engine, form: ImagesForm) -> bool:
    """Whether the prepared pictures still match the values of step 1."""
    try:
        return spec_from(form, engine) == ready.spec
    except PixelArtError:
        return False


def _size(form: ImagesForm, engine: Engine) -> tuple[int, int] | None:
    """The wanted (height, width); None = the most frequent one."""
    if form.size != AS_MODEL:
        side = whole(form.size, "Size", 1, 1024)
        return side, side
    base = base_of(form.base) if form.base else None  # None while a slow page is loading
    if base is None:
        return None
    info = engine.info(base)
    return info.height, info.width


def options_from(form: ImagesForm, size: tuple[int, int] | None) -> Options:
    """The options of the survey. Raises RequestRejected, with the limits, for an unusable value."""
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
        frames="all" if form.frames is True else "first",
    )
