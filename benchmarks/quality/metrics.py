"""Figures of sets of pictures, each with its count and a 95 % confidence interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pixelart.images.codec import Picture, normalise
from pixelart.images.defects import colour_numbers

NEIGHBOURS = 3
"""k of improved precision and recall."""
SPLITS = 100
"""Number of random halves from which an interval is estimated."""
Z = 1.96
Features = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A value, its confidence interval, and the number of pictures; value None if there are too few."""

    value: float | None
    low: float | None
    high: float | None
    count: int

    def json(self) -> dict[str, Any]:
        """The fields by name, rounded to six digits."""
        rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}
        return rounded


NOTHING = Figure(None, None, None, 0)


class PrecisionRecall(NamedTuple):
    """The share of drawn pictures that look real, and of real ones that could be drawn."""

    precision: float
    recall: float


def share(hits: NDArray[np.bool_]) -> Figure:
    """The share of True, with the Wilson interval (1927)."""
    n = len(hits)
    if not n:
        return NOTHING
    p, z2 = float(hits.mean()), Z * Z
    middle, reach = p + z2 / (2 * n), Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low, high = ((middle + sign * reach) / (1 + z2 / n) for sign in (-1, 1))
    return Figure(p, max(0.0, low), min(1.0, high), n)


def mean(values: NDArray[np.float64]) -> Figure:
    """The mean, with the interval of a normal distribution."""
    n = len(values)
    if not n:
        return NOTHING
    reach = Z * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    middle = float(values.mean())
    return Figure(middle, middle - reach, middle + reach, n) if n > 1 else Figure(middle, None, None, n)


def kernel_distance(one: Features, other: Features) -> float:
    """KID (Binkowski et al. 2018) times 100: the unbiased estimate of the squared maximum mean discrepancy under the
    kernel (x.y / d + 1)^3; it may be below 0 for similar sets. Needs two pictures of each."""
    n, m = len(one), len(other)

    def kernel(x: Features, y: Features) -> NDArray[np.float64]:
        return (x @ y.T / x.shape[1] + 1) ** 3

    within = kernel(one, one), kernel(other, other)
    alike = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within)
    return 100 * float(alike - 2 * kernel(one, other).sum() / (n * m))


def precision_recall(real: Features, drawn: Features, *, neighbours: int = NEIGHBOURS) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019): a picture belongs to a set if it is no farther
    from one of its pictures than that one's k-th neighbour in the set. The sets have equal size, more than k."""
    across = _distances(real, drawn)
    near_real = across <= _radii(real, neighbours)[:, None]
    near_drawn = across <= _radii(drawn, neighbours)[None]
    return PrecisionRecall(float(near_real.any(0).mean()), float(near_drawn.any(1).mean()))


def over_halves(
    measure: Callable[[Features, Features], float], one: Features, other: Features, *, least: int
) -> Figure:
    """`measure(one, other)` with an interval: the spread over random halves of both is that of the whole sets (the
    delete-half jackknife, Shao & Wu 1989). No value if a set has fewer than `least` pictures; no interval if half of
    it has."""
    size = min(len(one), len(other))
    if size < least:
        return Figure(None, None, None, size)
    value = measure(one, other)
    if size // 2 < least:
        return Figure(value, None, None, size)
    random = np.random.default_rng(0)
    values = [measure(*(x[random.permutation(len(x))[: len(x) // 2]] for x in (one, other))) for _ in range(SPLITS)]
    reach = Z * float(np.std(values))
    return Figure(value, value - reach, value + reach, size)


def colours_of(pictures: Picture) -> NDArray[np.float64]:
    """The number of colours of each picture, (N,), without transparent."""
    values = colour_numbers(pictures)
    return np.array([len(np.unique(one[one != 0])) for one in values], np.float64)


def distinct(pictures: Picture) -> NDArray[np.bool_]:
    """Whether each picture, (N,), looks different from all before it."""
    seen = set[bytes]()
    return np.array([not (p.tobytes() in seen or seen.add(p.tobytes())) for p in normalise(pictures)], np.bool_)


def _distances(one: Features, other: Features) -> NDArray[np.float64]:
    squares = np.square(one).sum(1)[:, None] + np.square(other).sum(1)[None] - 2 * one @ other.T
    return np.sqrt(np.maximum(squares, 0))


def _radii(features: Features, neighbours: int) -> NDArray[np.float64]:
    """The distance of each picture to its k-th neighbour in the same set, (N,)."""
    distances = _distances(features, features)
    np.fill_diagonal(distances, 0)  # not exactly 0 because of rounding
    return np.sort(distances, axis=1)[:, neighbours]
