"""The file of example palettes of a checkpoint: those of training pictures, with their class, size, look and kind."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK, plain_class
from pixelart.images.codec import parse_hex_colours

_T = TypeVar("_T")
CLASS_PALETTES_FILE = "palettes.json"
"""A checkpoint's file of example palettes per class, if its palette is an input."""
MAX_BYTES = 4 << 20
_SIZE = re.compile("([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")
"""Width and height before the colours of a palette in the file."""


class ExamplePalette(NamedTuple):
    """The colours uint8 (n, 3) of a training picture, its height and width, which older files do not tell, its look
    and its kind."""

    colours: NDArray[np.uint8]
    size: tuple[int, int] | None = None
    look: str = NO_LOOK
    kind: str = NO_KIND


PalettesOfClasses = Mapping[str, Sequence[ExamplePalette]]


def read_class_palettes(folder: Path, classes: Sequence[str]) -> PalettesOfClasses:
    """The palettes of a checkpoint, by class; empty without the file.

    Raises:
        WeightsRejected: the file is damaged.
    """
    path = folder / CLASS_PALETTES_FILE
    if not path.exists():
        return {}
    try:
        values = json.loads(_limited(path))
        found = {name: [_example(one) for one in values.get(name, [])] for name in classes}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError, RequestRejected) as error:
        raise WeightsRejected(f"{folder.name}/{CLASS_PALETTES_FILE}: {error!s:.100}") from error
    return {name: [one for one in some if len(one.colours)] for name, some in found.items()}


def read_usual_sizes(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(class, look) -> the most frequent (height, width) of its pictures in the file of palettes; with the look "", of
    those that stand for any look. Empty if the file is missing or damaged, which `read_class_palettes` refuses."""
    counts = defaultdict[tuple[str, str], Counter[tuple[int, int]]](Counter)
    try:
        values = json.loads(_limited(folder / CLASS_PALETTES_FILE))
        for name, given in values.items():
            parts = [(look, size) for look, _, size, _ in map(_parts, given)]
            any_look = [(NO_LOOK, size) for _, size in of_any_look(parts, lambda part: part[0])]
            for look, size in [*any_look, *(part for part in parts if part[0])]:
                if size:
                    counts[plain_class(name), look][size] += 1
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}
    return {key: some.most_common(1)[0][0] for key, some in counts.items()}


def of_any_look(examples: Sequence[_T], look_of: Callable[[_T], str]) -> Sequence[_T]:
    """Which of the examples of a class stand for it if no look is asked for: those of no look, or if there are none,
    all."""
    return [one for one in examples if not look_of(one)] or examples


def class_palettes_json(palettes: PalettesOfClasses) -> bytes:
    """The file content that `read_class_palettes` reads."""
    texts = {name: [_labelled(one) for one in some] for name, some in palettes.items()}
    return json.dumps(texts, indent=0, ensure_ascii=False).encode()


def _limited(path: Path) -> bytes:
    """The content of a file of palettes. Raises OSError, or ValueError if it has more than MAX_BYTES."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.stat().st_size} bytes; the limit is {MAX_BYTES}")
    return path.read_bytes()


def _example(given: Any) -> ExamplePalette:
    """A palette from its entry in the file."""
    look, kind, size, colours = _parts(given)
    return ExamplePalette(_distinct(colours), size, look, kind)


def _parts(given: Any) -> tuple[str, str, tuple[int, int] | None, list[str]]:
    """Look, kind, size and colours of an entry: a text such as "32x24 000000 ff0000", or a list of the look, perhaps
    the kind, and such a text."""
    look, *kinds, text = (NO_LOOK, given) if isinstance(given, str) else given
    (kind,) = kinds or (NO_KIND,)
    words = text.split()
    size = _SIZE.fullmatch(words[0]) if words else None
    colours = words[1:] if size else words
    return plain_class(look), plain_class(kind), (int(size[2]), int(size[1])) if size else None, colours


def _distinct(texts: Sequence[str]) -> NDArray[np.uint8]:
    """The colours (n, 3) of a palette from a file. Raises RequestRejected if a colour is repeated, in any spelling."""
    colours = parse_hex_colours(list(texts))
    unique, counts = np.unique(colours, axis=0, return_counts=True)
    if len(unique) < len(colours):
        raise RequestRejected(f"a palette holds the colour {bytes(unique[counts.argmax()]).hex()} twice")
    return colours


def _labelled(palette: ExamplePalette) -> str | list[str]:
    names = [palette.look, palette.kind] if palette.kind else [palette.look] if palette.look else []
    return [*names, _text_of(palette)] if names else _text_of(palette)


def _text_of(palette: ExamplePalette) -> str:
    size = [f"{palette.size[1]}x{palette.size[0]}"] if palette.size else []
    return " ".join([*size, *(bytes(colour).hex() for colour in palette.colours.tolist())])
