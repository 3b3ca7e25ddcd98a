"""Short runs for the tests of training. Bits are equal only at one number of threads, so it is one everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.models import get_variant
from pixelart.training.config import Schedule
from pixelart.training.runs import start_run
from pixelart.training.trainer import Trainer
from tests.training.runs import digests_of

StartRun = Callable[..., Trainer]
"""start_run(folder, preset="debug", codec="indexed", ..., **schedule): a new run on `tiny_data` in tmp_path/folder."""
Digests = dict[str, str]


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> None:
    torch.set_num_threads(1)


@pytest.fixture
def begin(tiny_data: Path, tmp_path: Path) -> StartRun:
    def start(
        folder: str = "run",
        *,
        data: Path = tiny_data,
        model: str = "gated_pixelcnn",
        preset: str = "debug",
        codec: str | None = None,
        colours: int = 8,
        **schedule: Any,
    ) -> Trainer:
        values = {"steps": 12, "batch_size": 4, "save_every": 1000, "seed": 3, "threads": 1, **schedule}
        with start_run(
            tmp_path / folder,
            data,
            model=model,
            preset=preset,
            codec=codec or next(iter(get_variant(model).codecs), "indexed"),
            colours=colours,
            schedule=Schedule(**values),
        ) as trainer:
            return trainer  # not held any longer: in a test one acts after the other

    return start


@pytest.fixture(scope="session")
def digests() -> Callable[[Path], Digests]:
    return digests_of
