"""What ends a run that cannot go on: one plain line, exit code 2, and the last good weights kept."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.cli.main import main
from pixelart.errors import Hint, RequestRejected, tag_hint
from pixelart.storage import Files
from pixelart.training import trainer
from pixelart.training.failures import (
    Ending,
    Reached,
    explain_exit,
    explain_failures,
    is_short_of_memory,
    last_line,
    too_short,
)
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from pixelart.training.trainer import Trainer
from tests.training.runs import resumed

StartRun = Callable[..., Trainer]
TRAIN = "train --preset debug --colours 8 --steps 6 --save-every 2 --batch-size 2 --threads 1"


def _out_of_memory() -> None:
    torch.empty(2**60)  # what torch says on a CPU


FAULTS: dict[str, tuple[Callable[[], object], str]] = {
    "python": (lambda: bytearray(2**62), "step 3: not enough memory"),
    "torch": (_out_of_memory, "step 3: not enough memory"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_memory_that_is_short_ends_a_run_in_one_line(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    original, (fail, reason) = Trainer._train_step, FAULTS[fault]

    def step(run: Trainer) -> float:
        if run.step == 3:
            fail()
        return original(run)

    monkeypatch.setattr(Trainer, "_train_step", step)
    code = main([*TRAIN.split(), "--data", str(tiny_data), "--out", str(tmp_path / "run")])
    printed = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2 and printed.startswith(
        f"pixelart train: {reason}; the weights of step 2 are kept (a smaller --batch"
    )
    monkeypatch.undo()
    again = resumed(tmp_path / "run", tiny_data)
    assert again.step == 2
    again.train()


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_no_more_ends_a_run_in_one_line(
    begin: StartRun, tiny_data: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    run = begin(steps=6, save_every=2)
    original = Files.write

    def write(files: Files, path: Path, data: bytes) -> None:
        if "step-00000004" in str(path):
            original(files, path, data[: len(data) // 2])
            raise OSError(code, "the disk says no")
        original(files, path, data)

    monkeypatch.setattr(Files, "write", write)
    line = r"step 4: the disk says no; the weights of step 2 are kept"
    with pytest.raises(RequestRejected, match=line), explain_failures(run):
        run.train()
    monkeypatch.undo()
    assert [f.name for f in list_checkpoints(run.run)] == ["step-00000000", "step-00000002"]
    again = resumed(run.run, tiny_data)
    again.train()
    found = last_checkpoint(run.run)
    assert found is not None and found[0] == 6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log.csv", "step-00000004.png"])
def test_a_file_that_fails_after_a_save_is_told_and_the_save_is_kept(
    begin: StartRun, tiny_data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = begin(steps=6, save_every=2)
    original = Files.write

    def write(files: Files, path: Path, data: bytes) -> None:
        if name in path.name and run.step == 4:
            raise OSError(errno.ENOSPC, "the disk is full", str(path))
        original(files, path, data)

    monkeypatch.setattr(Files, "write", write)
    line = rf"^step 4: .*{name}.*: the disk is full; the weights of step 4 are kept$"
    with pytest.raises(RequestRejected, match=line), explain_failures(run):
        run.train()
    monkeypatch.undo()
    again = resumed(run.run, tiny_data)
    again.train(stop=lambda: True)
    assert again.step == 4 and (run.run / "samples" / "step-00000004.png").exists()
    assert [line.split(",")[0] for line in (run.run / "log.csv").read_text().split()] == ["step", "2", "4"]


@pytest.mark.slow
def test_a_gradient_that_is_not_finite_ends_a_run_before_it_spoils_the_weights(begin: StartRun) -> None:
    """The loss may still be finite; a step would make all weights NaN, and the save of that step would keep them."""
    run = begin(steps=6, save_every=2)
    before = [parameter.clone() for parameter in run.model.parameters()]
    next(run.model.parameters()).register_hook(lambda gradient: gradient * float("inf"))
    line = "step 0: the gradient is not finite; lower the learning rate; the weights of step 0 are kept"
    with pytest.raises(RequestRejected, match=line), explain_failures(run):
        run.train()
    assert all(torch.equal(a, b) for a, b in zip(before, run.model.parameters(), strict=True))


@pytest.mark.slow
def test_other_faults_are_not_hidden(begin: StartRun) -> None:
    with pytest.raises(RuntimeError, match="a mistake of ours"), explain_failures(begin()):
        raise RuntimeError("a mistake of ours")
    assert not is_short_of_memory(ValueError("can't allocate memory"))


@pytest.mark.slow
def test_a_file_that_fails_without_its_name_makes_a_plain_line(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trainer, "save_checkpoint", full)
    assert main([*TRAIN.split(), "--data", str(tiny_data), "--out", str(tmp_path / "run")]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.fullmatch("pixelart train: step 0: No space left on device; nothing was saved before", last)


STOPPED = Ending("interrupted", "the limit is reached")


@pytest.mark.parametrize(
    ("code", "line", "reached", "state", "reason"),
    [
        (0, "", Reached("finished", 9, 2.0), "done", ""),
        (0, "", Reached("finished", 9), "done", ""),
        (0, "", Reached("finished", 9, 0.5), "interrupted", too_short(9)),
        (0, "", Reached("stopped", 9, 2.0), *STOPPED),
        (-15, "step 3", Reached(), *STOPPED),
        (-2, "", Reached(), *STOPPED),
        (-9, "trains in fp32", Reached(), "failed", "out of memory; try a smaller batch size or smaller pictures"),
        (137, "", Reached(), "failed", "out of memory; try a smaller batch size or smaller pictures"),
        (1, "MemoryError", Reached(), "failed", "out of memory; try a smaller batch size or smaller pictures"),
        (2, "too few pictures", Reached(), "failed", "too few pictures"),
        (1, "KeyError: 3", Reached(), "failed", "ended with code 1: KeyError: 3"),
        (-11, "", Reached(), "failed", "ended with code -11: no output"),
    ],
)
def test_every_exit_has_its_words(code: int, line: str, reached: Reached, state: str, reason: str) -> None:
    assert explain_exit(code, line, reached, STOPPED) == (state, reason)


def test_the_reason_of_a_killed_training_names_who_or_what_killed_it() -> None:
    stopped = explain_exit(-9, "", Reached(), STOPPED, was_killed=True)
    assert stopped == (
        "interrupted",
        "the limit is reached; it did not save in time, so the last save is kept",
    )
    asked = STOPPED._replace(reason=tag_hint(STOPPED.reason, Hint.RESUME))
    assert explain_exit(-9, "", Reached(), asked, was_killed=True).reason == tag_hint(stopped.reason, Hint.RESUME)
    assert "a training may use 512 MiB here" in explain_exit(-9, "", Reached(), STOPPED, memory=512 << 20).reason


def test_a_warning_is_no_reason() -> None:
    warnings = ["WARNING: near copies were not counted: x", "[W1130 10:00:00.1 Nccl.cpp:1250] Warning: destroyed", " "]
    assert last_line(["trains in fp32", "pixelart train: no pictures", *warnings]) == "no pictures"
    assert last_line(["pixelart remote-train: no pictures"]) == "no pictures"
    assert last_line(warnings) == last_line([]) == ""
