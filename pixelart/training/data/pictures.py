"""The pictures of a folder or a .zip, sub-folder = class (the ImageFolder convention)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pixelart.checkpoint.format import check_class_name
from pixelart.errors import DataRejected, Hint, PixelArtError, RequestRejected, WeightsRejected
from pixelart.images.class_names import Labels
from pixelart.images.codec import ALPHA_THRESHOLD, Picture, normalise
from pixelart.images.io import SUFFIXES, resize_nearest
from pixelart.progress import OnProgress, ignore_progress
from pixelart.settings import SETTINGS
from pixelart.training.data.archives import Frames, Reading, read_members
from pixelart.training.data.classes import CLASS_RULE, FolderNames, folder_names
from pixelart.training.data.picture_store import Pictures, Store

Fit = Literal["refuse", "nearest", "keep"]
NO_PICTURE = f"holds no picture ({', '.join(SUFFIXES)})"
MANY_COLOURS = 2**20
"""Colours collected from several pictures before their counts are merged."""


@dataclass(frozen=True)
class PictureSet:
    """N pictures of one size: uint8 (N, H, W, 4), read on access; class name and content hash of each, sorted by
    name."""

    pictures: Picture | Pictures
    class_names: tuple[str, ...]
    hashes: tuple[str, ...]
    others: tuple[PictureSet, ...] = ()
    """The pictures of other sizes, if they are kept."""
    look_names: tuple[str, ...] = ()
    """The look of each picture, "" = none; empty if looks were not read."""
    kind_names: tuple[str, ...] = ()
    """The kind of each picture within its class, "" = none; empty if kinds were not read."""

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def sizes(self) -> tuple[PictureSet, ...]:
        """One set per size, this one first."""
        return (replace(self, others=()), *self.others)

    @property
    def classes(self) -> tuple[str, ...]:
        """The distinct class names of all sizes, sorted."""
        return self.labels.classes

    @property
    def looks(self) -> tuple[str, ...]:
        """The distinct looks of all sizes, sorted."""
        return self.labels.looks

    @property
    def labels(self) -> Labels:
        """The distinct classes, looks and kinds of all sizes, each sorted."""
        named = [(one.class_names, one.look_names, one.kind_names) for one in self.sizes]
        return FolderNames(*(tuple(chain.from_iterable(names)) for names in zip(*named, strict=True))).labels

    def select(self, keep: NDArray[np.bool_]) -> PictureSet:
        """The pictures where `keep` (N,) is True."""
        chosen = np.flatnonzero(keep)
        names, hashes, looks, kinds = (
            tuple(texts[i] for i in chosen) if texts else ()
            for texts in (self.class_names, self.hashes, self.look_names, self.kind_names)
        )
        return PictureSet(self.pictures.take(chosen, axis=0), names, hashes, look_names=looks, kind_names=kinds)

    def folders(self) -> tuple[str, ...]:
        """The folder of each picture: class, class/look, class/kind or class/look/kind."""
        inner = zip_longest(self.class_names, self.look_names, self.kind_names, fillvalue="")
        return tuple("/".join(filter(None, names)) for names in inner)

    def without(self, share: float) -> PictureSet:
        """All sizes without a held-out share of pictures, chosen by content."""
        kept = [
            one.select(np.array([not is_validation(h, share=share) for h in one.hashes], np.bool_))
            for one in self.sizes
        ]
        return replace(kept[0], others=tuple(one for one in kept[1:] if len(one))) if share else self

    @property
    def array(self) -> Picture:
        """All pictures at once, (N, H, W, 4); for small sets."""
        return np.asarray(self.pictures)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of each picture."""
        return self.pictures.shape[1], self.pictures.shape[2]

    def colours(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The opaque colours, RGB (N, 3), sorted, and how many pixels have each."""
        keys, counts = np.zeros(0, np.uint32), np.zeros(0, np.int64)
        waiting, size = [(keys, counts)], 0
        for picture in self.pictures:
            waiting.append(np.unique(colour_keys(picture), return_counts=True))
            size += len(waiting[-1][0])
            if size > MANY_COLOURS:
                waiting, size = [_summed(waiting)], 0
        keys, counts = _summed(waiting)
        return np.stack([keys >> 16 & 255, keys >> 8 & 255, keys & 255], axis=1).astype(np.uint8), counts

    def fingerprint(self) -> str:
        """SHA-256 over content and folder of all pictures."""
        lines = "\n".join(
            f"{digest} {folder}" for one in self.sizes for digest, folder in zip(one.hashes, one.folders(), strict=True)
        )
        return hashlib.sha256(lines.encode()).hexdigest()


def colour_keys(picture: Picture) -> NDArray[np.uint32]:
    """The colours of the opaque pixels of `picture` (H, W, 4), each as one number from red, green and blue."""
    red, green, blue = picture[picture[..., 3] >= ALPHA_THRESHOLD][:, :3].T.astype(np.uint32)
    return red << 16 | green << 8 | blue


def _summed(
    parts: Sequence[tuple[NDArray[np.uint32], NDArray[np.int64]]],
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Merge sorted colours and their counts."""
    keys, places = np.unique(np.concatenate([keys for keys, _ in parts]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, places.reshape(-1), np.concatenate([counts for _, counts in parts]))
    return keys, counts


def picture_hash(picture: Picture) -> str:
    """16 hexadecimal digits of a SHA-256 of the visible content: size, and pixels with thresholded alpha."""
    shape = "x".join(map(str, picture.shape[:2])).encode()
    return hashlib.sha256(shape + normalise(picture).tobytes()).hexdigest()[:16]


def is_validation(content_hash: str, *, share: float) -> bool:
    """Whether a picture belongs to the validation part; decided by content, so copies are in the same part."""
    return int(content_hash[:8], 16) / 2**32 < share


def read_pictures(
    source: Path | str,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = "refuse",
    frames: Frames = "first",
    class_rule: int = CLASS_RULE,
    with_looks: bool = False,
    with_kinds: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> PictureSet:
    """All pictures of a folder or a .zip.

    Args:
        size: (height, width) of the set; the most frequent one if None.
        fit: what to do with a picture of another size: refuse the set, resize by nearest neighbour, or keep it in
            `others`.
        frames: which frames of an animation are read.
        class_rule: see `pixelart.training.data.classes`.
        with_looks, with_kinds: whether the folders inside those of classes are the looks of their pictures, and the
            next ones their kinds.
        on_progress: gets the numbers of files read and of all files.

    Raises:
        DataRejected: no pictures, too many, an unsafe archive, or a picture of another size.
        ImageRejected: a file with a picture suffix that is not a picture.
    """
    source = Path(source)
    places, names, store, hashes = list[PurePath](), list[str](), Store(), list[str]()
    for member in read_members(source, Reading(frames=frames, on_progress=on_progress)):
        if isinstance(member.found, PixelArtError):
            raise member.found
        if member.found is not None:
            places.append(member.place)
            names.append(member.name)
            store.add(member.found)
            hashes.append(picture_hash(member.found))
    if not places:
        raise DataRejected(f"{source.name}: {NO_PICTURE}")
    named = folder_names(places, rule=class_rule, with_looks=with_looks, with_kinds=with_kinds)
    if with_looks and not any(named.looks):
        raise DataRejected(f"{source.name}: no looks; they are the folders inside those of the classes")
    if with_kinds and not any(named.kinds):
        outer = "looks" if with_looks else "classes"
        raise DataRejected(f"{source.name}: no kinds; they are the folders inside those of the {outer}")
    check_labels(named.labels, source.name)
    numbers = list(range(len(places)))
    size = size or most_frequent_size([store.shape(number) for number in numbers])
    check_fits(len(places), size, fit)
    if fit == "keep":
        return _by_size(store, (named.classes, hashes, named.looks, named.kinds), size)
    for number, name in enumerate(names):
        if store.shape(number)[:2] != size:
            picture = fitted(store.get(number), name, size, fit)
            numbers[number], hashes[number] = store.add(picture), picture_hash(picture)
    pictures = Pictures(store, numbers, size)
    return PictureSet(pictures, named.classes, tuple(hashes), look_names=named.looks, kind_names=named.kinds)


def _by_size(store: Store, named: tuple[Sequence[str], ...], size: tuple[int, int]) -> PictureSet:
    """The pictures of a store by size, those of `size` first. `named`: classes, hashes, looks and kinds."""
    shapes = [store.shape(number)[:2] for number in range(len(store))]
    counts = Counter(shapes)

    def of(one: tuple[int, ...]) -> PictureSet:
        numbers = [number for number, shape in enumerate(shapes) if shape == one]
        classes, hashes, looks, kinds = (tuple(texts[n] for n in numbers) if texts else () for texts in named)
        pictures = Pictures(store, numbers, (one[0], one[1]))
        return PictureSet(pictures, classes, hashes, look_names=looks, kind_names=kinds)

    others = sorted((shape for shape in counts if shape != size), key=lambda shape: (-counts[shape], shape))
    return replace(of(size), others=tuple(of(shape) for shape in others))


def most_frequent_size(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """The most frequent (height, width) of shapes (H, W, ...); the first of them in a tie."""
    height, width = Counter(shape[:2] for shape in shapes).most_common(1)[0][0]
    return height, width


def check_labels(labels: Labels, name: str) -> None:
    """Raises DataRejected if the set or model `name` has too many classes, looks or kinds, or one with an invalid
    name."""
    for what, some in (("classes", labels.classes), ("looks", labels.looks), ("kinds", labels.kinds)):
        if len(some) > SETTINGS.max_classes:
            raise DataRejected(f"{name}: {len(some)} {what}; the limit is {SETTINGS.max_classes}")
    try:
        for one in sorted({*labels.classes, *labels.looks, *(kind for _, kind in labels.kinds)}):
            check_class_name(one, name)
    except WeightsRejected as error:
        raise DataRejected(str(error), hint=error.hint) from error


def check_sides(size: Iterable[int]) -> None:
    """Raises RequestRejected if a side of a size is outside its limits."""
    for side in size:
        if not 1 <= side <= SETTINGS.max_side:
            raise RequestRejected(f"size {side}: must be from 1 to {SETTINGS.max_side}")


def check_fits(count: int, size: tuple[int, int], fit: Fit) -> None:
    """Raises DataRejected if `count` pictures resized to `size`, (height, width), exceed the memory limit."""
    if fit == "nearest" and count * size[0] * size[1] * 4 > SETTINGS.max_decoded_bytes:
        limit = SETTINGS.max_decoded_bytes >> 20
        raise DataRejected(f"{count} pictures of {size[1]} x {size[0]} pixels take more than {limit} MiB, the limit")


def fitted(picture: Picture, name: str, size: tuple[int, int], fit: Fit) -> Picture:
    """The picture (h, w, 4) resized to `size`, (height, width); `name` is used in errors.

    Raises:
        DataRejected: it has another size, and `fit` is "refuse".
    """
    if picture.shape[:2] == size:
        return picture
    if fit == "nearest":
        return resize_nearest(picture, *size)
    (h, w), (height, width) = picture.shape[:2], size
    raise DataRejected(f"{name}: {w} x {h} pixels; must be {width} x {height}", hint=Hint.RESIZE)
