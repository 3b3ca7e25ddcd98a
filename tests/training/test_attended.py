"""A training that another process watches over: its orders, its end, and what it tells."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pixelart.jobs import JobFolder
from pixelart.training import attended
from pixelart.training.attended import CURVE_FILE, ORPHANED, PROGRESS_FILE, Diary, read_curve

ROOT = Path(__file__).parent.parent.parent
LISTEN = """
import sys, time
from pixelart.training import attended
attended.GRACE, attended.PATIENCE = 0.3, float(sys.argv[1])
orders = attended.Orders(0)
if len(sys.argv) > 2:
    orders.begin()
print("ready", flush=True)
if len(sys.argv) > 2:
    for _ in range(2000):
        print(orders.stop(), orders.waited > 0.2, flush=True)
        time.sleep(0.05)
time.sleep(60)
"""


@pytest.fixture
def listener() -> Iterator[Any]:
    """listener(patience, "begin"): a process that listens, and, with a second word, asks again and again."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LISTEN, *map(str, words)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout and process.stdout.readline() == "ready\n"
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _say(process: subprocess.Popen[str], order: str) -> None:
    assert process.stdin
    process.stdin.write(order)
    process.stdin.flush()


def _next(process: subprocess.Popen[str], answer: str) -> str:
    """The next line that is not `answer`."""
    assert process.stdout
    return next(line.strip() for line in process.stdout if line.strip() != answer)


@pytest.mark.parametrize("order", ["stop\n", None], ids=["stop", "the end of who started it"])
def test_before_there_is_something_to_save_it_leaves_at_once(listener: Any, order: str | None) -> None:
    process = listener(9)
    if order:
        _say(process, order)
    else:
        process.stdin.close()
        process.stdin = None
    assert process.wait(20) == 0


def test_it_stops_when_it_is_told(listener: Any) -> None:
    process = listener(9, "begin")
    _say(process, "nonsense\nst")
    _say(process, "op\n")
    assert _next(process, "False False") == "True False"


def test_it_does_not_outlive_who_started_it_even_when_it_cannot_save(listener: Any) -> None:
    process = listener(9, "begin")
    process.stdin.close()
    process.stdin = None
    assert process.wait(20) == ORPHANED


def test_paused_it_waits_and_goes_on(listener: Any) -> None:
    process, answer = listener(60, "begin"), "False False"
    while answer == "False False":  # a busy machine may let it hear of a pause late
        _say(process, "pause\n")
        time.sleep(0.3)
        _say(process, "go\n")
        answer = _next(process, "")
    assert answer == "False True"
    _say(process, "pause\nstop\n")
    assert _next(process, "False True") == "True True"


def test_paused_for_ever_it_still_takes_a_step_now_and_then(listener: Any) -> None:
    process = listener(0.3, "begin")
    _say(process, "pause\n")
    assert _next(process, "False False") == "False True"


def _trainer(run: Path, step: int, steps: int = 10) -> Any:
    schedule = SimpleNamespace(steps=steps, execution="bf16, contiguous, 2 threads")
    trainer = SimpleNamespace(run=run, step=step, seconds=step * 2.0, config=SimpleNamespace(schedule=schedule))
    trainer.progress, trainer.last_bits = (lambda: trainer.step / steps), 1.5
    trainer.saves_now = lambda: trainer.step % 100 == 0 or trainer.step == steps
    return trainer


def _orders(waited: float = 0.0) -> Any:
    return SimpleNamespace(waited=waited)


def test_it_tells_how_far_it_is_and_how_long_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(attended, "time", SimpleNamespace(monotonic=lambda: now[0]))
    folder = JobFolder(tmp_path)
    folder.run.mkdir()
    assert folder.progress() is None and folder.curve() == []
    orders, trainer = _orders(), _trainer(folder.run, 2)
    diary = Diary(trainer, orders)
    first = folder.progress()
    assert first and first.execution == "bf16, contiguous, 2 threads"
    assert (first.step, first.steps, first.progress, first.seconds_left, first.bits) == (
        2,
        10,
        0.2,
        None,
        None,
    )
    for trainer.step, trainer.last_bits in ((3, 1.0), (4, 2.0), (5, 6.0)):
        now[0] += 0.3
        diary.report(trainer)
    orders.waited = 0.3  # of which it was paused
    assert folder.curve() == [(4, 1.5)]  # the mean of what was not told yet, at most every half second
    trainer.step = 6
    diary.close(trainer)
    last = folder.progress()
    assert last and (last.phase, last.step) == ("stopped", 6)
    assert last.seconds_left == pytest.approx(0.6 / 4 * 4)  # 0.6 s of its own for four steps, and four to come
    assert folder.curve() == [(4, 1.5), (6, 6.0)]


def test_a_resumed_run_tells_steps_that_it_takes_again_once(tmp_path: Path) -> None:
    (tmp_path / CURVE_FILE).write_text("step,train_bits\n4,1.5\n8,1.2\n12,1.1\n15,1")
    assert read_curve(tmp_path / CURVE_FILE) == [(4, 1.5), (8, 1.2), (12, 1.1)]  # the last line is half written
    Diary(_trainer(tmp_path, 10), _orders())
    assert read_curve(tmp_path / CURVE_FILE) == [(4, 1.5), (8, 1.2)]


def test_that_it_cannot_tell_stops_no_training(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path / "gone", 3)
    diary = Diary(trainer, _orders())
    diary.report(trainer)
    diary.close(trainer)
    assert not (tmp_path / "gone").exists()


def test_what_is_told_is_whole_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = _trainer(tmp_path, 3)
    diary = Diary(trainer, _orders())
    before = (tmp_path / PROGRESS_FILE).read_text()
    monkeypatch.setattr(attended.os, "replace", lambda *_: (_ for _ in ()).throw(OSError))
    trainer.step = 4
    diary.close(trainer)
    assert (tmp_path / PROGRESS_FILE).read_text() == before
