"""Encoded pictures: integers of a codec and, if the palette is an input, also in their own palettes.

If the palette is an input, training augments it: a picture uses the shared palette or its own, unused colours are
added, hues are rotated and lightness is stretched, while the indices stay the same. One network learns to draw in any
palette, and small sets overfit later.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product, zip_longest
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pixelart.images.class_names import NO_KIND, NO_LOOK, Labels
from pixelart.images.codec import Codec, EachPalette, Paletted, Picture, visible_colours
from pixelart.images.example_palettes import (
    CLASS_PALETTES_FILE,
    MAX_BYTES,
    ExamplePalette,
    PalettesOfClasses,
    class_palettes_json,
    read_class_palettes,
)
from pixelart.images.palette_choice import ENOUGH
from pixelart.images.palettes import fit_palette, from_oklab
from pixelart.storage import write_file
from pixelart.training.data.picture_store import EncodedSet, Pictures, Store, encode_set
from pixelart.training.data.pictures import PictureSet

PALETTES = 64
"""Palettes kept per class, look and size of pictures, which new pictures choose from."""
SHARED, DISTRACTED = 0.45, 0.4
"""The shares of pictures that use the shared palette, and that get unused colours added."""
ShownBatch = tuple[Tensor, Tensor | None]
"""x int64 (n, C, H, W), and palettes (n, K, 4), or None if the codec has a fixed one."""


@dataclass(frozen=True)
class OwnPalettes:
    """N pictures in their own palettes: indices (N, 1, H, W) and palettes (N, K, 4); `shared`: the codec's palette (K,
    4)."""

    x: EncodedSet
    palettes: Tensor
    shared: Tensor


@dataclass(frozen=True)
class CodedPictures:
    """N encoded pictures of one size: x (N, C, H, W), classes int64 (N,), and `own` if the palette is an input.

    inner: int64 (N, 2), the numbers of their looks and kinds among all labels; -1 = none. None: neither was read.
    """

    x: EncodedSet
    classes: Tensor
    own: OwnPalettes | None = None
    inner: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def select(self, rows: Tensor) -> CodedPictures:
        """The pictures `rows` (n,)."""
        own = self.own and replace(self.own, x=self.own.x.select(rows), palettes=self.own.palettes[rows])
        return CodedPictures(
            self.x.select(rows), self.classes[rows], own, None if self.inner is None else self.inner[rows]
        )

    def labels(self, rows: Tensor | slice, count: int) -> Tensor:
        """float32 (n, count): 1 for the class, the look and the kind of each of the pictures `rows`."""
        labels = F.one_hot(self.classes[rows], count).float()
        if self.inner is not None:
            labels += F.one_hot(self.inner[rows] + 1, count + 1).sum(1)[:, 1:]
        return labels

    @property
    def palettes(self) -> Tensor | None:
        """The codec's palette for each picture, (N, K, 4), if it is an input."""
        return None if self.own is None else self.own.shared.expand(len(self), -1, -1)

    def plain(self, rows: Tensor | slice, *, own: bool = False) -> ShownBatch:
        """The pictures `rows` in the codec's palette, or in their own."""
        if self.own is None:
            return self.x[rows], None
        if own:
            return self.own.x[rows], self.own.palettes[rows]
        x = self.x[rows]
        return x, self.own.shared.expand(len(x), -1, -1)

    def pictures(self, rows: Tensor | slice, codec: Codec) -> Picture:
        """The pictures `rows` as RGBA (n, H, W, 4), in their own colours if `codec` supports that."""
        x, palettes = self.plain(rows, own=True)
        if palettes is None or not isinstance(codec, Paletted):
            return codec.decode(x)
        colours = [from_oklab(one[one[:, 3] > 0, :3].double().numpy()) for one in palettes]
        return EachPalette([codec.with_colours(one) for one in colours]).decode(x)

    def varied(self, rows: Tensor, random: np.random.Generator, *, recolour: float) -> ShownBatch:
        """The pictures `rows` (n,) with palette augmentation; a share `recolour` gets changed colours."""
        if self.own is None:
            return self.x[rows], None
        count = len(rows)
        is_shared = torch.from_numpy(random.random(count) < SHARED)
        x = torch.where(is_shared[:, None, None, None], self.x[rows], self.own.x[rows])
        palettes = torch.where(is_shared[:, None, None], self.own.shared, self.own.palettes[rows])
        for i in np.flatnonzero(random.random(count) < DISTRACTED):
            palettes[i] = distracted(palettes[i], self.own, random)
        for i in np.flatnonzero(random.random(count) < recolour):
            palettes[i] = recoloured(palettes[i], random)
        return x, palettes


def distracted(palette: Tensor, own: OwnPalettes, random: np.random.Generator) -> Tensor:
    """The palette (K, 4) with some free slots filled by colours of another picture or of the shared palette."""
    free = torch.where(palette[:, 3] < 0)[0]
    other = own.shared if random.random() < 0.5 else own.palettes[int(random.integers(len(own.palettes)))]
    colours = other[other[:, 3] > 0]
    count = min(len(free), len(colours), int(random.integers(1, len(palette))))
    result = palette.clone()
    result[free[:count]] = colours[torch.from_numpy(random.permutation(len(colours))[:count])]
    return result


