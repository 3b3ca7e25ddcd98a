"""The comparison of the compiled scan with its twin ends and says how both did; no timings are checked."""

from __future__ import annotations

import json

import pytest

from benchmarks import recurrent

pytestmark = pytest.mark.trains
QUICK = ("--preset", "debug", "--sides", "6", "--batch-size", "1", "--rounds", "2", "--threads", "1")


def test_both_are_timed_by_turns(capsys: pytest.CaptureFixture[str], same_threads: None) -> None:
    words = (*QUICK, "--models", "row_lstm", "--precisions", "fp32")
    assert recurrent.main([*words, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert [len(seconds) for seconds in found["seconds"].values()] == [2, 2] and found["batch"] == 1
    assert recurrent.main(words) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("| row_lstm | 6 | 1 | fp32 | 1 |") and row.count("|") == 10


def test_a_plot_has_a_curve_of_each_kind_and_precision_with_its_slope() -> None:
    times = {4: 1.0, 8: 4.0}
    found = [
        {"model": "row_lstm", "side": side, "batch": 2, "precision": "bf16", "seconds": {"plain": [9.0, seconds]}}
        for side, seconds in times.items()
    ]
    (panel,) = recurrent.panels_of(found)
    assert panel.title == "row_lstm, 2 pictures"
    assert panel.curves == {"plain, bf16": [(4, 1.0), (8, 4.0)]} and panel.notes == {"plain, bf16": "2.00"}
