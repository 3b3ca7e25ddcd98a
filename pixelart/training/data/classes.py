"""The class and the look of a picture from its folders (the ImageFolder convention)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from pixelart.images.class_names import NO_LOOK, plain_class

NO_FOLDER = "pictures"
SPLITS = {"train", "training", "validation", "valid", "val", "dev", "test", "testing"}
"""Folder names of dataset splits; they are not classes if all first folders are splits."""
CLASS_RULE = 2
"""The naming rule: 2 is `class_names`; 1 is `_first_folders`, of older runs."""


def class_names(places: Sequence[PurePath], *, rule: int = CLASS_RULE, with_looks: bool = False) -> tuple[str, ...]:
    """The class of each picture: its first folder, after wrapping folders and SPLITS are removed.

    Pictures beside such folders get NO_FOLDER. `rule`: see CLASS_RULE. `with_looks`: the last folders are looks, so a
    single class with several looks is not taken for a wrapping folder.
    """
    folders = [place.parts[:-1] for place in places]
    if rule == 1:
        return _first_folders(folders)
    return tuple(plain_class(parts[0]) if parts else NO_FOLDER for parts in _unwrapped(folders, with_looks))


def look_names(places: Sequence[PurePath]) -> tuple[str, ...]:
    """The look of each picture: the folder inside that of its class, "" without one."""
    folders = _unwrapped([place.parts[:-1] for place in places], with_looks=True)
    return tuple(plain_class(parts[1]) if len(parts) > 1 else NO_LOOK for parts in folders)


def _unwrapped(folders: Sequence[tuple[str, ...]], with_looks: bool) -> Sequence[tuple[str, ...]]:
    """The folders from that of the class on."""
    inside = 2 if with_looks else 0
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
