"""Judging a picture: bits sum to its likelihood, classes are Bayes by hand, and bad input is refused."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.engine import Engine, inspection
from pixelart.engine.completion import context_of, whole_log_prob
from pixelart.engine.inspection import Inspection, class_probabilities, inspect_picture
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from tests.engine.few_rgb import FewRGB, random_model, random_picture

pytestmark = pytest.mark.usefixtures("one_thread")
CLASSES = ("a", "b", "c")


# --- bits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [{}, {"cross": 1.0}, {"cross": 1.0, "stripe": 3.0}], ids=str)
def test_bits_sum_to_the_log_likelihood(engine: Engine, picture: Picture, weights: dict[str, float]) -> None:
    found = engine.inspect("tiny", picture, class_weights=weights)
    assert found.bits.shape == (8, 8) and found.bits.dtype == np.float64 and (found.bits > 0).all()
    told = -engine.log_likelihood("tiny", picture, class_weights=weights) / math.log(2)
    assert found.total_bits == found.bits.sum() == pytest.approx(told, rel=1e-6)
    assert found.bits_per_dim == pytest.approx(told / 64, rel=1e-6)


def test_bits_of_several_channels_are_summed_at_their_pixel() -> None:
    codec, picture = FewRGB(), random_picture()
    model, weights = random_model(codec=codec), torch.tensor([0.0, 1.0, 0.0])
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
    model, x = random_model(codec=FewRGB(), num_classes=19), FewRGB().encode(random_picture()[None])
    found = class_probabilities(model, x, names)
    log_p = np.array([float(whole_log_prob(model, x, one)[0]) for one in torch.eye(19)])
    p = np.exp(log_p - log_p.max())
    assert [found[name] for name in names] == pytest.approx((p / p.sum()).tolist(), rel=1e-3)
    assert [*found] == [names[i] for i in np.argsort(-log_p)]


def test_classes_far_below_what_a_float_holds_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    log_prob = torch.tensor([-5001.0, -9000.0, -5000.0], dtype=torch.float64)
    monkeypatch.setattr(inspection, "whole_log_prob", lambda model, x, weights: log_prob)
    found = class_probabilities(random_model(codec=FewRGB()), torch.zeros(1, 3, 5, 4, dtype=torch.long), CLASSES)
    assert [*found] == ["c", "a", "b"]
    assert [*found.values()] == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0], abs=1e-12)


def test_one_class_is_certain_and_none_is_nothing() -> None:
    model, x = random_model(codec=FewRGB(), num_classes=1), torch.zeros(1, 3, 5, 4, dtype=torch.long)
    assert class_probabilities(model, x, ("only",)) == {"only": 1.0}
    assert class_probabilities(model, x, ()) == {}


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
