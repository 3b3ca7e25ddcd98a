"""The folder of checkpoints that an engine draws with: found, loaded once, dropped, replaced."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from pixelart.checkpoint.library import Library
from pixelart.devices import pick_device
from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected, WeightsRejected
from tests.engine.drawings import blank_model, same

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")  # tiny layers are fastest so


def test_info_tells_what_a_checkpoint_draws(engine: Engine) -> None:
    info = engine.info("tiny")
    assert (info.name, info.model, info.height, info.width) == ("tiny", "gated_pixelcnn", 8, 8)
    assert info.classes == ("cross", "stripe")
    assert info.colours is not None and info.colours.shape == (5, 4) and info.colours[0].tolist() == [0, 0, 0, 0]
    assert info.training["trained_steps"] == 60
    assert engine.device_name == "CPU"
    assert pick_device().type in ("cpu", "cuda", "mps")


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "none", device=CPU)
    assert engine.list_checkpoints() == []
    with pytest.raises(RequestRejected, match="none/ holds: none"):
        engine.generate(Request("tiny"))


def test_damaged_checkpoints_are_left_out_and_logged(own_checkpoints: Path, caplog: pytest.LogCaptureFixture) -> None:
    damage: dict[str, Callable[[Path], Any]] = {
        "cut weights": lambda folder: (folder / "model.safetensors").write_bytes(b"\x08" + b"\0" * 7 + b"{}      "),
        "cut values": lambda folder: (folder / "model.safetensors").write_bytes(
            (own_checkpoints / "tiny" / "model.safetensors").read_bytes()[:-4]
        ),
        "no weights": lambda folder: (folder / "model.safetensors").unlink(),
        "no json": lambda folder: (folder / "config.json").write_text("{"),
        "empty": lambda folder: (folder / "config.json").write_text(""),
        "other model": lambda folder: (folder / "config.json").write_text(
            (folder / "config.json").read_text().replace('"hidden": 10', '"hidden": 11')
        ),
    }
    for name, spoil in damage.items():
        blank_model(own_checkpoints, name)
        spoil(own_checkpoints / name)
    (own_checkpoints / "no config").mkdir()
    (own_checkpoints / "a file").write_text("")
    engine = Engine(own_checkpoints, device=CPU)
    with caplog.at_level(logging.WARNING):
        assert [c.name for c in engine.list_checkpoints()] == ["tiny"]
    assert len(caplog.records) == len(damage)
    for name in damage:
        with pytest.raises((WeightsRejected, RequestRejected)):
            engine.generate(Request(name))
        assert any(name in record.getMessage() for record in caplog.records)
    assert len(engine.generate(Request("tiny"))) == 1


def test_a_checkpoint_that_appears_while_running_is_found(own_checkpoints: Path) -> None:
    engine = Engine(own_checkpoints, device=CPU)
    first = engine.generate(Request("tiny"))
    blank_model(own_checkpoints, "newer")
    assert [c.name for c in engine.list_checkpoints()] == ["newer", "tiny"]
    assert same(engine.generate(Request("newer")), first)


def _loads(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the checkpoints that are read from disk from now on."""
    from pixelart.checkpoint import library

    names: list[str] = []
    original = library.load_weights

    def spy(folder: Path, config: Any) -> Any:
        names.append(folder.name)
        return original(folder, config)

    monkeypatch.setattr(library, "load_weights", spy)
    return names


def test_a_list_looks_at_each_checkpoint_once_until_it_is_replaced(
    own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixelart.checkpoint import library

    looked: list[str] = []
    original = library.check_weights
    monkeypatch.setattr(
        library, "check_weights", lambda folder, config: (looked.append(folder.name), original(folder, config))
    )
    engine, config = Engine(own_checkpoints, device=CPU), own_checkpoints / "tiny" / "config.json"
    for _ in range(3):
        assert [c.classes for c in engine.list_checkpoints()] == [("cross", "stripe")]
    assert looked == ["tiny"]
    config.write_text(config.read_text().replace('"stripe"', '"stripes"'))
    assert [c.classes for c in engine.list_checkpoints()] == [("cross", "stripes")]
    (own_checkpoints / "tiny" / "model.safetensors").unlink()
    assert engine.list_checkpoints() == []


def test_models_are_loaded_when_first_used_and_once(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(own_checkpoints, device=CPU)
    loads = _loads(engine, monkeypatch)
    engine.list_checkpoints()
    assert loads == []
    for _ in range(3):
        engine.generate(Request("tiny"))
    assert loads == ["tiny"]


def test_a_checkpoint_whose_weights_were_replaced_is_loaded_anew(own_checkpoints: Path) -> None:
    engine, folder = Engine(own_checkpoints, device=CPU), own_checkpoints / "tiny"
    first = engine.generate(Request("tiny", count=4))
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file({name: -tensor for name, tensor in weights.items()}, folder / "model.safetensors")
    changed = engine.generate(Request("tiny", count=4))
    fresh = Engine(own_checkpoints, device=CPU).generate(Request("tiny", count=4))
    assert not same(first, changed) and same(changed, fresh)
    assert first[0].settings["revision"] != changed[0].settings["revision"]


def test_a_checkpoint_that_vanishes_is_told_plainly(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(own_checkpoints, device=CPU)
    found = Library.path

    def path(library: Library, name: str) -> Path:
        folder = found(library, name)
        shutil.rmtree(folder)
        return folder

    monkeypatch.setattr(Library, "path", path)
    with pytest.raises(WeightsRejected, match=r"tiny: config\.json: No such file"):
        engine.library.load("tiny")


def test_the_least_recently_used_models_are_dropped(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "c"):
        blank_model(own_checkpoints, name)
    size = (own_checkpoints / "tiny" / "model.safetensors").stat().st_size
    engine = Engine(own_checkpoints, device=CPU, memory_bytes=2 * size)
    loads = _loads(engine, monkeypatch)
    pictures = {name: engine.generate(Request(name)) for name in ("tiny", "b", "tiny", "c", "tiny", "c", "b")}
    assert loads == ["tiny", "b", "c", "b"]
    assert same(pictures["tiny"], pictures["b"]) and same(pictures["b"], pictures["c"])


def test_one_model_is_kept_even_beyond_the_bound(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank_model(own_checkpoints, "b")
    engine = Engine(own_checkpoints, device=CPU, memory_bytes=1)
    loads = _loads(engine, monkeypatch)
    for name in ("tiny", "tiny", "b", "tiny"):
        engine.generate(Request(name))
    assert loads == ["tiny", "b", "tiny"]
