"""A set of pictures as it was found, told to an artist; and its good pictures in one new .zip to train from."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelart.errors import DataRejected
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet, encode_rgba_png
from pixelart.progress import Cancel, OnProgress, never, until_cancelled, untold
from pixelart.settings import SETTINGS
from pixelart.storage import new_file
from pixelart.training.data.pictures import PictureSet

SHEET_COLUMNS, SHEET_ROWS = 16, 8
Sizes = Counter[tuple[int, int]]
"""(width, height) -> how many pictures."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ClassRow:
    """A class: how many of its pictures are good, the sizes of all that could be read, and how many colours the good
    ones have."""

    name: str
    pictures: int
    sizes: Sizes
    colours: int


@dataclass(frozen=True)
class Problem:
    """Something an artist should know: what, of which files or classes, and whether nothing can be trained on so."""

    what: str
    places: tuple[str, ...]
    blocks: bool = False

    def __str__(self) -> str:
        """One line; of many places the first few."""
        named, more = ", ".join(self.places[:3]), len(self.places) - 3
        return self.what + (f": {named}" if named else "") + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Survey:
    """What a source holds. `pictures` are the good ones: class by class, in each in order of name."""

    name: str
    pictures: PictureSet
    classes: tuple[ClassRow, ...]
    problems: tuple[Problem, ...]
    colours: int

    @property
    def ready(self) -> bool:
        """Whether the pictures can be trained on."""
        return not any(problem.blocks for problem in self.problems)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the good pictures."""
        return self.pictures.size

    def contact_sheet(self) -> Picture:
        """Some of the good pictures (H, W, 4), as many of each class as its share, at most `Settings.max_side` a side
        where one of them is; a clear pixel when there is none."""
        if not len(self.pictures):
            return np.zeros((1, 1, 4), np.uint8)
        height, width = self.size
        columns = min(SHEET_COLUMNS, max(1, SETTINGS.max_side // (width + 1)))
        rows = min(SHEET_ROWS, max(1, SETTINGS.max_side // (height + 1)))
        some = np.linspace(0, len(self.pictures) - 1, min(len(self.pictures), rows * columns)).round().astype(int)
        return contact_sheet(self.pictures.pictures[some], columns=min(columns, len(some)))


def prepare(found: Survey, target: Path, *, cancel: Cancel = never, on_progress: OnProgress = untold) -> Path:
    """Write the good pictures, exactly, as class/00000.png, class/00001.png, ... of the .zip `target`, whole or not at
    all. `read_pictures(target)` gives `found.pictures`, and the same pictures give the same bytes. `cancel` is asked
    before each picture, `on_progress` is told after it.

    Raises:
        Cancelled: `cancel` returned True.
        DataRejected: they cannot be trained on, or are more than an archive may hold.
    """
    for problem in found.problems:
        if problem.blocks:
            raise DataRejected(f"{found.name}: {problem}")
    numbers, size = Counter[str](), 0
    with new_file(target) as file, zipfile.ZipFile(file, "w") as archive:
        pairs = zip(found.pictures.pictures, found.pictures.class_names, strict=True)
        for number, (picture, name) in enumerate(until_cancelled(pairs, cancel), 1):
            data = encode_rgba_png(picture)
            size += len(data)
            if size > SETTINGS.max_archive_bytes:
                raise DataRejected(f"{found.name}: its pictures take more than {SETTINGS.max_archive_bytes >> 20} MiB")
            archive.writestr(zipfile.ZipInfo(f"{name}/{numbers[name]:05}.png", _EPOCH), data)
            numbers[name] += 1
            on_progress(number, len(found.pictures))
    return target
