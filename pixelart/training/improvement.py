"""Whether a training has improved on its base: a paired comparison on the validation pictures.

The same pictures are measured under the base and at each save. The differences per picture vary far less than the
losses themselves, so their mean has a narrow interval. It is a t interval of 99 %, not 95 %, because a run looks at
every save and keeps the best one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelart.storage import write_file

IMPROVEMENT_FILE = "improvement.json"
_T = {1: 63.657, 2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 6: 3.707, 7: 3.499, 8: 3.355, 9: 3.25, 10: 3.169, 12: 3.055,
      15: 2.947, 20: 2.845, 30: 2.75, 60: 2.66, 120: 2.617}  # fmt: skip
"""Degrees of freedom -> the 0.995 quantile of Student's t distribution."""


@dataclass(frozen=True)
class Improvement:
    """How much lower the validation loss of `pictures` pictures is at `step` than under the base, in per cent of the
    base's: the mean, and the ends of its interval. The ends are None with a single picture."""

    step: int
    pictures: int
    percent: float
    least: float | None
    most: float | None

    @property
    def is_real(self) -> bool:
        """Whether the whole interval is above zero."""
        return self.least is not None and self.least > 0


def compare(step: int, base: Sequence[float], now: Sequence[float]) -> Improvement | None:
    """The improvement from the losses `base` to the losses `now` of the same pictures; None if they do not compare."""
    before, gains = np.asarray(base, float), np.asarray(base, float) - np.asarray(now, float)
    count = len(before)
    if not count or before.mean() <= 0 or not np.isfinite(gains).all():
        return None
    share = 100 / before.mean()
    percent = float(gains.mean() * share)
    if count == 1:
        return Improvement(step, count, round(percent, 2), None, None)
    spread = _quantile(count - 1) * float(gains.std(ddof=1)) / math.sqrt(count) * share
    return Improvement(step, count, round(percent, 2), round(percent - spread, 2), round(percent + spread, 2))


def _quantile(freedom: int) -> float:
    """The quantile for the largest tabulated degrees of freedom that are not above `freedom`; slightly too wide."""
    return _T[max(known for known in _T if known <= freedom)]


class Comparison:
    """The file improvement.json of a run: the losses per validation picture under the base, and each comparison."""

    def __init__(self, run: Path) -> None:
        self._path = run / IMPROVEMENT_FILE
        self._base, self._found = _read(self._path)

    @property
    def has_base(self) -> bool:
        """Whether the base has been measured."""
        return bool(self._base)

    def set_base(self, losses: Sequence[float]) -> None:
        """Store the losses under the base. Raises OSError."""
        self._base, self._found = [round(float(loss), 6) for loss in losses], []
        self._write()

    def add(self, step: int, losses: Sequence[float]) -> None:
        """Store the comparison of a save with the base, if the base has been measured. Raises OSError."""
        if len(losses) != len(self._base) or not (found := compare(step, self._base, losses)):
            return
        self._found = [*(one for one in self._found if one.step < step), found]  # a resumed run repeats later steps
        self._write()

    def _write(self) -> None:
        values = {"base": self._base, "saves": [asdict(one) for one in self._found]}
        write_file(self._path, json.dumps(values).encode())


def read_improvements(run: Path) -> list[Improvement]:
    """The comparisons of a run with its base, one per save; empty without a base or without validation pictures."""
    return _read(run / IMPROVEMENT_FILE)[1]


def _read(path: Path) -> tuple[list[float], list[Improvement]]:
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        found = [Improvement(**one) for one in values["saves"]]
        usable = all(
            type(one.step) is type(one.pictures) is int
            and all(isinstance(n, int | float) for n in (one.percent, one.least or 0, one.most or 0))
            for one in found
        )
        return ([float(loss) for loss in values["base"]], found) if usable else ([], [])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return [], []
