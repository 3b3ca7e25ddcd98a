"""What every registered variant must hold, for every colour depth, shape and kind of context (debug preset)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, config_of, read_config
from pixelart.checkpoint.weights import load_weights, pack_weights
from pixelart.images.codec import RGB, Gray
from pixelart.layers.context import Context
from pixelart.layers.program_decoder import ProgramDecoder
from pixelart.likelihoods import DiscretizedLogisticMixture
from pixelart.models import AutoregressiveModel, RasterModel, get_variant, list_models
from pixelart.sampling import Controls, sample_cached, sample_fixed_point, sample_naive
from tests.models.checks import (
    CLASSES,
    depths,
    leaks_and_gaps,
    lively_model,
    noise_for,
    nothing_known,
    painted_temperatures,
    random_pixels,
)
from tests.models.coverage import EXACT_AT_ANY_SIZE, seen_by

SHAPES = [(5, 5), (3, 6), (6, 3)]
every_model = pytest.mark.parametrize("name", list_models())
every_raster_model = pytest.mark.parametrize(
    "name", [n for n in list_models() if issubclass(get_variant(n).model, RasterModel)]
)
every_case = pytest.mark.parametrize(
    ("name", "channels"),
    [(name, channels) for channels in (1, 3) for name in list_models() if channels in depths(name)],
)
every_depth = pytest.mark.parametrize("channels", [1, 3])
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=["square", "wide", "tall"])


def rounding(model: AutoregressiveModel) -> dict[str, Any]:
    """How far two ways to compute the same log p in single precision may lie apart; a narrow logistic magnifies it."""
    narrow = isinstance(model.likelihood, DiscretizedLogisticMixture)
    return {"atol": 1e-3, "rtol": 2e-3} if narrow else {"atol": 1e-4, "rtol": 1e-5}


def half_known(x: Tensor, *, seed: int = 1) -> Context:
    """Classes in turn; each picture its own scattered hole, the first row known."""
    mask = torch.rand(len(x), *x.shape[2:], generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[:, 0] = False
    return Context(torch.eye(CLASSES)[torch.arange(len(x)) % CLASSES], x, mask)


in_raster_order = pytest.mark.parametrize(
    ("name", "channels"), [(n, c) for c in (1, 3) for n in list_models() if c in depths(n) and n != "sketch_pixelcnn"]
)
"""A sketch is drawn whole before its colours: tests/models/test_sketch_pixelcnn.py has its order."""


@in_raster_order
@every_shape
@pytest.mark.parametrize("training", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["eval", "train"])
def test_causality_and_coverage(name: str, channels: int, shape: tuple[int, int], training: bool) -> None:
    """The maps of sub-pixel (i, c) change with what the variant is to see of the past and with nothing else."""
    leaks, gaps = leaks_and_gaps(name, channels=channels, shape=shape, training=training)
    assert not leaks, f"the first of each is seen by the second: {leaks[:5]}"
    assert not gaps, f"the first of each is not seen by the second: {gaps[:5]}"


@pytest.mark.parametrize("name", EXACT_AT_ANY_SIZE)
@pytest.mark.parametrize("shape", [(3, 12), (12, 3)], ids=["wide", "tall"])
def test_reach(name: str, shape: tuple[int, int]) -> None:
    """A picture longer than the reach of small networks: they see as far as their layers go, and no further."""
    leaks, gaps = leaks_and_gaps(name, channels=1, shape=shape)
    assert not leaks, f"the first of each is seen by the second: {leaks[:5]}"
    assert not gaps, f"the first of each is not seen by the second: {gaps[:5]}"


@every_case
def test_probabilities_sum_to_one(name: str, channels: int) -> None:
    """Over all 2 x 2 pictures of two levels, with and without class and known pixels."""
    with torch.no_grad():
        model = lively_model(name, channels=channels, levels=2, shape=(2, 2)).double()
        x = torch.tensor(list(itertools.product([0, 1], repeat=4 * channels))).view(-1, channels, 2, 2)
        weights = torch.eye(CLASSES, dtype=torch.float64)[:1].expand(len(x), -1)
        total = model.log_prob(x, nothing_known(x, weights)).flatten(1).sum(1).exp().sum()
        assert total.item() == pytest.approx(1, abs=1e-9)
        known = torch.zeros(channels, dtype=torch.long)
        hidden = torch.tensor([[True, False], [True, True]])
        given = x[(x[:, :, 0, 1] == known).all(1)]
        context = Context(weights[: len(given)], given, hidden.expand(len(given), 2, 2))
        log_p = (model.log_prob(given, context) * hidden).flatten(1).sum(1)
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-9)


SETTINGS = {
    "plain": (2, Controls()),
    "guided": (5, Controls(temperature=0.7, top_k=2, guidance=2.5)),
    "allowed": (5, Controls(temperature=1.6, top_p=0.8, allowed=(0, 1))),
    "painted": (5, Controls(temperature=painted_temperatures(6, 6), guidance=1.5)),
}


def _drawn_cases() -> list[Any]:
    """Each setting with each shape; what has neither plain settings nor a square shape is slow."""
    return [
        pytest.param(
            shape, *values, id=f"{name}-{word}", marks=[pytest.mark.slow] * (name != "plain" and word != "square")
        )
        for name, values in SETTINGS.items()
        for word, shape in zip(("square", "wide", "tall"), SHAPES, strict=True)
    ]


@every_case
@pytest.mark.parametrize(("shape", "levels", "controls"), _drawn_cases())
def test_every_sampler_draws_the_same(
    name: str,
    channels: int,
    shape: tuple[int, int],
    levels: int,
    controls: Controls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compiled rows, plain rows, passes over all pixels at once, and a forward pass a pixel draw the same from the same
    noise, and see the same log p."""
    model = lively_model(name, channels=channels, levels=levels, shape=shape)
    context = half_known(random_pixels(4, channels, levels, shape))
    noise = noise_for(model, 5, count=4, shape=shape)
    controls = controls.cropped(slice(shape[0]), slice(shape[1]))
    reference = sample_naive(model, context, controls=controls, noise=noise)
    cached = sample_cached(model, context, controls=controls, noise=noise)
    monkeypatch.setattr(ProgramDecoder, "row_kernel", lambda _: None)
    plain = sample_cached(model, context, controls=controls, noise=noise)
    passes: list[int] = []
    settled = sample_fixed_point(
        model, context, controls=controls, noise=noise, on_row=lambda done, rows, x: passes.append(done)
    )
    assert len(passes) <= context.mask.flatten(1).sum(1).max() * model.noise_channels and passes == sorted(passes)
    for other in (cached, plain, settled):
        assert torch.equal(other.x, reference.x)
        torch.testing.assert_close(other.log_prob, reference.log_prob, **rounding(model))
    hidden = context.mask[:, None].expand_as(reference.x)
    assert torch.equal(reference.x[~hidden], context.pixels[~hidden]), "a known pixel was changed"
    if controls.allowed:
        assert reference.x[hidden].max() <= max(controls.allowed)


