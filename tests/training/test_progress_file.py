"""What a training that is watched over tells in its folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pixelart.jobs import JobFolder
from pixelart.training import progress_file as diary
from pixelart.training.progress_file import CURVE_FILE, PROGRESS_FILE, ProgressWriter, read_curve
from tests.jobs.waiting import until


def _trainer(run: Path, step: int, steps: int = 10) -> Any:
    schedule = SimpleNamespace(steps=steps, execution="bf16, contiguous, 2 threads")
    trainer = SimpleNamespace(run=run, step=step, seconds=step * 2.0, config=SimpleNamespace(schedule=schedule))
    trainer.progress, trainer.last_bits, trainer.passes = (lambda: trainer.step / steps), 1.5, 0.5
    trainer.saves_now = lambda: trainer.step % 100 == 0 or trainer.step == steps
    return trainer


def _orders(waited: float = 0.0) -> Any:
    return SimpleNamespace(waited=waited, waits=False)


def test_it_tells_how_far_it_is_and_how_long_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(diary, "time", SimpleNamespace(monotonic=lambda: now[0]))
    folder = JobFolder(tmp_path)
    assert folder.progress() is None and folder.curve() == []
    orders, trainer = _orders(), _trainer(folder.run, 2)
    told = ProgressWriter(folder.run, orders)
    assert (at_first := folder.progress()) and (at_first.phase, at_first.passes) == ("starting", None)
    told.read(3, 40)
    now[0] += 1
    told.read(7, 40)
    assert (reading := folder.progress()) and (reading.phase, reading.done, reading.total) == ("reading", 7, 40)
    told.read(40, 40)
    assert (ready := folder.progress()) and ready.phase == "preparing"
    told.begin(trainer)
    first = folder.progress()
    assert first and (first.step, first.steps, first.progress, first.seconds_left, first.bits) == (
        2,
        10,
        0.2,
        None,
        None,
    )
    for trainer.step, trainer.last_bits in ((3, 1.0), (4, 2.0), (5, 6.0)):
        now[0] += 0.3
        told.report(trainer)
    orders.waited = 0.3  # of which it was paused
    assert folder.curve() == [(4, 1.5)]  # the mean of what was not told yet, at most every half second
    trainer.step = 6
    told.close(trainer)
    last = folder.progress()
    assert last and (last.phase, last.step, last.passes) == ("stopped", 6, 0.5)
    assert last.step_seconds == pytest.approx(0.3)
    assert last.seconds_left == pytest.approx(0.6 / 4 * 4)  # 0.6 s of its own for four steps, and four to come
    assert folder.curve() == [(4, 1.5), (6, 6.0)]


def test_a_resumed_run_tells_steps_that_it_takes_again_once(tmp_path: Path) -> None:
    (tmp_path / CURVE_FILE).write_text("step,train_bits\n4,1.5\n8,1.2\n12,1.1\n15,1")
    assert read_curve(tmp_path / CURVE_FILE) == [(4, 1.5), (8, 1.2), (12, 1.1)]  # the last line is half written
    ProgressWriter(tmp_path, _orders()).begin(_trainer(tmp_path, 10))
    assert read_curve(tmp_path / CURVE_FILE) == [(4, 1.5), (8, 1.2)]


def test_that_it_cannot_tell_stops_no_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    trainer = _trainer(tmp_path / "file" / "run", 3)
    told = ProgressWriter(trainer.run, _orders())
    told.begin(trainer)
    told.report(trainer)
    told.close(trainer)
    assert not trainer.run.exists()


def test_what_is_told_is_whole_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = _trainer(tmp_path, 3)
    told = ProgressWriter(tmp_path, _orders())
    told.begin(trainer)
    before = (tmp_path / PROGRESS_FILE).read_text()
    monkeypatch.setattr(diary.os, "replace", lambda *_: (_ for _ in ()).throw(OSError))
    trainer.step = 4
    told.close(trainer)
    assert (tmp_path / PROGRESS_FILE).read_text() == before


def test_while_nothing_moves_it_tells_what_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "BEAT", 0.02)
    monkeypatch.setattr(diary, "LEAST", 0.05)
    folder, orders = JobFolder(tmp_path), _orders()
    with ProgressWriter(folder.run, orders) as told:
        told.begin(_trainer(folder.run, 2))
        until(lambda: (seen := folder.progress()) and seen.since > 0.1 and seen.cpu is not None)
        seen = folder.progress()
        assert seen and seen.cpu is not None and not seen.waits and seen.step_seconds is None
        orders.waits = True
        until(lambda: (seen := folder.progress()) and seen.waits)
    time.sleep(0.1)
    orders.waits = False
    time.sleep(0.1)
    assert (seen := folder.progress()) and seen.waits, "nothing is told after its end"


def test_what_an_older_version_told_is_read(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.run.mkdir()
    old = {"phase": "training", "step": 4, "steps": 9, "progress": 0.4, "seconds": 1.0, "seconds_left": None, "bits": 2}
    (folder.run / PROGRESS_FILE).write_text(json.dumps(old))
    assert (seen := folder.progress()) and (seen.step, seen.passes, seen.waits) == (4, None, False) and seen.written > 0
