"""Which class a picture is of, by the folders that it lies in (the ImageFolder convention)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from pixelart.images.class_names import plain_class

NO_FOLDER = "pictures"
SPLITS = {"train", "training", "validation", "valid", "val", "dev", "test", "testing"}
"""Folders that hold parts of a set, not classes, where there is nothing beside them."""
CLASS_RULE = 2
"""How classes are named: 2, as `class_names` says; 1, as `_first_folders` did in runs that are older."""


def class_names(places: Sequence[PurePath], *, rule: int = CLASS_RULE) -> tuple[str, ...]:
    """The class of each picture: its first folder, once folders that merely wrap all the others, or are SPLITS, are
    taken off. Pictures that lie beside such folders are of NO_FOLDER. `rule`: see CLASS_RULE."""
    folders = [place.parts[:-1] for place in places]
    if rule == 1:
        return _first_folders(folders)
    while _is_wrapped(folders):
        folders = [parts[1:] for parts in folders]
    return tuple(plain_class(parts[0]) if parts else NO_FOLDER for parts in folders)


def _is_wrapped(folders: Sequence[tuple[str, ...]]) -> bool:
    """Whether the first folders are no classes: all of them SPLITS, or one that holds the folders of the classes.

    A lone folder inside it is a class's where it holds more pictures than lie beside it, else a part of the class."""
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
