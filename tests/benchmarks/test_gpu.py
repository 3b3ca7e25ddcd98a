"""The command for a GPU, tried without one: it ends, and what is drawn on the device is what the CPU draws."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import gpu, gpu_report
from tests.pretend_device import PRETEND, pretending

ROOT = Path(__file__).parents[2]
ALLOWED = {"torch", "numpy", "numba", "llvmlite", "PIL", "safetensors", "pixelart", "benchmarks"}
NEEDS = """
import importlib.metadata, json, runpy, sys
sys.argv = ["gpu", "--device", "cpu", "--short", "--json", "--models", "row_rnn"]
try:
    runpy.run_module("benchmarks.gpu", run_name="__main__")
finally:
    roots = {name.split(".")[0] for name in sys.modules}
    print(json.dumps(sorted(roots & {"gradio", "pandas", "huggingface_hub", "accelerate", "tensorboard"})))
"""


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> None:
    torch.set_num_threads(1)


def measured(device: torch.device, names: list[str]) -> dict[str, Any]:
    clock = gpu.Clock(1e9, time.monotonic())
    return gpu.measure(device, gpu.SHORT, names=names, clock=clock, say=lambda _: None)


@pytest.mark.slow
@pytest.mark.trains
def test_another_device_is_measured() -> None:
    names = ["gated_pixelcnn", "row_rnn"]
    with pretending():
        found = measured(PRETEND, names)
    assert list(gpu.differences(found)) == [] and found["left_out"] == []
    for parts in found["models"].values():
        assert set(parts) == set(gpu.PARTS) and set(parts["training"]) == {"fp32", "bf16"}
        assert {place.split()[1] for place in parts["drawing"]} == {"cached", "graph"}
        assert all(row["operations"] > 4 for row in parts["drawing"].values())
        assert parts["equality"]["same"] == {"cached": 4, "graph": 4, "fixed_point": 4}
    text = gpu_report.report(found)
    assert "DIFFERENT" not in text and text.count("| equal |") == len(names)


@pytest.mark.slow
def test_the_command_ends_and_needs_few_packages() -> None:
    done = subprocess.run([sys.executable, "-c", NEEDS], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    figures, unwanted = done.stdout.splitlines()
    assert json.loads(unwanted) == [] and list(json.loads(figures)["models"]) == ["row_rnn"]


def test_what_differs_or_fails_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("no kernel image")

    equal = {"pictures": 4, "same": {"cached": 1, "fixed_point": 4}, "log_p": 1e-5, "is_equal": False}
    monkeypatch.setattr(gpu, "PARTS", {"equality": lambda *_: equal, "drawing": broken})
    assert gpu.main(["--device", "cpu", "--short", "--models", "row_rnn"]) == 1
    printed = capsys.readouterr()
    assert "DIFFERENT" in printed.out and "no kernel image" in printed.out
    assert "row_rnn: other pictures than on the CPU" in printed.err
    assert gpu.main(["--device", "cpu", "--short", "--models", "row_rnn", "--minutes", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["row_rnn: equality", "row_rnn: drawing"]
