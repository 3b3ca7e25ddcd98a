"""What a job on Hugging Face runs: the parts that need no Hub. The whole is in tests/hub/remote."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pixelart.cli import remote_train
from pixelart.cli.remote_train import _Machine
from pixelart.errors import RequestRejected
from pixelart.hub.remote.outcome import Outcome


def test_a_slow_push_does_not_delay_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training hears of a signal while the Hub is still receiving; the watch ends after that push."""
    options = argparse.Namespace(began=None, limit=60.0, push_every=0.0, save_push_every=0.0)
    machine, pushing, is_over = _Machine(options, "a token"), threading.Event(), threading.Event()
    found = list[bool]()

    def push(with_save: bool) -> None:
        pushing.set()
        found.append(is_over.wait(30))

    monkeypatch.setattr(machine, "_push", push)
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.readline()"], stdin=subprocess.PIPE)
    assert child.stdin

    def interrupt() -> None:
        pushing.wait()
        machine._received.append(signal.SIGTERM)
        child.wait()
        is_over.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert machine._watch(child, child.stdin) == "signal"
    thread.join()
    assert child.returncode == 0 and found == [True]


def test_a_push_that_is_refused_ends_nothing_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The repository may be public for a while; the result of a paid training is pushed once it is private again."""
    pushed = list[bool]()

    def push(run: Path, repository: str, *, token: str, with_save: bool) -> None:
        pushed.append(with_save)
        if len(pushed) < 4:
            raise RequestRejected("art/mine: is public")

    monkeypatch.setattr(remote_train, "push_run", push)
    monkeypatch.setattr(remote_train, "LAST_PUSHES", (0, 0, 0))
    options = argparse.Namespace(began=None, limit=60.0, out=Path("run"), repository="art/mine")
    _Machine(options, "a token")._push(False)
    remote_train._push_at_last(Path("run"), "art/mine", "a token")
    told = capsys.readouterr()
    assert pushed == [False, True, True, True]
    assert (told.out + told.err).count("not pushed: art/mine: is public") == 3


def test_the_reason_of_a_failed_training_is_no_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "import os; print('pixelart train: no pictures\\nWARNING: a warning', flush=True); os._exit(2)"
    monkeypatch.setattr(remote_train, "COMMAND", (sys.executable, "-c", script))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    options = argparse.Namespace(
        began=None, limit=60.0, push_every=1e9, save_push_every=1e9, out=tmp_path, data=tmp_path, options=[], attempt=3
    )
    assert _Machine(options, "a token").run() == Outcome(3, 2, "no pictures")
    assert "WARNING: a warning" in capfd.readouterr().out
