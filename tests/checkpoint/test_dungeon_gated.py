"""The checkpoint that ships: real weights, real sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pixelart.engine import Engine, Request
from pixelart.engine.completion import context_of
from pixelart.images.masks import centre, named_hole
from pixelart.sampling import Controls, draw_noise, sample_cached, sample_naive
from pixelart.training.evaluation import bits_per_dim, hole_bits, nats_per_image

ENGINE = Engine(Path(__file__).parents[2] / "checkpoints", device=torch.device("cpu"))
NAME = "dungeon-gated"


@pytest.mark.long
def test_cached_draws_what_naive_draws() -> None:
    loaded = ENGINE.library.load(NAME)
    sprite = ENGINE.generate(Request(NAME, class_weights={"hero": 1.0}, seed=3))[0].picture
    mask = centre(32, 32, size=7)
    context = context_of(loaded.codec, sprite, mask, loaded.class_weights({"hero": 1.0}), count=2)
    noise = draw_noise(1, count=2, channels=1, height=32, width=32)
    controls = Controls(temperature=1.2, guidance=1.5)
    cached = sample_cached(loaded.model, context, controls=controls, noise=noise)
    naive = sample_naive(loaded.model, context, controls=controls, noise=noise)
    assert torch.equal(cached.x, naive.x)
    assert not torch.equal(cached.x[0], cached.x[1])


@pytest.mark.slow
def test_a_picture_does_not_depend_on_the_batch() -> None:
    many = ENGINE.generate(Request(NAME, class_weights={"creature": 1.0}, count=5, seed=10))
    for drawing in many:
        alone = ENGINE.generate(Request(NAME, class_weights={"creature": 1.0}, seed=drawing.seed))[0]
        assert np.array_equal(alone.picture, drawing.picture)
    mask = named_hole("brush", 32, 32, seed=4)
    completed = ENGINE.complete(Request(NAME, count=5, seed=20), many[0].picture, mask)
    for drawing in completed:
        alone = ENGINE.complete(Request(NAME, seed=drawing.seed), many[0].picture, mask)[0]
        assert np.array_equal(alone.picture, drawing.picture)


@pytest.mark.slow
def test_evaluation_is_the_mean_of_what_it_says() -> None:
    """`nats_per_image` and `hole_bits` against the model asked picture by picture, pixel by pixel."""
    loaded = ENGINE.library.load(NAME)
    pictures = np.stack([d.picture for d in ENGINE.generate(Request(NAME, count=3, seed=5))])
    x, weights = loaded.codec.encode(pictures), loaded.class_weights({"hero": 1.0}).expand(3, -1)
    everything = np.ones((32, 32), np.bool_)
    nats = nats_per_image(loaded.model, x, weights, batch_size=2)
    sums = {key: [0.0, 0] for key in ("hole", "hole_without", "seam", "seam_without")}
    for i, picture in enumerate(pictures):
        told = -ENGINE.log_likelihood(NAME, picture, class_weights={"hero": 1.0})
        torch.testing.assert_close(nats[i].item(), told, rtol=1e-4, atol=0)
        mask = named_hole("brush", 32, 32, seed=i)
        for given, name in ((mask, ""), (everything, "_without")):
            context = context_of(loaded.codec, picture, given, weights[0], count=1)
            nll = -loaded.model.log_prob(x[i : i + 1], context)[0, 0].double()
            for row, column in np.argwhere(mask):
                cost = nll[row, column].item() / np.log(2)
                below = row < 31 and not mask[row + 1, column]
                right = column < 31 and not mask[row, column + 1]
                for region, inside in (("hole", True), ("seam", below or right)):
                    if inside:
                        sums[region + name][0] += cost
                        sums[region + name][1] += 1
    holes = hole_bits(loaded.model, x, weights, holes="brush", batch_size=2)
    measured = (holes.hole_bits, holes.hole_bits_without_context, holes.seam_bits, holes.seam_bits_without_context)
    np.testing.assert_allclose(np.array(measured, float), [total / count for total, count in sums.values()], rtol=1e-4)
    assert bits_per_dim(nats, dimensions=1024) == nats.mean().item() / 1024 / np.log(2)
