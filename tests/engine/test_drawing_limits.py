"""What a drawing may use: memory by size x count x network, and how soon it looks at whether to stop."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.engine import Engine, Request
from pixelart.engine.completion import complete_picture
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Codec, Gray, Indexed, Paletted, Picture
from pixelart.layers import program_decoder
from pixelart.layers.program_decoder import ProgramDecoder
from pixelart.models import AutoregressiveModel, create_model, get_variant, list_models
from pixelart.models.footprint import bytes_around_windows, bytes_of_drawing, bytes_while_drawn
from pixelart.sampling import Controls
from tests.cancelling import Patience

ROOT = Path(__file__).parents[2]
ALL = {"channels": 1, "num_classes": 3, "height": 32, "width": 32}
COLOURS = np.stack([np.arange(15) * 16] * 3, axis=1).astype(np.uint8)
CODEC = Indexed(COLOURS)


def _codec(name: str) -> Codec:
    codecs = get_variant(name).codecs
    if codecs == ("palette",):
        return Paletted(COLOURS, levels=16)
    return Gray() if codecs and "indexed" not in codecs else CODEC


def _network(name: str, preset: str = "debug", **values: int) -> Any:
    given = {**ALL, "levels": _codec(name).levels, **values}
    return create_model(name, preset=preset, **given).eval().requires_grad_(False)


@pytest.mark.parametrize("name", list_models())
def test_a_drawing_takes_memory_by_its_size(name: str) -> None:
    model = _network(name)
    small, large = bytes_of_drawing(model, 64, 64), bytes_of_drawing(model, 128, 128)
    attends = name in ("pixelsnail", "sketch_pixelcnn")
    assert small > 2**16 and 3.5 * small <= large <= (17 if attends else 4.1) * small


def test_a_network_that_is_wider_takes_more() -> None:
    narrow, wide = (bytes_of_drawing(_network("gated_pixelcnn", preset), 64, 64) for preset in ("debug", "default"))
    assert wide > 4 * narrow


@pytest.mark.parametrize("name", list_models())
def test_the_memory_of_a_program_is_told_exactly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the two columns beyond the borders; of each network at its size."""
    told, taken = list[float](), list[float]()

    class Watched(program_decoder.Memory):
        def __init__(self, *given: Any, **how: Any) -> None:
            super().__init__(*given, **how)
            map_bytes = sum(features.nbytes for _, features in self.maps)
            borders = 2 * self.state.nbytes / self.state.shape[1]
            arrays = (self.state, self.rows, self.grid, self.kept)
            taken.append(sum(array.nbytes for array in arrays) + map_bytes - borders)

    monkeypatch.setattr(program_decoder, "Memory", Watched)
    model, side = _network(name, height=24, width=24), 24
    _drawn(name, model, np.ones((side, side), np.bool_), "cached")
    for network in model.stages():
        column, pixel = bytes_while_drawn(network)
        height, width = network.config.height, network.config.width
        told.append(column * width + (pixel - 4 * network.config.context.hidden) * height * width)
    assert told == pytest.approx(taken)


