"""How unusual are pictures for their class? Their bits, compared with those of the others of a set."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pixelart.engine.engine import Engine
from pixelart.images.codec import ALPHA_THRESHOLD, Picture


class Judged(NamedTuple):
    """A picture of a set. bits: -log2 p of it; bits_per_pixel: those of its visible pixels, per pixel; surprise: how
    many standard deviations that is above the mean of its class."""

    name: str
    class_name: str | None
    bits: float
    bits_per_pixel: float
    surprise: float = 0.0


def judge_picture(engine: Engine, checkpoint: str, picture: Picture, name: str, class_name: str | None) -> Judged:
    """A picture (H, W, 4) with its bits given its class; None = any. Raises as `Engine.bits`."""
    bits = engine.bits(checkpoint, picture, class_weights=class_name)
    visible = picture[..., 3] >= ALPHA_THRESHOLD
    return Judged(name, class_name, float(bits.sum()), float(bits[visible].sum() / max(1, visible.sum())))


def with_surprise(judged: Sequence[Judged]) -> list[Judged]:
    """The pictures, each with its surprise: 0 in a class of one picture, or of equal ones."""
    of_class = defaultdict[str | None, list[float]](list)
    for one in judged:
        of_class[one.class_name].append(one.bits_per_pixel)
    found = list[Judged]()
    for one in judged:
        values = of_class[one.class_name]
        spread = float(np.std(values))
        far = (one.bits_per_pixel - float(np.mean(values))) / spread if spread > 0 else 0.0
        found.append(one._replace(surprise=far if math.isfinite(far) else 0.0))
    return found
