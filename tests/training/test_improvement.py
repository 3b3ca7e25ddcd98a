"""A training is compared with its base on the same pictures; the uncertainty is that of the paired differences."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelart.images.io import encode_png, read_picture
from pixelart.training.config import Schedule
from pixelart.training.improvement import IMPROVEMENT_FILE, Comparison, Improvement, compare, read_improvements
from pixelart.training.runs import start_run
from tests.training.conftest import StartRun


def test_the_interval_is_that_of_the_differences_not_of_the_losses() -> None:
    base = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    gains = np.array([0.4, 0.5, 0.6, 0.5, 0.5])
    found = compare(7, base.tolist(), (base - gains).tolist())
    spread = 4.604 * gains.std(ddof=1) / math.sqrt(5)  # the 0.995 quantile of t with 4 degrees of freedom
    assert found == Improvement(7, 5, 12.5, round(100 * (0.5 - spread) / 4, 2), round(100 * (0.5 + spread) / 4, 2))
    assert found and found.is_real, "although the losses themselves spread over 9"


def test_noise_is_seldom_taken_for_an_improvement() -> None:
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(2000):
        base = random.uniform(1, 3, 12)
        found = compare(1, base.tolist(), (base + random.normal(0, 0.2, 12)).tolist())
        wrong += bool(found and found.is_real)
    assert wrong <= 20, "of 2000: one in two hundred is expected"


@pytest.mark.parametrize(
    ("base", "now", "real"),
    [
        ([1.0], [0.5], False),
        ([1.0, 1.0], [0.9, 0.5], False),
        ([1.0, 1.0], [0.5, 0.5], True),
        ([1.0] * 3, [1.0] * 3, False),
    ],
)
def test_few_pictures_tell_little(base: list[float], now: list[float], real: bool) -> None:
    found = compare(1, base, now)
    assert found and found.is_real == real and (found.least is None) == (len(base) == 1)


def test_what_does_not_compare_is_left_out() -> None:
    assert compare(1, [], []) is None and compare(1, [0.0, 0.0], [1.0, 1.0]) is None
    assert compare(1, [1.0, 1.0], [math.nan, 1.0]) is None


def test_a_resumed_run_replaces_the_later_saves(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path)
    comparison.add(1, [1.0, 2.0])
    assert not comparison.has_base and read_improvements(tmp_path) == []
    comparison.set_base([2.0, 3.0])
    for step in (10, 20, 30):
        comparison.add(step, [1.0, 2.0 - step / 100])
    again = Comparison(tmp_path)
    again.add(20, [1.0, 2.0])
    again.add(25, [1.0])  # of other pictures
    assert again.has_base and [one.step for one in read_improvements(tmp_path)] == [10, 20]


@pytest.mark.parametrize(
    "values", ["", "[]", "{}", '{"base": [1], "saves": [{}]}', '{"base": ["x"], "saves": []}', "[" * 100_000,
               '{"base": [1], "saves": [{"step": "<b>", "pictures": 1, "percent": 1, "least": null, "most": null}]}']
)  # fmt: skip
def test_a_damaged_file_tells_nothing(values: str, tmp_path: Path) -> None:
    (tmp_path / IMPROVEMENT_FILE).write_text(values)
    assert read_improvements(tmp_path) == [] and not Comparison(tmp_path).has_base


@pytest.mark.trains
@pytest.mark.slow
def test_a_run_from_a_base_is_compared_with_it_at_each_save(
    begin: StartRun, tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    schedule: dict[str, Any] = {"steps": 4, "batch_size": 4, "save_every": 2, "threads": 1, "validation_share": 0.5}
    new = tmp_path / "new"
    data, base_folder = _unseen(tiny_data, tmp_path), tiny_checkpoints / "tiny"
    with start_run(new, data, base=base_folder, schedule=Schedule(**schedule)) as run:
        run.train()
    found = read_improvements(new)
    assert [one.step for one in found] == [2, 4] and all(one.pictures == len(run.validation_rows) for one in found)
    base = json.loads((new / IMPROVEMENT_FILE).read_text())["base"]
    mean = float(np.mean(base))
    for one, row in zip(found, run.rows, strict=True):
        assert one.percent == pytest.approx(100 * (mean - row["validation_bits"]) / mean, abs=0.02)
    scratch = begin("scratch", steps=2, save_every=2, validation_share=0.5)
    scratch.train()
    assert not (scratch.run / IMPROVEMENT_FILE).exists(), "it has no base"


def _unseen(tiny_data: Path, tmp_path: Path) -> Path:
    """The pictures turned by a quarter, so that the base was not trained on them."""
    for path in sorted(tiny_data.glob("*/*.png")):
        target = tmp_path / "turned" / path.relative_to(tiny_data)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode_png(np.ascontiguousarray(np.rot90(read_picture(path)))))
    return tmp_path / "turned"
