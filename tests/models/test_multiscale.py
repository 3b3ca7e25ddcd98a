"""A chain of scales: one exact distribution, of any variants, in which no pixel is counted twice."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelart.errors import WeightsRejected
from pixelart.layers.context import Context
from pixelart.models import (
    AutoregressiveModel,
    RasterModel,
    config_from_dict,
    config_to_dict,
    create_model,
    get_variant,
    list_models,
    scale_of_pixels,
)
from pixelart.models.multiscale import stage
from pixelart.sampling import Controls, draw_noise, sample_cached, sample_fixed_point, sample_naive
from pixelart.training.evaluation import nats_per_image, nats_per_stage, stage_bits
from tests.models.checks import CLASSES, leaks_and_gaps, lively_model, nothing_known, random_pixels

GATED = stage("gated_pixelcnn", preset="debug")
VARIANTS = [name for name in list_models() if issubclass(get_variant(name).model, RasterModel)]
DATA: dict[str, Any] = {"channels": 1, "levels": 4, "height": 6, "width": 5, "num_classes": 2}


def chain(stages: int = 3, *, shape: tuple[int, int], levels: int = 2, channels: int = 1) -> AutoregressiveModel:
    return lively_model("multiscale", channels=channels, levels=levels, shape=shape, stages=(GATED,) * stages)


def every_picture(height: int, width: int) -> Tensor:
    return torch.tensor(list(itertools.product([0, 1], repeat=height * width))).view(-1, 1, height, width)


@torch.no_grad()
def total(model: AutoregressiveModel, x: Tensor, context: Context) -> float:
    hidden = context.mask[:, None]
    return float((model.log_prob(x, context) * hidden).flatten(1).sum(1).exp().sum())


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 4), (4, 2), (1, 8), (5, 2)], ids=str)
def test_the_probabilities_of_all_pictures_of_three_scales_sum_to_one(shape: tuple[int, int]) -> None:
    model, x = chain(shape=shape).double(), every_picture(*shape)
    context = nothing_known(x, torch.eye(CLASSES, dtype=torch.float64)[:1].expand(len(x), -1))
    assert total(model, x, context) == pytest.approx(1, abs=1e-9)
    known = torch.rand(shape, generator=torch.Generator().manual_seed(4)) < 0.5
    given = x[(x[:, 0] == 1).logical_or(~known).flatten(1).all(1)]
    context = Context(context.class_weights[: len(given)], given, (~known).expand(len(given), *shape))
    assert total(model, given, context) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_any_variant_serves_at_any_scale(variant: str) -> None:
    """As the first, a middle and the last: nothing is seen before its turn, and probabilities sum to one."""
    other = variant if variant == "pixelcnn_plus_plus" else "gated_pixelcnn"  # one likelihood a chain
    for places in itertools.product([variant, other], repeat=2):
        stages = tuple(stage(name, preset="debug") for name in places)
        assert leaks_and_gaps("multiscale", channels=1, shape=(3, 4), stages=stages)[0] == []
        model, x = lively_model("multiscale", channels=1, levels=2, shape=(2, 4), stages=stages), every_picture(2, 4)
        context = nothing_known(x, torch.zeros(len(x), CLASSES, dtype=torch.float64))
        assert total(model.double(), x, context) == pytest.approx(1, abs=1e-9)


def test_log_p_is_that_of_the_small_picture_and_of_the_rest_given_it() -> None:
    """Put together by hand, from the networks alone."""
    model = chain(shape=(6, 7), levels=4)
    x = random_pixels(3, 1, 4, (6, 7))
    with torch.no_grad():
        told = model.log_prob(x, nothing_known(x)).flatten(1).sum(1)
        first, *further = model.stages()
        small = x[..., ::4, ::4]
        expected = first.log_prob(small, nothing_known(small)).flatten(1).sum(1)
        for network, factor in zip(further, (2, 1), strict=True):
            large, small = x[..., ::factor, ::factor], x[..., :: 2 * factor, :: 2 * factor]
            mask = torch.ones(3, *large.shape[2:], dtype=torch.bool)
            mask[:, ::2, ::2] = False
            context = Context(torch.zeros(3, CLASSES), large, mask, small=small)
            expected += (network.log_prob(large, context) * mask[:, None]).flatten(1).sum(1)
    torch.testing.assert_close(told, expected)


def test_the_small_picture_biases_pixels_on_all_sides_of_its_own() -> None:
    """The network that enlarges reads it, and does not only copy it."""
    network = chain(2, shape=(6, 6), levels=4).stages()[1]
    x = random_pixels(1, 1, 4, (6, 6))
    other = x.clone()
    other[..., 2, 2] = (x[..., 2, 2] + 1) % 4
    maps = [network(x, nothing_known(x).with_low_res(small[..., ::2, ::2])) for small in (x, other)]
    moved = (maps[0] != maps[1]).any(1)[0]
    assert moved[1, 1] and moved[1, 3] and moved[3, 1] and moved[3, 3]


def test_a_pixel_of_any_scale_sees_every_known_one_beside_it() -> None:
    model, x = chain(3, shape=(8, 8), levels=4), random_pixels(1, 1, 4, (8, 8))
    for row, column in ((4, 4), (2, 6), (3, 5)):
        mask = torch.zeros(1, 8, 8, dtype=torch.bool)
        mask[0, row, column] = True
        plain = model(x, Context(torch.zeros(1, CLASSES), x, mask))[0, :, row, column]
        for r, q in itertools.product(range(row - 1, row + 2), range(column - 1, column + 2)):
            other = x.clone()
            other[0, 0, r, q] = (other[0, 0, r, q] + 1) % 4
            seen = model(other, Context(torch.zeros(1, CLASSES), other, mask))[0, :, row, column]
            assert torch.equal(seen, plain) == ((r, q) == (row, column))


@pytest.mark.parametrize("sampler", [sample_naive, sample_cached, sample_fixed_point])
def test_each_pixel_is_drawn_once_by_its_own_noise(sampler: Callable[..., Any]) -> None:
    """The small pictures of a drawing are what the networks draw alone from the noise of their pixels."""
    model = chain(shape=(6, 7), levels=4)
    context = nothing_known(random_pixels(2, 1, 4, (6, 7)))
    noise = draw_noise(3, count=2, channels=1, height=6, width=7)
    whole = sampler(model, context, controls=Controls(), noise=noise)
    small = None
    for network, factor in zip(model.stages(), (4, 2, 1), strict=True):
        given = nothing_known(random_pixels(2, 1, 4, noise[0, 0, ::factor, ::factor].shape))  # type: ignore[arg-type]
        given = given if small is None else given.with_low_res(small)
        small = sampler(network, given, controls=Controls(), noise=noise[..., ::factor, ::factor]).x
        assert torch.equal(small, whole.x[..., ::factor, ::factor])
    assert (whole.log_prob < 0).all(), "a pixel is without its log p"


def test_rows_are_reported_of_the_last_scale_and_a_stop_is_answered_in_any() -> None:
    model, told, asked = chain(shape=(6, 5), levels=4), [], []
    context = nothing_known(random_pixels(1, 1, 4, (6, 5)))
    noise = draw_noise(3, count=1, channels=1, height=6, width=5)
    sample_cached(
        model,
        context,
        controls=Controls(),
        noise=noise,
        on_row=lambda done, rows, x: told.append((done, rows, tuple(x.shape))),
        cancel=lambda: bool(asked.append(1)),
    )
    assert told == [(done, 6, (1, 1, 6, 5)) for done in range(1, 7)] and len(asked) > 2 + 3 + 6


@pytest.mark.parametrize("sampler", [sample_naive, sample_cached, sample_fixed_point])
@pytest.mark.parametrize("hidden", [[(0, 4), (5, 3)], [(0, 4)], [(2, 3), (6, 0), (7, 7)]])
def test_rows_are_told_as_those_of_the_whole_hole(sampler: Callable[..., Any], hidden: list[tuple[int, int]]) -> None:
    """From its first row to its last, though the last scale may begin below, or have nothing to draw."""
    model, told = chain(2, shape=(8, 8), levels=4), []
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    for row, column in hidden:
        mask[0, row, column] = True
    context = Context(torch.zeros(1, CLASSES), random_pixels(1, 1, 4, (8, 8)), mask)
    noise = draw_noise(3, count=1, channels=1, height=8, width=8)
    sample = sampler(model, context, controls=Controls(), noise=noise, on_row=lambda *what: told.append(what))
    first, last = hidden[0][0], hidden[-1][0]
    assert {rows for _, rows, _ in told} == {last - first + 1}
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][0] == last - first + 1 and torch.equal(told[-1][2], sample.x)


def test_what_each_scale_costs_adds_up() -> None:
    model, x = chain(shape=(6, 7), levels=4), random_pixels(5, 1, 4, (6, 7))
    nats = nats_per_stage(model, x, torch.zeros(5, CLASSES), batch_size=2)
    torch.testing.assert_close(nats.sum(1), nats_per_image(model, x, torch.zeros(5, CLASSES), batch_size=3))
    told = stage_bits(model, nats)
    assert [s["size"] for s in told] == [[2, 2], [4, 3], [7, 6]]
    bits = sum(s["bits_per_dim"] * math.prod(s["size"]) for s in told)
    assert bits == pytest.approx(float(nats.sum(1).mean()) / math.log(2))
    drawn = [4, 8, 30]
    assert bits == pytest.approx(sum(s["bits_per_drawn"] * n for s, n in zip(told, drawn, strict=True)))


def test_a_pixel_belongs_to_the_coarsest_scale_that_has_it() -> None:
    assert scale_of_pixels(3, height=3, width=5).tolist() == [[0, 2, 1, 2, 0], [2, 2, 2, 2, 2], [1, 2, 1, 2, 1]]
    assert not scale_of_pixels(1, height=2, width=2).any()


@pytest.mark.slow
@pytest.mark.parametrize("mistake", ["all of it", "the pixels beside", "nothing"])
def test_the_contract_catches_a_wrong_small_picture(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it more than the copied pixels, they would be drawn with what they are to tell; were it less, not given."""

    def with_low_res(context: Context, small: Tensor) -> Context:
        if mistake == "all of it":
            return replace(context, mask=torch.zeros_like(context.mask), small=small)
        if mistake == "nothing":
            return context
        moved = context.pixels[..., 1::2, 1::2]
        rows, columns = small.shape[2] - moved.shape[2], small.shape[3] - moved.shape[3]
        return replace(context, small=torch.nn.functional.pad(moved, (0, columns, 0, rows)))

    monkeypatch.setattr(Context, "with_low_res", with_low_res)
    leaks, gaps = leaks_and_gaps("multiscale", channels=1, shape=(4, 4))
    assert gaps if mistake == "nothing" else leaks


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "no stages": lambda c: c.update(stages=[]),
    "too many": lambda c: c.update(stages=c["stages"] * 4),
    "not a list": lambda c: c.update(stages={"0": c["stages"][0]}),
    "an unknown variant": lambda c: c["stages"][0].update(variant="nope"),
    "a variant that is a list": lambda c: c["stages"][0].update(variant=["gated_pixelcnn"]),
    "a chain in a chain": lambda c: c["stages"][0].update(variant="multiscale", values={"stages": c["stages"]}),
    "a stage of its own size": lambda c: c["stages"][1]["values"].update(height=10**6),
    "a value too large": lambda c: c["stages"][1]["values"].update(hidden=10**6),
    "a value too few": lambda c: c["stages"][1]["values"].pop("hidden"),
    "a key too many": lambda c: c["stages"][1].update(odd=1),
    "values that are none": lambda c: c["stages"][1].update(values=7),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_config_of_a_chain_is_checked(name: str) -> None:
    config = json.loads(json.dumps(config_to_dict(create_model("multiscale", preset="debug", **DATA).config)))
    assert config_from_dict("multiscale", config)
    BROKEN[name](config)
    with pytest.raises(WeightsRejected):
        config_from_dict("multiscale", config)


def test_stages_of_different_likelihoods_are_refused() -> None:
    with pytest.raises(WeightsRejected, match="same likelihood"):
        create_model("multiscale", **DATA, stages=(GATED, stage("pixelcnn_plus_plus", preset="debug")))
