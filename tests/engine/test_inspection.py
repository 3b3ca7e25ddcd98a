"""What explicit likelihoods tell: bits against the likelihood, classes by hand, colours against trying every one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelart.engine import Engine, inspection
from pixelart.engine.completion import context_of, whole_log_prob
from pixelart.engine.inspection import (
    MAX_LOOKS,
    Inspection,
    class_probabilities,
    colours_at,
    inspect_picture,
    most_probable,
)
from pixelart.errors import RequestRejected
from pixelart.images.codec import RGB, Codec, Picture
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, RasterModel, create_model
from pixelart.sampling import Controls, draw_noise, sample_naive

pytestmark = pytest.mark.usefixtures("one_thread")

CLASSES = ("a", "b", "c")


class FewRGB(Codec):
    """RGB of four levels a channel: 64 colours, few enough to try every one."""

    name, channels, levels = "few-rgb", 3, 4

    def encode(self, pictures: Picture) -> Tensor:
        return RGB().encode(pictures) // 64

    def decode(self, indices: Tensor) -> Picture:
        return RGB().decode(indices * 85)

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name}


@pytest.fixture
def picture(tiny_pictures: dict[str, Picture]) -> Picture:
    return tiny_pictures["cross"][3].copy()


def _random_model(name: str = "gated_pixelcnn", *, codec: Codec, num_classes: int = 3) -> AutoregressiveModel:
    """A debug model for 5 x 4 pictures whose weights are all random, none zero."""
    sizes = {"channels": codec.channels, "levels": codec.levels, "height": 5, "width": 4}
    model = create_model(name, preset="debug", **sizes, num_classes=num_classes)
    random = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        parameter.requires_grad_(False).copy_(torch.randn(parameter.shape, generator=random) * 0.3)
    return model.eval()


def _few_colours(seed: int = 0) -> Picture:
    x = torch.randint(0, 4, (1, 3, 5, 4), generator=torch.Generator().manual_seed(seed))
    return FewRGB().decode(x)[0]


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


# --- bits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [{}, {"cross": 1.0}, {"cross": 1.0, "stripe": 3.0}], ids=str)
def test_bits_sum_to_the_log_likelihood(engine: Engine, picture: Picture, weights: dict[str, float]) -> None:
    found = engine.inspect("tiny", picture, class_weights=weights)
    assert found.bits.shape == (8, 8) and found.bits.dtype == np.float64 and (found.bits > 0).all()
    told = -engine.log_likelihood("tiny", picture, class_weights=weights) / math.log(2)
    assert found.total_bits == found.bits.sum() == pytest.approx(told, rel=1e-6)
    assert found.bits_per_dim == pytest.approx(told / 64, rel=1e-6)


def test_bits_of_several_channels_are_summed_at_their_pixel() -> None:
    codec, picture = FewRGB(), _few_colours()
    model, weights = _random_model(codec=codec), torch.tensor([0.0, 1.0, 0.0])
    found = inspect_picture(model, codec, picture, weights, classes=CLASSES)
    x = codec.encode(picture[None])
    assert found.dimensions == 60 and found.bits.shape == (5, 4)
    assert found.total_bits == pytest.approx(-float(whole_log_prob(model, x, weights)[0]) / math.log(2), rel=1e-6)
    everything = np.ones((5, 4), np.bool_)
    by_channel = model.log_prob(x, context_of(codec, picture, everything, weights, count=1))[0, :, 2, 1]
    assert found.bits[2, 1] == pytest.approx(-sum(by_channel.tolist()) / math.log(2), rel=1e-6)


def test_bits_know_nothing_of_what_comes_later(engine: Engine, picture: Picture) -> None:
    before = engine.inspect("tiny", picture).bits
    other = picture.copy()
    other[3, 4] = (30, 30, 200, 255)
    assert not np.array_equal(other, picture)
    after = engine.inspect("tiny", other).bits
    earlier = np.arange(64).reshape(8, 8) < 3 * 8 + 4
    assert np.allclose(after[earlier], before[earlier], rtol=1e-6, atol=1e-6)
    assert abs(after[3, 4] - before[3, 4]) > 1e-3 and not np.allclose(after[4:], before[4:], atol=1e-3)


def test_most_surprising_pixels_come_first() -> None:
    found = Inspection(np.array([[1.0, 5.0, 0.5], [5.0, 7.0, 2.0]]), {}, 6)
    assert found.most_surprising(3) == [(1, 1, 7.0), (0, 1, 5.0), (1, 0, 5.0)]
    assert found.most_surprising(1)[0].bits == 7.0
    assert len(found.most_surprising(256)) == 6 and found.most_surprising(6)[-1] == (0, 2, 0.5)


# --- classes ------------------------------------------------------------------------------------------------------


def test_class_probabilities_are_bayes_by_hand(engine: Engine, tiny_pictures: dict[str, Picture]) -> None:
    for picture in (tiny_pictures["cross"][5], tiny_pictures["stripe"][5]):
        p = {c: math.exp(engine.log_likelihood("tiny", picture, class_weights={c: 1.0})) for c in ("cross", "stripe")}
        found = engine.inspect("tiny", picture).class_probabilities
        assert found == pytest.approx({c: p[c] / sum(p.values()) for c in p}, rel=1e-3)
        assert sum(found.values()) == pytest.approx(1, abs=1e-12)
        assert [*found] == sorted(found, key=lambda c: -found[c])
        assert engine.inspect("tiny", picture, class_weights={"stripe": 1.0}).class_probabilities == found


def test_more_classes_than_one_pass_takes() -> None:
    names = tuple(f"class {i}" for i in range(19))
    model, x = _random_model(codec=FewRGB(), num_classes=19), FewRGB().encode(_few_colours()[None])
    found = class_probabilities(model, x, names)
    log_p = np.array([float(whole_log_prob(model, x, one)[0]) for one in torch.eye(19)])
    p = np.exp(log_p - log_p.max())
    assert [found[name] for name in names] == pytest.approx((p / p.sum()).tolist(), rel=1e-3)
    assert [*found] == [names[i] for i in np.argsort(-log_p)]


def test_classes_far_below_what_a_float_holds_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    log_prob = torch.tensor([-5001.0, -9000.0, -5000.0], dtype=torch.float64)
    monkeypatch.setattr(inspection, "whole_log_prob", lambda model, x, weights: log_prob)
    found = class_probabilities(_random_model(codec=FewRGB()), torch.zeros(1, 3, 5, 4, dtype=torch.long), CLASSES)
    assert [*found] == ["c", "a", "b"]
    assert [*found.values()] == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0], abs=1e-12)


def test_one_class_is_certain_and_none_is_nothing() -> None:
    model, x = _random_model(codec=FewRGB(), num_classes=1), torch.zeros(1, 3, 5, 4, dtype=torch.long)
    assert class_probabilities(model, x, ("only",)) == {"only": 1.0}
    assert class_probabilities(model, x, ()) == {}


# --- the colours of one pixel -------------------------------------------------------------------------------------


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

    model = _random_model(codec=FewRGB())
    engine.colours_at("tiny", picture, row=3, column=4)  # for the first time: how much memory it takes is measured
    monkeypatch.setattr(RasterModel, "maps_and_context_maps", counted)
    engine.colours_at("tiny", picture, row=3, column=4)
    assert passes == [1], "one channel, one table"
    passes.clear()
    colours_at(model, FewRGB(), _few_colours(), torch.tensor([1.0, 0.0, 0.0]), row=2, column=1, top=64)
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
    codec, picture, weights = FewRGB(), _few_colours(seed=2), torch.tensor([0.5, 0.5, 0.0])
    model = _random_model(name, codec=codec)
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


# --- the search ---------------------------------------------------------------------------------------------------


class Made:
    """Tables made up: p(a), p(b | a), p(c | a, b), each with a sharpness of its own; counts what is looked into."""

    def __init__(self, levels: int, *, sharpness: float, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.logits = [random.normal(size=(levels,) * (c + 1)) * sharpness * random.random() * 2 for c in range(3)]
        self.looks = 0

    def __call__(self, levels: Tensor) -> Tensor:
        self.looks += len(levels)
        rows = [self.logits[levels.shape[1]][tuple(row)] for row in levels.tolist()]
        return torch.log_softmax(torch.from_numpy(np.stack(rows)), dim=-1)

    def all(self) -> Tensor:
        """log p of every colour, (K, K, K)."""
        a, b, c = (torch.log_softmax(torch.from_numpy(logits), dim=-1) for logits in self.logits)
        return a[:, None, None] + b[:, :, None] + c


def test_a_search_is_not_misled_by_a_likely_beginning() -> None:
    """The best colour begins with the less likely level of two, so that a beam of one would miss it."""

    def tables(levels: Tensor) -> Tensor:
        sure, flat = [0.97, 0.01, 0.01, 0.01], [0.25] * 4
        by_channel: list[Callable[[list[int]], list[float]]] = [
            lambda _: [0.6, 0.4, 0.0, 0.0],
            lambda row: flat if row[0] == 0 else sure,
            lambda row: flat if row[0] == 0 else sure,
        ]
        return torch.tensor([by_channel[len(row)](row) for row in levels.tolist()], dtype=torch.float64).log()

    (best,), bound = most_probable(tables, channels=3, top=1)
    assert best.levels == (1, 0, 0) and math.exp(best.log_p) == pytest.approx(0.4 * 0.97**2) and bound == best.log_p


@pytest.mark.parametrize("sharpness", [0.05, 1.0, 5.0], ids=["flat", "plain", "sharp"])
@pytest.mark.parametrize("top", [1, 5, 40])
@pytest.mark.parametrize("seed", range(3))
def test_few_levels_are_always_searched_to_the_end(sharpness: float, top: int, seed: int) -> None:
    made = Made(10, sharpness=sharpness, seed=seed)
    found, bound = most_probable(made, channels=3, top=top)
    values, order = torch.sort(made.all().flatten(), descending=True)
    assert [p.log_p for p in found] == pytest.approx(values[:top].tolist(), abs=1e-12)
    assert [p.levels for p in found] == [tuple(map(int, np.unravel_index(i, (10,) * 3))) for i in order[:top].tolist()]
    assert bound == found[-1].log_p and made.looks <= 111


@pytest.mark.parametrize("sharpness", [0.05, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("top", [1, 20, 256])
def test_a_search_that_is_ended_tells_a_true_bound(sharpness: float, top: int) -> None:
    made = Made(48, sharpness=sharpness)
    found, bound = most_probable(made, channels=3, top=top)
    everything = made.all()
    assert len(found) == len({p.levels for p in found}) == top and made.looks <= MAX_LOOKS
    assert [p.log_p for p in found] == pytest.approx([float(everything[p.levels]) for p in found], abs=1e-12)
    assert [p.log_p for p in found] == sorted([p.log_p for p in found], reverse=True)
    for prefix in found:
        everything[prefix.levels] = -math.inf
    assert float(everything.max()) <= bound + 1e-12
    if sharpness == 0.05:
        assert bound > found[-1].log_p
    if sharpness == 8.0 and top < 256:
        assert bound == found[-1].log_p and made.looks < MAX_LOOKS


def test_a_full_list_is_proved_by_the_most_probable_beginnings() -> None:
    """Looking into the deepest first to the end would spend all looks here, and prove nothing."""
    made = Made(48, sharpness=4.0)
    found, bound = most_probable(made, channels=3, top=5)
    assert bound == found[-1].log_p and made.looks < MAX_LOOKS
    assert [p.log_p for p in found] == pytest.approx(made.all().flatten().topk(5).values.tolist(), abs=1e-12)


# --- bad input, threads -------------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "row -1": ({"row": -1}, "row -1: must be a whole number from 0 to 7"),
    "row 8": ({"row": 8}, "row 8: must be a whole number from 0 to 7"),
    "row 1.0": ({"row": 1.0}, "row 1.0: must be a whole number from 0 to 7"),
    "row True": ({"row": True}, "row True: must be"),
    "column 10^30": ({"column": 10**30}, "column 1000"),
    "column a word": ({"column": "3"}, "column '3': must be a whole number from 0 to 7"),
    "top 0": ({"top": 0}, "top 0: must be a whole number from 1 to 256"),
    "top 257": ({"top": 257}, "top 257: must be a whole number from 1 to 256"),
    "top NaN": ({"top": float("nan")}, "top nan: must be"),
    "unknown class": ({"class_weights": {"dragon": 1.0}}, "class 'dragon' is not one of cross, stripe"),
}


@pytest.mark.parametrize(("values", "message"), BAD.values(), ids=BAD)
def test_bad_places_are_refused_in_one_line(
    engine: Engine, picture: Picture, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestRejected) as refused:
        engine.colours_at("tiny", picture, **{"row": 1, "column": 1, **values})
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_bad_pictures_classes_and_names_are_refused(engine: Engine, picture: Picture) -> None:
    with pytest.raises(RequestRejected, match=r"^picture is 5 x 3; tiny draws 8 x 8$"):
        engine.inspect("tiny", np.zeros((3, 5, 4), np.uint8))
    with pytest.raises(RequestRejected, match=r"^picture is 5 x 3; tiny draws 8 x 8$"):
        engine.colours_at("tiny", np.zeros((3, 5, 4), np.uint8), row=7, column=7)
    with pytest.raises(RequestRejected, match="class 'dragon' is not one of"):
        engine.inspect("tiny", picture, class_weights={"dragon": 1.0})
    with pytest.raises(RequestRejected, match="checkpoint 'huge' not found"):
        engine.inspect("huge", picture)
    with pytest.raises(RequestRejected, match="top 0: must be"):
        engine.inspect("tiny", picture).most_surprising(0)


def test_colours_outside_the_palette_are_judged_as_the_nearest(engine: Engine, picture: Picture) -> None:
    foreign = picture.copy()
    foreign[0, 0], foreign[7, 7] = (201, 31, 29, 200), (9, 9, 9, 3)
    snapped, count = engine.snap("tiny", foreign)
    assert count == 1
    assert np.array_equal(engine.inspect("tiny", foreign).bits, engine.inspect("tiny", snapped).bits)
    assert engine.colours_at("tiny", foreign, row=0, column=0).current.colour == (200, 30, 30, 255)
    assert engine.colours_at("tiny", foreign, row=7, column=7).current.colour == (0, 0, 0, 0)


def test_threads_are_told_the_same(engine: Engine, tiny_pictures: dict[str, Picture]) -> None:
    def ask(number: int) -> list[float]:
        picture = tiny_pictures["stripe"][number]
        found = engine.inspect("tiny", picture)
        at = engine.colours_at("tiny", picture, row=number, column=3)
        return [found.total_bits, found.class_probabilities["cross"], *(c.probability for c in at.likely)]

    serial = [ask(number) for number in range(6)]
    engine.library = Engine(engine.library.folder, device=torch.device("cpu")).library
    with ThreadPoolExecutor(8) as pool:
        for number, told in enumerate(pool.map(ask, [*range(6)] * 3)):
            assert told == pytest.approx(serial[number % 6], rel=1e-5)
