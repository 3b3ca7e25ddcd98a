"""What a drawing may use: memory by size x count x network, and how soon it looks at whether to stop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.codec import Indexed
from pixelart.completion import complete
from pixelart.engine import Engine, Request
from pixelart.errors import Cancelled, RequestRejected
from pixelart.models import create_model
from pixelart.models.footprint import bytes_of_drawing
from pixelart.sampling import Controls
from tests.cancelling import Patience

ROOT = Path(__file__).parents[1]
ALL = {"channels": 1, "levels": 16, "num_classes": 3, "height": 32, "width": 32}
CODEC = Indexed(np.stack([np.arange(15) * 16] * 3, axis=1).astype(np.uint8))
VARIANTS = ("gated_pixelcnn", "pixelcnn", "row_lstm", "row_rnn", "diagonal_bilstm", "multiscale", "pixelsnail")


def _network(name: str, preset: str = "debug", **values: int) -> Any:
    return create_model(name, preset=preset, **{**ALL, **values}).eval().requires_grad_(False)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_drawing_takes_memory_by_its_size(name: str) -> None:
    model = _network(name)
    small, large = bytes_of_drawing(model, 64, 64), bytes_of_drawing(model, 128, 128)
    assert small > 2**16 and 3.5 * small <= large <= (17 if name == "pixelsnail" else 4.1) * small


def test_a_network_that_is_wider_takes_more() -> None:
    narrow, wide = (bytes_of_drawing(_network("gated_pixelcnn", preset), 64, 64) for preset in ("debug", "default"))
    assert wide > 4 * narrow


MEASURED = """
import sys
from pathlib import Path
import numpy as np, torch
from tests.test_drawing_limits import CODEC, _network
from pixelart.completion import complete
from pixelart.models.footprint import bytes_of_drawing
from pixelart.sampling import Controls
torch.set_num_threads(1)
def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))
def draw(side):
    picture, mask = np.zeros((side, side, 4), np.uint8), np.zeros((side, side), np.bool_)
    mask[-1] = True
    complete(model, CODEC, picture, mask, torch.zeros(3), count=1, seed=0, controls=Controls())
model = _network("gated_pixelcnn")
draw(16)
before = peak()
draw(512)
print((peak() - before) / bytes_of_drawing(model, 512, 512))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is told by Linux alone")
def test_what_is_told_is_about_what_a_process_takes() -> None:
    told = subprocess.run([sys.executable, "-c", MEASURED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0.3 < float(told.stdout) < 1.2


def test_a_picture_that_takes_more_than_there_is_is_refused_with_both(tiny_checkpoints: Path) -> None:
    engine = Engine(tiny_checkpoints, device=torch.device("cpu"), drawing_bytes=1000)
    picture, mask = np.zeros((8, 8, 4), np.uint8), np.ones((8, 8), np.bool_)
    for ask in (
        lambda: engine.generate(Request("tiny")),
        lambda: engine.complete(Request("tiny"), picture, mask),
        lambda: engine.inspect("tiny", picture),
        lambda: engine.colours_at("tiny", picture, row=0, column=0),
        lambda: engine.log_likelihood("tiny", picture),
    ):
        with pytest.raises(RequestRejected, match=r"size 8 x 8: tiny takes about 0 MiB .* the limit is 0 MiB"):
            ask()


def test_with_less_memory_fewer_are_drawn_at_once_and_the_same(tiny_checkpoints: Path) -> None:
    one = bytes_of_drawing(Engine(tiny_checkpoints).library.load("tiny").model, 8, 8)
    plenty, little = (Engine(tiny_checkpoints, drawing_bytes=size) for size in (2**30, 2 * one + 1))
    told: list[tuple[int, int, int]] = []
    request = Request("tiny", count=5, seed=3, guidance=1.0)
    few = little.generate(request, on_row=lambda done, rows, pictures: told.append((done, rows, len(pictures()))))
    assert [(d.seed, d.picture.tobytes()) for d in few] == [
        (d.seed, d.picture.tobytes()) for d in plenty.generate(request)
    ]
    assert told[-1] == (24, 24, 5) and [done for done, *_ in told] == list(range(1, 25))  # 3 times 8 rows
    picture = few[0].picture
    assert little.inspect("tiny", picture).class_probabilities == pytest.approx(
        plenty.inspect("tiny", picture).class_probabilities, rel=1e-5
    )
    with pytest.raises(RequestRejected, match="the limit"):
        Engine(tiny_checkpoints, drawing_bytes=one + 1).generate(Request("tiny", guidance=2.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sampler"), [("gated_pixelcnn", "cached"), ("pixelcnn", "cached"), ("pixelcnn", "naive")]
)
def test_a_stop_is_looked_at_within_a_row(name: str, sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelart.sampling.loop.PIXELS", 8)
    model, mask = _network(name, width=40, height=4), np.ones((4, 40), np.bool_)
    patience, rows = Patience(2), list[int]()
    given = (model, CODEC, np.zeros((4, 40, 4), np.uint8), mask, torch.zeros(3))
    options: dict[str, Any] = {"count": 1, "seed": 0, "controls": Controls(), "sampler": sampler}
    with pytest.raises(Cancelled):
        complete(*given, **options, cancel=patience, on_row=lambda done, *_: rows.append(done))
    assert not rows and patience.asked == 3
    whole = complete(*given, **options, cancel=Patience())[0].picture
    monkeypatch.setattr("pixelart.sampling.loop.PIXELS", 10**6)
    assert np.array_equal(complete(*given, **options)[0].picture, whole)
