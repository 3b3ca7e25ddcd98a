"""The comparison of the compiled scan with its twin ends and says how both did; no timings are checked."""

from __future__ import annotations

import json

import pytest

from benchmarks import recurrent

pytestmark = pytest.mark.trains
QUICK = ("--preset", "debug", "--side", "6", "--batch-size", "1", "--rounds", "2", "--threads", "1")


def test_both_are_timed_by_turns(capsys: pytest.CaptureFixture[str], same_threads: None) -> None:
    words = (*QUICK, "--models", "row_lstm", "--precisions", "fp32")
    assert recurrent.main([*words, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert [len(seconds) for seconds in found["seconds"].values()] == [2, 2] and found["batch"] == 1
    assert recurrent.main(words) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("| row_lstm | 1 | fp32 | 1 |") and row.count("|") == 9
