"""The pace of a training is measured on real steps of the base, and remembered for the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.cli import estimate as estimate_command
from pixelart.cli.main import main
from pixelart.errors import PixelArtError
from pixelart.models import get_variant
from pixelart.training import pace as pace_module
from pixelart.training import tuning_cache
from pixelart.training.efforts import EFFORTS, steps_and_saves
from pixelart.training.pace import Pace, measure_pace
from pixelart.training.run_config import RunConfig

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(tuning_cache.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(pace_module, "is_quiet", lambda: True)
    return tmp_path / "cache"


@pytest.mark.slow
def test_a_base_is_timed_and_remembered(
    tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = measure_pace(base=tiny_checkpoints / "tiny", model="", size=(8, 8), batch_size=4, device=CPU)
    assert min(found.step, found.validation, found.samples) > 0
    monkeypatch.setattr(pace_module, "_measured", lambda *_: pytest.fail("it is remembered"))
    assert measure_pace(base=tiny_checkpoints / "tiny", model="", size=(8, 8), batch_size=4, device=CPU) == found
    monkeypatch.setattr(pace_module, "_measured", lambda *_: {"step": 1.5, "validation": 0.1, "samples": 0.2})
    large = measure_pace(base=tiny_checkpoints / "tiny", model="", size=(8, 8), batch_size=40, device=CPU)
    assert large == Pace(1.5 * 40 / 16, 0.1, 0.2), "large batches are parts of 16"
    assert main(["estimate", "--base", "tiny", "--checkpoints", str(tiny_checkpoints), "--batch-size", "16"]) == 0
    assert "1.5 s a step" in (told := capsys.readouterr().out) and "Best: 640 steps, about 16 min" in told


@pytest.mark.slow
def test_a_new_network_is_timed_at_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "tuned", lambda config, *_: config)
    found = measure_pace(base=None, model="row_rnn", size=(8, 12), batch_size=1, device=CPU)
    assert found.step > 0
    with pytest.raises(PixelArtError):
        measure_pace(base=None, model="none", size=(8, 8), batch_size=1, device=CPU)


@pytest.mark.slow
def test_a_larger_network_is_timed_at_its_size(tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a base, and of a new network."""
    timed = list[RunConfig]()

    def measured(config: RunConfig, *_: object) -> dict[str, float]:
        timed.append(config)
        return {"step": 1.0, "validation": 0.1, "samples": 0.2}

    monkeypatch.setattr(pace_module, "_measured", measured)
    monkeypatch.setattr(pace_module, "is_quiet", lambda: False)  # or the second time is remembered
    monkeypatch.setattr(pace_module, "tuned", lambda config, *_: config)
    debug = get_variant("gated_pixelcnn").presets["debug"]
    monkeypatch.setitem(get_variant("gated_pixelcnn").presets, "larger", {**debug, "hidden": 30})
    how: dict[str, Any] = {"model": "gated_pixelcnn", "size": (8, 8), "batch_size": 4, "device": CPU}
    for base in (tiny_checkpoints / "tiny", None):
        measure_pace(base=base, preset="larger", **how)
    assert [config.model_config["hidden"] for config in timed] == [30, 30]


def test_long_times_are_told_in_hours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(estimate_command, "measure_pace", lambda **_: Pace(120.0, 0.1, 0.2))
    assert main(["estimate"]) == 0
    told = capsys.readouterr().out
    assert "2 min a step" in told and "Quick: 400 steps, about 13 h 20 min" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--batch-size -3", "batch_size -3: must be from 1 to 4096"),
        ("--batch-size 5000", "batch_size 5000: must be from 1 to 4096"),
        ("--size -8x16", "size -8: must be from 1 to 1024"),
        ("--size 0", "size 0: must be from 1 to 1024"),
        ("--size 999999", "size 999999: must be from 1 to 1024"),
    ],
)
def test_what_cannot_be_trained_is_not_timed(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    option, value = words.split()
    assert main(["estimate", f"{option}={value}"]) == 2
    assert told in (shown := capsys.readouterr().err) and "Traceback" not in shown


def test_the_efforts_rise_and_see_every_picture() -> None:
    for has_base in (True, False):
        lengths = [steps_and_saves(name, has_base=has_base)[0] for name in EFFORTS]
        assert lengths == sorted(set(lengths))
    assert steps_and_saves("Quick", has_base=True, pictures=10_000, batch_size=16) == (625, 40)
