"""A stop saves, however slow a step is, and never more is lost than the step that is being taken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.cli.main import main
from pixelart.layers.interruption import cancel_between_layers
from pixelart.training import trainer
from pixelart.training.snapshots import list_checkpoints
from pixelart.training.trainer import Trainer
from tests.training.runs import digests_of, resumed

StartRun = Callable[..., Trainer]


def saves(run: Trainer) -> list[int]:
    return [int(folder.name.removeprefix("step-")) for folder in list_checkpoints(run.run)]


def test_the_first_save_is_there_before_the_first_step(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=6)
    seen = list[list[int]]()
    run.train(report=lambda _: seen.append(saves(run)), stop=lambda: run.step == 1)
    assert seen == [[0]] and saves(run) == [0, 1]
    at_once = begin("other", steps=6)
    at_once.train(stop=lambda: True)
    assert saves(at_once) == [0]
    assert resumed(at_once.run, tiny_data).step == 0


@pytest.mark.slow
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_stop_does_not_wait_for_the_step_that_is_being_taken_and_changes_no_bit(
    begin: StartRun, tiny_data: Path, backward: bool, checkpointing: bool
) -> None:
    whole = begin("whole", steps=5, gradient_checkpointing=checkpointing)
    whole.train()
    run = begin(steps=5, gradient_checkpointing=checkpointing)
    asked, told = list[int](), list[int]()

    def interrupt() -> bool:
        if run.step == 3:
            asked.append(1)
        return len(asked) > (40 if backward else 3)

    steps = run.train_state.step
    run.train_state.step = lambda: (told.append(run.step), steps())[1]  # pyright: ignore[reportAttributeAccessIssue]
    run.train(interrupt=interrupt)
    assert run.step == 3 and told == [0, 1, 2] and saves(run)[-1] == 3
    again = resumed(run.run, tiny_data)
    again.train()
    assert digests_of(again.run) == digests_of(whole.run)


def test_it_is_asked_between_the_layers_and_no_longer_than_it_trains() -> None:
    model, asked = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(3))), list[int]()

    def never() -> bool:
        asked.append(1)
        return False

    with cancel_between_layers(model, never):
        model(torch.ones(1, 2)).sum().backward()
    assert len(asked) == 4 + 6
    model(torch.ones(1, 2)).sum().backward()
    assert len(asked) == 10


def test_another_thread_that_runs_the_same_model_does_not_ask() -> None:
    model, asked = torch.nn.Linear(2, 2), list[int]()
    with cancel_between_layers(model, lambda: bool(asked.append(1))):
        thread = threading.Thread(target=model, args=(torch.ones(1, 2),))
        thread.start()
        thread.join()
        assert not asked
        model(torch.ones(1, 2))
    assert asked


def test_slow_steps_are_saved_in_between(begin: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SNAPSHOT_SECONDS", 0.0)
    run, seen = begin(steps=4), list[int]()
    run.train(report=lambda _: seen.append(saves(run)[-1]))
    assert seen == [0, 1, 2, 3] and saves(run)[-1] == 4
    assert [row["step"] for row in run.rows] == [4], "it is measured when it was"


@pytest.mark.slow
def test_how_often_it_has_seen_its_pictures_is_told(
    begin: StartRun, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begin(steps=3, batch_size=4, accumulate=2, validation_share=0.0)
    run.train()
    assert run.passes == pytest.approx(3 * 4 * 2 / 40)
    words: list[Any] = [
        "train",
        f"--data={tiny_data}",
        "--preset=debug",
        "--colours=8",
        "--threads=1",
        "--batch-size=4",
    ]
    assert main([*words, f"--out={tmp_path / 'short'}", "--steps=3"]) == 0
    assert "too short to have learned much: 3 steps, " in capsys.readouterr().out
    assert main([*words, f"--out={tmp_path / 'enough'}", "--steps=10", "--validation-share=0"]) == 0
    assert "too short" not in capsys.readouterr().out