@every_raster_model
@every_depth
@torch.no_grad()
def test_the_incremental_form_gives_what_a_pass_gives(name: str, channels: int) -> None:
    """In single and in double precision, with PyTorch; `test_every_sampler_draws_the_same` has the compiled form."""
    model = lively_model(name, channels=channels, levels=4, shape=(4, 5))
    assert isinstance(model, RasterModel)
    x = random_pixels(2, channels, 4, (4, 5))
    context = half_known(x)
    width = 5 if model.unit == "row" else 1

    def maps(model: RasterModel) -> Tensor:
        decoder, rows = model.decoder(model.encode(context)), []
        decoder.prefill(x, 1)
        for row in range(1, 4):
            decoder.begin_row(x, row)
            rows.append(torch.cat([decoder.maps(x, row, slice(q, q + width)) for q in range(0, 5, width)], dim=3))
        return torch.cat(rows, dim=2)

    incremental, whole = maps(model), model(x, context)[:, :, 1:]
    torch.testing.assert_close(incremental, whole, rtol=1e-4, atol=1e-4)
    context = replace(context, class_weights=context.class_weights.double())
    torch.testing.assert_close(maps(model.double()), whole.double(), rtol=1e-4, atol=1e-4)


@every_raster_model
@every_depth
@torch.no_grad()
def test_what_is_asked_for_at_once_does_not_depend_on_itself(name: str, channels: int) -> None:
    """A variant whose unit is a pixel or a row must not see that pixel or row; one whose unit is a channel does."""
    model = lively_model(name, channels=channels, levels=4, shape=(4, 4))
    assert isinstance(model, RasterModel)
    x = random_pixels(1, channels, 4, (4, 4))
    other, columns = x.clone(), slice(0, 4) if model.unit == "row" else slice(2, 3)
    other[:, :, 2, columns] = (other[:, :, 2, columns] + 1) % 4
    is_same = torch.equal(*(model(picture, nothing_known(x))[:, :, 2, columns] for picture in (x, other)))
    assert is_same == (model.unit != "channel" or channels == 1)


OTHER_CONFIGS: list[tuple[str, dict[str, Any]]] = [
    ("pixelcnn_plus_plus", {"scales": 3}),
    ("pixelsnail", {"blocks": 2}),
    ("row_rnn", {"cell": "gru"}),
    ("row_rnn", {"form": "many_to_one"}),
    ("row_rnn", {"form": "bidirectional_many_to_one", "cell": "gru"}),
]
ATTENTION: dict[str, Any] = {"attention": (1,), "heads": 2, "head_size": 3}
ALL_CONFIGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in list_models()),
    *OTHER_CONFIGS,
    ("gated_pixelcnn", ATTENTION),
    ("gated_pixelcnn", {**ATTENTION, "stride": 1}),
]


