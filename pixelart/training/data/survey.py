"""Checks a folder or a .zip before training: bad files are reported, the others are used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np

from pixelart.errors import DataRejected, Hint, PixelArtError, RequestRejected
from pixelart.images.codec import ALPHA_THRESHOLD, Picture
from pixelart.images.sprite_sheets import Slicing, common_factor, is_empty, reduce, true_grid
from pixelart.progress import Cancel, OnProgress, ignore_progress, never, until_cancelled
from pixelart.settings import SETTINGS
from pixelart.training.data.archives import Frames, Reading, read_members, shown
from pixelart.training.data.classes import NO_FOLDER, SPLITS, folder_names
from pixelart.training.data.picture_store import Pictures, Store
from pixelart.training.data.pictures import (
    NO_PICTURE,
    Fit,
    PictureSet,
    check_fits,
    check_labels,
    check_sides,
    colour_keys,
    fitted,
    most_frequent_size,
    picture_hash,
)
from pixelart.training.data.report import ClassRow, Problem, Sizes, Survey

MIN_PICTURES = 8


@dataclass(frozen=True)
class Options:
    """What is done to the pictures of a source, in this order.

    Attributes:
        to_true_grid: reduce enlarged pictures to their true grid, if most pictures of their size have the same factor.
        slicing: cut each picture into tiles; empty tiles are left out.
        size: (height, width) of the set; the most frequent one if None.
        fit: what to do with a picture of another size: leave it out ("refuse"), or resize by nearest neighbour; not
            "keep", because the set has one size.
        keep_copies: keep pictures that look the same as an earlier one.
        frames: which frames of an animation are read.
        with_looks, with_kinds: see `read_pictures`.
    """

    to_true_grid: bool = False
    slicing: Slicing | None = None
    size: tuple[int, int] | None = None
    fit: Fit = "refuse"
    keep_copies: bool = False
    frames: Frames = "first"
    with_looks: bool = False
    with_kinds: bool = False

    def check(self) -> None:
        """Raises RequestRejected if a value is outside its limits."""
        if self.fit == "keep":
            raise RequestRejected("fit keep: a checked set has one size; only train and evaluate keep several")
        if self.slicing:
            self.slicing.check()
        check_sides(self.size or ())


@dataclass(frozen=True)
class _ReadPicture:
    """A picture or a tile that was read: its place, its name in messages, and its number in a store."""

    place: PurePath
    name: str
    store: Store
    number: int

    @property
    def picture(self) -> Picture:
        """(H, W, 4), read on access."""
        return self.store.get(self.number)

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 4)"""
        return self.store.shape(self.number)

    def becomes(self, picture: Picture, *, name: str = "") -> _ReadPicture:
        """A copy with another picture."""
        return _ReadPicture(self.place, name or self.name, self.store, self.store.add(picture))


_Notes = defaultdict[tuple[str, Hint | None], list[str]]
"""Note -> names of the files it is about."""


def survey(
    source: Path | str,
    options: Options | None = None,
    *,
    cancel: Cancel = never,
    on_progress: OnProgress = ignore_progress,
) -> Survey:
    """Check a folder or a .zip. Bad files are listed among the problems; the others are used.

    Args:
        cancel: called for every file, and again in each later pass over the pictures.
        on_progress: gets the numbers of files read and of all files.

    Raises:
        RequestRejected: an option outside its limits.
        DataRejected: the source as a whole: not a folder or .zip, a damaged archive, or over the limits.
        Cancelled: `cancel` returned True.
    """
    source, options, notes = Path(source), options or Options(), _Notes(list)
    options.check()
    store = Store()
    found = list(_readable(source, store, options, notes, cancel, on_progress))
    found = _on_true_grid(found, options, notes, cancel)
    if options.slicing:
        found = _sliced(found, options.slicing, source, notes, cancel)
    found = [one for one in until_cancelled(found, cancel) if _is_usable(one, notes)]
    size = options.size or (most_frequent_size([one.shape for one in found]) if found else (1, 1))
    places = [one.place for one in found]
    named = folder_names(places, with_looks=options.with_looks, with_kinds=options.with_kinds)
    check_labels(named.labels, source.name)
    names = named.classes
    check_fits(len(found), size, options.fit)
    empty = ("",) * len(found)
    every = zip(names, named.looks or empty, named.kinds or empty, found, strict=True)
    by_class = sorted(every, key=lambda one: one[:3])
    pictures = _good(until_cancelled(by_class, cancel), store, size, options, notes)
    left = {*pictures.classes}
    if {name.lower() for name in left} <= SPLITS:  # only splits are left, and they are not classes
        names = tuple(NO_FOLDER if name in left else name for name in names)
        pictures = replace(pictures, class_names=(NO_FOLDER,) * len(pictures))
    notes |= _strays(found, names)
    sizes: defaultdict[str, Sizes] = defaultdict(Counter)
    for one, name in zip(found, names, strict=True):
        sizes[name][one.shape[1], one.shape[0]] += 1
    colours, all_colours = _count_colours(pictures, cancel)
    good = Counter(pictures.class_names)
    rows = tuple(ClassRow(name, good[name], sizes[name], colours[name]) for name in sorted(sizes))
    noted = [Problem(what, tuple(places), hint=hint) for (what, hint), places in notes.items()]
    problems = (*_blocking(pictures), *noted, *_few(rows))
    return Survey(source.name, pictures, rows, problems, all_colours)


