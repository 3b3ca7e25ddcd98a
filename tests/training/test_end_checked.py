"""What the end of a run could refuse is refused before its first step; every limit of the reader is walked."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.checkpoint import format as config_format
from pixelart.checkpoint import weights
from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, CheckpointConfig, read_config
from pixelart.checkpoint.weights import check_readable, load_weights, pack_weights
from pixelart.engine import Engine
from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.images import codec
from pixelart.models import ModelConfig, config_to_dict, create_model, multiscale, registry
from pixelart.settings import SETTINGS, Settings
from pixelart.training import export
from pixelart.training.config import Schedule
from pixelart.training.data.survey import survey
from pixelart.training.export import export_run
from pixelart.training.runs import start_run

PALETTE = {"name": "indexed", "colours": ["c81e1e", "1ec81e"]}
LONG = "x" * (SETTINGS.max_class_name + 1)


def good(model: str = "gated_pixelcnn", **codec: Any) -> CheckpointConfig:
    """A config that can be read."""
    network = create_model(model, preset="debug", channels=1, levels=3, height=8, width=8, num_classes=2)
    return CheckpointConfig(model, config_to_dict(network.config), codec or PALETTE, ("cross", "stripe"), {})


def network(model: str = "gated_pixelcnn", **values: Any) -> CheckpointConfig:
    config = good(model)
    return replace(config, model_config={**config.model_config, **values})


def without(key: str) -> CheckpointConfig:
    config = good()
    return replace(config, model_config={k: v for k, v in config.model_config.items() if k != key})


def chain(*stages: Any) -> CheckpointConfig:
    return network("multiscale", stages=list(stages))


STAGE: Any = good("multiscale").model_config["stages"][0]
_SHARED = {field.name for field in fields(ModelConfig)}
_MIXTURE = good("pixelcnn_plus_plus").model_config
MIXTURE = {"variant": "pixelcnn_plus_plus", "values": {k: v for k, v in _MIXTURE.items() if k not in _SHARED}}
BEYOND: dict[str, tuple[CheckpointConfig, dict[str, int]]] = {
    # what is wrong: the config, and limits that are other ones meanwhile
    "a class name too long": (replace(good(), classes=("cross", LONG)), {}),
    "an empty class name": (replace(good(), classes=("cross", "")), {}),
    "half a character": (replace(good(), classes=("cross", "\udcff")), {}),
    "a class that is no text": (replace(good(), classes=("cross", 5)), {}),  # pyright: ignore[reportArgumentType]
    "a class twice": (replace(good(), classes=("cross", "cross")), {}),
    "a class too many": (replace(good(), classes=("a", "b", "c")), {}),
    "a kind of no class": (replace(good(), kinds=(("fish", "axe"),)), {}),
    "too wide": (network(width=SETTINGS.max_side + 1), {}),
    "no height": (network(height=0), {}),
    "other levels than colours": (network(levels=4), {}),
    "no codec": (good(name="cmyk"), {}),
    "a palette of nothing": (good(name="indexed", colours=[]), {}),
    "a palette too long": (good(name="indexed", colours=[f"{i:06x}" for i in range(256)]), {}),
    "more colours than fit": (good(name="palette", colours=["000000", "ffffff"], levels=2), {}),
    "a colour twice": (good(name="indexed", colours=["000000", "000000"]), {}),
    "a colour that is none": (good(name="indexed", colours=["red", "000000"]), {}),
    "no byte": (good(name="gray", background=256), {}),
    "training that is no object": (replace(good(), training=[]), {}),  # pyright: ignore[reportArgumentType]
    "training that is no JSON": (replace(good(), training={"base": {1}}), {}),
    "no model": (replace(good(), model="wavenet"), {}),
    "a value missing": (without("hidden"), {}),
    "a value too large": (network("pixelsnail", layers=33), {}),
    "a value that is no number": (network("pixelsnail", layers="many"), {}),
    "a word of another kind": (network("row_rnn", cell="tape"), {}),
    "too many dilations": (network(dilations=[1] * 65), {}),
    "too many stages": (chain(*[STAGE] * 7), {}),
    "a stage of nothing": (chain("gated_pixelcnn"), {}),
    "a stage of another chain": (chain({**STAGE, "variant": "multiscale"}), {}),
    "a stage of its own size": (chain({**STAGE, "values": {**STAGE["values"], "height": 8}}), {}),
    "stages that differ in kind": (chain(STAGE, MIXTURE), {}),
    "a config too large": (good(), {"max_config_bytes": 100}),
    "weights too large": (good(), {"max_weights_bytes": 1000}),
    "a header too large": (good("multiscale"), {"max_config_bytes": len(good("multiscale").to_json()) + 100}),
}
ONLY_DAMAGE = (
    "does not record what it was trained on", "holds values that are not finite", "cannot be read",
    "bytes; the model of",
    "tensors differ from what", "the header announces", "not format",
    "not readable", "a value outside 0 to 255", "the model gives probabilities that are not finite",
)  # fmt: skip
"""What the reader says of files that were changed or lost after they were written, or not by this program; the last of
colours that are not read from six digits."""


def _set_limits(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    for module in (config_format, weights):
        monkeypatch.setattr(module, "SETTINGS", settings)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def change(**values: int) -> None:
        for name, value in values.items():
            _set_limits(monkeypatch, replace(SETTINGS, **{name: value}))

    return change


def refusal_in_the_end(config: CheckpointConfig, folder: Path) -> str:
    """What the reader says of a checkpoint of this config, once it is written."""
    folder.mkdir()
    values = {"format": config_format.FORMAT, "library": "pixelart", **config.__dict__}
    try:
        (folder / CONFIG_FILE).write_text(json.dumps(values, indent=1))
    except TypeError as error:
        return f"{folder.name}/{CONFIG_FILE}: cannot be written ({error!s:.80})"
    with pytest.raises(WeightsRejected) as refused:
        found = read_config(folder)
        (folder / WEIGHTS_FILE).write_bytes(pack_weights(found.build()))
        load_weights(folder, found)
    return str(refused.value)


def bytes_left_out(text: str) -> str:
    """A file's exact length depends on the order of its tensors."""
    return re.sub(r"\d+ bytes", "N bytes", text)


