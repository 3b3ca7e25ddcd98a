"""Kinds, a third condition within the class: from the folders of the pictures to what is drawn."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.checkpoint.format import CONFIG_FILE, parse_config, read_config
from pixelart.checkpoint.info import CheckpointInfo
from pixelart.engine import Engine, Request
from pixelart.engine.drawing import log_likelihood
from pixelart.engine.request import once_more
from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.hub.publish import preview_card
from pixelart.images.class_names import Labels
from pixelart.images.codec import Paletted
from pixelart.images.example_palettes import CLASS_PALETTES_FILE, read_class_palettes, read_usual_sizes
from pixelart.images.io import decode_picture, encode_png
from pixelart.shards.drawing import SET_MANIFEST, ShardedSet, draw_set
from pixelart.training.config import Schedule
from pixelart.training.data import pictures as reading
from pixelart.training.data.classes import folder_names
from pixelart.training.data.pictures import read_pictures
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import Options, survey
from pixelart.training.export import export_run
from pixelart.training.run_config import read_run
from pixelart.training.runs import start_run
from pixelart.ui.create.form import sized
from pixelart.ui.results import caption_of
from tests.training.runs import resumed
from tests.training.test_looks import SCHEDULE as LOOKED
from tests.training.test_looks import pictures_in

pytestmark = pytest.mark.trains
CPU = torch.device("cpu")
SCHEDULE = replace(LOOKED, kinds=True)
PLACES = {"tool/dark/axe": 0, "tool/dark/bow": 30, "tool/light/axe": 150, "tool/light": 200, "wall/dark/brick": 60}
"""Folder -> the level of its pictures; the fourth folder is of no kind."""
KINDS = (("tool", "axe"), ("tool", "bow"), ("wall", "brick"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures_in(tmp_path_factory.mktemp("pictures"), PLACES)


def trained(folder: Path, pictures: Path, schedule: Schedule = SCHEDULE, **how: Any) -> Path:
    """A folder of checkpoints that holds "kinds"."""
    how = how or {"model": "sketch_pixelcnn", "preset": "debug", "colours": 9}
    with start_run(folder / "run", pictures, schedule=schedule, **how) as trainer:
        trainer.train()
    export_run(folder / "run", folder / "checkpoints" / "kinds")
    return folder / "checkpoints"


@pytest.fixture(scope="module")
def engine(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(trained(tmp_path_factory.mktemp("kinds"), pictures), device=CPU)


def test_the_folder_inside_that_of_a_look_or_class_is_the_kind() -> None:
    places = [PurePath(text) for text in ("set/a/x/k/1.png", "set/a/x/2.png", "set/b/3.png")]
    assert folder_names(places, with_looks=True, with_kinds=True) == (("a", "a", "b"), ("x", "x", ""), ("k", "", ""))
    assert folder_names(places, with_kinds=True) == (("a", "a", "b"), (), ("x", "x", ""))
    one_class = [PurePath(text) for text in ("set/a/x/1.png", "set/a/y/2.png")]
    assert folder_names(one_class, with_kinds=True).classes == ("a", "a"), "not taken for a wrapping folder"


def test_kinds_are_read_only_if_asked_for(pictures: Path) -> None:
    found = read_pictures(pictures, with_looks=True, with_kinds=True)
    assert found.labels == Labels(("tool", "wall"), ("dark", "light"), KINDS)
    assert found.kind_names.count("axe") == 16 and found.kind_names.count("") == 8
    some = found.select(np.array(found.kind_names) == "bow")
    assert some.folders() == ("tool/dark/bow",) * 8
    plain = read_pictures(pictures, with_looks=True)
    assert not plain.labels.kinds and plain.fingerprint() != found.fingerprint()


def test_a_checked_set_keeps_its_kinds(pictures: Path, tmp_path: Path) -> None:
    found = survey(pictures, Options(with_looks=True, with_kinds=True))
    again = read_pictures(prepare(found, tmp_path / "set.zip"), with_looks=True, with_kinds=True)
    assert again.folders() == found.pictures.folders() and again.hashes == found.pictures.hashes


def test_no_kind_at_all_and_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures_in(tmp_path / "set", {"cross": 10, "stripe": 200})
    with pytest.raises(DataRejected, match=r"^set: no kinds; they are the folders inside those of the classes$"):
        read_pictures(data, with_kinds=True)
    pictures_in(data, {"cross/1": 1, "cross/2": 2, "stripe/1": 3})
    monkeypatch.setattr(reading, "SETTINGS", replace(reading.SETTINGS, max_classes=2))
    with pytest.raises(DataRejected, match=r"^set: 3 kinds; the limit is 2$"):
        read_pictures(data, with_kinds=True)


def test_a_run_is_told_kinds_and_may_emphasise_one(pictures: Path, tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, batch_size=64, class_dropout=0.3, emphasis="tool/bow=100")
    with start_run(tmp_path / "run", pictures, schedule=schedule, preset="debug", colours=9) as trainer:
        labels = torch.cat([trainer.batches.draw(step)[1].class_weights for step in range(8)])
        trainer.train(stop=iter([False, True, True]).__next__)
    classes, kinds = labels[:, :2].sum(1), labels[:, 4:]
    assert labels.shape[1] == 7 and float((kinds.sum(1) == kinds[:, 1]).float().mean()) > 0.9, "nearly all are bows"
    told, untold = (float(kinds[known].sum(1).mean()) for known in (classes > 0, classes == 0))
    assert 0.7 < told < 0.9 and 0.2 < untold < 0.4, "80 and 30 % of them are told"
    assert read_run(tmp_path / "run").labels == Labels(("tool", "wall"), ("dark", "light"), KINDS)
    again = resumed(tmp_path / "run", pictures)
    again.train()
    with start_run(tmp_path / "whole", pictures, schedule=schedule, preset="debug", colours=9) as whole:
        whole.train()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)


@pytest.mark.parametrize(
    ("name", "told"),
    [("tool/saw", ", only of tool/axe, tool/bow"), ("fish/saw", ""), ("bow", ", only of dark, light, tool, wall")],
)
def test_emphasis_on_a_kind_without_pictures_is_refused(pictures: Path, tmp_path: Path, name: str, told: str) -> None:
    schedule = replace(SCHEDULE, emphasis=f"{name}=2")
    with (
        pytest.raises(RequestRejected, match=f"^emphasis: no picture of '{name}'{told}$"),
        start_run(tmp_path / "run", pictures, schedule=schedule, preset="debug", colours=9),
    ):
        pass


def test_a_new_picture_gets_the_labels_of_the_training_picture_whose_palette_it_has(engine: Engine) -> None:
    drawn = engine.generate(Request("kinds", {"tool": 1.0}, count=24))
    palettes = read_class_palettes(engine.library.folder / "kinds", ("tool",))["tool"]
    of = {tuple(bytes(colour).hex() for colour in p.colours.tolist()): (p.look, p.kind) for p in palettes}
    assert [(d.settings["look"], d.settings["kind"]) for d in drawn] == [
        of[tuple(d.settings["colours"])] for d in drawn
    ]
    assert {d.settings["look"] for d in drawn} == {"dark", "light"}
    assert {d.settings["kind"] for d in drawn} == {"axe", "bow"}, "most have a kind, so all have"
    light = engine.generate(Request("kinds", {"tool": 1.0}, count=24, look="light"))
    assert all(d.settings["look"] == "light" for d in light)
    for any_look, given in zip(drawn, light, strict=True):
        same = np.array_equal(any_look.picture, given.picture) and any_look.settings == given.settings
        assert same or any_look.settings["look"] == "dark", "a look that the seed picks is as one that is given"
    blank, whole = np.zeros((8, 8, 4), np.uint8), np.ones((8, 8), np.bool_)
    completed = engine.complete(Request("kinds", {"tool": 1.0}, count=24), blank, whole)
    assert sorted(d.seed for d in completed) == [d.seed for d in drawn]
    assert all(d.settings["look"] == drawn[d.seed].settings["look"] for d in completed), "a whole picture is a new one"
    for blend in ({}, {"tool": 0.5, "wall": 0.5}):
        drawn = engine.generate(Request("kinds", blend, count=8))
        assert not any({"look", "kind"} & set(drawing.settings) for drawing in drawn), "several classes"


@pytest.mark.parametrize("seamless", ["", "xy"])
def test_a_picture_is_drawn_again_by_its_labels_and_log_p_is_given_them(engine: Engine, seamless: str) -> None:
    loaded = engine.library.load("kinds")
    assert isinstance(loaded.codec, Paletted)
    request = Request("kinds", {"tool": 1.0}, count=6, seamless=seamless)
    drawn = engine.generate(request)
    for drawing in drawn:
        (again,) = engine.generate(once_more(request, drawing))
        assert np.array_equal(again.picture, drawing.picture)
        assert all(again.settings[what] == drawing.settings[what] for what in ("look", "kind"))
        codec = loaded.codec.with_colours(np.array([list(bytes.fromhex(c)) for c in drawing.settings["colours"]]))
        weights = loaded.class_weights("tool", drawing.settings["look"], drawing.settings["kind"])
        assert drawing.log_prob == pytest.approx(log_likelihood(loaded, codec, drawing.picture, weights), abs=1e-3)


def test_a_kind_may_be_asked_for(engine: Engine) -> None:
    drawn = engine.generate(Request("kinds", {"tool": 1.0}, count=6, kind="bow"))
    assert {d.settings["kind"] for d in drawn} == {"bow"} and {d.settings["look"] for d in drawn} == {"dark"}
    assert all(int(colour[:2], 16) < 60 for d in drawn for colour in d.settings["colours"]), "its own palettes"
    canvas, mask = np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8), np.bool_)
    canvas[:] = np.random.default_rng(0).integers(0, 255, (8, 8, 4)) | np.array([0, 0, 0, 255])
    mask[:3] = True
    assert engine.complete(Request("kinds", {"tool": 1.0}, kind="axe"), canvas, mask)[0].settings["kind"] == "axe"
    grey = np.full((8, 8, 4), 255, np.uint8)
    for known, hidden, keep in ((canvas, mask, ""), (grey, mask, ""), (grey, np.ones_like(mask), "sketch")):
        drawn = engine.complete(Request("kinds", {"tool": 1.0}, count=4, keep=keep), known, hidden)
        assert not any({"look", "kind"} & set(d.settings) for d in drawn), "the canvas tells what it is"


@pytest.mark.parametrize(
    ("classes", "kind", "told"),
    [
        ({"wall": 1.0}, "bow", "kind 'bow' is not one of brick"),
        ({}, "saw", "kind 'saw' is not one of axe, bow, brick"),
        ({"fish": 1.0}, "bow", "class 'fish' is not one of tool, wall"),
        ({"tool": 1.0}, 5, "kind 5: must be the name of a kind, or empty"),
    ],
)
def test_a_kind_that_cannot_be_is_refused_in_one_line(engine: Engine, classes: Any, kind: Any, told: str) -> None:
    with pytest.raises(RequestRejected, match=f"^{told}$"):
        engine.generate(Request("kinds", classes, kind=kind))


def test_a_kind_without_a_class_must_be_of_one() -> None:
    info = CheckpointInfo("x", "m", 8, 8, ("a", "b"), None, kinds=(("a", "fire"), ("b", "fire"), ("b", "ice")))
    assert info.kind_numbers("ice", ()) == [4] and info.kind_numbers("fire", ["b"]) == [3]
    assert info.kind_numbers("fire", ["a", "b"]) == [2, 3]
    with pytest.raises(RequestRejected, match=r"^kind 'fire' is one of a, b: choose the class, too$"):
        info.kind_numbers("fire", ())


def test_labels_that_only_the_palettes_know_are_none(engine: Engine, tmp_path: Path) -> None:
    folder = shutil.copytree(engine.library.folder, tmp_path / "checkpoints")
    palettes = folder / "kinds" / CLASS_PALETTES_FILE
    palettes.write_text(palettes.read_text().replace('"axe"', '"saw"').replace('"dark"', '"dim"'))
    drawn = Engine(folder, device=CPU).generate(Request("kinds", {"tool": 1.0}, count=12))
    assert {d.settings.get("kind", "") for d in drawn} == {"", "bow"}
    assert {d.settings.get("look", "") for d in drawn} == {"", "light"}


def test_a_model_of_fixed_colours_is_told_a_kind_only_if_it_is_asked_for(pictures: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path, pictures, preset="debug", colours=9)
    fixed = Engine(folder, device=CPU)
    drawn = fixed.generate(Request("kinds", {"tool": 1.0}, count=6))
    assert not any({"look", "kind"} & set(d.settings) for d in drawn)
    assert fixed.generate(Request("kinds", {"tool": 1.0}, kind="bow"))[0].settings["kind"] == "bow"


def test_captions_and_cards_tell_kinds(engine: Engine) -> None:
    (drawing,) = engine.generate(Request("kinds", {"tool": 1.0}, seed=7, kind="bow"))
    assert caption_of(drawing, None, 0) == "seed 7\nbow"
    text = preview_card(engine, "kinds", "me/mine", licence="cc0-1.0", data_note="")
    assert "Kinds of tool: axe, bow. Kinds of wall: brick." in text


def test_a_set_is_of_one_kind_and_tells_it(engine: Engine, tmp_path: Path) -> None:
    plans = [ShardedSet(Request("kinds", {"tool": 1.0}, kind=kind), 4).plan(engine) for kind in ("", "axe", "bow")]
    assert plans[0] != plans[1] != plans[2] and "drawn_kind" not in plans[0] and plans[1]["kind"] == "zip"
    draw_set(engine, ShardedSet(Request("kinds", {"tool": 1.0}, count=4), 4), tmp_path, on_shard=lambda *_: None)
    lines = [json.loads(line) for line in (tmp_path / SET_MANIFEST).read_text().splitlines()]
    drawn = engine.generate(Request("kinds", {"tool": 1.0}, count=4))
    told = [(line["look"], line["kind"]) for line in lines]
    assert told == [(drawing.settings["look"], drawing.settings["kind"]) for drawing in drawn]


def test_a_model_without_kinds_refuses_one(tiny_checkpoints: Path) -> None:
    tiny = Engine(tiny_checkpoints, device=CPU)
    with pytest.raises(RequestRejected, match=r"^kind 'axe': the class cross of tiny has no kinds$"):
        tiny.generate(Request("tiny", {"cross": 1.0}, kind="axe"))
    with pytest.raises(RequestRejected, match=r"^kind 'axe': tiny has no kinds$"):
        tiny.generate(Request("tiny", kind="axe"))


def test_the_weights_of_class_look_and_kind(engine: Engine) -> None:
    loaded = engine.library.load("kinds")
    assert loaded.class_weights("tool", "light", "bow").tolist() == [1, 0, 0, 1, 0, 1, 0]
    assert loaded.class_weights({"tool": 1, "wall": 3}, kind="brick").tolist() == [0.25, 0.75, 0, 0, 0, 0, 1]
    assert engine.info("kinds").kinds_by_class() == {"tool": ["axe", "bow"], "wall": ["brick"]}


@pytest.mark.parametrize("kinds", [[["tool", "axe"]], [["tool", ""]] * 3, [["fish", "axe"]] * 3, ["ab", "cd", "ef"], 7])
def test_a_config_with_wrong_kinds_is_refused(engine: Engine, kinds: Any) -> None:
    values = json.loads((engine.library.folder / "kinds" / CONFIG_FILE).read_bytes()) | {"kinds": kinds}
    with pytest.raises(WeightsRejected, match=r"^kinds"):
        parse_config(json.dumps(values).encode(), "kinds")


def test_a_base_gets_new_kinds_and_predicts_as_before(engine: Engine, tmp_path: Path) -> None:
    more = pictures_in(tmp_path / "more", {"tool/dark/saw": 60, "wall/light/axe": 150}, first=1)
    with start_run(tmp_path / "run", more, schedule=SCHEDULE, base=engine.library.folder / "kinds") as trainer:
        assert trainer.config.labels.kinds == (*KINDS, ("tool", "saw"), ("wall", "axe"))
        grown = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        trainer.train()
    old = engine.library.load("kinds").model.state_dict()
    changed = [name for name, value in grown.items() if value.shape != old[name].shape]
    assert changed
    for name in changed:  # columns: classes, looks, kinds, mirrored
        assert torch.equal(grown[name][:, [*range(7), 9]], old[name]) and not grown[name][:, 7:9].any()
    export_run(tmp_path / "run", tmp_path / "checkpoints" / "grown")
    assert len(read_config(tmp_path / "checkpoints" / "grown").kinds) == 5


def test_a_new_picture_has_the_size_that_most_pictures_of_its_class_and_look_have(tmp_path: Path) -> None:
    palettes: dict[str, list[Any]] = {
        "food": [["old", "16x24 000000 ff0000 00ff00 0000ff"]] * 2 + [["new", "8x8 000000 ff0000 00ff00 0000ff"]],
        "hero": ["000000 ff0000 00ff00 0000ff"],
    }
    (tmp_path / CLASS_PALETTES_FILE).write_text(json.dumps(palettes))
    sizes = read_usual_sizes(tmp_path)
    info = CheckpointInfo("x", "m", 32, 32, ("food", "hero"), None, any_size=True, usual_sizes=sizes)
    assert info.usual_size({"food": 1.0}) == info.usual_size({"hero": 0.2, "food": 0.8}) == (24, 16)
    assert info.usual_size({"food": 1.0}, "new") == (8, 8) and info.usual_size({"food": 1.0}, "other") == (24, 16)
    assert info.usual_size({"hero": 1.0}) == info.usual_size({}) == (32, 32), "older files tell no size"
    large = replace(info, usual_sizes={("food", ""): (96, 96)})
    assert large.usual_size({"food": 1.0}) == (32, 32), "a size that it does not draw"
    for damaged in ("", "[", "[1]", '{"food": 5}', '{"food": [[1, 2]]}', '{"food": [["a", "b", "c", "d"]]}'):
        (tmp_path / CLASS_PALETTES_FILE).write_text(damaged)
        assert read_usual_sizes(tmp_path) == {}
    palettes["food"].append("12x9 000000 ff0000 00ff00 0000ff")
    (tmp_path / CLASS_PALETTES_FILE).write_text(json.dumps(palettes))
    of_look = {("food", "old"): (24, 16), ("food", "new"): (8, 8)}
    assert read_usual_sizes(tmp_path) == {("food", ""): (9, 12), **of_look}, "those of no look stand for any"


def test_the_usual_size_is_drawn_unless_another_one_is_asked_for(tmp_path: Path) -> None:
    data = pictures_in(tmp_path / "set", {"big": 10, "small": 150})
    for path in (data / "small").iterdir():
        path.write_bytes(encode_png(decode_picture(path.read_bytes(), name="a")[:4, :6]))
    schedule = replace(SCHEDULE, looks=False, kinds=False)
    how: dict[str, Any] = {"model": "sketch_pixelcnn", "preset": "debug", "colours": 9, "fit": "keep"}
    engine = Engine(trained(tmp_path, data, schedule, **how), device=CPU)
    for name, size in (("big", (8, 8)), ("small", (4, 6))):
        assert engine.generate(Request("kinds", {name: 1.0}))[0].picture.shape[:2] == size
        assert engine.generate(Request("kinds", {name: 1.0}, size=(5, 7)))[0].picture.shape[:2] == (5, 7)
        there = sized(engine.info("kinds"), {"class_name": name, "size": "", "look": ""})
        assert (there.height, there.width) == size
        plan = ShardedSet(Request("kinds", {name: 1.0}, bottom_temperature=0.5), 4).plan(engine)
        assert plan["temperature"]["width"] == size[1]
