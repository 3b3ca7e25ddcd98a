"""Find the pictures that a command is given: one file, or all of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from pixelart.errors import DataRejected, ImageRejected
from pixelart.images.class_names import find_class
from pixelart.images.codec import Picture
from pixelart.images.io import SUFFIXES, decode_picture, is_animation, is_cut, read_file
from pixelart.settings import SETTINGS


class FoundPicture(NamedTuple):
    """A picture RGBA (H, W, 4), its name with folders, slashes between, and its class; None = any."""

    name: str
    picture: Picture
    class_name: str | None


def find_pictures(
    path: Path, *, classes: Sequence[str], class_name: str | None = None, exact: bool = False
) -> list[FoundPicture]:
    """The picture `path`, or all pictures of the folder and its sub-folders, by name.

    Their class is `class_name`; without it, the one of `classes` that the first sub-folder is named after, if any.
    `exact` refuses files with more bits than a picture holds.

    Raises:
        DataRejected: no picture, too many, a name that is not UTF-8, or a folder that cannot be read.
        ImageRejected: a file is not a picture within the limits, or an animation.
    """
    if not path.is_dir():
        _check_name(path.name)
        return [FoundPicture(path.name, _read(path, path.name, exact=exact), class_name)]
    found, seen = list[FoundPicture](), 0
    for file in _files(path):
        name = file.relative_to(path).as_posix()
        _check_name(name)
        picture = _read(file, name, exact=exact)
        seen += picture.nbytes
        if len(found) == SETTINGS.max_pictures or seen > SETTINGS.max_decoded_bytes:
            raise DataRejected(f"{path}: holds more than {len(found)} pictures, or too large ones")
        parts = name.split("/")
        found.append(FoundPicture(name, picture, class_name or (find_class(parts[0], classes) if parts[1:] else None)))
    if not found:
        raise DataRejected(f"{path}: holds no picture ({' '.join(SUFFIXES)})")
    return found


def _files(path: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield Path(folder, name)


def _refuse(error: OSError) -> NoReturn:
    """Raises DataRejected for a folder that cannot be read: `os.walk` would leave it out."""
    raise DataRejected(f"{error.filename}: {error.strerror or 'cannot be read'}") from error


def _check_name(name: str) -> None:
    """Refuse a name that no table, listing or terminal could hold. Raises DataRejected."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataRejected(f"{name!r:.80}: the name is not UTF-8; rename the file or folder") from error


def _read(file: Path, name: str, *, exact: bool) -> Picture:
    data = read_file(file, name=name)
    if is_animation(data, name=name):
        raise ImageRejected(f"{name}: is an animation; save its frames as pictures")
    if exact and is_cut(data, name=name):
        raise ImageRejected(f"{name}: has 16 bits per channel; save it with 8")
    return decode_picture(data, name=name)
