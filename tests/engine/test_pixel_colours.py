"""The probable colours of one pixel are those of trying every colour there."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelart.engine import Engine
from pixelart.engine.completion import context_of
from pixelart.engine.inspection import colours_at
from pixelart.images.codec import Codec, Picture
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, RasterModel
from pixelart.sampling import Controls, draw_noise, sample_naive
from tests.engine.few_rgb import FewRGB, random_model, random_picture

pytestmark = pytest.mark.usefixtures("one_thread")


def _tried(
    model: AutoregressiveModel, codec: Codec, picture: Picture, weights: Tensor, *, row: int, column: int
) -> dict[tuple[int, ...], float]:
    """Colour -> its probability at a pixel, of every colour of the codec, each put there and judged."""
    mask = np.zeros(picture.shape[:2], np.bool_)
    mask[row, column] = True
    context = context_of(codec, picture, mask, weights, count=1)
    result = {}
    for levels in itertools.product(range(codec.levels), repeat=codec.channels):
        x = context.pixels.clone()
        x[0, :, row, column] = torch.tensor(levels)
        colour = tuple(codec.decode(x)[0, row, column].tolist())
        result[colour] = math.exp(model.log_prob(x, context)[0, :, row, column].double().sum())
    return result


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 4), (7, 7), (2, 0)])
@pytest.mark.parametrize("weights", [{}, {"stripe": 1.0}], ids=str)
def test_colours_of_a_palette_are_those_of_trying_each(
    engine: Engine, picture: Picture, row: int, column: int, weights: dict[str, float]
) -> None:
    loaded = engine.library.load("tiny")
    place = {"row": row, "column": column}
    tried = _tried(loaded.model, loaded.codec, picture, loaded.class_weights(weights), **place)
    found = engine.colours_at("tiny", picture, **place, top=5, class_weights=weights)
    assert len(found.likely) == 5 and found.is_exact
    assert dict(found.likely) == pytest.approx(tried, rel=1e-5)
    assert sum(chance.probability for chance in found.likely) == pytest.approx(1, abs=1e-9)
    assert [c.probability for c in found.likely] == sorted((c.probability for c in found.likely), reverse=True)
    assert found.current.colour == tuple(picture[row, column].tolist())
    assert found.current.probability == pytest.approx(tried[found.current.colour], rel=1e-5)
    two = engine.colours_at("tiny", picture, **place, top=2, class_weights=weights)
    assert two.likely == found.likely[:2] and two.current == found.current and two.is_exact
    assert two.likely[0].probability >= two.likely[1].probability == two.bound >= found.likely[2].probability
    assert engine.colours_at("tiny", picture, **place, top=256, class_weights=weights) == found


def test_no_table_is_read_twice(engine: Engine, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    maps_and_context_maps = RasterModel.maps_and_context_maps

    def counted(self: RasterModel, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        passes.append(len(x))
        return maps_and_context_maps(self, x, context)

    model = random_model(codec=FewRGB())
    engine.colours_at("tiny", picture, row=3, column=4)  # for the first time: how much memory it takes is measured
    monkeypatch.setattr(RasterModel, "maps_and_context_maps", counted)
    engine.colours_at("tiny", picture, row=3, column=4)
    assert passes == [1], "one channel, one table"
    passes.clear()
    colours_at(model, FewRGB(), random_picture(), torch.tensor([1.0, 0.0, 0.0]), row=2, column=1, top=64)
    assert sum(passes) == 1 + 4 + 16, "all that there are"


def test_what_lies_around_a_pixel_counts_and_what_lies_on_it_does_not(engine: Engine, picture: Picture) -> None:
    found = engine.colours_at("tiny", picture, row=3, column=4)
    on_it, below = picture.copy(), picture.copy()
    on_it[3, 4] = below[4, 4] = (30, 30, 200, 255)
    assert not np.array_equal(on_it, picture) and not np.array_equal(below, picture)
    there = engine.colours_at("tiny", on_it, row=3, column=4)
    assert there.likely == found.likely and there.current != found.current
    assert engine.colours_at("tiny", below, row=3, column=4).likely != found.likely


def test_colours_are_what_a_completion_draws_from(engine: Engine, picture: Picture) -> None:
    loaded, mask = engine.library.load("tiny"), np.zeros((8, 8), np.bool_)
    mask[5, 2] = True
    context = context_of(loaded.codec, picture, mask, loaded.class_weights({"cross": 1.0}), count=40)
    noise = draw_noise(0, count=40, channels=1, height=8, width=8)
    drawn = sample_naive(loaded.model, context, controls=Controls(temperature=3.0), noise=noise)
    colours = loaded.codec.decode(drawn.x)[:, 5, 2].tolist()
    found = engine.colours_at("tiny", picture, row=5, column=2, class_weights={"cross": 1.0})
    for colour, log_p in zip(colours, drawn.log_prob[:, 0, 5, 2].tolist(), strict=True):
        assert dict(found.likely)[tuple(colour)] == pytest.approx(math.exp(log_p), rel=1e-4)
    assert len({tuple(c) for c in colours}) > 1


@pytest.mark.parametrize("name", ["gated_pixelcnn", "pixelcnn_plus_plus", "row_lstm"])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 3), (4, 1)])
def test_colours_of_three_channels_are_those_of_trying_each(name: str, row: int, column: int) -> None:
    codec, picture, weights = FewRGB(), random_picture(seed=2), torch.tensor([0.5, 0.5, 0.0])
    model = random_model(name, codec=codec)
    tried = _tried(model, codec, picture, weights, row=row, column=column)
    assert sum(tried.values()) == pytest.approx(1, abs=1e-4)
    best = sorted(tried.values(), reverse=True)
    for top in (1, 7, 64):
        found = colours_at(model, codec, picture, weights, row=row, column=column, top=top)
        assert found.is_exact and len(found.likely) == len({c.colour for c in found.likely}) == top
        assert [c.probability for c in found.likely] == pytest.approx(best[:top], rel=1e-3, abs=1e-7)
        assert {c.colour: c.probability for c in found.likely} == pytest.approx(
            {c.colour: tried[c.colour] for c in found.likely}, rel=1e-3, abs=1e-7
        )
        assert found.current.colour == tuple(picture[row, column].tolist())
        assert found.current.probability == pytest.approx(tried[found.current.colour], rel=1e-3)
        if top == 64:
            assert sum(c.probability for c in found.likely) == pytest.approx(1, abs=1e-9)
