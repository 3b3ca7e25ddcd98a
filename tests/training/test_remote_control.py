"""A training that another process watches over: its orders, and its end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelart.training.remote_control import ORPHANED

ROOT = Path(__file__).parents[2]
LISTEN = """
import sys, time
from pixelart.training import remote_control as attended
attended.GRACE, attended.MAX_PAUSE = 0.3, float(sys.argv[1])
orders = attended.ControlPipe(0)
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


@pytest.mark.parametrize("order", ["leave\n", None], ids=["leave", "the end of who started it"])
def test_before_there_is_something_to_save_it_leaves_at_once(listener: Any, order: str | None) -> None:
    process = listener(9)
    if order:
        _say(process, order)
    else:
        process.stdin.close()
        process.stdin = None
    assert process.wait(20) == 0


def test_a_stop_waits_until_there_is_something_to_save(listener: Any) -> None:
    process = listener(9)
    _say(process, "stop\n")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    _say(process, "leave\n")
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
