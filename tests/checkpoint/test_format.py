"""Checkpoints from strangers: hostile ones are refused before anything is run or allocated."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelart.checkpoint.format import CONFIG_FILE, read_config
from pixelart.checkpoint.weights import check_weights, load_weights
from pixelart.errors import WeightsRejected
from tests.checkpoint.hostile import HOSTILE, Bomb
from tests.mutated import mutate_and_load

SECONDS, MEMORY = 1.0, 64 << 20
"""What refusing one may cost."""


@pytest.fixture
def checkpoint(own_checkpoints: Path) -> Path:
    """The folder of a whole checkpoint, to be damaged."""
    return own_checkpoints / "tiny"


def _load(folder: Path) -> Any:
    config = read_config(folder)
    check_weights(folder, config)
    return load_weights(folder, config)


def _peak(*, reset: bool = False) -> int:
    """Bytes of memory that this process had at most, since the last reset; 0 where no file of the system says so."""
    status = Path("/proc/self/status")
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_hostile_checkpoints_are_refused_at_once_and_nothing_is_run(
    checkpoint: Path, spoil: Callable[[Path], Any]
) -> None:
    _load(checkpoint)  # so that what every first one imports is not counted
    spoil(checkpoint)
    began, before = time.process_time(), _peak(reset=True)
    with pytest.raises(WeightsRejected) as refused:
        _load(checkpoint)
    assert time.process_time() - began < SECONDS and _peak() - before <= MEMORY
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300
    assert not (checkpoint.parent.parent / "sentinel").exists()


def test_the_whole_checkpoint_loads(checkpoint: Path) -> None:
    assert _load(checkpoint)


def test_the_sentinel_would_be_written(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "sentinel")))
    assert (tmp_path / "sentinel").read_text() == "run"


@pytest.mark.slow
def test_mutated_checkpoints_are_refused_or_load_finite(checkpoint: Path) -> None:
    assert mutate_and_load(checkpoint, count=60, seed=0) > 25


@pytest.mark.long
def test_a_thousand_mutated_checkpoints(checkpoint: Path) -> None:
    """T13."""
    assert mutate_and_load(checkpoint, count=1000, seed=13) > 400


def test_the_config_round_trip_is_exact(checkpoint: Path) -> None:
    config = read_config(checkpoint)
    (checkpoint / CONFIG_FILE).write_bytes(config.to_json())
    assert read_config(checkpoint) == config
    assert config.classes == ("cross", "stripe") and config.model == "gated_pixelcnn"