@pytest.mark.parametrize(
    ("name", "config", "channels"),
    [(name, config, c) for name, config in ALL_CONFIGS for c in (1, 3) if c in depths(name)],
    ids=lambda value: str(value),
)
def test_one_picture_is_drawn_alike_and_leaves_the_weights_alone(
    name: str, config: dict[str, Any], channels: int
) -> None:
    """A batch of one lies in memory as others do not; every form of a variant comes by here too."""
    shape = (6, 5)
    model = lively_model(name, channels=channels, levels=4, shape=shape, **config)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    context = half_known(random_pixels(1, channels, 4, shape))
    noise = noise_for(model, 2, count=1, shape=(6, 5))
    reference = sample_naive(model, context, controls=Controls(), noise=noise)
    for sampler in (sample_cached, sample_fixed_point):
        sample = sampler(model, context, controls=Controls(), noise=noise)
        assert torch.equal(sample.x, reference.x)
        torch.testing.assert_close(sample.log_prob, reference.log_prob, **rounding(model))
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), f"drawing changed {key}"


@pytest.mark.parametrize(("name", "config"), OTHER_CONFIGS, ids=lambda value: str(value))
def test_causality_of_other_forms(name: str, config: dict[str, Any]) -> None:
    leaks, gaps = leaks_and_gaps(name, channels=1, shape=(6, 5), **config)
    assert not leaks and not gaps


@pytest.mark.parametrize("name", [name for name in list_models() if name != "sketch_pixelcnn"])
def test_causality_given_a_class_and_known_pixels(name: str) -> None:
    """What is hidden reaches no table but those that are to see it, when the context holds something too."""
    shape, levels = (4, 5), 4
    model = lively_model(name, channels=1, levels=levels, shape=shape).double()
    x = random_pixels(1, 1, levels, shape)
    context = replace(half_known(x), class_weights=torch.eye(CLASSES, dtype=torch.float64)[:1])
    plain = model(x, context)
    for row, column in context.mask[0].nonzero().tolist():
        changed = x.clone()
        changed[0, 0, row, column] = (changed[0, 0, row, column] + 1) % levels
        moved = ((model(changed, context) - plain).abs().amax(1)[0] > 1e-9).nonzero().tolist()
        assert all(seen_by(name, (row, column, 0), (r, q, 0)) for r, q in moved)


@every_model
def test_a_hole_may_end_in_any_row(name: str) -> None:
    """The rows below it are known, or all but known: they must not move what is drawn above them."""
    shape, levels = (5, 4), 4
    model = lively_model(name, channels=1, levels=levels, shape=shape)
    x = random_pixels(2, 1, levels, shape)
    noise = noise_for(model, 3, count=2, shape=(5, 4))
    for last in range(5):
        mask = torch.zeros(2, *shape, dtype=torch.bool)
        mask[:, max(0, last - 1) : last + 1, 1:3] = True
        context = Context(torch.eye(CLASSES)[:2], x, mask)
        reference = sample_naive(model, context, controls=Controls(), noise=noise)
        for sampler in (sample_cached, sample_fixed_point):
            other = sampler(model, context, controls=Controls(), noise=noise)
            assert torch.equal(other.x, reference.x)
            torch.testing.assert_close(other.log_prob, reference.log_prob, **rounding(model))


@pytest.mark.slow
@in_raster_order
def test_temperature_map(name: str, channels: int) -> None:
    """Pixels of one temperature come out as in a picture that has it everywhere, but for those after one of another."""
    model = lively_model(name, channels=channels, levels=4, shape=(6, 5))
    context = nothing_known(random_pixels(3, channels, 4, (6, 5)))
    noise = noise_for(model, 0, count=3, shape=(6, 5))
    heat = torch.full((6, 5), 0.5, dtype=torch.float64)
    heat[3:] = 4.0
    place = [(row, column, 0) for row in range(6) for column in range(5)]
    hot = [one for one in place if one[0] >= 3]
    cool = torch.tensor([one not in hot and not any(seen_by(name, h, one) for h in hot) for one in place]).view(6, 5)
    assert cool.sum() >= 5 and not cool[3:].any()
    for sampler in (sample_naive, sample_cached, sample_fixed_point):
        mixed = sampler(model, context, controls=Controls(temperature=heat), noise=noise).x
        cold = sampler(model, context, controls=Controls(temperature=0.5), noise=noise).x
        assert torch.equal(mixed[..., cool], cold[..., cool])
        assert not torch.equal(mixed[:, :, 3:], cold[:, :, 3:])


