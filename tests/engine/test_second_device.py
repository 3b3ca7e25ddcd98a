"""What a user can do with a checkpoint, on another device than the CPU: the same pictures and answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, config_of
from pixelart.checkpoint.weights import pack_weights
from pixelart.engine import Drawing, Engine, Request
from pixelart.images.codec import RGB, Codec, Indexed, Paletted, Picture
from pixelart.models import get_variant, list_models
from tests.conftest import COLOURS
from tests.models.checks import lively_model
from tests.pretend_device import PRETEND, pretending

SIDE, CLASSES = 4, ("cross", "stripe", "dot")
MASK = np.zeros((SIDE, SIDE), np.bool_)
MASK[1:3, 1:4] = True
PERCENT = np.linspace(60, 140, SIDE * SIDE).reshape(SIDE, SIDE).round()
Query = Callable[[Engine, Request, Picture], Any]


def codec_for(name: str) -> Codec:
    """A codec that the variant is for."""
    codecs = get_variant(name).codecs
    if codecs == ("palette",):
        return Paletted(COLOURS[1:, :3], levels=7)
    return RGB() if codecs else Indexed(COLOURS[1:, :3])


def engines(name: str, folder: Path) -> tuple[Engine, Engine]:
    """An engine of the CPU and one of the other device, with the checkpoint "any" of random weights."""
    torch.set_num_threads(1)
    codec = codec_for(name)
    model = lively_model(name, channels=codec.channels, levels=codec.levels, shape=(SIDE, SIDE))
    (folder / "any").mkdir()
    (folder / "any" / CONFIG_FILE).write_bytes(config_of(model, name, codec, CLASSES).to_json())
    (folder / "any" / WEIGHTS_FILE).write_bytes(pack_weights(model))
    return Engine(folder, device=torch.device("cpu")), Engine(folder, device=PRETEND)


def sketch() -> Picture:
    colours = np.vstack([COLOURS, [[9, 9, 9, 255]]]).astype(np.uint8)
    return colours[np.random.default_rng(0).integers(0, len(colours), (SIDE, SIDE))]


def shown(made: Any) -> Any:
    """What is compared exactly: pictures and seeds of drawings. Rounding may order equally probable ones otherwise."""
    if isinstance(made, list | tuple) and made and isinstance(made[0], Drawing):
        return sorted((drawing.seed, drawing.picture.tolist()) for drawing in made)
    return made


def check_same(here: Engine, there: Engine, ask: Query, **how: Any) -> None:
    request = Request("any", class_weights={"stripe": 1.0}, seed=3, **{"sampler": "cached", **how})
    expected = ask(here, request, sketch())
    with pretending():
        made = ask(there, request, sketch())
    assert shown(made) == shown(expected)


def complete(engine: Engine, request: Request, picture: Picture) -> list[Drawing]:
    return engine.complete(request, picture, MASK)


@pytest.mark.parametrize(
    "name",
    [name if name == "sketch_pixelcnn" else pytest.param(name, marks=pytest.mark.slow) for name in list_models()],
)
def test_a_completion_is_the_same(name: str, tmp_path: Path) -> None:
    check_same(*engines(name, tmp_path), complete, count=2, guidance=1.5, top_p=0.9, temperature_percent=PERCENT)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gated_pixelcnn", "multiscale", "pixelcnn_plus_plus", "sketch_pixelcnn"])
def test_every_question_has_the_same_answer(name: str, tmp_path: Path) -> None:
    here, there = engines(name, tmp_path)
    questions: list[tuple[Query, dict[str, Any]]] = [
        (lambda engine, request, _: engine.generate(request), {"count": 2, "sampler": "fixed_point"}),
        (lambda engine, request, _: engine.generate(request), {"seamless": "xy", "redraw": 1}),
        (lambda engine, request, picture: engine.extend(request, picture, left=2), {}),
        (lambda engine, request, picture: engine.animate(request, picture, MASK, frames=2).drawings, {}),
        (lambda engine, request, _: [p.tolist() for p in engine.tileset(request, tile()).pictures], {}),
        (complete, {"own_colours": True}),
    ]
    if name != "pixelcnn_plus_plus":
        questions += [(complete, {"allowed": (0, 2, 3)}), (complete, {"keep": "shape"})]
    if name == "sketch_pixelcnn":
        questions += [(complete, {"keep": "sketch"}), (complete, {"palette": ("ff0000", "00ff00", "0000ff")})]
    for ask, how in questions:
        check_same(here, there, ask, **how)


def tile() -> Picture:
    return np.full((SIDE, SIDE, 4), [200, 30, 30, 255], np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_a_picture_is_judged_and_inspected_the_same(name: str, tmp_path: Path) -> None:
    here, there = engines(name, tmp_path)
    picture, weights = sketch(), {"stripe": 1.0}
    log_p, seen = here.log_likelihood("any", picture, class_weights=weights), here.inspect("any", picture)
    colours = here.colours_at("any", picture, row=2, column=3, class_weights=weights)
    with pretending():
        assert there.log_likelihood("any", picture, class_weights=weights) == pytest.approx(log_p, rel=1e-4)
        again = there.inspect("any", picture)
        others = there.colours_at("any", picture, row=2, column=3, class_weights=weights)
    np.testing.assert_allclose(again.bits, seen.bits, atol=1e-3)
    assert again.class_probabilities == pytest.approx(seen.class_probabilities, abs=1e-4)
    assert [c.colour for c in others.likely] == [c.colour for c in colours.likely]
    assert others.current.probability == pytest.approx(colours.current.probability, abs=1e-4)


@pytest.mark.slow
def test_an_enlargement_and_windows_are_the_same(tmp_path: Path) -> None:
    here, there = engines("multiscale", tmp_path)

    def enlarge(engine: Engine, request: Request, picture: Picture) -> list[Drawing]:
        return engine.enlarge(request, picture[:2, :2])

    check_same(here, there, enlarge, count=2)
    wide, mask = np.tile(sketch(), (1, 3, 1)), np.tile(MASK, (1, 3))
    check_same(here, there, lambda engine, request, _: engine.complete(request, wide, mask))


@pytest.mark.slow
def test_previews_are_the_same(tmp_path: Path) -> None:
    here, there = engines("sketch_pixelcnn", tmp_path)
    request, rows = Request("any", count=2, seed=3, sampler="cached"), list[Any]()
    for engine in (here, there):
        with pretending():
            engine.generate(request, on_row=lambda done, of, frame: rows.append((done, of, frame().tolist())))
    half = len(rows) // 2
    assert rows[:half] == rows[half:] and half == 2 * SIDE
