"""What was painted over a temperature is found again in the map that it made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pixelart
from pixelart.engine.temperature import PAINTED_PERCENTS, Painted, painted, scaled, with_rows

SIZE = (12, 8)
STEPS = Path(pixelart.__file__).parent / "ui" / "static" / "canvas" / "temperature.js"


def made_by(top: float, bottom: float, percent: Any) -> Any:
    rows = with_rows(top, bottom, SIZE)
    values = rows if percent is None else scaled(rows, percent, SIZE)
    return np.broadcast_to(values, SIZE)


@pytest.mark.parametrize("bottom", [0.0, 0.6])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize("top", [0.85, 0.87, 0.92, 1.1])
def test_the_map_is_made_again_however_much_is_painted(top: float, levels: int, share: float, bottom: float) -> None:
    random = np.random.default_rng(5)
    percent, some = np.full(SIZE, 100, np.uint8), random.random(SIZE) < share
    percent[some] = random.choice(PAINTED_PERCENTS[:levels], SIZE)[some]
    if bottom:
        percent[[0, -1], 0] = 100  # rows without a plain pixel are not found
    values = made_by(top, bottom, percent)
    found = painted(values)
    assert found is not None and np.array_equal(made_by(*found), values)
    assert found.percent is None or set(np.unique(found.percent)) <= {100, *PAINTED_PERCENTS}
    if share < 1:
        assert found.percent is not None and np.array_equal(found.percent, percent)
        assert (found.top, found.bottom) == (top, bottom)


@pytest.mark.parametrize(("top", "bottom"), [(0.95, 1.1), (1.0, 0.6), (0.5, 1.5)])
def test_rows_alone_are_found(top: float, bottom: float) -> None:
    rows = with_rows(top, bottom, (16, 8))
    assert isinstance(rows, np.ndarray) and painted(rows) == Painted(top, bottom)


def test_a_map_that_is_not_painted_is_not_found() -> None:
    assert painted(np.random.default_rng(1).random(SIZE) + 0.5) is None
    assert painted(np.zeros(SIZE)) is None


def test_the_percents_are_those_of_the_page() -> None:
    steps = [int(percent) for percent in re.findall(r"percent: (\d+),", STEPS.read_text())]
    assert tuple(percent for percent in steps if percent != 100) == PAINTED_PERCENTS
