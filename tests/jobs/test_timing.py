"""The pace of a training is timed by a child, once for each choice, and one at a time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import process as child
from pixelart.jobs.process import ChildLimits
from pixelart.jobs.timing import Timing
from pixelart.training.pace import Pace
from tests.jobs.waiting import until

CHILD = """
import pathlib, sys, time
place = pathlib.Path(__file__).parent
with (place / "asked").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + chr(10))
if "--base=slow" in sys.argv:
    time.sleep(60)
if "--base=broken" in sys.argv:
    sys.exit("pixelart estimate: no such base")
print("WARNING: something")
print('{"step": 2.0, "validation": 0.5, "samples": 3}' if "--base=odd" not in sys.argv else '{"step": null}')
"""
Make = Callable[[], Timing]


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    return tmp_path / "asked"


@pytest.fixture
def timing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Timing:
    monkeypatch.setattr(child, "LOWEST", 0)
    (tmp_path / "child.py").write_text(CHILD)
    program = (sys.executable, str(tmp_path / "child.py"))
    return Timing(program, tmp_path / "checkpoints", ChildLimits(1, None), lambda: False)


def never() -> bool:
    return False


def test_a_pace_is_timed_once(timing: Timing, asked: Path, tmp_path: Path) -> None:
    arguments = ("--base=tiny", "--batch-size=4")
    assert timing.known(arguments) is None
    for _ in range(2):
        assert timing.measure(arguments, never) == Pace(2.0, 0.5, 3.0) == (timing.known(arguments) or timing)
    words = f"estimate --json --attended --checkpoints={tmp_path / 'checkpoints'} --base=tiny --batch-size=4"
    assert asked.read_text().splitlines() == [words]


@pytest.mark.parametrize("base", ["broken", "odd"])
def test_what_cannot_be_timed_is_unknown_and_not_tried_again(timing: Timing, asked: Path, base: str) -> None:
    assert timing.measure((f"--base={base}",), never) is None is timing.measure((f"--base={base}",), never)
    assert len(asked.read_text().splitlines()) == 1


def test_one_waits_for_the_other_and_both_can_be_cancelled(timing: Timing, asked: Path) -> None:
    stop, results = threading.Event(), list[Pace | None]()
    slow = threading.Thread(target=lambda: results.append(timing.measure(("--base=slow",), stop.is_set)))
    slow.start()
    until(asked.exists)
    began = time.monotonic()
    assert timing.measure(("--base=tiny",), lambda: time.monotonic() > began + 0.3) is None
    stop.set()
    slow.join(10)
    assert results == [None] and timing.known(("--base=slow",)) is None
    assert timing.measure(("--base=tiny",), never), "the place is free again"
    timing.close()
    assert timing.measure(("--base=slow",), never) is None, "the program ends"


def test_a_training_that_begins_ends_the_timing(timing: Timing, asked: Path) -> None:
    timing.must_wait = asked.exists
    assert timing.measure(("--base=slow",), never) is None is timing.known(("--base=slow",))

    def unknown() -> bool:
        raise RequestRejected("trainings are not ready")

    timing.must_wait = unknown
    with pytest.raises(RequestRejected):
        timing.measure(("--base=slow",), never)
    timing.must_wait = never
    assert timing.measure(("--base=tiny",), never), "both children are gone, and the place is free"


def test_a_training_takes_its_steps_and_its_saves() -> None:
    pace = Pace(step=2.0, validation=0.5, samples=3.0)
    assert pace.seconds(100, save_every=50, validation_pictures=10, classes=2) == 200 + 3 * (5 + 6)
