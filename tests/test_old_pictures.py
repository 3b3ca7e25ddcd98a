"""The shipped checkpoints draw the pictures in `tests/compat`, pixel for pixel.

The project made them before its networks took palettes and sketches. Guaranteed: the same checkpoint, class, seed and
settings give the same picture after an update of the project, on a CPU. PyTorch releases and processors may add floats
in another order; a pixel changes when its noise falls within that rounding of the border between two colours. Kernels
for AVX-512, AVX2 and SSE4.1 were compared: the pictures are the same.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.engine import Engine
from tests.compat.draw import CHECKPOINTS, PICTURES, draw

QUICK = ("dungeon-gated", "dungeon-multiscale", "dungeon-row-rnn")
NAMES = [path.name for path in sorted(CHECKPOINTS.iterdir()) if path.is_dir()]
CASES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(CHECKPOINTS, device=torch.device("cpu"))


def test_every_shipped_checkpoint_has_stored_pictures() -> None:
    assert set(QUICK) < set(NAMES)
    missing = set(NAMES) - {path.stem for path in PICTURES.glob("*.png")}
    assert not missing, f"draw them: python tests/compat/draw.py {' '.join(sorted(missing))}"


@pytest.mark.parametrize("name", CASES)
def test_it_draws_what_it_drew_before(engine: Engine, name: str) -> None:
    with Image.open(PICTURES / f"{name}.png") as image:
        stored = np.asarray(image)
    drawn = draw(engine, name)
    assert drawn.shape == stored.shape
    differs = np.argwhere((drawn != stored).any(-1))
    assert not len(differs), f"{len(differs)} of {stored[..., 0].size} pixels, first (row, column) {differs[0]}"
