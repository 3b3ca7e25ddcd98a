"""Training on a GPU, tried on the CPU: a run is continued elsewhere and comes back in small pieces."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import run_pieces, train_on_gpu
from benchmarks.run_pieces import pack
from benchmarks.train_on_gpu import continue_copy
from pixelart.errors import RequestRejected
from pixelart.training.run_config import read_run
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from tests.training.runs import digests_of, resumed


def _options(**values: Any) -> Namespace:
    return Namespace(**{"batch_size": 32, "minutes": 9.0, "total": None, "device": "cpu", **values})


def _files(run: Path) -> dict[str, bytes]:
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in run.rglob("*") if p.is_file() and p.name != "lock"}


def _state(run: Path) -> dict[str, Any]:
    found = last_checkpoint(run)
    assert found is not None
    return json.loads(found[1]["state.json"])


def test_a_copy_of_a_run_of_steps_has_a_new_clock_and_the_same_weights(tiny_run: Path, tmp_path: Path) -> None:
    before, copy = _files(tiny_run), tmp_path / "copy"
    continue_copy(tiny_run, copy, _options())
    assert _files(tiny_run) == before and digests_of(copy) == digests_of(tiny_run)
    assert {**_state(tiny_run), "seconds": 0.0} == _state(copy) and _state(tiny_run)["seconds"] > 0
    was, schedule = read_run(tiny_run).schedule, read_run(copy).schedule
    assert (schedule.steps, schedule.minutes, schedule.batch_size, schedule.precision) == (0, 9.0, 32, "bf16")
    changed = {"steps", "minutes", "batch_size", "precision", "save_every", "sample_every"}
    assert replace(schedule, **{name: getattr(was, name) for name in changed}) == was
    with pytest.raises(RequestRejected, match="already holds a run"):
        continue_copy(tiny_run, copy, _options())


def test_a_run_of_minutes_comes_back_in_pieces_and_continues_its_schedule(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, folder = tmp_path / "run", tmp_path / "pieces"
    continue_copy(tiny_run, run, _options(minutes=20.0))
    whole = pack(run, folder)
    monkeypatch.setattr(run_pieces, "PIECE_BYTES", 50_000)
    pieces = pack(run, folder)
    assert len(whole) == 1 and len(pieces) > 2 and set(folder.iterdir()) == set(pieces), "older pieces are replaced"
    assert max(path.stat().st_size for path in pieces) == 50_000
    continue_copy(folder, tmp_path / "again", _options(minutes=1.0))
    assert _files(tmp_path / "again") == _files(run) and read_run(tmp_path / "again").schedule.minutes == 20.0
    continue_copy(folder, tmp_path / "longer", _options(total=30.0))
    assert read_run(tmp_path / "longer").schedule.minutes == 30.0
    pieces[1].unlink()
    with pytest.raises(RequestRejected, match="pieces of the run are missing"):
        continue_copy(folder, tmp_path / "broken", _options())


def test_only_the_newest_checkpoint_travels(tiny_run: Path, tmp_path: Path) -> None:
    assert len(list_checkpoints(tiny_run)) == 2
    pack(tiny_run, tmp_path / "pieces")
    continue_copy(tmp_path / "pieces", tmp_path / "copy", _options())
    assert [path.name for path in list_checkpoints(tmp_path / "copy")] == [list_checkpoints(tiny_run)[-1].name]


@pytest.mark.slow
@pytest.mark.trains
def test_the_command_trains_and_reports(
    tiny_run: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(tiny_data), "--out", str(tmp_path / "run"), "--pieces", str(tmp_path / "back")]
    words = ["--device", "cpu", "--minutes", "0.002", "--batch-size", "8", *places]
    assert train_on_gpu.main([*words, "--from", str(tiny_run), "--total", "1"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["step_before"] == 60 < report["step"] and report["pictures_per_second"] > 0
    assert report["validation_bits_before"] != report["validation_bits"] > 0
    assert report == json.loads((tmp_path / "back" / "report.json").read_bytes())
    assert train_on_gpu.main(words) == 0, "it goes on from there"
    assert json.loads(capsys.readouterr().out)["step_before"] == report["step"]
    assert not list(tmp_path.rglob(f"samples/step-*{report['step']}.png")), "nothing is drawn"
    assert _state(tmp_path / "run")["rows"] == _state(tiny_run)["rows"], "nothing is measured in between"


@pytest.mark.slow
@pytest.mark.trains
def test_a_new_run_is_the_flagship_with_what_is_said_of_it(tiny_data: Path, tmp_path: Path) -> None:
    words = ["--device", "cpu", "--minutes", "0.001", "--batch-size", "4", "--preset", "debug", "--threads", "1"]
    places = ["--data", str(tiny_data), "--out", str(tmp_path / "run")]
    assert train_on_gpu.main([*words, *places, "--held-out-share", "0"]) == 0
    config = read_run(tmp_path / "run")
    assert (config.model, config.preset, config.colours) == ("sketch_pixelcnn", "debug", 65)
    assert (config.schedule.optimizer, config.schedule.precision, config.schedule.held_out_share) == ("muon", "bf16", 0)


def test_a_step_that_cannot_be_compiled_is_computed_as_it_is(
    tiny_run: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", lambda loss, **_: broken)
    continue_copy(tiny_run, tmp_path / "run", _options())
    trainer, told = resumed(tmp_path / "run", tiny_data, compile=True), list[str]()
    train_on_gpu._compile(trainer, told.append)
    assert told == ["not compiled: RuntimeError: no compiler"]
    assert trainer.objective.joint == trainer.objective._joint_loss and not read_run(tmp_path / "run").schedule.compile


def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train_on_gpu.main([]) == 2
    assert (
        capsys.readouterr().err == "train_on_gpu: there is no CUDA device; --device cpu tries the command without one\n"
    )


def test_the_speed_of_batches_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_on_gpu, "SPEED_SECONDS", 0.05)
    monkeypatch.setattr(train_on_gpu, "SPEED_PICTURES", 24)
    assert train_on_gpu.main(["--speed", "--batch-size", "8"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pictures_per_second"] == pytest.approx(8 * report["batches_per_second"], abs=2)
