"""Raw values of the page to a request."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pixelart.errors import RequestRejected
from pixelart.ui.create.form import ANY_CLASS, class_choices, request_from
from pixelart.ui.create.palette_value import AllowedColours, everything_allowed
from tests.ui.fake_engine import CODEC, FakeEngine

INFO = FakeEngine().info("tiny")
FORM: dict[str, Any] = {
    "class_name": "hero", "temperature": 0.8, "seed": 7, "images": 3, "colours": everything_allowed(CODEC.table),
    "top_p": 0.9, "top_k": 5, "guidance": 1.5,
}  # fmt: skip


def test_values_arrive() -> None:
    request = request_from(FORM, INFO)
    assert request.class_weights == {"hero": 1.0} and (request.seed, request.count) == (7, 3)
    assert (request.temperature, request.top_p, request.top_k, request.guidance) == (0.8, 0.9, 5, 1.5)
    assert request.allowed is None


def test_own_colours_are_a_switch() -> None:
    asked = [request_from(dict(FORM, own_colours=value), INFO).own_colours for value in (True, False, "yes", None)]
    assert asked == [True, False, False, False]


def test_the_look_goes_into_the_request_and_no_choice_is_any_look() -> None:
    assert request_from(dict(FORM, look="dark"), INFO).look == "dark"
    assert request_from(FORM, INFO).look == ""


def test_guidance_needs_something_to_guide_to() -> None:
    anything = dict(FORM, class_name=ANY_CLASS)
    given = ({}, {"look": "dark"}, {"kind": "mage"}, {"class_name": "hero"})
    assert [request_from({**anything, **one}, INFO).guidance for one in given] == [1, 1.5, 1.5, 1.5]


def test_any_class_and_random_seed() -> None:
    first, second = (request_from(dict(FORM, class_name=ANY_CLASS, seed=-1), INFO) for _ in range(2))
    assert first.class_weights == {} and first.seed >= 0 and first.seed != second.seed


def test_temperature_at_the_bottom_is_a_linear_map_over_rows() -> None:
    heat = request_from(dict(FORM, temperature=1.0, bottom_temperature=0.5), INFO).temperature
    assert isinstance(heat, np.ndarray) and heat.shape == (INFO.height, INFO.width)
    assert np.allclose(heat[0], 1.0) and np.allclose(heat[-1], 0.5) and np.allclose(np.diff(heat[:, 0], 2), 0)


def test_a_painted_temperature_is_an_array_of_the_models_size_and_never_a_text() -> None:
    percent = np.full((INFO.height, INFO.width), 50, np.uint8)
    heat = request_from(dict(FORM, temperature=1.0, temperature_percent=percent), INFO).temperature
    assert isinstance(heat, np.ndarray) and (heat == 0.5).all()
    with pytest.raises(RequestRejected, match="temperature_percent map is 16 x 2"):
        request_from(dict(FORM, temperature_percent=percent[:2]), INFO)
    for posted in ("/etc/passwd", [[50]], 50):
        with pytest.raises(RequestRejected, match="Temperature percent: must be a PNG"):
            request_from(dict(FORM, temperature_percent=posted), INFO)


def test_seamless_axes_in_any_order() -> None:
    asked = [[], ["y"], ["y", "x"], ["x", "x"]]
    assert [request_from(dict(FORM, seamless=a), INFO).seamless for a in asked] == ["", "y", "xy", "x"]


def test_forbidden_colours() -> None:
    names = everything_allowed(CODEC.table).colours
    some = AllowedColours(names, tuple(i in (1, 4) for i in range(len(names))))
    assert request_from(dict(FORM, colours=some), INFO).allowed == (1, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": None},
        {"class_name": "dragon"},
        {"class_name": ["hero"]},
        {"seamless": "xz"},
        {"seamless": [["x"]]},
        {"temperature": None},
        {"temperature": math.nan},
        {"temperature": "hot"},
        {"temperature": 0},
        {"temperature": 99},
        {"seed": None},
        {"seed": -2},
        {"seed": 1.5},
        {"seed": 2**70},
        {"seed": True},
        {"images": 0},
        {"images": 17},
        {"images": math.inf},
        {"top_p": 0},
        {"top_k": -1},
        {"guidance": -1},
        {"bottom_temperature": 5},
        {"colours": AllowedColours(("", "ff0000"), (True, True))},
        {"colours": AllowedColours(everything_allowed(CODEC.table).colours, (False,) * CODEC.levels)},
    ],
)
def test_bad_values_get_one_plain_line(change: dict[str, Any]) -> None:
    with pytest.raises(RequestRejected) as caught:
        request_from(dict(FORM, **change), INFO)
    assert str(caught.value)[0].isupper() and str(caught.value).endswith(".")


def test_a_class_called_any_can_be_meant() -> None:
    info = replace(INFO, classes=("Any", "hero"))
    choices = class_choices(info.classes)
    assert choices == [("Any class", ""), ("Any", "Any"), ("hero", "hero")]
    asked = [request_from(dict(FORM, class_name=posted), info).class_weights for _, posted in choices]
    assert asked == [{}, {"Any": 1.0}, {"hero": 1.0}]
    assert class_choices(("hero",)) == [("Any", "Any"), ("hero", "hero")]
    for posted in ("", ANY_CLASS):
        assert request_from(dict(FORM, class_name=posted), INFO).class_weights == {}


def test_a_class_is_found_however_its_letters_are_written() -> None:
    info = replace(INFO, classes=("Zo\u00eb",))
    for typed in ("Zo\u00eb", "Zoe\u0308"):
        assert request_from(dict(FORM, class_name=typed), info).class_weights == {"Zo\u00eb": 1.0}
