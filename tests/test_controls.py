"""A control is declared once: the command line, the page and the API follow, with the same limits and words."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.cli.draw import drawing_request
from pixelart.cli.main import parse
from pixelart.controls import CONTROLS, Control, controls_of
from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected
from pixelart.images.coercion import percent_of
from pixelart.images.io import encode_png
from pixelart.ui import api
from pixelart.ui.api import ApiHandlers, DrawnFiles, endpoint
from pixelart.ui.create.controls import control_input
from pixelart.ui.create.form import name_of, request_from
from tests.test_tree import ROOT
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import without_resource_warnings

NUMBERS = {field: control for field, control in CONTROLS.items() if control.limits}
ADDED = """
import dataclasses
from inspect import signature
from pixelart import controls, engine

page = controls.ControlOnPage("Shine", "Of the dummy", 0.1)
controls.CONTROLS["shine"] = controls.Control("how much the dummy shines", 0.5, limits=(0, 1), page=page)
field = ("shine", float, dataclasses.field(default=0.5))
engine.Request = dataclasses.make_dataclass("Request", [field], bases=(engine.Request,), frozen=True)

import gradio as gr
from pixelart.cli.main import parse
from pixelart.ui.api import ApiHandlers, endpoint
from pixelart.ui.create.controls import advanced_controls
from pixelart.ui.create.form import request_from
from tests.ui.fake_engine import FakeEngine

for command in (["generate"], ["complete", "--image", "a", "--mask", "b"]):
    assert parse([*command, "--checkpoint", "x", "--out", "y", "--shine", "0.25"]).shine == 0.25
with gr.Blocks():
    slider = advanced_controls()["shine"]
assert (slider.label, slider.minimum, slider.maximum, slider.value) == ("Shine", 0, 1, 0.5)
told = endpoint("generate", ApiHandlers(None, None).generate)
assert signature(told).parameters["shine"].default == 0.5 and "how much the dummy shines; 0 to 1 (0.5)." in told.__doc__
info = FakeEngine().info("tiny")
assert request_from({"shine": 0.25}, info).shine == 0.25
try:
    request_from({"shine": 2}, info)
except Exception as error:
    assert str(error) == "Shine: must be a number from 0 to 1."
else:
    raise AssertionError("2 was taken")
