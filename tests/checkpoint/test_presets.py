"""Presets: read from a config, refused where they cannot be, and overridden by what is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.checkpoint.presets import DEFAULT_PRESET, FIXED, PRESET_NAMES, UNGUIDED, Preset, parse_presets
from pixelart.controls import CONTROLS
from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected, WeightsRejected

CPU = torch.device("cpu")
OWN = {
    "calm": {"temperature": 0.7, "top_p": 0.9, "top_k": 8, "guidance": 2},
    "balanced": {"temperature": 0.85, "top_p": 0.95, "top_k": 0, "guidance": 1.5},
    "wild": {"temperature": 1.2, "top_p": 1, "top_k": 0, "guidance": 1.0},
}


def checkpoints_with(presets: Any, source: Path, folder: Path) -> Path:
    """A folder with the checkpoint "tiny", whose config describes these presets."""
    shutil.copytree(source / "tiny", folder / "tiny")
    file = folder / "tiny" / "config.json"
    values = json.loads(file.read_text())
    values["training"]["presets"] = presets
    file.write_text(json.dumps(values))
    return folder


def test_a_config_without_presets_has_the_fixed_ones(tiny_checkpoints: Path) -> None:
    info = Engine(tiny_checkpoints, device=CPU).info("tiny")
    assert info.presets == FIXED and tuple(FIXED) == PRESET_NAMES and DEFAULT_PRESET in FIXED
    for preset in FIXED.values():
        assert parse_presets({name: preset.values() for name in PRESET_NAMES})[DEFAULT_PRESET] == preset


def test_a_model_that_knows_no_other_class_is_not_guided(tiny_checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoints / "tiny", tmp_path / "tiny")
    file = tmp_path / "tiny" / "config.json"
    values = json.loads(file.read_text())
    values["training"]["class_dropout"] = 0
    file.write_text(json.dumps(values))
    presets = Engine(tmp_path, device=CPU).info("tiny").presets
    assert presets == UNGUIDED and {preset.guidance for preset in presets.values()} == {1.0}
    assert presets["calm"].temperature == FIXED["calm"].temperature


def test_presets_are_read_in_their_order(tiny_checkpoints: Path, tmp_path: Path) -> None:
    backwards = dict(reversed(OWN.items()))
    info = Engine(checkpoints_with(backwards, tiny_checkpoints, tmp_path), device=CPU).info("tiny")
    assert tuple(info.presets) == PRESET_NAMES
    assert info.preset("calm") == Preset(0.7, 0.9, 8, 2.0) and info.preset() == Preset(0.85, 0.95, 0, 1.5)
    with pytest.raises(RequestRejected, match="preset 'loud' is not one of calm, balanced, wild"):
        info.preset("loud")


def test_what_is_said_goes_before_the_preset(tiny_checkpoints: Path, tmp_path: Path) -> None:
    engine = Engine(checkpoints_with(OWN, tiny_checkpoints, tmp_path), device=CPU)
    cross = {"cross": 1.0}
    assert engine.request("tiny", class_weights=cross) == Request(
        "tiny", cross, temperature=0.85, top_p=0.95, guidance=1.5
    )
    request = engine.request(
        "tiny", preset="calm", class_weights=cross, temperature=1.0, top_k=0, guidance=None, seed=4
    )
    assert request == Request("tiny", cross, seed=4, temperature=1.0, top_p=0.9, top_k=0, guidance=2.0)
    assert engine.request("tiny") == Request("tiny", temperature=0.85, top_p=0.95), "any class: guidance is nothing"
    assert engine.request("tiny", guidance=3).guidance == 3
    assert Request("tiny") == Request("tiny", temperature=1, top_p=1, top_k=0, guidance=1), "a request itself is plain"
    with pytest.raises(RequestRejected, match="preset 'mild'"):
        engine.request("tiny", preset="mild")


def changed(name: str, **values: Any) -> dict[str, Any]:
    return {**OWN, name: {**OWN[name], **values}}


def lacking(name: str) -> dict[str, Any]:
    return {"calm": {k: v for k, v in OWN["calm"].items() if k != name}, **{k: OWN[k] for k in ("balanced", "wild")}}


@pytest.mark.parametrize(
    ("presets", "reason"),
    [
        (None, "presets must be calm, balanced, wild"),
        ([], "presets must be calm, balanced, wild"),
        ({"calm": OWN["calm"]}, "presets must be calm, balanced, wild"),
        ({**OWN, "loud": OWN["wild"]}, "presets must be calm, balanced, wild"),
        ({**OWN, "wild": 3}, "preset wild must have temperature, top_p, top_k, guidance"),
        (lacking("top_k"), "preset calm must have temperature, top_p, top_k, guidance"),
        (changed("wild", seed=1), "preset wild must have"),
        (changed("wild", temperature=2.1), "temperature 2.1 of preset wild: must be a number from 0.1 to 2"),
        (changed("wild", temperature="hot"), "temperature 'hot' of preset wild: must be a number"),
        (changed("calm", temperature=float("nan")), "temperature nan of preset calm"),
        (changed("calm", top_p=0), "top_p 0 of preset calm: must be a number from 0.01 to 1"),
        (changed("calm", top_p=True), "top_p True of preset calm"),
        (changed("calm", top_k=1.5), "top_k 1.5 of preset calm: must be a whole number from 0 to 256"),
        (changed("calm", guidance=11), "guidance 11 of preset calm: must be a number from 0 to 10"),
    ],
)
def test_presets_that_cannot_be_are_refused(presets: Any, reason: str, tiny_checkpoints: Path, tmp_path: Path) -> None:
    engine = Engine(checkpoints_with(presets, tiny_checkpoints, tmp_path), device=CPU)
    with pytest.raises(WeightsRejected, match=rf"^tiny: .*{reason}"):
        engine.info("tiny")
    assert engine.list_checkpoints() == []


def test_every_control_of_a_preset_has_limits() -> None:
    assert {name for name, control in CONTROLS.items() if control.of_preset} == set(FIXED[DEFAULT_PRESET].values())