MEASURED = """
import sys
from pathlib import Path
import numpy as np, torch
from tests.engine.test_drawing_limits import CODEC, _network
from pixelart.engine.completion import complete_picture
from pixelart.models.footprint import bytes_of_drawing
from pixelart.sampling import Controls
torch.set_num_threads(1)
def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))
def draw(side):
    picture, mask = np.zeros((side, side, 4), np.uint8), np.zeros((side, side), np.bool_)
    mask[-1] = True
    complete_picture(model, CODEC, picture, mask, torch.zeros(3), count=1, seed=0, controls=Controls())
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
    assert 0.5 < float(told.stdout) < 1.2


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


def test_what_is_drawn_in_windows_takes_memory_by_its_whole_size(tiny_checkpoints: Path) -> None:
    model = Engine(tiny_checkpoints).library.load("tiny").model
    needed = bytes_of_drawing(model, 8, 8) + bytes_around_windows(model, 64, 64)
    large, mask = np.zeros((64, 64, 4), np.uint8), np.zeros((64, 64), np.bool_)
    mask[0, 0] = True
    request = Request("tiny", guidance=1.0)
    assert Engine(tiny_checkpoints, drawing_bytes=needed).complete(request, large, mask)
    with pytest.raises(RequestRejected, match="the limit"):
        Engine(tiny_checkpoints, drawing_bytes=needed - 1).complete(request, large, mask)


# --- a stop ---------------------------------------------------------------------------------------------------------

PASSES = {
    "cached": {"encode", "prefill", "log_prob"},
    "fixed_point": {"encode", "decode", "log_prob"},
    "naive": {"encode", "decode", "log_prob"},
}


class Passes:
    """How often a stop is looked at within each pass over whole pictures of a model, and outside of them."""

    def __init__(self, model: AutoregressiveModel, patience: Patience, patch: pytest.MonkeyPatch) -> None:
        self.patience, self.found, self.now = patience, list[tuple[str, int, int]](), ""
        for network in model.stages():
            self._watch(network, "encode", patch)
            self._watch(network, "decode", patch)
        self._watch(model, "log_prob", patch)
        self._watch(ProgramDecoder, "prefill", patch)

    def _watch(self, owner: Any, name: str, patch: pytest.MonkeyPatch) -> None:
        plain = getattr(owner, name)

        def watched(*given: Any) -> Any:
            if self.now:
                return plain(*given)
            self.now, before = name, self.patience.asked
            try:
                return plain(*given)
            finally:
                self.now = ""
                self.found.append((name, before, self.patience.asked))

        patch.setattr(owner, name, watched)

    @property
    def outside(self) -> int:
        return self.patience.asked - sum(after - before for _, before, after in self.found)


def _drawn(name: str, model: Any, mask: Any, sampler: str, **how: Any) -> Picture:
    given = (model, _codec(name), np.zeros((*mask.shape, 4), np.uint8), mask, torch.zeros(3))
    return complete_picture(*given, count=1, seed=0, controls=Controls(), sampler=sampler, **how)[0].picture


@pytest.mark.slow
@pytest.mark.parametrize("sampler", PASSES)
@pytest.mark.parametrize("name", list_models())
def test_a_stop_is_looked_at_often_in_every_pass(name: str, sampler: str) -> None:
    model, mask = _network(name, width=8, height=12), np.zeros((12, 8), np.bool_)
    mask[6, 2], mask[11, 1] = True, True
    with pytest.MonkeyPatch.context() as patch:
        passes = Passes(model, Patience(), patch)
        whole = _drawn(name, model, mask, sampler, cancel=passes.patience)
    assert {what for what, *_ in passes.found} == PASSES[sampler]
    for number, (what, before, after) in enumerate(passes.found):
        assert after - before >= (1 if what == "prefill" else 5), what  # a prefill looks after each known row
        looks = min(3, after - before - 1)
        with pytest.MonkeyPatch.context() as patch:
            again = Passes(model, Patience(before + looks), patch)
            with pytest.raises(Cancelled):
                _drawn(name, model, mask, sampler, cancel=again.patience)
        assert again.found[number:] == [(what, before, before + looks + 1)], "it ended in this pass, at this look"
    assert np.array_equal(_drawn(name, model, mask, sampler), whole)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in ("diagonal_bilstm", "pixelcnn_plus_plus") else ())
        for name in list_models()
    ],
)
def test_a_stop_is_looked_at_within_a_row(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelart.sampling.loop.PIXELS", 8)
    model, mask = _network(name, width=40, height=4), np.ones((4, 40), np.bool_)
    with pytest.MonkeyPatch.context() as patch:
        passes, looks = Passes(model, Patience(), patch), list[int]()
        whole = _drawn(
            name, model, mask, "cached", cancel=passes.patience, on_row=lambda *_: looks.append(passes.outside)
        )
    steps = [after - before for before, after in pairwise(looks)]
    sketch, colours = steps[:3], steps[-3:]  # the same rows of a model without sketches
    assert sketch == colours == [5] * 3
    monkeypatch.setattr("pixelart.sampling.loop.PIXELS", 10**6)
    assert np.array_equal(_drawn(name, model, mask, "cached"), whole)


def test_a_stop_of_one_drawing_ends_no_other_of_the_same_model() -> None:
    model, mask = _network("gated_pixelcnn", width=8, height=8), np.ones((8, 8), np.bool_)
    wanted, found = _drawn("gated_pixelcnn", model, mask, "cached"), list[Picture]()

    def draw_another() -> bool:
        if not found:
            found.append(wanted)  # so that it is asked once
            thread = threading.Thread(target=lambda: found.append(_drawn("gated_pixelcnn", model, mask, "cached")))
            thread.start()
            thread.join()
        return True

    with pytest.raises(Cancelled):
        _drawn("gated_pixelcnn", model, mask, "cached", cancel=draw_another)
    assert len(found) == 2 and np.array_equal(found[1], wanted)
