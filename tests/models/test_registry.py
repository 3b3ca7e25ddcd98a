"""The registry refuses what would be ambiguous, and configs are read back as they were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.models import check_codec, config_from_dict, config_to_dict, create_model, get_variant, list_models
from pixelart.models.registry import register_model
from pixelart.training.config import Schedule
from pixelart.training.initialization import CODECS
from pixelart.training.runs import start_run

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


PRESETS = [(name, preset) for name in list_models() for preset in get_variant(name).presets]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
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


@pytest.mark.parametrize("name", list_models())
def test_depth_is_bounded(name: str) -> None:
    """Each layer costs time and memory before a weight is read: a file may not ask for thousands."""
    good = json.loads(json.dumps(config_to_dict(create_model(name, preset="debug", **DATA).config)))
    for key in {"layers", "blocks", "scales"} & set(good):
        assert config_from_dict(name, {**good, key: 3})
        with pytest.raises(WeightsRejected, match=rf"{key} is 4096"):
            config_from_dict(name, {**good, key: 4096})


@pytest.mark.parametrize("value", ["rnn", "LSTM", "", None, 0, True, ["lstm"], {"lstm": 1}], ids=str)
def test_a_word_is_one_of_those_there_are(value: object) -> None:
    good = json.loads(json.dumps(config_to_dict(create_model("row_rnn", preset="debug", **DATA).config)))
    for word in ("lstm", "gru"):
        assert vars(config_from_dict("row_rnn", {**good, "cell": word}))["cell"] == word
    with pytest.raises(WeightsRejected, match=r"RowRNNConfig\.cell is .*: needs one of lstm, gru"):
        config_from_dict("row_rnn", {**good, "cell": value})
    with pytest.raises(WeightsRejected, match=r"RowRNNConfig\.form is .*: needs one of many_to_many, "):
        config_from_dict("row_rnn", {**good, "form": value})


def test_a_codec_without_an_order_is_refused_where_one_is_needed() -> None:
    fit = {name: [codec for codec in CODECS if _fits(name, codec)] for name in list_models()}
    assert fit.pop("pixelcnn_plus_plus") == ["rgb", "gray"]
    assert fit.pop("sketch_pixelcnn") == ["palette"]
    assert all(codecs == [codec for codec in CODECS if codec != "palette"] for codecs in fit.values())
    with pytest.raises(RequestRejected, match="pixelcnn_plus_plus with codec indexed: it needs rgb or gray"):
        check_codec("pixelcnn_plus_plus", "indexed")
    with pytest.raises(RequestRejected, match="'nope' is not one of"):
        check_codec("nope", "rgb")


def _fits(name: str, codec: str) -> bool:
    try:
        check_codec(name, codec)
    except RequestRejected:
        return False
    return True


@pytest.mark.slow
@pytest.mark.trains
def test_a_run_of_such_a_codec_leaves_nothing(tiny_data: Path, tmp_path: Path) -> None:
    options = {"model": "pixelcnn_plus_plus", "preset": "debug", "colours": 8}
    schedule = Schedule(steps=1, threads=1)
    refused = start_run(tmp_path / "run", tiny_data, codec="indexed", schedule=schedule, **options)
    with pytest.raises(RequestRejected, match="with codec indexed"), refused:
        pass
    assert not (tmp_path / "run").exists()
    with start_run(tmp_path / "run", tiny_data, codec="gray", schedule=schedule, **options) as trainer:
        assert trainer.step == 0
