"""The class, the look and the kind of a picture from its folders (the ImageFolder convention)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from pixelart.images.class_names import NO_KIND, NO_LOOK, Labels, plain_class

NO_FOLDER = "pictures"
SPLITS = {"train", "training", "validation", "valid", "val", "dev", "test", "testing"}
"""Folder names of dataset splits; they are not classes if all first folders are splits."""
CLASS_RULE = 2
"""The naming rule: 2 is `folder_names`; 1 is `_first_folders`, of older runs."""


class FolderNames(NamedTuple):
    """The class of each picture, and its look and its kind, "" without one; empty if they were not read."""

    classes: tuple[str, ...]
    looks: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def labels(self) -> Labels:
        """The distinct classes, looks and kinds, each sorted."""
        kinds = {(name, kind) for name, kind in zip(self.classes, self.kinds, strict=False) if kind != NO_KIND}
        looks = sorted({*self.looks} - {NO_LOOK})
        return Labels(tuple(sorted({*self.classes})), tuple(looks), tuple(sorted(kinds)))


def folder_names(
    places: Sequence[PurePath], *, rule: int = CLASS_RULE, with_looks: bool = False, with_kinds: bool = False
) -> FolderNames:
    """The names of each picture: its class is its first folder, after wrapping folders and SPLITS are removed; the
    folder inside is its look, and the next one its kind, if they are read.

    Pictures beside the folders of classes get NO_FOLDER. `rule`: see CLASS_RULE. With looks or kinds, a single class
    with several of them is not taken for a wrapping folder.
    """
    folders = [place.parts[:-1] for place in places]
    inside = 1 + with_looks + with_kinds
    parts = _unwrapped(folders, inside=inside if inside > 1 else 0)
    classes = _first_folders(folders) if rule == 1 else _at(parts, 0, NO_FOLDER)
    looks = _at(parts, 1, NO_LOOK) if with_looks else ()
    return FolderNames(classes, looks, _at(parts, inside - 1, NO_KIND) if with_kinds else ())


def _at(folders: Sequence[tuple[str, ...]], depth: int, missing: str) -> tuple[str, ...]:
    return tuple(plain_class(parts[depth]) if len(parts) > depth else missing for parts in folders)


def _unwrapped(folders: Sequence[tuple[str, ...]], *, inside: int) -> Sequence[tuple[str, ...]]:
    """The folders from that of the class on. `inside`: how many of the last ones name labels of a picture."""
    while _is_wrapped(folders) and max(map(len, folders)) > inside:
        folders = [parts[1:] for parts in folders]
    return folders


def _is_wrapped(folders: Sequence[tuple[str, ...]]) -> bool:
    """Whether the first folders are not classes: all are SPLITS, or there is one that holds the folders of classes.

    A single folder inside it is a class if it holds more pictures than lie beside it; otherwise a part of the class.
    """
    there = [parts for parts in folders if parts]
    first, inner = {parts[0] for parts in there}, [parts[1] for parts in there if len(parts) > 1]
    if first and {name.lower() for name in first} <= SPLITS:
        return True
    return len(first) == 1 and (len(set(inner)) > 1 or 2 * len(inner) > len(there))


def _first_folders(folders: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    while folders and all(len(parts) > 1 for parts in folders):
        first = {parts[0] for parts in folders}
        if len(first) > 1 and not first <= SPLITS:
            break
        folders = [parts[1:] for parts in folders]
    return tuple(parts[0] if parts else NO_FOLDER for parts in folders)
