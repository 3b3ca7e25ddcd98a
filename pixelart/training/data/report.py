"""The report on a surveyed set of pictures, and its good pictures written as a new .zip to train from."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelart.errors import DataRejected, Hint, Words, with_hint
from pixelart.images.codec import Picture
from pixelart.images.io import contact_sheet, encode_rgba_png
from pixelart.progress import Cancel, OnProgress, ignore_progress, never, until_cancelled
from pixelart.settings import SETTINGS
from pixelart.storage import new_file
from pixelart.training.data.pictures import PictureSet

SHEET_COLUMNS, SHEET_ROWS = 16, 8
Sizes = Counter[tuple[int, int]]
"""(width, height) -> how many pictures."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ClassRow:
    """A class: its number of good pictures, the sizes of all readable ones, and the colours of the good ones."""

    name: str
    pictures: int
    sizes: Sizes
    colours: int


@dataclass(frozen=True)
class Problem:
    """A problem in a set: what it is, which files or classes, whether it blocks training, and what the user can do."""

    what: str
    places: tuple[str, ...]
    blocks: bool = False
    hint: Hint | None = None

    def __str__(self) -> str:
        """One line, with the first few places."""
        return self.line({})

    def line(self, words: Words) -> str:
        """One line, with the hint in the words of a front end and the first few places."""
        named, more = ", ".join(self.places[:3]), len(self.places) - 3
        places = (f": {named}" if named else "") + (f" and {more} more" if more > 0 else "")
        return with_hint(self.what, self.hint, words) + places


@dataclass(frozen=True)
class Survey:
    """The content of a source. `pictures` are the good ones, sorted by class, then by name."""

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
        """Some of the good pictures (H, W, 4), in proportion to the classes; one clear pixel if there are none.

        At most `Settings.max_side` a side, unless a single picture is larger.
        """
        if not len(self.pictures):
            return np.zeros((1, 1, 4), np.uint8)
        height, width = self.size
        columns = min(SHEET_COLUMNS, max(1, SETTINGS.max_side // (width + 1)))
        rows = min(SHEET_ROWS, max(1, SETTINGS.max_side // (height + 1)))
        some = np.linspace(0, len(self.pictures) - 1, min(len(self.pictures), rows * columns)).round().astype(int)
        return contact_sheet(self.pictures.pictures[some], columns=min(columns, len(some)))


def prepare(found: Survey, target: Path, *, cancel: Cancel = never, on_progress: OnProgress = ignore_progress) -> Path:
    """Write the good pictures unchanged as class/00000.png, ... into the .zip `target`, atomically; those with a look
    or a kind into such a folder inside that of the class.

    `read_pictures(target)` returns `found.pictures` (`with_looks` if they have looks, `with_kinds` if they have kinds),
    and the same pictures give the same bytes. `cancel` is called before each picture, `on_progress` after it.

    Raises:
        Cancelled: `cancel` returned True.
        DataRejected: the set cannot be trained on, or is too large for an archive.
    """
    for problem in found.problems:
        if problem.blocks:
            raise DataRejected(f"{found.name}: {problem}", hint=problem.hint)
    numbers, size = Counter[str](), 0
    with new_file(target) as file, zipfile.ZipFile(file, "w") as archive:
        pictures = found.pictures
        pairs = zip(pictures.pictures, pictures.folders(), strict=True)
        for number, (picture, name) in enumerate(until_cancelled(pairs, cancel), 1):
            data = encode_rgba_png(picture)
            size += len(data)
            if size > SETTINGS.max_archive_bytes:
                raise DataRejected(f"{found.name}: its pictures take more than {SETTINGS.max_archive_bytes >> 20} MiB")
            archive.writestr(zipfile.ZipInfo(f"{name}/{numbers[name]:05}.png", _EPOCH), data)
            numbers[name] += 1
            on_progress(number, len(found.pictures))
    return target
