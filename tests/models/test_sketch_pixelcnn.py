"""A sketch and then its colours: one exact distribution, in any palette, in its own order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.layers.palette import NEVER
from pixelart.models.sketch_pixelcnn import SketchPixelCNN, sketch_of
from pixelart.sampling import Controls, sample_cached, sample_fixed_point, sample_naive
from tests.models.checks import (
    CLASSES,
    leaks_and_gaps,
    lively_model,
    noise_for,
    nothing_known,
    painted_temperatures,
    random_pixels,
)

SHAPE, LEVELS = (6, 5), 6
SAMPLERS = (sample_naive, sample_cached, sample_fixed_point)


def sketching(*, levels: int = LEVELS, shape: tuple[int, int] = SHAPE, **config: Any) -> SketchPixelCNN:
    model = lively_model("sketch_pixelcnn", channels=1, levels=levels, shape=shape, **config)
    assert isinstance(model, SketchPixelCNN)
    return model


def palettes(count: int, levels: int = LEVELS, *, unused: int = 1, seed: int = 0) -> Tensor:
    """Random ones, dark and light, of which the last slots hold no colour; each picture its own."""
    made = torch.rand(count, levels, 4, generator=torch.Generator().manual_seed(seed))
    made[:, 1::2, 0] *= 0.35
    made[:, 2::2, 0] = 0.5 + 0.5 * made[:, 2::2, 0]
    made[..., 3], made[:, 0] = 1, 0
    made[:, levels - unused :, 3] = -1
    return made


def half_known(x: Tensor, palette: Tensor) -> Context:
    mask = torch.rand(len(x), *x.shape[2:], generator=torch.Generator().manual_seed(1)) < 0.6
    return Context(torch.eye(CLASSES)[torch.arange(len(x)) % CLASSES], x, mask, palette=palette)


def pictures(count: int = 4, *, unused: int = 1) -> Tensor:
    return random_pixels(count, 1, LEVELS - unused, SHAPE)


def test_log_p_is_that_of_the_sketch_and_of_its_colours() -> None:
    model, x = sketching().double(), pictures()
    context = replace(
        half_known(x, palettes(4).double()), class_weights=torch.eye(CLASSES, dtype=torch.float64)[:1].expand(4, -1)
    )
    sketch = sketch_of(x, model.colour_levels(context))
    drawing, colouring = model.stages()
    with torch.no_grad():
        first = drawing.log_prob(sketch, model.stage_context(0, context, None))
        second = colouring.log_prob(x, model.stage_context(1, context, sketch))
        torch.testing.assert_close(model.log_prob(x, context), first + second, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(
            model.likelihood.log_prob(model(x, context), x), first + second, rtol=1e-9, atol=1e-9
        )


def test_the_pictures_of_a_palette_sum_to_one_and_no_other_has_a_chance() -> None:
    model = sketching(levels=4, shape=(2, 2)).double()
    x = torch.tensor(list(itertools.product(range(4), repeat=4))).view(-1, 1, 2, 2)
    palette = palettes(1, 4).double().expand(len(x), -1, -1)
    context = replace(nothing_known(x, torch.zeros(len(x), CLASSES, dtype=torch.float64)), palette=palette)
    with torch.no_grad():
        p = model.log_prob(x, context).flatten(1).sum(1).exp()
        tables = model(x, context).exp().sum(1)
    outside = (x == 3).flatten(1).any(1)
    assert p[~outside].sum().item() == pytest.approx(1, abs=1e-9) and p[outside].max() == 0
    torch.testing.assert_close(tables, torch.ones_like(tables))


def maps_one_level_at_a_time(model: SketchPixelCNN, x: Tensor, context: Context, row: int, column: int) -> Tensor:
    """The slow twin of `maps_at`: the whole model for each level, the pixel having a colour of that level."""
    levels = model.colour_levels(context)
    maps = torch.full(levels.shape, torch.nan)
    for picture in range(len(x)):
        for level in levels[picture].unique():
            alike, put = levels[picture] == level, x[picture : picture + 1].clone()
            put[:, :, row, column] = int(alike.nonzero()[0])
            found = model(put, context.select(slice(picture, picture + 1)))
            maps[picture, alike] = found[0, alike, row, column]
    return maps


@pytest.mark.parametrize("at_once", [1, 5, 16])
def test_the_table_of_a_pixel_is_that_of_a_picture_of_each_level(at_once: int) -> None:
    model, x = sketching(lightness=(400, 950)), pictures()
    context = half_known(x, palettes(4))
    context.mask[:, 2, 3] = True
    passes: list[tuple[int, int]] = []
    for number, network in enumerate(model.stages()):
        network.encoder.register_forward_hook(lambda _, args, __, n=number: passes.append((n, len(args[0].mask))))
    with torch.no_grad():
        found = model.maps_at(x, context, row=2, column=3, at_once=at_once)
        once = [count for number, count in passes if number == 0]
        coloured = [count for number, count in passes if number == 1]
        expected = maps_one_level_at_a_time(model, x, context, 2, 3)
    torch.testing.assert_close(found[:, :-1], expected[:, :-1], rtol=1e-4, atol=1e-4)
    assert (found[:, -1] < NEVER).all() and (expected[:, -1] < NEVER).all(), "the last slot is empty"
    torch.testing.assert_close(found.exp().sum(1), torch.ones(4))
    levels = model.colour_levels(context)[:, :-1]
    several = sum(len(of.unique(return_counts=True)[1].gt(1).nonzero()) for of in levels)
    assert once == [4] and sum(coloured) == several and several > 4, "a colour alone on its level needs no pass"
    assert max(coloured) <= at_once and len(coloured) == -(-several // at_once)


def test_a_permuted_palette_permutes_the_probabilities() -> None:
    model, x, palette = sketching(), pictures(), palettes(4)
    order = torch.tensor([0, 3, 1, 5, 2, 4])
    context = half_known(x, palette)
    with torch.no_grad():
        plain = model.log_prob(x, context)
        moved = torch.argsort(order)[x]
        permuted = model.log_prob(moved, replace(context, pixels=moved, palette=palette[:, order]))
    torch.testing.assert_close(permuted, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "controls",
    [Controls(), Controls(temperature=0.7, top_k=2, guidance=2.5), Controls(temperature=painted_temperatures(*SHAPE))],
    ids=["plain", "guided", "painted"],
)
def test_every_picture_is_drawn_in_its_own_palette_alike_by_every_sampler(controls: Controls) -> None:
    model, x, palette = sketching(), pictures(), palettes(4)
    context, noise = half_known(x, palette), noise_for(model, 3, count=4, shape=SHAPE)
    reference = sample_naive(model, context, controls=controls, noise=noise)
    hidden = context.mask[:, None]
    assert torch.equal(reference.x[~hidden], x[~hidden]) and reference.x.max() < LEVELS - 1, "the last slot is empty"
    for sampler in (sample_cached, sample_fixed_point):
        other = sampler(model, context, controls=controls, noise=noise)
        assert torch.equal(other.x, reference.x)
        torch.testing.assert_close(other.log_prob, reference.log_prob, rtol=1e-4, atol=1e-4)
    for i in range(4):
        alone = sample_cached(model, context.select(slice(i, i + 1)), controls=controls, noise=noise[i : i + 1])
        assert torch.equal(alone.x[0], reference.x[i]), "a picture must not depend on those beside it"
    judged = model.log_prob(reference.x, replace(context, pixels=reference.x)) * hidden
    torch.testing.assert_close(reference.log_prob, judged.double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_only_allowed_colours_are_drawn(sampler: Any) -> None:
    """Also where they leave no colour of a level: the sketch then has no pixel of it."""
    model, x, palette = sketching(), pictures(), palettes(4)
    allowed = torch.zeros(4, LEVELS, 1, 1, dtype=torch.bool)
    allowed[:, [0, 2]] = True
    context = replace(half_known(x, palette), allowed=allowed)
    drawn = sampler(
        model, context, controls=Controls(temperature=3.0), noise=noise_for(model, 1, count=4, shape=SHAPE)
    ).x
    assert set(drawn[context.mask[:, None]].tolist()) == {0, 2}


def test_the_colours_that_are_drawn_are_those_of_the_sketch() -> None:
    model, x = sketching(), pictures()
    context = replace(half_known(x, palettes(4)), mask=torch.ones(4, *SHAPE, dtype=torch.bool))
    noise = noise_for(model, 5, count=4, shape=SHAPE)
    drawing, colouring = model.stages()
    sketch = sample_cached(drawing, model.stage_context(0, context, None), controls=Controls(), noise=noise[:, :1]).x
    given = model.stage_context(1, context, sketch)
    x = sample_cached(colouring, given, controls=Controls(), noise=noise[:, 1:]).x
    assert torch.equal(sketch_of(x, model.colour_levels(context)), sketch)
    assert torch.equal(sample_cached(model, context, controls=Controls(), noise=noise).x, x)


def test_each_network_sees_the_past_of_its_own_order_alone() -> None:
    """The sketch: what is before a pixel. The colours: what is before it, and the sketch, which stays here."""
    model, x = sketching().double(), pictures(1)
    weights = torch.zeros(1, CLASSES, dtype=torch.float64)
    context = replace(nothing_known(x, weights), palette=palettes(1).double())
    sketch = sketch_of(x, model.colour_levels(context))
    order = [(r, q) for r in range(SHAPE[0]) for q in range(SHAPE[1])]
    with torch.no_grad():
        for number, (network, picture) in enumerate(zip(model.stages(), (sketch, x), strict=True)):
            given = model.stage_context(number, context, sketch if number else None)
            network_given = network.encode(given)
            plain, seen = network.decode(picture, network_given), 0
            for i, (row, column) in enumerate(order):
                changed = picture.clone()
                changed[0, 0, row, column] = (changed[0, 0, row, column] + 1) % network.config.levels
                moved = (network.decode(changed, network_given) - plain).abs().amax(1)[0] > 1e-9
                after = [order.index((r, q)) for r, q in moved.nonzero().tolist()]
                assert all(j > i for j in after), (number, (row, column))
                seen += len(after)
            assert seen > len(order), "hardly anything is seen"


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_attention_sees_no_future(stride: int, channels: int) -> None:
    config = {"attention": (1,), "heads": 2, "head_size": 3, "stride": stride}
    leaks, _ = leaks_and_gaps("gated_pixelcnn", channels=channels, shape=(3, 12), **config)
    assert not [(source, target) for source, target in leaks if source >= target]
    assert leaks, "it is to see further than the convolutions alone"
