"""What a checkpoint can draw: sizes, classes, colours, presets, and what a completion may keep."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.checkpoint.format import CheckpointConfig
from pixelart.checkpoint.origin import Origin, read_origin
from pixelart.checkpoint.presets import DEFAULT_PRESET, FIXED, Preset
from pixelart.errors import RequestRejected
from pixelart.images.class_names import NO_LOOK, Labelled, find_class
from pixelart.images.codec import Indexed, Paletted, codec_from_config
from pixelart.images.defects import DefectLimits, limits_of_mix
from pixelart.images.example_palettes import read_usual_sizes
from pixelart.images.kept_kinds import KEEP_SHAPE, KEEP_SKETCH
from pixelart.models import get_variant
from pixelart.settings import SETTINGS

SMALLEST_SIDE, LARGEST_SIDE = 4, 64
"""Sides in pixels of pictures from a checkpoint that draws any size."""
FACTORS = (2, 4)
MOST_ENLARGED = 2
"""An enlarged picture is at most this many times as large as the checkpoint's size, per side."""
ANY_SIZE = f"{SMALLEST_SIDE} to {LARGEST_SIDE} pixels a side"


@dataclass(frozen=True)
class CheckpointInfo(Labelled):
    """What a checkpoint can draw.

    Attributes:
        colours: RGBA uint8 (K, 4) of an indexed codec (0 = transparent), else None; with `takes_palettes`, the default
            ones.
        enlarges: whether it can enlarge a picture.
        origin: the repository and commit of the Hub that it was pulled from.
        presets: sampling presets by name.
        defect_limits: what pictures of each class usually have, by class; it may lack classes.
        takes_palettes: whether it draws in any palette.
        most_colours: how many opaque colours such a palette may have.
        any_size: whether it was trained on pictures of several sizes, and draws any size.
        keeps: what a completion may keep of the masked pixels, see `Request.keep`.
        usual_sizes: (class, look) -> the (height, width) of most of its training pictures, see `usual_size`.
        looks, kinds: the looks it can draw in, and the kinds within its classes, see `Request`.
    """

    name: str
    model: str
    height: int
    width: int
    classes: tuple[str, ...]
    colours: NDArray[np.uint8] | None
    training: Mapping[str, Any] = field(default_factory=dict)
    enlarges: bool = False
    origin: Origin | None = None
    presets: Mapping[str, Preset] = field(default_factory=lambda: FIXED)
    takes_palettes: bool = False
    most_colours: int = 0
    any_size: bool = False
    keeps: tuple[str, ...] = ()
    defect_limits: Mapping[str, DefectLimits] = field(default_factory=dict)
    usual_sizes: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    looks: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()

    @property
    def networks_a_pixel(self) -> int:
        """How many networks compute each pixel, one after another: a sketch model has one for each of its parts."""
        return 2 if KEEP_SKETCH in self.keeps else 1

    def draws_size(self, height: int, width: int) -> bool:
        """Whether it draws pictures of this size."""
        if self.any_size:
            return all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width))
        return (height, width) == (self.height, self.width)

    def limits_of(self, class_weights: Mapping[str, float]) -> DefectLimits:
        """What pictures of a class mix usually have; of any class, if the mix is empty."""
        return limits_of_mix(
            self.defect_limits, [name for name, weight in class_weights.items() if weight] or self.classes
        )

    def window_of(self, height: int, width: int) -> tuple[int, int]:
        """The size in which it completes a picture (height, width): the picture's own, or that of windows over it.

        Raises:
            RequestRejected: the picture is smaller than it draws, or larger than the limit.
        """
        if self.draws_size(height, width):
            return height, width
        size = (min(height, self.height), min(width, self.width)) if self.any_size else (self.height, self.width)
        if size[0] > height or size[1] > width or not self.draws_size(*size):
            self.check_size(height, width)
        if max(height, width) > SETTINGS.max_side:
            raise RequestRejected(f"picture is {width} x {height}; the limit is {SETTINGS.max_side} pixels a side")
        return size

    def usual_size(self, class_weights: Mapping[str, float], look: Any = NO_LOOK) -> tuple[int, int]:
        """(height, width) of a new picture whose size is not given: that of most training pictures of its class in this
        look, or if it has none, of those that stand for any look, unless it does not draw this size; else the
        checkpoint's."""
        chosen = max(class_weights, key=lambda name: class_weights[name], default="")
        looks = (look, NO_LOOK) if isinstance(look, str) else (NO_LOOK,)
        of_class = [self.usual_sizes.get((chosen, label)) for label in looks]
        return next((size for size in of_class if size and self.draws_size(*size)), (self.height, self.width))

    def check_size(self, height: int, width: int, *, what: str = "picture") -> None:
        """Raises RequestRejected, naming `what`, if it does not draw pictures of this size."""
        if self.draws_size(height, width):
            return
        sides = ANY_SIZE if self.any_size else f"{self.width} x {self.height}"
        raise RequestRejected(f"{what} is {width} x {height}; {self.name} draws {sides}")

    def check_keep(self, keep: str) -> None:
        """Raises RequestRejected if a completion cannot keep this of the masked pixels."""
        if keep and keep not in self.keeps:
            can = " or ".join(self.keeps)
            raise RequestRejected(f"keep {keep}: {self.name} " + (f"can keep {can}" if can else "can keep nothing"))

    def look_number(self, look: Any) -> int:
        """The number of a look among the labels. Raises RequestRejected for one that it does not know."""
        found = find_class(look, self.looks) if isinstance(look, str) else None
        if not self.looks:
            raise RequestRejected(f"look {look!r:.40}: {self.name} knows no looks")
        if found is None:
            raise RequestRejected(f"look {look!r:.40} is not one of {', '.join(self.looks)}")
        return self.labels.look_numbers[found]

    def kinds_by_class(self) -> dict[str, list[str]]:
        """Class -> its kinds, of the classes that have some."""
        kinds = {name: list(self.labels.kinds_of([name])) for name in self.classes}
        return {name: some for name, some in kinds.items() if some}

    def kind_numbers(self, kind: Any, classes: Collection[str]) -> list[int]:
        """The numbers among the labels of a kind of some of `classes`; of the only class that has it if there are none.

        Raises:
            RequestRejected: none of these classes has this kind, or no class is given and several have it.
        """
        numbers = {pair: n for pair, n in self.labels.kind_numbers.items() if not classes or pair[0] in classes}
        if not numbers:
            what = f"the class {', '.join(classes)} of {self.name}" if classes else self.name
            raise RequestRejected(f"kind {kind!r:.40}: {what} has no kinds")
        known = sorted({name for _, name in numbers})
        found = find_class(kind, known) if isinstance(kind, str) else None
        if found is None:
            raise RequestRejected(f"kind {kind!r:.40} is not one of {', '.join(known)}")
        owners = {of: number for (of, name), number in numbers.items() if name == found}
        if not classes and len(owners) > 1:
            raise RequestRejected(f"kind {kind!r:.40} is one of {', '.join(owners)}: choose the class, too")
        return [*owners.values()]

    def check_enlarged(self, height: int, width: int, *, factor: Any) -> None:
        """Raises RequestRejected if it does not enlarge pictures of this size by `factor`."""
        if type(factor) is not int or factor not in FACTORS:
            raise RequestRejected(f"factor {factor!r:.40}: must be one of {', '.join(map(str, FACTORS))}")
        if factor * height > MOST_ENLARGED * self.height or factor * width > MOST_ENLARGED * self.width:
            raise RequestRejected(
                f"{factor} times {width} x {height} is {factor * width} x {factor * height}; {self.name} enlarges to "
                f"at most {MOST_ENLARGED * self.width} x {MOST_ENLARGED * self.height}"
            )

    def preset(self, name: str = DEFAULT_PRESET) -> Preset:
        """One of `presets`.

        Raises:
            RequestRejected: no such preset.
        """
        if not isinstance(name, str) or name not in self.presets:
            raise RequestRejected(f"preset {name!r:.40} is not one of {', '.join(self.presets)}")
        return self.presets[name]


