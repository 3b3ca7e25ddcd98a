"""Stopped or killed at any moment and resumed, a run ends with the same bits."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch

from pixelart.cli.main import main
from pixelart.errors import DataRejected, RequestRejected
from pixelart.models import list_models
from pixelart.training.run_config import read_run
from pixelart.training.runs import resume_run
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from pixelart.training.trainer import Trainer
from tests.tiers import a_long
from tests.training.killing import LOOK, PATIENCE, ROOT, STEPS, Nursery, kill_and_resume, train_words
from tests.training.runs import resumed

StartRun = Callable[..., Trainer]
Digests = Callable[[Path], dict[str, str]]


# --- stopped ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("steps", [(1, 6), a_long(range(1, 10))], ids=["some", "each"])
@pytest.mark.parametrize("model", list_models())
def test_stopped_at_steps_of_ten_it_ends_with_the_same_bits(
    begin: StartRun, tiny_data: Path, digests: Digests, model: str, steps: Sequence[int]
) -> None:
    schedule = {"model": model, "steps": 10, "flip": 0.5, "validation_share": 0.0}
    whole = begin("whole", **schedule)
    whole.train()
    for step in steps:
        run = begin(f"stopped-{step}", **schedule)
        run.train(stop=lambda run=run, step=step: run.step == step)
        found = last_checkpoint(run.run)
        assert found is not None and found[0] == step
        resumed(run.run, tiny_data).train()
        assert digests(run.run) == digests(whole.run)


def test_stopped_at_every_step_it_ends_with_the_same_bits(begin: StartRun, tiny_data: Path, digests: Digests) -> None:
    whole, run = begin("whole", steps=8), begin("often", steps=8)
    whole.train()
    while run.progress() < 1:
        run.train(stop=lambda run=run, first=run.step: run.step > first)
        run = resumed(run.run, tiny_data)
    assert digests(run.run) == digests(whole.run)
    assert [row["step"] for row in run.rows] == [8]  # a stop saves, but does not measure
    assert [row["train_bits"] for row in run.rows] == [row["train_bits"] for row in whole.rows]


@pytest.mark.slow
def test_resumed_from_an_older_checkpoint_it_ends_with_the_same_bits(
    begin: StartRun, tiny_data: Path, digests: Digests
) -> None:
    run = begin(steps=12, save_every=4)
    run.train()
    expected = digests(run.run)
    newest = list_checkpoints(run.run)[-1]
    with (newest / "optimizer.safetensors").open("r+b") as file:
        file.truncate(100)
    again = resumed(run.run, tiny_data)
    assert again.step == 8
    again.train()
    assert digests(run.run) == expected


@pytest.mark.slow
def test_a_finished_run_stays_as_it_is(begin: StartRun, tiny_data: Path, digests: Digests) -> None:
    run = begin(steps=3)
    run.train()
    before = digests(run.run)
    resumed(run.run, tiny_data).train()
    assert digests(run.run) == before and [f.name for f in list_checkpoints(run.run)] == [
        "step-00000000",
        "step-00000003",
    ]


# --- resumed with something else ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_other_pictures_are_refused(begin: StartRun, tiny_data: Path, tmp_path: Path) -> None:
    run = begin(steps=2)
    run.train()
    changes: dict[str, Callable[[Path], object]] = {
        "one fewer": lambda data: (data / "cross" / "00.png").unlink(),
        "another class": lambda data: (data / "cross" / "00.png").rename(data / "stripe" / "x.png"),
        "another picture": lambda data: shutil.copy(data / "cross" / "00.png", data / "cross" / "01.png"),
        "one more": lambda data: shutil.copy(data / "cross" / "00.png", data / "cross" / "zz.png"),
    }
    for name, change in changes.items():
        data = shutil.copytree(tiny_data, tmp_path / name)
        change(data)
        with pytest.raises(DataRejected, match=f"{name}: the pictures are not the ones this run was started with"):
            resumed(run.run, data)


@pytest.mark.slow
def test_the_same_pictures_in_an_archive_are_accepted(
    begin: StartRun, tiny_data: Path, tmp_path: Path, digests: Digests
) -> None:
    whole, run = begin("whole", steps=4), begin("run", steps=4)
    whole.train()
    run.train(stop=lambda: run.step == 2)
    archive = shutil.make_archive(str(tmp_path / "data"), "zip", tiny_data)
    resumed(run.run, Path(archive)).train()
    assert digests(run.run) == digests(whole.run)


@pytest.mark.parametrize(
    "other",
    [
        "--seed 2",
        "--batch-size 3",
        "--flip 0.5",
        "--learning-rate 0.1",
        "--ema 0.5",
        "--validation-share 0.2",
        "--preset default",
        "--codec rgb",
        "--colours 3",
        "--colours 9",
        "--fit nearest",
    ],
)
def test_options_that_make_it_another_run_are_refused(
    tiny_run: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str], other: str
) -> None:
    before = (tiny_run / "run.json").read_bytes()
    assert main(["train", "--data", str(tiny_data), "--out", str(tiny_run), "--resume", *other.split()]) == 2
    name = other.split()[0].removeprefix("--").replace("-", "_")
    assert re.fullmatch(rf"pixelart train: {name} .*: this run was started with .*\n", capsys.readouterr().err)
    assert (tiny_run / "run.json").read_bytes() == before


def test_other_colours_are_refused_in_one_short_line(
    tiny_run: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "many.hex").write_text("".join(f"{number:06x}\n" for number in range(255)))
    words = ["train", f"--data={tiny_data}", f"--out={tiny_run}", "--resume", f"--colours-from={tmp_path / 'many.hex'}"]
    assert main(words) == 2
    assert capsys.readouterr().err == "pixelart train: colours_from: this run was started with other colours\n"


@pytest.mark.slow
def test_a_run_may_go_on_for_longer(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=3).run
    resumed(run, tiny_data).train()
    resumed(run, tiny_data, steps=5, save_every=2).train()
    found = last_checkpoint(run)
    assert found is not None and found[0] == 5
    assert read_run(run).schedule.steps == 5 and read_run(run).schedule.save_every == 2
    with pytest.raises(RequestRejected, match="set either steps or minutes"):
        resumed(run, tiny_data, minutes=1.0)
    assert read_run(run).schedule.minutes == 0


@pytest.mark.slow
def test_a_run_is_trained_by_one_at_a_time_and_nobody_else_changes_it(begin: StartRun, tiny_data: Path) -> None:
    folder = begin(steps=3).run

    def files() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    refused: list[dict[str, bytes]] = []

    def another(state: Trainer) -> None:
        before = files()
        for ask in (lambda: resumed(folder, tiny_data, steps=999), lambda: begin(steps=5, seed=8)):
            with pytest.raises(RequestRejected, match="another process is training this run"):
                ask()
        assert files() == before
        refused.append(before)

    with resume_run(folder, tiny_data) as run:
        another(run)
        run.train(report=another)
        another(run)
    assert len(refused) == 5
    resumed(folder, tiny_data).train()


# --- killed -------------------------------------------------------------------------------------------------------


@pytest.fixture
def nursery(tiny_checkpoints: Path) -> Iterator[Nursery]:
    nursery = Nursery(tiny_checkpoints)
    yield nursery
    nursery.close()


@pytest.fixture(scope="module")
def finished(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory, digests: Digests) -> dict[str, str]:
    """The digests of the run that was never stopped."""
    whole = tmp_path_factory.mktemp("finished") / "whole"
    torch.set_num_threads(1)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main([*train_words(tiny_data, whole), "--json"]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    return digests(whole)


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "inside"), [(6, 0), a_long(20, 2)])
def test_killed_at_random_moments_it_ends_with_the_same_bits(
    nursery: Nursery, tiny_data: Path, tmp_path: Path, finished: dict[str, str], kills: int, inside: int
) -> None:
    tally = kill_and_resume(nursery, tiny_data, tmp_path / "run", finished, kills=kills)
    assert tally.inside_a_save >= inside and len(tally.saved_at) > 1


@pytest.mark.slow
def test_told_to_end_it_saves_where_it_is(
    tiny_data: Path,
    tmp_path: Path,
    digests: Digests,
    finished: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [*train_words(tiny_data, tmp_path / "run"), "--json"]
    original = Trainer._train_step

    def step(run: Trainer) -> float:
        if run.step == 10:
            signal.raise_signal(signal.SIGTERM)
        return original(run)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", step)
        assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["step"], result["finished"]) == (10, False), "the step that was being taken is taken again"
    assert main([*words, "--resume"]) == 0
    assert digests(tmp_path / "run") == finished


@pytest.mark.slow
def test_the_real_program_survives_kill_and_term(
    tiny_data: Path, tmp_path: Path, digests: Digests, finished: dict[str, str]
) -> None:
    """`python -m pixelart train`: killed after its first save, told to end after the next, resumed to its end."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "pixelart", *train_words(tiny_data, run), "--json"]
    killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _wait(killed, lambda: bool(list_checkpoints(run)))
    killed.kill()
    assert killed.wait(PATIENCE) in (-signal.SIGKILL, 0)
    last = list_checkpoints(run)[-1]
    told = subprocess.Popen([*command, "--resume"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    _wait(told, lambda: list_checkpoints(run)[-1:] != [last])
    told.terminate()
    said, found = told.communicate(timeout=PATIENCE)[0], last_checkpoint(run)
    assert found is not None and told.returncode in (0, -signal.SIGTERM)
    if told.returncode == 0:
        result = json.loads(said)
        assert found[0] == result["step"]  # saved where it stopped, not where it was saved before
        assert result["finished"] == (result["step"] == STEPS)
    else:  # it was told so late that it had trained to its end
        assert found[0] == STEPS
    assert main([*train_words(tiny_data, run), "--resume", "--json"]) == 0
    assert digests(run) == finished


def _wait(process: subprocess.Popen[str] | subprocess.Popen[bytes], event: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not event():
        assert time.monotonic() < deadline, "the run makes no progress"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
            return


@pytest.mark.slow
def test_digests_tell_runs_apart(begin: StartRun, digests: Digests) -> None:
    runs = [begin("a", steps=2), begin("b", steps=2, seed=9)]
    for run in runs:
        run.train()
    first, second = (digests(run.run) for run in runs)
    assert set(first) == {"model.safetensors", "average.safetensors", "optimizer.safetensors"}
    assert all(first[name] != second[name] for name in first)
    assert all(len(bytes.fromhex(d)) == hashlib.sha256().digest_size for d in first.values())
