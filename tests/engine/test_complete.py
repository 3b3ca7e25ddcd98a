"""What is repainted and what is kept; likelihood and snapping of the same pictures."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from pixelart.engine import Engine, Request
from pixelart.images.codec import Picture
from tests.engine.drawings import hole, same

pytestmark = pytest.mark.usefixtures("one_thread")  # tiny layers are fastest so


@pytest.mark.parametrize("seed", range(6))
def test_unmasked_pixels_come_back_bit_for_bit(engine: Engine, seed: int) -> None:
    """Whatever they are: colours outside the palette, soft alpha, colours under transparent pixels."""
    foreign = np.random.default_rng(seed).integers(0, 256, (8, 8, 4)).astype(np.uint8)
    mask = hole(seed, share=(0.02, 0.1, 0.4, 0.7, 0.95, 0.99)[seed])
    mask[0, 0], mask[7, 7] = True, False
    given = foreign.copy()
    for drawing in engine.complete(Request("tiny", count=3, seed=seed), foreign, mask):
        assert np.array_equal(drawing.picture[~mask], given[~mask])
        assert engine.snap("tiny", drawing.picture)[1] == int(
            engine.library.load("tiny").codec.snapped(given[None])[0][~mask].sum()
        )
    assert np.array_equal(foreign, given)


def test_settings_tell_what_was_repainted(engine: Engine, picture: Picture) -> None:
    for corners in ([], [(0, 0)], [(7, 7)], [(0, 0), (7, 7)]):
        mask = np.zeros((8, 8), np.bool_)
        mask[2, 3:7] = mask[5:, 1] = True
        for corner in corners:
            mask[corner] = True
        (drawing,) = engine.complete(Request("tiny"), picture, mask)
        runs = json.loads(getattr(Image.open(io.BytesIO(drawing.png())), "text")["pixelart"])["mask"]  # noqa: B009
        assert np.array_equal(np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(8, 8), mask)
        assert all(run > 0 for run in runs[1:])


def test_candidates_come_most_probable_first(engine: Engine, picture: Picture) -> None:
    drawings = engine.complete(Request("tiny", count=20, seed=9), picture, hole(3))
    scores = [d.log_prob for d in drawings]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) > 5
    assert sorted(d.seed for d in drawings) == list(range(9, 29))
    for drawing in drawings[:4]:
        assert drawing.log_prob == pytest.approx(engine.log_likelihood("tiny", drawing.picture), abs=1e-3)
        assert drawing.settings["log_prob"] == pytest.approx(drawing.log_prob, abs=1e-3)


def test_a_completion_of_a_seed_is_the_same_at_any_count(engine: Engine, picture: Picture) -> None:
    mask = hole(4)
    by_seed = {d.seed: d.picture for d in engine.complete(Request("tiny", count=18, seed=30), picture, mask)}
    for seed in (30, 37, 46, 47):
        alone = engine.complete(Request("tiny", seed=seed), picture, mask)[0]
        assert np.array_equal(alone.picture, by_seed[seed])


def test_everything_masked_is_generation(engine: Engine, picture: Picture) -> None:
    request = Request("tiny", class_weights={"cross": 1.0}, count=4, seed=8)
    everything = np.ones((8, 8), np.bool_)
    by_seed = sorted(engine.complete(request, picture, everything), key=lambda d: d.seed)
    assert same(by_seed, engine.generate(request))


def test_what_lies_under_the_mask_does_not_matter(engine: Engine, picture: Picture) -> None:
    mask = hole(5)
    other = picture.copy()
    other[mask] = 77
    request = Request("tiny", count=4)
    assert same(engine.complete(request, picture, mask), engine.complete(request, other, mask))


def test_what_lies_around_the_mask_does(engine: Engine, picture: Picture) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:5, 2:5] = True
    below = picture.copy()
    below[5:] = (200, 30, 30, 255)
    request = Request("tiny", count=16)
    assert not same(engine.complete(request, picture, mask), engine.complete(request, below, mask))


def test_allowed_colours_bind_the_hole_only(engine: Engine, picture: Picture) -> None:
    mask = hole(6)
    colours = engine.info("tiny").colours
    assert colours is not None
    for drawing in engine.complete(Request("tiny", count=3, allowed=(2,)), picture, mask):
        assert (drawing.picture[mask] == colours[2]).all()
        assert np.array_equal(drawing.picture[~mask], picture[~mask])


def test_log_likelihood_is_a_distribution_over_the_training_data(
    engine: Engine, tiny_pictures: dict[str, Picture]
) -> None:
    """Real pictures are far more probable than noise of the same colours, and more so under their own class."""
    real = tiny_pictures["cross"]
    colours = engine.info("tiny").colours
    assert colours is not None
    noise = colours[np.random.default_rng(0).integers(0, len(colours), real.shape[:3])]

    def mean(pictures: Picture, **weights: float) -> float:
        return float(np.mean([engine.log_likelihood("tiny", p, class_weights=weights) for p in pictures]))

    assert mean(real, cross=1.0) > mean(noise, cross=1.0) + 20
    assert mean(real, cross=1.0) > mean(real, stripe=1.0)
    assert mean(real) < 0


def test_log_likelihood_is_what_drawing_saw(engine: Engine) -> None:
    for drawing in engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=3)):
        again = engine.log_likelihood("tiny", drawing.picture, class_weights={"cross": 1.0})
        assert drawing.log_prob == pytest.approx(again, abs=1e-3)


def test_snap_counts_what_is_seen_to_change(engine: Engine, picture: Picture) -> None:
    assert engine.snap("tiny", picture)[1] == 0
    picture[0, 0], picture[0, 1], picture[0, 2] = (1, 2, 3, 255), (9, 9, 9, 0), (200, 30, 30, 200)
    snapped, count = engine.snap("tiny", picture)
    assert count == 1
    assert np.array_equal(snapped[1:], picture[1:]) and snapped[0, 1].tolist() == [0, 0, 0, 0]