"""


@pytest.mark.slow
def test_a_new_control_is_in_the_help_on_the_page_and_in_the_api() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", ADDED], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _options(action: str) -> Any:
    words = {"generate": [], "complete": ["--image", "a", "--mask", "b"], "enlarge": ["--image", "a"]}[action]
    return parse([action, "--checkpoint", "x", "--out", "y", *words])


@pytest.mark.parametrize("action", ["generate", "complete", "enlarge"])
def test_the_command_line_has_every_control_of_an_action_and_leaves_presets_to_the_checkpoint(action: str) -> None:
    options = _options(action)
    for field, control in controls_of(action):
        assert getattr(options, field) == (
            None if control.of_preset or field in ("class_name", "size") else control.default
        )


@pytest.mark.parametrize("action", ["generate", "complete"])
def test_the_api_has_every_control_of_an_action_in_the_order_of_older_clients(action: str) -> None:
    handler = getattr(ApiHandlers(None, None), action)  # pyright: ignore[reportArgumentType]
    told = endpoint(action, handler)
    names = ["model", "class_name", "images", "seed", "temperature", "top_p", "top_k", "guidance", "bottom_temperature"]
    names += ["seamless", "preset", "palette", *(["size"] if action == "generate" else ["keep"])]
    names += ["redraw", "temperature_percent", "look", "kind"]
    assert ("picture, model" in (told.__doc__ or "")) == (action == "complete"), "what a new picture has not"
    assert [*signature(told).parameters] == (["picture", "mask"] if action == "complete" else []) + names
    lines = (told.__doc__ or "").split("Args:\n")[1].splitlines()
    assert [line.split(":")[0].strip() for line in lines] == [*signature(told).parameters]


def test_a_new_endpoint_is_a_name_and_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    def shine(self: ApiHandlers, strength: float = 0.5, **values: Any) -> DrawnFiles:
        """Make it shine.

        Args:
            strength: how much.
        """
        return [], []

    monkeypatch.setattr(ApiHandlers, "shine", shine, raising=False)
    monkeypatch.setattr(api, "ENDPOINTS", ("shine",))
    with without_resource_warnings(), gr.Blocks() as page:
        api.offer_api(None, None)  # pyright: ignore[reportArgumentType]
    (event,) = page.fns.values()
    told = page.get_api_info()["named_endpoints"]["/shine"]
    assert event.api_name == "shine" and [each["parameter_name"] for each in told["parameters"]] == [
        "strength",
        "model",
    ]


@pytest.mark.parametrize("field", [field for field, control in NUMBERS.items() if control.page])
def test_a_slider_the_page_and_the_engine_agree_on_the_range(field: str) -> None:
    control, info = CONTROLS[field], FakeEngine().info("tiny")
    with without_resource_warnings(), gr.Blocks():
        slider = control_input(field)
    least, most = control.shown
    assert (slider.minimum, slider.maximum, slider.label) == (least, most, control.page and control.page.label)
    assert control.limits and control.limits[0] <= least <= control.default <= most <= control.limits[1]
    for value in (least, most):
        request = request_from({"class_name": "hero", name_of(field): value}, info)
        request.check()
        request.controls().check(height=info.height, width=info.width, levels=max(info.most_colours, 256))
    for value in (least - 1, most + 1, None, "1", True):
        with pytest.raises(RequestRejected, match=f"^{slider.label}: must be a (whole )?number from "):
            request_from({name_of(field): value}, info)


def test_a_bottom_temperature_is_a_map_of_rows() -> None:
    request = Request("tiny", temperature=1.0, bottom_temperature=0.5).with_map(5, 2)
    assert request.bottom_temperature == 0 and isinstance(request.temperature, np.ndarray)
    assert request.temperature.tolist() == [[1.0] * 2, [0.875] * 2, [0.75] * 2, [0.625] * 2, [0.5] * 2]
    same = Request("tiny", temperature=0.8, bottom_temperature=0.8).with_map(5, 2)
    assert same.temperature == 0.8 and Request("tiny").with_map(3, 3) == Request("tiny")
    with pytest.raises(RequestRejected, match="cannot be combined with a temperature map"):
        Request("tiny", temperature=np.ones((2, 2)), bottom_temperature=0.5).with_map(2, 2)
    low = Request("tiny", bottom_temperature=0.05).with_map(3, 1).temperature
    assert isinstance(low, np.ndarray) and low[-1, 0] == 0.1, "as low as the page goes"


@pytest.mark.parametrize("value", [-1.0, -1e-9, 11.0, math.nan])
def test_a_bottom_temperature_out_of_range_is_named_by_every_method(tiny_checkpoints: Path, value: float) -> None:
    engine, request = Engine(tiny_checkpoints), Request("tiny", bottom_temperature=value)
    blank, mask = np.zeros((8, 8, 4), np.uint8), np.ones((8, 8), np.bool_)
    for ask in (lambda: engine.generate(request), lambda: engine.complete(request, blank, mask), request.check):
        with pytest.raises(RequestRejected, match=r"^bottom_temperature .*: must be from 0 to 10$"):
            ask()


def test_a_control_that_is_not_for_the_page_has_no_input() -> None:
    with pytest.raises(ValueError, match="size: not declared for the page"):
        control_input("size")
    assert Control("of a dummy").default_words == "none"


def test_percents_multiply_a_temperature_or_the_rows_of_a_bottom_temperature() -> None:
    percent = np.array([[50, 100], [160, 0]], np.uint8)
    flat = Request("tiny", temperature=0.8, temperature_percent=percent).with_map(2, 2)
    assert isinstance(flat.temperature, np.ndarray) and flat.temperature_percent is None
    np.testing.assert_allclose(flat.temperature, [[0.4, 0.8], [1.28, 0.01]])
    rows = Request("tiny", temperature=1.0, bottom_temperature=0.5, temperature_percent=percent).with_map(2, 2)
    np.testing.assert_allclose(rows.temperature, [[0.5, 1.0], [0.8, 0.01]])
    again = Request("tiny", temperature=json.loads(json.dumps(flat.settings()["temperature"])))
    assert isinstance(again.temperature, np.ndarray) and np.array_equal(again.temperature, flat.temperature), (
        "the settings of a PNG repeat it exactly"
    )
    assert rows.settings()["temperature"]["runs"][:2] == [[0.5, 1], [1.0, 1]]
    as_list = Request("tiny", temperature=flat.temperature.tolist())  # pyright: ignore[reportArgumentType]
    assert np.array_equal(as_list.temperature, flat.temperature), "as older files have it"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature_percent": np.full((3, 2), 100)}, "temperature_percent map is 2 x 3; the picture is 2 x 2"),
        ({"temperature_percent": np.full((2, 2), -1)}, "temperature_percent -1: must be from 0 to 1000"),
        ({"temperature_percent": np.full((2, 2), math.nan)}, "temperature_percent nan: must be"),
        ({"temperature_percent": 100}, "temperature_percent 100: needs a map"),
        ({"temperature_percent": [["a"]]}, "temperature_percent: a list"),
        ({"temperature": 99.0, "temperature_percent": np.full((2, 2), 1)}, "temperature 99: must be from 0.01 to 10"),
        ({"temperature": {"width": 2, "runs": [[1, 3]]}}, "temperature .*needs a number, or a map"),
        ({"temperature": {"width": 2, "runs": [[1, 10**9]]}}, "temperature .*needs a number, or a map"),
        ({"temperature": {"width": 0}}, "temperature .*needs a number, or a map"),
    ],
)
def test_a_map_of_another_size_or_out_of_range_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestRejected, match=message):
        Request("tiny", **values).with_map(2, 2)


def test_percents_are_the_grays_of_a_picture() -> None:
    grays = np.array([[[50, 50, 50, 255], [160, 160, 160, 255], [9, 8, 7, 0]]], np.uint8)
    assert percent_of(grays).tolist() == [[50, 160, 100]]
    with pytest.raises(RequestRejected, match="has colours"):
        percent_of(np.array([[[50, 60, 50, 255]]], np.uint8))


def test_the_command_line_reads_percents_from_the_grays_of_a_png(tiny_checkpoints: Path, tmp_path: Path) -> None:
    grays = np.full((8, 8, 4), 255, np.uint8)
    grays[..., :3] = 70
    (tmp_path / "map.png").write_bytes(encode_png(grays))
    words = ["generate", "--checkpoint", "tiny", "--checkpoints", str(tiny_checkpoints), "--out", str(tmp_path / "out")]
    _, request = drawing_request(parse([*words, "--temperature-percent", str(tmp_path / "map.png")]))
    assert request.temperature_percent is not None and request.temperature_percent.tolist() == [[70] * 8] * 8
    assert drawing_request(parse(words))[1].temperature_percent is None


@pytest.mark.parametrize("sampler", ["cached", "fixed_point", "naive"])
def test_pixels_at_nearly_no_percent_come_out_the_same_for_every_seed(tiny_checkpoints: Path, sampler: str) -> None:
    engine = Engine(tiny_checkpoints)
    percent = np.full((8, 8), 160)
    percent[:4] = 0
    drawn = engine.generate(Request("tiny", count=6, temperature_percent=percent, sampler=sampler))
    assert len({d.picture[:4].tobytes() for d in drawn}) == 1 < len({d.picture[4:].tobytes() for d in drawn})
    assert "temperature: 0.01 to 1.6" in drawn[0].text()["parameters"]
    kept = json.loads(drawn[3].text()["pixelart"])
    again = engine.generate(Request("tiny", seed=kept["seed"], temperature=kept["temperature"], sampler=sampler))
    assert np.array_equal(again[0].picture, drawn[3].picture)