def _readable(
    source: Path, store: Store, options: Options, notes: _Notes, cancel: Cancel, on_progress: OnProgress
) -> Iterator[_ReadPicture]:
    reading = Reading(
        max_pixels=SETTINGS.max_sheet_pixels if options.slicing or options.to_true_grid else None,
        frames=options.frames,
        cancel=cancel,
        on_progress=on_progress,
        on_own=lambda folder: notes["skipped, the folder of a run or checkpoint", None].append(shown(folder)),
        on_hidden=lambda folder: notes["skipped, a hidden folder", None].append(shown(folder)),
    )
    for member in read_members(source, reading):
        if member.found is None:
            notes["skipped, not a picture file", None].append(member.name)
        elif isinstance(member.found, PixelArtError):
            notes[f"left out, {_reason(member.found, shown(member.place))}", member.found.hint].append(member.name)
        else:
            if member.frame == 1 and options.frames == "first":
                notes["an animation; only its first frame is used", Hint.ALL_FRAMES].append(member.name)
            yield _ReadPicture(member.place, member.name, store, store.add(member.found))


def _strays(found: Sequence[_ReadPicture], names: Sequence[str]) -> dict[tuple[str, Hint | None], list[str]]:
    """A note on pictures outside the folders of classes, if there are such folders."""
    beside = [
        one.name
        for one, name in zip(found, names, strict=True)
        if name == NO_FOLDER and NO_FOLDER not in one.place.parts[:-1]
    ]
    if not beside or len(set(names)) == 1:
        return {}
    return {(f"outside the class folders; its class is {NO_FOLDER}", None): beside}


def _reason(error: PixelArtError, name: str) -> str:
    return str(error).removeprefix(f"{name}: ")


def _on_true_grid(found: Sequence[_ReadPicture], options: Options, notes: _Notes, cancel: Cancel) -> list[_ReadPicture]:
    """Reduce enlarged pictures. Pictures of one size share a factor, since artists enlarge them together."""
    by_size: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, one in enumerate(found):
        by_size[one.shape].append(i)
    result = list(found)
    for (height, width, _), members in by_size.items():
        grids = [true_grid(found[i].picture) for i in until_cancelled(members, cancel)]
        factor = common_factor(grids)
        note = f"{width} x {height} pixels, a smaller picture enlarged {factor} times"
        note += ", reduced to its true grid" if options.to_true_grid else ""
        hint = None if options.to_true_grid else Hint.TRUE_GRID
        for i, grid in zip(members, grids, strict=True):
            if factor > 1 and grid.fits(factor):
                notes[note, hint].append(found[i].name)
                if options.to_true_grid:
                    result[i] = found[i].becomes(reduce(found[i].picture, grid, factor))
    return result


