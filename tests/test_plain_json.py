"""JSON that every reader takes."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from pixelart.checkpoint.library import Library
from pixelart.engine.completion import complete_picture, whole_log_prob
from pixelart.engine.inspection import colours_at, inspect_picture
from pixelart.engine.request import Drawing
from pixelart.errors import RequestRejected
from pixelart.plain_json import to_json
from pixelart.sampling import Controls

NAN, INF = float("nan"), float("inf")


def _no_constant(name: str) -> NoReturn:
    raise AssertionError(name)


def _read(text: str) -> Any:
    return json.loads(text, parse_constant=_no_constant)


@pytest.mark.parametrize("value", [{"a": [1, 2.5, "NaN", None, True]}, [], {"b": {"c": (1, 2)}}])
def test_what_json_has_is_told_as_json_tells_it(value: Any) -> None:
    assert to_json(value) == json.dumps(value)


def test_a_number_that_json_has_not_is_null() -> None:
    assert _read(to_json({"a": NAN, "b": [INF, (-INF, 1.5)], "c": {"d": NAN}})) == {
        "a": None, "b": [None, [None, 1.5]], "c": {"d": None},
    }  # fmt: skip


def test_the_settings_in_a_png_are_json() -> None:
    text = Drawing(np.zeros((1, 1, 4), np.uint8), 1, NAN, {"log_prob": NAN}).text()
    assert _read(text["pixelart"]) == {"log_prob": None}


def test_probabilities_that_are_not_finite_are_refused(tiny_checkpoints: Any) -> None:
    loaded = Library(tiny_checkpoints, device=torch.device("cpu"), memory_bytes=0).load("tiny")
    loaded.model.get_parameter("vote.bias")[0] = NAN  # as a fault of a device may
    picture, mask, weights = np.zeros((8, 8, 4), np.uint8), np.ones((8, 8), np.bool_), torch.zeros(2)
    given = (loaded.model, loaded.codec, picture)
    for ask in (
        lambda: whole_log_prob(loaded.model, torch.zeros(1, 1, 8, 8, dtype=torch.long), weights),
        lambda: complete_picture(*given, mask, weights, count=1, seed=0, controls=Controls()),
        lambda: inspect_picture(*given, weights, classes=loaded.info.classes),
        lambda: colours_at(*given, weights, row=0, column=0, top=1),
    ):
        with pytest.raises(RequestRejected, match="not finite"):
            ask()
