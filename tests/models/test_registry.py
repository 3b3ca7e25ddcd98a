"""The registry refuses what would be ambiguous, and configs are read back as they were written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.models import config_from_dict, config_to_dict, create_model, get_variant, list_models
from pixelart.models.registry import register_model

DATA: dict[str, Any] = {"channels": 1, "levels": 4, "height": 5, "width": 6, "num_classes": 2}


def test_a_name_is_registered_once() -> None:
    variant = get_variant("gated_pixelcnn")
    with pytest.raises(ValueError, match="twice"):
        register_model("gated_pixelcnn", config=variant.config, presets=variant.presets)
    with pytest.raises(ValueError, match="debug"):
        register_model("new", config=variant.config, presets={"default": {}})
    assert "new" not in list_models()


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(RequestRejected, match=r"'nope' is not one of .*gated_pixelcnn"):
        create_model("nope", **DATA)
    with pytest.raises(RequestRejected, match=r"preset 'huge'.*default, debug"):
        create_model("gated_pixelcnn", preset="huge", **DATA)


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize("preset", ["default", "debug"])
def test_config_survives_json(name: str, preset: str) -> None:
    config = create_model(name, preset=preset, **DATA).config
    assert config_from_dict(name, json.loads(json.dumps(config_to_dict(config)))) == config


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize(
    "change",
    [{"levels": -1}, {"levels": 10**9}, {"levels": 2.5}, {"levels": True}, {"levels": "4"}, {"odd": 1}, {"context": 3}],
    ids=str,
)
def test_config_values_are_bounded(name: str, change: dict[str, object]) -> None:
    good = json.loads(json.dumps(config_to_dict(create_model(name, preset="debug", **DATA).config)))
    with pytest.raises(WeightsRejected):
        config_from_dict(name, {**good, **change})
    with pytest.raises(WeightsRejected):
        config_from_dict(name, {k: v for k, v in good.items() if k != "levels"})