def _sliced(
    found: Sequence[_ReadPicture], slicing: Slicing, source: Path, notes: _Notes, cancel: Cancel
) -> list[_ReadPicture]:
    count = sum(int(np.prod(slicing.count(one.shape))) for one in found)
    if count > SETTINGS.max_pictures:
        raise DataRejected(f"{source.name}: {count} tiles; the limit is {SETTINGS.max_pictures}")
    tiles = list[_ReadPicture]()
    for sheet in until_cancelled(found, cancel):
        picture = sheet.picture
        if not np.prod(slicing.count(sheet.shape)):
            notes[f"left out, smaller than a tile of {slicing.width} x {slicing.height}", None].append(sheet.name)
        elif slicing.leaves_out(picture):
            notes["pixels right of or below the last whole tile are left out", None].append(sheet.name)
        for row, column, tile in slicing.tiles(picture):
            tiles.append(sheet.becomes(tile, name=f"{sheet.name} tile {row},{column}"))
    return tiles


def _is_usable(one: _ReadPicture, notes: _Notes) -> bool:
    height, width, _ = one.shape
    if max(height, width) > SETTINGS.max_side:
        notes[f"left out, {width} x {height} pixels; the limit is {SETTINGS.max_side} a side", None].append(one.name)
        return False
    if is_empty(one.picture):
        notes["left out, wholly transparent", None].append(one.name)
        return False
    return True


def _good(
    found: Iterable[tuple[str, str, str, _ReadPicture]],
    store: Store,
    size: tuple[int, int],
    options: Options,
    notes: _Notes,
) -> PictureSet:
    numbers, names, hashes, first = list[int](), list[str](), list[str](), dict[str, str]()
    inner = list[tuple[str, str]]()
    for class_name, look, kind, one in found:
        try:
            original = one.picture
            picture = fitted(original, one.name, size, options.fit)
        except DataRejected as error:
            notes[f"left out, {_reason(error, one.name)}", error.hint].append(one.name)
            continue
        content = picture_hash(picture)
        if content in first:
            left_out = "" if options.keep_copies else "left out, "
            notes[f"{left_out}the same as another picture", None].append(f"{one.name} (as {first[content]})")
            if not options.keep_copies:
                continue
        if picture is not original:
            notes[f"resized to {size[1]} x {size[0]} pixels", None].append(one.name)
        if np.any((picture[..., 3] > 0) & (picture[..., 3] < 255)):
            notes[f"partial alpha: pixels with alpha below {ALPHA_THRESHOLD} become transparent", None].append(one.name)
        first.setdefault(content, one.name)
        numbers.append(one.number if picture is original else store.add(picture))
        names.append(class_name)
        inner.append((look, kind))
        hashes.append(content)
    looks = tuple(look for look, _ in inner) if options.with_looks else ()
    kinds = tuple(kind for _, kind in inner) if options.with_kinds else ()
    pictures = Pictures(store, numbers, size)
    return PictureSet(pictures, tuple(names), tuple(hashes), look_names=looks, kind_names=kinds)


def _blocking(pictures: PictureSet) -> Iterator[Problem]:
    if not len(pictures):
        yield Problem(f"{NO_PICTURE} to train on", (), blocks=True)
    elif len(pictures) < MIN_PICTURES:
        count = "1 picture" if len(pictures) == 1 else f"{len(pictures)} pictures"
        yield Problem(f"{count}; at least {MIN_PICTURES} are needed", (), blocks=True)


def _few(rows: Sequence[ClassRow]) -> Iterator[Problem]:
    few = tuple(row.name for row in rows if row.pictures < MIN_PICTURES)
    if few:
        yield Problem(f"fewer than {MIN_PICTURES} good pictures of the class", few)


def _count_colours(pictures: PictureSet, cancel: Cancel) -> tuple[Counter[str], int]:
    """The number of RGB colours in each class, and in all, of pictures sorted by class."""
    numbers = {name: number for number, name in enumerate(pictures.classes, 1)}
    last, counts = np.zeros(1 << 24, np.uint16), Counter[str]()  # last class of each colour
    pairs = zip(pictures.pictures, pictures.class_names, strict=True)
    for picture, name in until_cancelled(pairs, cancel):
        seen = np.unique(colour_keys(picture))
        new = seen[last[seen] != numbers[name]]
        last[new] = numbers[name]
        counts[name] += len(new)
    return counts, int(np.count_nonzero(last))
