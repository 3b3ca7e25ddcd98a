"""What a request generates, from its seed and its controls, and what its settings tell."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.engine import Drawing, Engine, Request
from pixelart.engine.request import once_more
from pixelart.images.codec import Picture
from pixelart.images.coercion import map_settings
from pixelart.images.io import decode_picture
from pixelart.settings import VERSION
from tests.engine.drawings import MAX_SEED, same

pytestmark = pytest.mark.usefixtures("one_thread")  # tiny layers are fastest so


def test_generated_pictures_are_of_the_checkpoint(engine: Engine) -> None:
    drawings = engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=5, seed=3))
    colours = engine.info("tiny").colours
    assert colours is not None
    table = {tuple(c) for c in colours}
    assert [d.seed for d in drawings] == [3, 4, 5, 6, 7]
    for drawing in drawings:
        assert drawing.picture.shape == (8, 8, 4) and drawing.picture.dtype == np.uint8
        assert {tuple(c) for c in drawing.picture.reshape(-1, 4)} <= table
    assert len({d.picture.tobytes() for d in drawings}) > 1


def test_the_same_seed_is_the_same_picture_at_any_count(engine: Engine) -> None:
    ask = {"class_weights": {"stripe": 1.0}, "guidance": 1.5}
    twenty = engine.generate(Request("tiny", count=20, seed=100, **ask))
    assert same(engine.generate(Request("tiny", count=20, seed=100, **ask)), twenty)
    for count, seed in [(1, 100), (3, 105), (16, 100), (4, 116), (1, 119)]:
        assert same(engine.generate(Request("tiny", count=count, seed=seed, **ask)), twenty[seed - 100 :][:count])


def test_the_same_seed_is_the_same_picture_at_any_number_of_threads(engine: Engine) -> None:
    request = Request("tiny", count=7, seed=5)
    pictures = []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        pictures.append(engine.generate(request))
    assert same(pictures[0], pictures[1]) and same(pictures[0], pictures[2])


def test_other_seeds_and_classes_are_other_pictures(engine: Engine) -> None:
    base = engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=8, seed=1))
    assert not same(base, engine.generate(Request("tiny", class_weights={"stripe": 1.0}, count=8, seed=1)))
    other_seed = engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=8, seed=50))
    assert not any(np.array_equal(a.picture, b.picture) for a, b in zip(base, other_seed, strict=True))


def test_the_extreme_seeds_draw(engine: Engine) -> None:
    assert engine.generate(Request("tiny", seed=MAX_SEED, count=2))[1].seed == MAX_SEED + 1
    assert engine.generate(Request("tiny", seed=0))[0].seed == 0


def test_what_is_drawn_in_several_steps_takes_the_extreme_seeds_too(engine: Engine, picture: Picture) -> None:
    request = Request("tiny", seed=MAX_SEED, count=2)
    tiled = engine.generate(replace(request, seamless="xy"))
    joined = engine.complete(replace(request, seamless="xy"), picture, np.ones((8, 8), np.bool_))
    extended = engine.extend(request, picture, right=12)
    for drawn in (tiled, joined, extended):
        assert sorted(drawing.seed for drawing in drawn) == [MAX_SEED, MAX_SEED + 1]


def test_a_blend_of_classes_is_normalised(engine: Engine) -> None:
    def draw(**weights: float) -> list[Drawing]:
        return engine.generate(Request("tiny", class_weights=weights, count=6, seed=2))

    assert same(draw(cross=1.0), draw(cross=7.0)) and same(draw(cross=1.0), draw(cross=1e-30, stripe=0.0))
    assert same(draw(cross=1.0, stripe=3.0), draw(cross=1e300, stripe=3e300))
    assert same(draw(), draw(cross=0.0))
    assert not same(draw(cross=1.0, stripe=1.0), draw(cross=1.0))


def test_blends_sum_to_one_and_name_the_classes_in_order(engine: Engine) -> None:
    loaded = engine.library.load("tiny")
    assert loaded.class_weights({"stripe": 3, "cross": 1}).tolist() == [0.25, 0.75]
    assert loaded.class_weights({}).tolist() == [0.0, 0.0]


def test_top_k_of_one_and_low_temperature_draw_the_most_probable(engine: Engine) -> None:
    best = engine.generate(Request("tiny", top_k=1, count=3))
    assert same(best, [Drawing(best[0].picture, i, 0.0, {}) for i in range(3)])
    assert same(best, engine.generate(Request("tiny", temperature=0.01, count=3)))
    assert same(best, engine.generate(Request("tiny", top_p=1e-6, count=3)))


def test_a_temperature_map_cools_its_area_alone(engine: Engine) -> None:
    heat = np.ones((8, 8))
    heat[:4] = 0.01
    drawings = engine.generate(Request("tiny", temperature=heat, count=8))
    assert len({d.picture[:4].tobytes() for d in drawings}) == 1
    assert len({d.picture[4:].tobytes() for d in drawings}) > 4
    assert json.loads(json.dumps(drawings[0].settings))["temperature"] == map_settings(heat)


@pytest.mark.parametrize("allowed", [(0,), (2,), (1, 3), (0, 4)])
def test_only_allowed_colours_are_drawn(engine: Engine, allowed: tuple[int, ...]) -> None:
    colours = engine.info("tiny").colours
    assert colours is not None
    for drawing in engine.generate(Request("tiny", allowed=allowed, count=6, temperature=3.0)):
        assert {tuple(c) for c in drawing.picture.reshape(-1, 4)} <= {tuple(colours[k]) for k in allowed}


def test_settings_tell_how_a_drawing_was_made(engine: Engine) -> None:
    request = Request("tiny", class_weights={"cross": 1.0}, count=3, seed=4, temperature=0.9, top_k=3, allowed=(0, 1))
    drawing = engine.generate(request)[2]
    assert drawing.settings["seed"] == drawing.seed == 6
    assert drawing.settings["checkpoint"] == "tiny" and drawing.settings["size"] == "8x8"
    assert drawing.settings["class_weights"] == {"cross": 1.0}
    assert drawing.settings["version"] == VERSION and drawing.settings["mask"] == [0, 64]
    weights = (engine.library.folder / "tiny" / "model.safetensors").read_bytes()
    assert drawing.settings["revision"] == hashlib.sha256(weights).hexdigest()[:16]
    colours = engine.info("tiny").colours
    assert colours is not None
    assert drawing.settings["palette"] == hashlib.sha256(colours.tobytes()).hexdigest()[:16]
    image = Image.open(io.BytesIO(drawing.png(scale=3)))
    assert image.mode == "P" and image.size == (24, 24)
    kept = json.loads(getattr(image, "text")["pixelart"])  # noqa: B009
    again = Request(
        kept["checkpoint"],
        class_weights=kept["class_weights"],
        seed=kept["seed"],
        temperature=kept["temperature"],
        top_k=kept["top_k"],
        top_p=kept["top_p"],
        guidance=kept["guidance"],
        allowed=tuple(kept["allowed"]),
    )
    assert np.array_equal(engine.generate(again)[0].picture, drawing.picture)
    assert np.array_equal(decode_picture(drawing.png(), name="a"), drawing.picture)


def test_numbers_of_any_library_are_plain_ones(engine: Engine) -> None:
    """They reach compiled code, seeds and JSON: an integer where a float is meant compiles the kernel once more."""
    request = Request(
        "tiny",
        class_weights={"cross": np.float32(1)},  # pyright: ignore[reportArgumentType]
        count=np.int32(2),  # pyright: ignore[reportArgumentType]
        seed=np.int64(3),  # pyright: ignore[reportArgumentType]
        temperature=np.float32(0.5),  # pyright: ignore[reportArgumentType]
        top_k=np.uint8(3),  # pyright: ignore[reportArgumentType]
        top_p=1,
        guidance=2,
        allowed=np.flatnonzero([1, 0, 1, 1]),  # pyright: ignore[reportArgumentType]
    )
    plain = Request(
        "tiny", class_weights={"cross": 1.0}, count=2, seed=3, temperature=0.5, top_k=3, guidance=2.0, allowed=(0, 2, 3)
    )
    assert request == plain and repr(request) == repr(plain)
    drawn = engine.generate(request)
    assert same(drawn, engine.generate(plain)) and decode_picture(drawn[0].png(), name="a").shape == (8, 8, 4)


def test_a_single_colour_is_not_asked_for_when_a_picture_is_drawn_again() -> None:
    for colours, palette in (["000000"], ""), (["000000", "ff0000"], ("000000", "ff0000")):
        drawing = Drawing(np.zeros((8, 8, 4), np.uint8), 5, 0.0, {"colours": colours})
        again = once_more(Request("tiny", count=3), drawing)
        assert (again.palette, again.seed, again.count) == (palette, 5, 1), "no request can have one colour"
