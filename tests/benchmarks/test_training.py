"""The table of ways to compute a training step, with timings that are made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import training
from pixelart.training.config import MEMORY_FORMATS, PRECISIONS

pytestmark = pytest.mark.trains
WORDS = ("--models", "gated_pixelcnn", "--preset", "debug", "--batch-size", "4", "--threads", "1")


def _raced(ways: Mapping[str, Callable[[], Any]], clock: Any, *, rounds: int) -> dict[str, float]:
    """The first way takes a step; each takes as many quarters of a second as its place, and the last is not computed
    here."""
    next(iter(ways.values()))()()
    return {way: place / 4 for place, way in enumerate(list(ways)[:-1], 1)}


@pytest.fixture
def found(tiny_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    monkeypatch.setattr(training, "race", _raced)
    monkeypatch.setattr(training, "convolution_peak", lambda device, kind: 1e9)
    monkeypatch.setattr(training, "pick_device", lambda: torch.device("cpu"))

    def print_of(*more: str) -> str:
        assert training.main([*WORDS, "--data", str(tiny_data), *more]) == 0
        return capsys.readouterr().out

    return print_of


def test_every_way_has_a_row_and_what_is_chosen_is_marked(found: Callable[..., str]) -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in found().splitlines() if "gated" in line]
    ways = [", ".join([*way, "1 thread"]) for way in product(PRECISIONS, MEMORY_FORMATS)]
    assert [row[1] for row in rows] == ways
    assert [row[2] for row in rows] == ["16.0", "8.0", "5.3", "not computed here"][: len(ways)]
    assert [row[3] for row in rows].count("chosen") == 1
    assert [row[4][-1:] for row in rows] == ["%", "%", "%", ""]


def test_compiled_steps_are_timed_when_they_are_asked_for(found: Callable[..., str]) -> None:
    told = json.loads(found("--compile", "--json"))
    (model,) = told["models"]
    speeds = model["pictures_per_second"]
    plain = [way for way in speeds if "compiled" not in way]
    assert list(speeds) == [*plain, *(f"{way}, compiled" for way in plain)] and len(plain) == 4
    assert set(told["peaks"]) == set(PRECISIONS) and model["operations_per_picture"] > 1000
    assert model["chosen"] in speeds and list(speeds.values())[-1] is None and told["machine"]


@pytest.mark.parametrize("name", ["row_rnn", pytest.param("gated_pixelcnn", marks=pytest.mark.slow)])
def test_the_memory_of_a_picture_grows_as_its_pixels(name: str) -> None:
    found = training.memory_of(name, "debug", (8, 16))
    assert 0 < found["mib_per_picture"][8] < found["mib_per_picture"][16] and 1.5 < found["slope"] < 2.3