def recoloured(palette: Tensor, random: np.random.Generator) -> Tensor:
    """The palette (K, 4) with rotated hues and stretched chroma and lightness."""
    turn = random.uniform(-math.pi, math.pi) if random.random() < 0.7 else random.normal(0, 0.2)
    chroma, bend = math.exp(random.normal(0, 0.2)), math.exp(random.normal(0, 0.2))
    light, a, b, opacity = palette.unbind(-1)
    cos, sin = math.cos(turn) * chroma, math.sin(turn) * chroma
    return torch.stack([light.clamp(0, 1) ** bend, cos * a - sin * b, sin * a + cos * b, opacity], dim=-1)


def _examples(sets: Sequence[CodedPictures], labels: Labels) -> list[tuple[str, list[tuple[int, ExamplePalette]]]]:
    """For each class, size and look: the class, and the rows and palettes of up to PALETTES pictures in random order,
    without those that have fewer than ENOUGH colours."""
    random, found = np.random.default_rng(0), list[tuple[str, list[tuple[int, ExamplePalette]]]]()
    looks = {number: look for look, number in labels.look_numbers.items()}
    kinds = {number: kind for (_, kind), number in labels.kind_numbers.items()}
    for (number, name), one in product(enumerate(labels.classes), sets):
        if one.own is None:
            continue
        height, width = one.x.shape[2:]
        of_class = (one.classes == number) & ((one.own.palettes[..., 3] > 0).sum(1) >= ENOUGH)
        inner = torch.full((len(one), 2), -1) if one.inner is None else one.inner
        label: int
        for label in inner[of_class, 0].unique().tolist():
            some, examples = torch.where(of_class & (inner[:, 0] == label))[0], list[tuple[int, ExamplePalette]]()
            for i in some[random.permutation(len(some))[:PALETTES]].tolist():
                palette = one.own.palettes[i]
                colours = from_oklab(palette[palette[:, 3] > 0, :3].double().numpy())
                kind = kinds.get(int(inner[i, 1]), NO_KIND)
                examples.append((i, ExamplePalette(colours, (height, width), looks.get(label, NO_LOOK), kind)))
            found.append((name, examples))
    return found


def write_class_palettes(folder: Path, sets: Sequence[CodedPictures], labels: Labels, *, base: str) -> None:
    """Write the palettes of classes to the folder of a run, unless it has them or the palette is not an input.

    Classes and looks without pictures keep the palettes of `base`, a checkpoint's folder or "", as long as it exists.
    If many classes, looks and sizes have too many palettes for the file, each keeps fewer.
    """
    if sets[0].own is None or (folder / CLASS_PALETTES_FILE).exists():
        return
    old = read_class_palettes(Path(base), labels.classes) if base and Path(base).exists() else {}
    examples, fewer = _examples(sets, labels), [PALETTES >> times for times in range(PALETTES.bit_length() + 1)]
    texts = (class_palettes_json(_merged(old, _first(examples, most))) for most in fewer)
    data = next((text for text in texts if len(text) <= MAX_BYTES), class_palettes_json({}))
    write_file(folder / CLASS_PALETTES_FILE, data)


def _first(examples: Sequence[tuple[str, list[tuple[int, ExamplePalette]]]], most: int) -> PalettesOfClasses:
    """The first `most` palettes of each group of `_examples` by class, in the order of the pictures."""
    found = defaultdict[str, list[ExamplePalette]](list)
    for name, group in examples:
        found[name] += [palette for _, palette in sorted(group[:most], key=lambda one: one[0])]
    return found


def _merged(old: PalettesOfClasses, new: PalettesOfClasses) -> PalettesOfClasses:
    """The palettes `new`, and those `old` ones whose class and look have no new ones."""
    there = {(name, one.look) for name, some in new.items() for one in some}
    kept = {name: [one for one in some if (name, one.look) not in there] for name, some in old.items()}
    merged = {name: [*kept.get(name, []), *new.get(name, [])] for name in {**old, **new}}
    return {name: some for name, some in merged.items() if some}


def inner_labels(pictures: PictureSet, labels: Labels) -> Tensor | None:
    """The `inner` of coded pictures: the numbers of their looks and kinds among `labels`. None: neither was read."""
    if not pictures.look_names and not pictures.kind_names:
        return None
    looks, kinds = labels.look_numbers, labels.kind_numbers
    names = zip_longest(pictures.class_names, pictures.look_names, pictures.kind_names, fillvalue="")
    return torch.tensor([[looks.get(look, -1), kinds.get((name, kind), -1)] for name, look, kind in names])


def code_pictures(
    codec: Codec,
    pictures: Picture | Pictures,
    classes: Tensor,
    *,
    inner: Tensor | None = None,
    folder: Path | None = None,
) -> CodedPictures:
    """Encode pictures (N, H, W, 4) of `classes` (N,) and with `inner_labels` (N, 2); large sets are stored in a file
    in `folder`."""
    x = encode_set(codec, pictures, folder=folder)
    if not isinstance(codec, Paletted):
        return CodedPictures(x, classes, inner=inner)
    store, palettes = Store(folder), torch.empty(len(pictures), codec.levels, 4)
    for i, picture in enumerate(pictures):
        mine = codec.with_colours(reduced_colours(picture, most=codec.levels - 1))
        store.add(mine.encode(picture[None])[0].numpy().astype(np.uint8))
        palettes[i] = mine.palette()
    own = EncodedSet(store, np.arange(len(store)), tuple(x.shape[1:]))
    return CodedPictures(x, classes, OwnPalettes(own, palettes, codec.palette()), inner)


def reduced_colours(picture: Picture, *, most: int) -> NDArray[np.uint8]:
    """The colours (n, 3) of a picture, reduced to `most`; black if it has none."""
    opaque = visible_colours(picture)
    return fit_palette(opaque, size=most) if len(opaque) else np.zeros((1, 3), np.uint8)
