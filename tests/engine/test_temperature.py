"""What was painted over a temperature is found again in the map that it made."""

from __future__ import annotations

import numpy as np
import pytest

from pixelart.engine.temperature import PAINTED_PERCENTS, painted, scaled, with_rows

SIZE = (12, 8)


@pytest.mark.parametrize("bottom", [0.0, 0.6])
@pytest.mark.parametrize("share", [0.2, 0.9, 1.0])
@pytest.mark.parametrize("top", [0.85, 1.0, 1.1])
def test_the_map_is_made_again_however_much_is_painted(top: float, share: float, bottom: float) -> None:
    random = np.random.default_rng(5)
    percent = np.full(SIZE, 100, np.uint8)
    some = random.random(SIZE) < share
    percent[some] = random.choice(PAINTED_PERCENTS, SIZE)[some]
    percent[[0, -1], 0] = 100 if bottom else percent[[0, -1], 0]  # rows without a plain pixel are not found
    values = scaled(with_rows(top, bottom, SIZE), percent, SIZE)
    assert isinstance(values, np.ndarray)
    found = painted(values)
    assert found is not None
    again = with_rows(found.top, found.bottom, SIZE)
    again = again if found.percent is None else scaled(again, found.percent, SIZE)
    assert np.array_equal(again, values)
    assert share > 0.5 or found.top == top


def test_a_map_that_is_not_painted_is_not_found() -> None:
    assert painted(np.random.default_rng(1).random(SIZE) + 0.5) is None
    assert painted(np.zeros(SIZE)) is None
