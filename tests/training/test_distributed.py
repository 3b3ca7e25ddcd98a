"""Batches in parts: one after another, or in several processes; to rounding it is the same training."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.training import runs as setup
from pixelart.training.config import Schedule
from pixelart.training.distributed import Processes, find_processes
from pixelart.training.run_config import RunConfig, read_run
from pixelart.training.runs import join_run, start_run
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from pixelart.training.trainer import Trainer
from tests.training.runs import resumed

StartRun = Callable[..., Trainer]
ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = {"precision": "fp32", "flip": 0.3, "steps": 6, "learning_rate": 1e-2}
PATIENCE = 120.0


def weights_of(run: Path) -> dict[str, Tensor]:
    found = last_checkpoint(run)
    assert found is not None
    return safetensors.torch.load(found[1]["model.safetensors"])


def assert_same_to_rounding(one: dict[str, Tensor], other: dict[str, Tensor], start: dict[str, Tensor]) -> None:
    """They agree far better than either agrees with where it began. AdamW turns a gradient that is all rounding into a
    whole step, so a few weights may differ more."""
    gap = torch.cat([(one[name] - other[name]).abs().flatten() for name in one])
    way = torch.cat([(one[name] - start[name]).abs().flatten() for name in one])
    assert way.mean() > 1e-2 and gap.mean() < 1e-4 * way.mean()


# --- one after another --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"context_first": 0.5}, {"model": "multiscale"}], ids=str)
def test_parts_one_after_another_are_one_batch(begin: StartRun, more: dict[str, Any]) -> None:
    whole = begin("whole", batch_size=8, **SETTINGS, **more)
    parts = begin("parts", batch_size=2, accumulate=4, **SETTINGS, **more)
    start = {name: value.clone() for name, value in whole.model.state_dict().items()}
    bits: list[list[float]] = []
    for run in (whole, parts):
        bits.append([])
        run.train(report=lambda state, kept=bits[-1]: kept.append(state.last_bits))
    assert bits[0] == pytest.approx(bits[1], rel=1e-4)
    assert_same_to_rounding(weights_of(whole.run), weights_of(parts.run), start)


@pytest.mark.slow
def test_accumulated_runs_resume_to_the_same_bits(begin: StartRun, tiny_data: Path) -> None:
    whole, run = (begin(name, batch_size=2, accumulate=2, steps=4) for name in ("whole", "run"))
    whole.train()
    run.train(stop=lambda: run.step == 2)
    resumed(run.run, tiny_data).train()
    mine, theirs = weights_of(run.run), weights_of(whole.run)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


# --- side by side -------------------------------------------------------------------------------------------------


class Threads(Processes):
    """Processes that are threads of this one: what is asked of all is added up where the last one comes."""

    def __init__(self, index: int, count: int, shared: list[Tensor], barrier: threading.Barrier) -> None:
        super().__init__(torch.device("cpu"))
        self.index, self.count, self.shared, self.barrier = index, count, shared, barrier

    def total(self, values: Tensor) -> Tensor:
        self.shared[self.index] = values
        self.wait()
        whole = torch.stack(list(self.shared)).sum(0)
        self.wait()
        return whole

    def wait(self) -> None:
        self.barrier.wait(PATIENCE)


@pytest.mark.slow
def test_two_processes_are_one_with_the_doubled_batch(
    begin: StartRun, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, run = begin("whole", batch_size=8, **SETTINGS), tmp_path / "run"
    start = {name: value.clone() for name, value in whole.model.state_dict().items()}
    whole.train()
    schedule = replace(whole.config.schedule, batch_size=4, processes=2, memory_format="auto")
    decided: list[RunConfig] = []

    def tuned(config: RunConfig, *_: object) -> RunConfig:
        decided.append(replace(config, schedule=replace(config.schedule, memory_format="contiguous")))
        return decided[-1]

    monkeypatch.setattr(setup, "tuned", tuned)
    shared, barrier = [torch.empty(0)] * 2, threading.Barrier(2)
    order: list[list[list[int]]] = [[], []]
    steps, formats = [0, 0], ["", ""]

    def work(index: int) -> None:
        group = Threads(index, 2, shared, barrier)
        new = start_run(run, tiny_data, preset="debug", colours=8, schedule=schedule, processes=group)
        with new if group.is_first else join_run(run, tiny_data, processes=group) as trainer:

            def report(state: Trainer) -> None:
                before = (state.step - 1) * schedule.global_batch_size
                order[index] += [
                    [state.batches.place(before + i) for i in range(part.start, part.stop)]
                    for part in state.batches.parts(state.step - 1, index)
                ]

            trainer.train(report=report)
            steps[index] = trainer.step
            formats[index] = trainer.config.schedule.memory_format

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert steps == [6, 6]
    size = len(whole.train_rows)
    both = [place for pair in zip(*order, strict=True) for part in pair for place in part]
    assert both == [whole.batches.place(i) for i in range(48)] and size < 48, "the data order is another"
    assert_same_to_rounding(weights_of(whole.run), weights_of(run), start)
    assert [row["step"] for row in whole.rows] == [6] and len(list_checkpoints(run)) == 2
    assert read_run(run).schedule.processes == 2
    assert len(decided) == 1 and formats == ["contiguous", "contiguous"], "the first decides for all"


@pytest.mark.parametrize("changed", [None, 0, 1])
def test_processes_that_start_from_different_weights_are_refused(changed: int | None) -> None:
    """By a single bit, in whichever of them; otherwise each would train another network with the gradients of both."""
    shared, barrier = [torch.empty(0)] * 2, threading.Barrier(2)
    refused: list[str] = []

    def work(index: int) -> None:
        weights = [torch.arange(6.0).view(2, 3), torch.ones(4, dtype=torch.float64)]
        if index == changed:
            weights[1][2] += 2e-16
        try:
            Threads(index, 2, shared, barrier).check_same(weights)
        except WeightsRejected as error:
            refused.append(str(error))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    told = "the processes of this training start from different weights; give all the same base"
    assert refused == ([] if changed is None else [told, told])


def test_a_run_of_two_is_not_gone_on_with_by_one(begin: StartRun, tiny_data: Path) -> None:
    run = begin(processes=2).run
    with pytest.raises(RequestRejected, match="processes 1: this run was started with 2"):
        resumed(run, tiny_data, processes=1)


def test_a_lonely_process_asks_nobody() -> None:
    alone = find_processes()
    assert (alone.index, alone.count, alone.is_first) == (0, 1, True)
    assert alone.any(True) and not alone.any(False) and alone.of_first(2.5) == 2.5


def test_several_processes_without_accelerate_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(RequestRejected, match="need the package accelerate"):
        find_processes()


@pytest.mark.slow
def test_accelerate_launches_the_real_program(tiny_data: Path, tmp_path: Path) -> None:
    """Two processes of a CPU, gone on with from a save in the middle, against one with the doubled batch."""
    words = f"-m pixelart train --data {tiny_data} --preset debug --colours 8 --seed 3 --precision fp32 --threads 1"
    words += " --learning-rate 0.01 --flip 0.3 --steps 6 --save-every 3 --resume --json"
    launch = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    launch += ["--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    for _ in range(2):
        shutil.rmtree(tmp_path / "two" / "step-00000006", ignore_errors=True)
        told = f"{words} --batch-size 4 --out {tmp_path / 'two'}"
        done = subprocess.run([*launch, *told.split()], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count('"finished": true') == 1, "the first process alone reports"
    told = f"{words} --batch-size 8 --out {tmp_path / 'one'}"
    subprocess.run([sys.executable, *told.split()], cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE)
    assert read_run(tmp_path / "two").schedule.processes == 2
    start = start_run(tmp_path / "start", tiny_data, preset="debug", colours=8, schedule=Schedule(steps=1, seed=3))
    with start as trainer:
        begun = trainer.model.state_dict()
    assert_same_to_rounding(weights_of(tmp_path / "one"), weights_of(tmp_path / "two"), begun)
