"""Other projects beside ours: with checkouts that are made up, since none is part of this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers
from benchmarks.gpu_parts import Sizes

TINY = Sizes("debug", (4, 4), (1,), timed_rows=1, trained=2, matrix=0)
MODELS = """
import torch
class GatedPixelCNN(torch.nn.Conv2d):
    def __init__(self, in_channels, out_channels, n_gated, gated_channels, head_channels):
        super().__init__(in_channels, out_channels, 1)
        self.wide = torch.nn.Parameter(torch.zeros(gated_channels, n_gated))
"""
MODEL = """
import torch
class PixelCNN(torch.nn.Conv2d):
    def __init__(self, nr_resnet, nr_filters, nr_logistic_mix, input_channels):
        super().__init__(input_channels, nr_filters, 1)
    def forward(self, x, sample=False):
        return super().forward(x)
"""
UTILS = """
import torch
def discretized_mix_logistic_loss(x, l, nr_mix=1):
    return l.square().sum() + torch.zeros([1] + [nr_mix]).cuda().sum()
def sample_from_discretized_mix_logistic(l, nr_mix):
    return l.argmax(1)
def old(e):
    print e
"""


def checkout(folder: Path, project: str) -> Path:
    """A folder that looks like the project."""
    if project == "pytorch-generative":
        (folder / "pytorch_generative" / "models").mkdir(parents=True)
        (folder / "pytorch_generative" / "__init__.py").write_text("raise ImportError('torchvision')")
        (folder / "pytorch_generative" / "models" / "__init__.py").write_text(MODELS)
    else:
        for name, text in {"model.py": MODEL, "utils.py": UTILS, "layers.py": ""}.items():
            (folder / name).write_text(text)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gated_pixelcnn", "pixelcnn_plus_plus"])
def test_a_checkout_is_timed_with_about_as_many_parameters(name: str, tmp_path: Path) -> None:
    place = checkout(tmp_path, peers.PEERS[name])
    found = peers.theirs(name, place, TINY, parameters=900, rounds=1)
    assert abs(found["parameters"] - 900) <= 64 and set(found["seconds"]) == {"1"}
    assert found["training_seconds"] > 0 and found["seconds"]["1"] > 0


@pytest.mark.slow
def test_a_checkout_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"pixel-cnn-pp: .*(layers|model)"):
        peers.theirs("pixelcnn_plus_plus", tmp_path, TINY, parameters=1200, rounds=1)


def test_the_table_has_both_times_and_their_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mine: dict[str, Any] = {"parameters": 1e6, "seconds": {"1": 0.1, "16": 0.5}, "training_seconds": 2.0}
    other: dict[str, Any] = {"parameters": 1.1e6, "seconds": {"1": 30.0, "16": 400.0}, "training_seconds": 3.0}
    monkeypatch.setattr(peers, "ours", lambda *_, **__: mine)
    monkeypatch.setattr(peers, "theirs", lambda *_, **__: other)
    assert peers.main(["--pixel-cnn-pp", str(tmp_path)]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == (
        "| pixelcnn_plus_plus | pixel-cnn-pp | 1.00 / 1.10 | 0.1 s / 30 s = 300x | 0.5 s / 400 s = 800x "
        "| 2.00 s / 3.00 s = 1.5x |"
    )
    assert peers.main(["--generative", str(tmp_path), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["models"]) == {"gated_pixelcnn", "pixelcnn", "pixelsnail"}
    with pytest.raises(SystemExit):
        peers.main([])