def info_of(path: Path, config: CheckpointConfig) -> CheckpointInfo:
    """What the checkpoint in the folder `path` can draw."""
    codec, variant = codec_from_config(config.codec), get_variant(config.model).model
    size, any_size = config.model_config, variant.any_size and _learned_sizes(config.training) > 1
    return CheckpointInfo(
        path.name,
        config.model,
        size["height"],
        size["width"],
        config.classes,
        codec.table if isinstance(codec, Indexed) else None,
        config.training,
        enlarges=variant.enlarges and len(size.get("stages", ())) > 1,
        origin=read_origin(path),
        presets=config.presets,
        defect_limits=config.defect_limits,
        takes_palettes=isinstance(codec, Paletted),
        most_colours=codec.levels - 1 if isinstance(codec, Paletted) else 0,
        usual_sizes=read_usual_sizes(path) if any_size and isinstance(codec, Paletted) else {},
        looks=config.looks,
        kinds=config.kinds,
        any_size=any_size,
        keeps=(*((KEEP_SHAPE,) if isinstance(codec, Indexed) else ()), *((KEEP_SKETCH,) if variant.has_sketch else ())),
    )


def _learned_sizes(training: Mapping[str, Any]) -> float:
    """How many picture sizes a checkpoint was trained on.

    Older checkpoints do not record it; those trained with `fit` "keep" count as trained on several.
    """
    if training.get("fit") != "keep":
        return 1
    sizes = training.get("sizes", math.inf)
    return sizes if isinstance(sizes, int | float) else 1
