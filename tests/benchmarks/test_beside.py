"""The table of drawing beside a busy process, with timings that are made up."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import beside

Table = Callable[..., tuple[int, str]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Table:
    """Prints what is measured when a picture takes so many seconds alone, in each round, and beside."""

    def print_of(alone: list[float], busy: list[float], *words: str) -> tuple[int, str]:
        state = {"busy": False}
        left = {False: iter([99.0, *alone]), True: iter(busy)}

        @contextmanager
        def keep_busy() -> Iterator[None]:
            state["busy"] = True
            yield
            state["busy"] = False

        def round_of(options: Any, folder: Path) -> Mapping[str, float]:
            assert (folder / "picture.png").is_file() and (folder / "mask.png").is_file()
            return {"next picture": next(left[state["busy"]]), "eight pictures": 1.0}

        monkeypatch.setattr(beside, "busy", keep_busy)
        monkeypatch.setattr(beside, "round_of", round_of)
        monkeypatch.delattr("os.sched_setaffinity", raising=False)
        code = beside.main(["--rounds", str(len(alone)), *words])
        return code, capsys.readouterr().out

    return print_of


def test_medians_and_ratios_are_told_and_the_first_round_counts_for_nothing(table: Table) -> None:
    code, printed = table([1.0, 5.0, 1.2], [2.0, 2.4, 9.0])
    assert code == 0
    assert "| next picture | 1.20 s | 2.40 s | 2.00 |\n| eight pictures | 1.00 s | 1.00 s | 1.00 |\n" in printed


def test_a_ratio_above_the_bar_is_marked_and_fails(table: Table) -> None:
    code, printed = table([1.0], [2.6])
    assert code == 1 and "| next picture | 1.00 s | 2.60 s | 2.60 > the bar of 2.5 |" in printed
    code, printed = table([1.0], [2.6], "--json")
    told = json.loads(printed)
    assert code == 1 and told["ratios"] == {"next picture": 2.6, "eight pictures": 1.0}
    assert told["seconds"]["next picture"] == {"alone": 1.0, "beside": 2.6} and told["machine"]


def test_a_core_is_busy_inside_and_free_after(monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[subprocess.Popen[Any]]()
    plain = subprocess.Popen

    def start(*given: Any, **more: Any) -> Any:
        started.append(plain(*given, **more))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with beside.busy():
        assert started[0].poll() is None
    assert started[0].poll() is not None
