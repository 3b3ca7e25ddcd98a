"""What the tests of the engine share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pixelart.engine import Engine
from pixelart.images.codec import Picture


@pytest.fixture
def one_thread(same_threads: None) -> None:
    """Comparisons of bits need one thread; other tests get their threads back."""
    torch.set_num_threads(1)


@pytest.fixture
def engine(tiny_checkpoints: Path) -> Engine:
    """An engine on the CPU with the checkpoint "tiny"."""
    return Engine(tiny_checkpoints, device=torch.device("cpu"))


@pytest.fixture
def painting(tiny_pictures: dict[str, Picture]) -> Picture:
    """With colours that the checkpoint does not have."""
    picture = tiny_pictures["cross"][3].copy()
    picture[::3, 1::3] = [7, 77, 177, 255]
    return picture


@pytest.fixture
def picture(tiny_pictures: dict[str, Picture]) -> Picture:
    return tiny_pictures["cross"][3].copy()