@pytest.mark.parametrize("what", BEYOND)
def test_what_the_reader_refuses_is_refused_by_the_same_words_before_anything_is_made(
    what: str, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: Callable[..., None]
) -> None:
    config, limits = BEYOND[what]
    limit(**limits)
    in_the_end = refusal_in_the_end(config, tmp_path / "data")
    monkeypatch.setattr(export, "_description", lambda *_: config)
    with pytest.raises(RequestRejected) as refused, start_run(tmp_path / "run", tiny_data, schedule=Schedule(steps=1)):
        pass
    assert bytes_left_out(str(refused.value)) == bytes_left_out(in_the_end)
    assert not (tmp_path / "run").exists()


def sayings(*modules: Any) -> Iterator[str]:
    """The longest fixed part of each refusal of these modules."""
    for module in modules:
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                kind, texts = node.exc.func, node.exc.args
                if isinstance(kind, ast.Name) and kind.id == "WeightsRejected":
                    parts = texts[0].values if isinstance(texts[0], ast.JoinedStr) else texts
                    fixed = [p.value for p in parts if isinstance(p, ast.Constant) and type(p.value) is str]
                    yield max(fixed, key=len, default="").strip(" :({})")


def test_no_limit_of_the_reader_is_missing_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: Callable[..., None]
) -> None:
    told = list[str]()
    for config, limits in BEYOND.values():
        limit(**limits)
        with pytest.raises(WeightsRejected) as refused:
            check_readable(config, name="data")
        told.append(str(refused.value))
        _set_limits(monkeypatch, SETTINGS)
    walked = "\n".join(told)
    missing = [text for text in sayings(config_format, weights, registry, codec, multiscale) if text not in walked]
    assert [text for text in missing if not any(damage in text for damage in ONLY_DAMAGE)] == []


def test_every_good_config_passes(tiny_checkpoints: Path) -> None:
    for model in registry.list_models():
        codec_name = next(iter(registry.get_variant(model).codecs), "indexed")
        if codec_name == "indexed":
            check_readable(good(model), name="data")
    config = read_config(tiny_checkpoints / "tiny")
    check_readable(config, name="tiny")


# --- from real pictures ----------------------------------------------------------------------------------------------


def renamed(data: Path, target: Path, name: str) -> Path:
    shutil.copytree(data, target)
    (target / "stripe").rename(target / name)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("count", [80, 81])
def test_a_class_folder_of_80_characters_is_drawn_and_one_of_81_is_refused_at_once(
    tiny_data: Path, tmp_path: Path, count: int
) -> None:
    data = renamed(tiny_data, tmp_path / "data", "k" * count)
    schedule = Schedule(steps=1, batch_size=2, threads=1)
    if count <= 80:
        with start_run(tmp_path / "run", data, preset="debug", colours=8, schedule=schedule) as trainer:
            trainer.train()
        export_run(tmp_path / "run", tmp_path / "checkpoints" / "mine")
        assert Engine(tmp_path / "checkpoints").info("mine").classes == ("cross", "k" * 80)
        assert survey(data).ready
        return
    said = rf"^data: class '{'k' * 39}: 81 characters; use 1 to 80$"
    with pytest.raises(DataRejected, match=said), start_run(tmp_path / "run", data, schedule=schedule):
        pass
    with pytest.raises(DataRejected, match=said):
        survey(data)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_weights_that_are_not_finite_are_never_saved(tiny_data: Path, tmp_path: Path) -> None:
    schedule = Schedule(steps=2, batch_size=2, threads=1, save_every=1)
    with start_run(tmp_path / "run", tiny_data, preset="debug", colours=8, schedule=schedule) as trainer:
        with torch.no_grad():
            next(trainer.average.parameters()).fill_(float("inf"))
        with pytest.raises(RequestRejected, match="the weights are not finite; lower the learning rate"):
            trainer.train()
    assert not list((tmp_path / "run").glob("step-*"))
