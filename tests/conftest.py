"""Made-up pictures, and one tiny model trained on them, for tests of every room."""

from __future__ import annotations

# isort: off
import pixelart as pixelart  # before torch: it sets how torch's threads wait

# isort: on
import gc
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.storage import Busy, exclusive
from pixelart.training.config import Schedule
from pixelart.training.export import export_run
from pixelart.training.objective import Objective
from pixelart.training.runs import start_run
from pixelart.training.tuning_cache import CACHE_VARIABLE
from tests.tiers import mark
from tests.training.runs import choose_as_usual

COLOURS = np.array(
    [[0, 0, 0, 0], [200, 30, 30, 255], [30, 200, 30, 255], [30, 30, 200, 255], [240, 240, 240, 255]], np.uint8
)

TESTS = Path(__file__).parent
steps: list[None] = []
"""One entry for each loss that was computed here."""


def _counted(objective: Objective, device: torch.device, plain: Any = Objective._autocast) -> torch.autocast:
    steps.append(None)
    return plain(objective, device)


Objective._autocast = _counted  # pyright: ignore[reportAttributeAccessIssue]
choose_as_usual()
# Tensors are tiny: a second thread gives nothing, and the threads of two test processes would wait for each other.
torch.set_num_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    """What is measured of the machine is remembered by these tests alone, and by all their processes."""
    if CACHE_VARIABLE not in os.environ:
        os.environ[CACHE_VARIABLE] = tempfile.mkdtemp(prefix="pixelart-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ[CACHE_VARIABLE], ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The marks of whole files."""
    for item in items:
        mark(item, item.path.relative_to(TESTS).as_posix())


def pytest_collection_finish() -> None:
    """What is there before the first test is never garbage, so that no collection looks at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def trains_only_if_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that trains and is not marked so would not be run as on a processor without bfloat16."""
    before = len(steps)
    yield
    assert len(steps) == before or request.node.get_closest_marker("trains"), "it trains: mark it `trains`"


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """A run may set the number of CPU threads; the next test starts as this one did."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def no_umask() -> Iterator[None]:
    """What asks for no mode is everybody's to read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def sketch_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds "any": two classes of pictures of two sizes, a sketch and then its colours."""
    folder = tmp_path_factory.mktemp("any")
    random = np.random.default_rng(0)
    for name, side in (("cross", 8), ("stripe", 6)):
        (folder / "data" / name).mkdir(parents=True)
        for i in range(8):
            colours = random.integers(0, 256, (5, 4), np.uint8)
            colours[:, 3] = [0, 255, 255, 255, 255]
            picture = colours[random.integers(0, 5, (side, side))]
            (folder / "data" / name / f"{i}.png").write_bytes(encode_png(picture))
    schedule = Schedule(steps=4, batch_size=4, seed=1, threads=1, precision="fp32", memory_format="channels_last")
    schedule = Schedule(**{**schedule.__dict__, "recolour": 0.5, "validation_share": 0.0, "dropout": 0.1})
    how: dict[str, Any] = {"model": "sketch_pixelcnn", "preset": "debug", "fit": "keep", "colours": 9}
    with start_run(folder / "run", folder / "data", schedule=schedule, **how) as trainer:
        trainer.train()
    export_run(folder / "run", folder / "checkpoints" / "any")
    return folder / "checkpoints"


@pytest.fixture(scope="session")
def tiny_pictures() -> dict[str, Picture]:
    """Class -> (20, 8, 8, 4) distinct pictures: crosses and stripes of four colours, with transparent pixels."""
    crosses, stripes = np.zeros((2, 20, 8, 8), np.int64)
    for i in range(20):
        crosses[i, i % 8], crosses[i, :, (i * 3) % 8] = 1 + i % 4, 1 + i // 5
        stripes[i, i % 2 :: 2], stripes[i, i // 5, i % 8] = 1 + i % 4, 1 + (i + 1) % 4
    return {"cross": COLOURS[crosses], "stripe": COLOURS[stripes]}


@pytest.fixture(scope="session")
def tiny_data(tiny_pictures: dict[str, Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `tiny_pictures`, a sub-folder a class. To be read only."""
    folder = tmp_path_factory.mktemp("tiny") / "data"
    for name, pictures in tiny_pictures.items():
        (folder / name).mkdir(parents=True)
        for i, picture in enumerate(pictures):
            Image.fromarray(picture).save(folder / name / f"{i:02}.png")
    return folder


@pytest.fixture(scope="session")
def tiny_run(tiny_data: Path) -> Path:
    """A run folder: 60 steps of the debug preset on `tiny_data`. To be read only; one test process makes it for all."""
    threads, run = torch.get_num_threads(), Path(os.environ[CACHE_VARIABLE]) / "tiny" / "run"
    schedule = Schedule(steps=60, batch_size=8, save_every=40, learning_rate=5e-3, ema=0.9, seed=1, threads=1)
    run.parent.mkdir(exist_ok=True)
    while not (run.parent / "made").exists():
        with suppress(Busy), exclusive(run.parent):
            if not (run.parent / "made").exists():
                with start_run(run, tiny_data, preset="debug", colours=8, schedule=schedule) as trainer:
                    trainer.train()
                (run.parent / "made").touch()
        time.sleep(0.05)
    torch.set_num_threads(threads)
    return run


@pytest.fixture(scope="session")
def tiny_checkpoints(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the checkpoint "tiny": 8 x 8, classes "cross" and "stripe", five colours. To be read only."""
    folder = tmp_path_factory.mktemp("tiny") / "checkpoints"
    export_run(tiny_run, folder / "tiny")
    return folder


@pytest.fixture
def own_checkpoints(tiny_checkpoints: Path, tmp_path: Path) -> Path:
    """A copy of `tiny_checkpoints` that a test may damage."""
    return shutil.copytree(tiny_checkpoints, tmp_path / "checkpoints")
