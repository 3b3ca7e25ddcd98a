"""Many threads draw with one engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelart.engine import Drawing, Engine, Request, most_probable_first
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from tests.engine.drawings import blank_model, hole, same

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")  # tiny layers are fastest so


@pytest.mark.slow
@pytest.mark.parametrize("memory_bytes", [1 << 30, 1], ids=["all kept", "one kept"])
def test_eight_threads_draw_the_serial_pictures(
    own_checkpoints: Path, tiny_pictures: dict[str, Picture], memory_bytes: int
) -> None:
    blank_model(own_checkpoints, "other")
    engine = Engine(own_checkpoints, device=CPU, memory_bytes=memory_bytes)

    def ask(number: int) -> list[Drawing]:
        request = Request(
            ("tiny", "other")[number % 2],
            class_weights={("cross", "stripe")[number % 3 % 2]: 1.0},
            count=1 + number % 4,
            seed=1000 * number,
            guidance=1.0 + number % 2,
        )
        if number % 5 == 0:
            return engine.generate(request)
        return engine.complete(request, tiny_pictures["stripe"][number % 20], hole(number))

    serial = [ask(number) for number in range(12)]
    fresh = Engine(own_checkpoints, device=CPU, memory_bytes=memory_bytes)
    engine.library = fresh.library
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(ask, [*range(12)] * 4))
    for number, drawings in enumerate(at_once):
        assert same(drawings, serial[number % 12])


def test_global_randomness_is_neither_used_nor_changed(engine: Engine) -> None:
    expected = engine.generate(Request("tiny", count=2))
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    assert same(engine.generate(Request("tiny", count=2)), expected)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_warm_engine_has_its_model_and_draws_as_before(tiny_checkpoints: Path) -> None:
    engine, cold = Engine(tiny_checkpoints), Engine(tiny_checkpoints)
    engine.warm_up("tiny")
    loaded = engine.library.load("tiny")
    assert engine.library.load("tiny") is loaded
    one, two = (e.generate(Request("tiny", seed=4))[0].picture for e in (engine, cold))
    assert np.array_equal(one, two)
    with pytest.raises(RequestRejected, match="not found"):
        engine.warm_up("nope")


def test_the_most_probable_come_first_and_the_nearly_empty_last() -> None:
    full, little, nothing = np.zeros((3, 8, 8, 4), np.uint8)
    full[..., 3], little[0, :4, 3] = 255, 255  # 4 of 64 pixels are more than 5 %
    nothing[0, :3, 3] = 255
    nothing[1:, :, :] = (9, 9, 9, 127)  # not visible
    pictures = [(nothing, -1.0), (full, -30.0), (little, -40.0), (nothing, -2.0), (full, -20.0)]
    drawings = [Drawing(picture, seed, log_prob, {}) for seed, (picture, log_prob) in enumerate(pictures)]
    assert [d.seed for d in most_probable_first(drawings)] == [4, 1, 2, 0, 3]
