"""Learning: the loss falls, the same seed gives the same weights, and the minutes of a run are those of its steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.checkpoint.weights import pack_weights
from pixelart.training import trainer
from pixelart.training.trainer import Trainer
from tests.training.conftest import StartRun
from tests.training.runs import resumed


def _bits(trainer: Trainer) -> list[float]:
    """Train to the end; bits per hidden sub-pixel of each step."""
    seen: list[float] = []
    trainer.train(report=lambda state: seen.append(state.recent_bits() * (len(seen) + 1) - sum(seen)))
    return seen


def _weights(trainer: Trainer) -> tuple[bytes, bytes]:
    return pack_weights(trainer.model), pack_weights(trainer.average)


OTHERS = [pytest.param(codec, marks=pytest.mark.slow) for codec in ("gray", "binary")]


@pytest.mark.parametrize("codec", ["indexed", "rgb", *OTHERS])
def test_40_steps_lower_the_loss(begin: StartRun, codec: str) -> None:
    bits = _bits(begin(codec=codec, steps=40, learning_rate=1e-2, batch_size=8))
    assert len(bits) == 40 and all(math.isfinite(b) and b > 0 for b in bits)
    assert np.mean(bits[-10:]) < 0.8 * np.mean(bits[:3])


@pytest.mark.slow
def test_the_measured_bits_fall_too(begin: StartRun) -> None:
    run = begin(steps=60, save_every=20, learning_rate=1e-2, batch_size=8, ema=0.8, validation_share=0.3)
    run.train()
    bits = [row["validation_bits"] for row in run.rows]
    assert [row["step"] for row in run.rows] == [20, 40, 60] and bits[0] > bits[-1]


@pytest.mark.slow
def test_the_encoder_first_learns_alone(begin: StartRun) -> None:
    trainer = begin(steps=8, context_first=0.5)
    start = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}

    def moved() -> set[str]:
        now = trainer.model.state_dict()
        return {name.split(".")[0] for name, tensor in start.items() if not torch.equal(tensor, now[name])}

    trainer.train(stop=iter([False] * 4 + [True] * 9).__next__)
    assert moved() == {"encoder", "vote"}
    trainer.train()
    assert moved() >= {"encoder", "vote", "layers", "logits", "colours"}


# --- weights ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("flip", [0.0, 0.5], ids=["straight", "flipped"])
def test_the_same_seed_gives_the_same_weights(begin: StartRun, precision: str, flip: float) -> None:
    runs = [begin(f"run{i}", precision=precision, flip=flip, steps=6) for i in range(2)]
    runs[0].train()
    torch.manual_seed(77)
    np.random.seed(77)  # what else runs in the process must not matter
    runs[1].train()
    assert _weights(runs[0]) == _weights(runs[1])


@pytest.mark.slow
def test_other_settings_give_other_weights(begin: StartRun) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 4},
        {"flip": 0.5},
        {"precision": "bf16"},
        {"class_dropout": 1.0},
        {"vote_weight": 0.0},
        {"weight_decay": 0.5},
        {"learning_rate": 2e-3},
        {"batch_size": 5},
        {"steps": 13},
    ]
    results = []
    for number, change in enumerate(changes):
        run = begin(f"run{number}", **{"learning_rate": 1e-3, "steps": 12, **change})
        run.train(stop=lambda run=run: run.step == 2)
        results.append(pack_weights(run.model))
    assert len(set(results)) == len(changes)


@pytest.mark.slow
def test_weights_stay_float32_and_finite_under_bf16(begin: StartRun) -> None:
    run = begin(precision="bf16", steps=5)
    run.train()
    assert all(p.dtype == torch.float32 and bool(torch.isfinite(p).all()) for p in run.model.parameters())


@pytest.mark.slow
def test_the_average_follows_the_weights(begin: StartRun) -> None:
    run = begin(steps=8, ema=0.5)
    expected = [p.detach().double().clone() for p in run.average.parameters()]
    assert all(torch.equal(a.double(), p.double()) for a, p in zip(expected, run.model.parameters(), strict=True))

    def update_ema(state: Trainer) -> None:
        decay = min(0.5, state.step / (9 + state.step))  # step counts from 1 here
        for average, current in zip(expected, state.model.parameters(), strict=True):
            average.mul_(decay).add_(current.detach().double(), alpha=1 - decay)

    run.train(report=update_ema)
    for average, kept in zip(expected, run.average.parameters(), strict=True):
        assert torch.allclose(average, kept.double(), atol=1e-6)
    assert _weights(run)[0] != _weights(run)[1]


@pytest.mark.slow
def test_without_memory_the_average_is_the_weights(begin: StartRun) -> None:
    run = begin(steps=5, ema=0.0)
    run.train()
    for average, current in zip(run.average.parameters(), run.model.parameters(), strict=True):
        assert torch.allclose(average, current, atol=1e-7)


@pytest.mark.slow
def test_a_run_stopped_before_its_first_step_can_go_on(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=3)
    run.train(stop=lambda: True)
    assert run.step == 0
    again = resumed(run.run, tiny_data)
    again.train()
    other = begin("other", steps=3)
    other.train()
    assert _weights(again) == _weights(other)


# --- learning rate and minutes ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_learning_rate_warms_up_and_falls_along_a_cosine(begin: StartRun) -> None:
    run, rates = begin(steps=50, learning_rate=1e-2, batch_size=1, validation_share=0.0), list[float]()
    run.train(report=lambda state: rates.append(state.train_state.learning_rate))
    assert rates[:5] == sorted(rates[:5]) and rates[0] == pytest.approx(2e-3, rel=0.01)
    assert max(rates) == pytest.approx(1e-2, rel=0.03) and rates.index(max(rates)) == 4
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[25] == pytest.approx(1e-2 * 0.51, rel=0.01) and rates[49] == pytest.approx(1e-2 * 0.02, rel=0.07)


@pytest.mark.slow
def test_a_run_by_minutes_ends_when_its_time_is_up(begin: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**6, 6))  # each step takes six seconds
    monkeypatch.setattr(trainer.time, "monotonic", lambda: float(next(clock)))
    run = begin(steps=0, minutes=1.0)
    run.train()
    assert run.step == 10 and run.progress() == 1 and run.seconds == 60


@pytest.mark.slow
def test_compiling_is_no_training(begin: StartRun, tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled function whose first call takes an hour, in each process: the minutes and the bits are the same."""
    hour, ticks = [0.0], iter(range(10**6))

    def compile_late(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        calls: list[int] = []

        def call(*given: Any) -> Any:
            hour[0] += 0.0 if calls else 3600.0
            calls.append(1)
            return function(*given)

        return call

    monkeypatch.setattr(trainer.time, "monotonic", lambda: hour[0] + 6.0 * next(ticks))
    monkeypatch.setattr(trainer.torch, "compile", compile_late)
    schedule = {"steps": 0, "minutes": 1.0, "context_first": 0.4}
    plain, run = begin("plain", **schedule), begin("compiled", compile=True, **schedule)
    plain.train()
    run.train(stop=lambda: run.step == 2)
    again = resumed(run.run, tiny_data)
    again.train()
    assert hour[0] == 4 * 3600  # the two losses in each process
    assert (again.step, again.seconds) == (plain.step, plain.seconds) == (10, 60)
    assert _weights(again) == _weights(plain)
