"""Pictures of a folder or a .zip, sub-folder = class (the ImageFolder convention), as integers to learn from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pixelart.codec import Picture, normalise
from pixelart.errors import DataRejected, PixelArtError
from pixelart.images import SUFFIXES, resize_nearest
from pixelart.settings import SETTINGS
from pixelart.training.classes import CLASS_RULE, class_names
from pixelart.training.sources import Frames, Reading, read_members

Fit = Literal["refuse", "nearest"]
NO_PICTURE = f"holds no picture ({', '.join(SUFFIXES)})"


@dataclass(frozen=True)
class PictureSet:
    """N pictures of one size: uint8 (N, H, W, 4), the class name and the content hash of each, in order of name."""

    pictures: Picture
    class_names: tuple[str, ...]
    hashes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def classes(self) -> tuple[str, ...]:
        """The distinct class names, sorted."""
        return tuple(sorted(set(self.class_names)))

    def select(self, keep: NDArray[np.bool_]) -> PictureSet:
        """The pictures where `keep` (N,) is True."""
        chosen = np.flatnonzero(keep)
        names, hashes = np.array(self.class_names), np.array(self.hashes)
        return PictureSet(self.pictures[chosen], tuple(names[chosen].tolist()), tuple(hashes[chosen].tolist()))

    def fingerprint(self) -> str:
        """SHA-256 over the content and class of every picture."""
        lines = "\n".join(f"{h} {c}" for h, c in zip(self.hashes, self.class_names, strict=True))
        return hashlib.sha256(lines.encode()).hexdigest()


def picture_hash(picture: Picture) -> str:
    """16 hexadecimal digits of the SHA-256 of what is seen: size, and pixels with thresholded alpha."""
    shape = "x".join(map(str, picture.shape[:2])).encode()
    return hashlib.sha256(shape + normalise(picture).tobytes()).hexdigest()[:16]


def is_validation(content_hash: str, *, share: float) -> bool:
    """Whether the picture belongs to the validation part: by content, so a copy never sits on both sides."""
    return int(content_hash[:8], 16) / 2**32 < share


def read_pictures(
    source: Path | str,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = "refuse",
    frames: Frames = "first",
    class_rule: int = CLASS_RULE,
) -> PictureSet:
    """All pictures of a folder or a .zip.

    Args:
        size: (height, width) wanted; the most frequent one when None.
        fit: what to do with a picture of another size: refuse the set, or resize by nearest neighbour.
        frames: which ones of an animation are pictures.
        class_rule: see `pixelart.training.classes`.

    Raises:
        DataRejected: nothing there, too much, an unsafe archive, or a picture of another size.
        ImageRejected: a file that bears a picture's suffix and is none.
    """
    source = Path(source)
    places, names, found = list[PurePath](), list[str](), list[Picture]()
    for member in read_members(source, Reading(frames=frames)):
        if isinstance(member.found, PixelArtError):
            raise member.found
        if member.found is not None:
            places.append(member.place)
            names.append(member.name)
            found.append(member.found)
    if not found:
        raise DataRejected(f"{source.name}: {NO_PICTURE}")
    classes = class_names(places, rule=class_rule)
    check_classes(len(set(classes)), source.name)
    size = size or most_frequent_size(found)
    check_fits(len(found), size, fit)
    pictures = [fitted(picture, name, size, fit) for name, picture in zip(names, found, strict=True)]
    return PictureSet(np.stack(pictures), classes, tuple(picture_hash(picture) for picture in pictures))


def most_frequent_size(pictures: Sequence[Picture]) -> tuple[int, int]:
    """(height, width) of most of the pictures; of the first of them where it is a tie."""
    return Counter(picture.shape[:2] for picture in pictures).most_common(1)[0][0]


def check_classes(count: int, name: str) -> None:
    """Raises DataRejected when the set or model called `name` has more classes than a network is made for."""
    if count > SETTINGS.max_classes:
        raise DataRejected(f"{name}: {count} classes; the limit is {SETTINGS.max_classes}")


def check_fits(count: int, size: tuple[int, int], fit: Fit) -> None:
    """Raises DataRejected when `count` pictures enlarged to `size`, (height, width), are more than is held at once."""
    if fit == "nearest" and count * size[0] * size[1] * 4 > SETTINGS.max_decoded_bytes:
        limit = SETTINGS.max_decoded_bytes >> 20
        raise DataRejected(f"{count} pictures of {size[1]} x {size[0]} pixels take more than {limit} MiB, the limit")


def fitted(picture: Picture, name: str, size: tuple[int, int], fit: Fit) -> Picture:
    """The picture (h, w, 4) in `size`, (height, width); `name` is used in errors.

    Raises:
        DataRejected: it is of another size, and `fit` is "refuse".
    """
    if picture.shape[:2] == size:
        return picture
    if fit == "nearest":
        return resize_nearest(picture, *size)
    (h, w), (height, width) = picture.shape[:2], size
    raise DataRejected(f"{name}: {w} x {h} pixels; needed are {width} x {height} (--fit nearest resizes)")