@every_case
def test_log_prob_of_a_sample_is_what_was_seen_while_drawing(name: str, channels: int) -> None:
    shape, levels = (5, 4), 4
    model = lively_model(name, channels=channels, levels=levels, shape=shape)
    context = half_known(random_pixels(3, channels, levels, shape))
    noise = noise_for(model, 9, count=3, shape=(5, 4))
    controls = Controls(temperature=1.7, guidance=1.5)
    sample = sample_cached(model, context, controls=controls, noise=noise)
    judged = model.log_prob(sample.x, context).double() * context.mask[:, None]
    torch.testing.assert_close(sample.log_prob, judged, **rounding(model))
    assert (sample.log_prob <= 0).all() and sample.log_prob[context.mask[:, None].expand_as(judged)].mean() < -0.01


@every_case
def test_same_seed_same_picture_at_any_batch_size(name: str, channels: int) -> None:
    shape = (6, 5)
    model = lively_model(name, channels=channels, levels=5, shape=shape)
    x = random_pixels(1, channels, 5, shape)
    controls = Controls(guidance=1.5, top_p=0.95)

    def draw(seed: int, count: int) -> Tensor:
        one = half_known(x)
        parts = {name: part.expand(count, *part.shape[1:]) for name, part in vars(one).items() if part is not None}
        context = Context(**parts)
        noise = noise_for(model, seed, count=count, shape=(6, 5))
        return sample_cached(model, context, controls=controls, noise=noise).x

    together = draw(3, 5)
    for i in range(5):
        assert torch.equal(draw(3 + i, 1)[0], together[i])
    assert len({tuple(picture.flatten().tolist()) for picture in together}) > 1


@every_case
def test_context_is_seen_from_all_sides_and_hides_what_is_hidden(name: str, channels: int) -> None:
    shape, levels = (5, 5), 4
    model = lively_model(name, channels=channels, levels=levels, shape=shape)
    x = random_pixels(1, channels, levels, shape)
    mask = torch.ones(1, *shape, dtype=torch.bool)
    mask[0, 3, 3] = mask[0, 3, 1] = False  # between the pixels of a coarse scale, where there is one
    context = Context(torch.eye(CLASSES)[:1], x, mask)
    plain = model(x, context)
    behind = x.clone()
    behind[0, :, 3, 3] = (behind[0, :, 3, 3] + 1) % levels
    seen = model(x, Context(context.class_weights, behind, mask))
    assert (seen[0, :, 2, 2] != plain[0, :, 2, 2]).any(), "a pixel does not see a known one below and right of it"
    under = x.clone()
    under[0, :, 0, 0] = (under[0, :, 0, 0] + 1) % levels
    assert torch.equal(model(x, Context(context.class_weights, under, mask)), plain), "a hidden pixel shows"
    other = model(x, Context(torch.eye(CLASSES)[1:2], x, mask))
    blend = model(x, Context(torch.tensor([[0.5, 0.5, 0.0]]), x, mask))
    unconditional = model(x, context.without_class())
    mirrored = model(x, replace(context, mirrored=torch.tensor([True])))
    for one, two in itertools.combinations([plain, other, blend, unconditional, mirrored], 2):
        assert not torch.equal(one, two), "the class makes no difference, or mirroring"


@every_case
def test_save_and_load_are_bit_identical(name: str, channels: int, tmp_path: Path) -> None:
    codec = RGB() if channels == 3 else Gray()
    model = lively_model(name, channels=channels, levels=codec.levels, shape=(4, 4))
    config = config_of(model, name, codec, ("a", "b", "c"))
    (tmp_path / CONFIG_FILE).write_bytes(config.to_json())
    (tmp_path / WEIGHTS_FILE).write_bytes(pack_weights(model))
    assert read_config(tmp_path).to_json() == config.to_json()
    loaded = load_weights(tmp_path, read_config(tmp_path))
    for (key, one), (other_key, two) in zip(model.state_dict().items(), loaded.state_dict().items(), strict=True):
        assert key == other_key and torch.equal(one, two)
    assert pack_weights(loaded) == pack_weights(model)


@every_case
def test_nothing_to_draw_draws_nothing(name: str, channels: int) -> None:
    model = lively_model(name, channels=channels, levels=4, shape=(3, 3))
    x = random_pixels(2, channels, 4, (3, 3))
    context = Context(torch.zeros(2, CLASSES), x, torch.zeros(2, 3, 3, dtype=torch.bool))
    noise = noise_for(model, 0, count=2, shape=(3, 3))
    for sampler in (sample_naive, sample_cached, sample_fixed_point):
        sample = sampler(model, context, controls=Controls(), noise=noise)
        assert torch.equal(sample.x, x) and not sample.log_prob.any()
