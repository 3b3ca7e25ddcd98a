"""Looks, a second condition beside the class: from the folders of the pictures to what is drawn."""

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
from pixelart.checkpoint.library import Library
from pixelart.compression.archive import NamedPicture, compress, decompress
from pixelart.engine import Engine, Request
from pixelart.engine.drawing import log_likelihood
from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.images.codec import Paletted
from pixelart.images.example_palettes import CLASS_PALETTES_FILE, read_class_palettes
from pixelart.images.io import encode_png
from pixelart.training.config import Schedule
from pixelart.training.data import encoded
from pixelart.training.data import pictures as reading
from pixelart.training.data.classes import folder_names
from pixelart.training.data.pictures import read_pictures
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import Options, survey
from pixelart.training.export import export_run
from pixelart.training.run_config import read_run
from pixelart.training.runs import start_run
from tests.training.runs import resumed

pytestmark = pytest.mark.trains
CPU = torch.device("cpu")
SCHEDULE = Schedule(
    steps=2, batch_size=4, save_every=1, threads=1, precision="fp32", memory_format="channels_last",
    validation_share=0.2, looks=True, seed=3,
)  # fmt: skip


def pictures_in(folder: Path, places: dict[str, int], *, first: int = 0) -> Path:
    """`places`: a folder -> the first of its four colours; eight random pictures of 8 x 8 pixels in each."""
    random = np.random.default_rng(first)
    for place, level in places.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        colours = np.array([[level + i, level + 2 * i, 40 * i, 255] for i in range(4)], np.uint8)
        for i in range(8):
            picture = colours[random.permutation(np.arange(64) % 4).reshape(8, 8)]
            (folder / place / f"{i}.png").write_bytes(encode_png(picture))
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    return pictures_in(folder, {"cross/dark": 10, "cross/light": 200, "stripe/dark": 20, "stripe": 100})


@pytest.fixture(scope="module")
def checkpoints(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds "looked"."""
    folder = tmp_path_factory.mktemp("looked")
    how: dict[str, Any] = {"model": "sketch_pixelcnn", "preset": "debug", "colours": 9}
    with start_run(folder / "run", pictures, schedule=SCHEDULE, **how) as trainer:
        trainer.train()
    export_run(folder / "run", folder / "checkpoints" / "looked")
    return folder / "checkpoints"


def test_the_folder_inside_that_of_a_class_is_the_look() -> None:
    places = [PurePath(text) for text in ("set/a/x/1.png", "set/a/x/deeper/2.png", "set/a/3.png", "set/b/y/4.png")]
    assert folder_names(places) == (("a", "a", "a", "b"), (), ())
    assert folder_names(places, with_looks=True) == (("a", "a", "a", "b"), ("x", "x", "", "y"), ())


def test_looks_are_read_only_if_asked_for(pictures: Path) -> None:
    assert not read_pictures(pictures).looks
    found = read_pictures(pictures, with_looks=True)
    assert found.classes == ("cross", "stripe") and found.looks == ("dark", "light")
    assert found.look_names.count("") == 8 and found.look_names.count("dark") == 16
    assert found.select(np.array(found.look_names) == "light").class_names == ("cross",) * 8
    assert found.fingerprint() != read_pictures(pictures).fingerprint()


def test_a_single_class_with_looks_is_not_taken_for_a_wrapping_folder(tmp_path: Path) -> None:
    data = pictures_in(tmp_path / "set", {"set/hero/kenney": 10, "set/hero/mine": 200})
    found = read_pictures(data, with_looks=True)
    assert found.classes == ("hero",) and found.looks == ("kenney", "mine")
    assert read_pictures(data).classes == ("kenney", "mine")


def test_no_look_at_all_is_refused(tmp_path: Path) -> None:
    data = pictures_in(tmp_path / "set", {"cross": 10, "stripe": 200})
    with pytest.raises(DataRejected, match=r"^set: no looks; they are the folders inside those of the classes$"):
        read_pictures(data, with_looks=True)


def test_a_checked_set_keeps_its_looks(pictures: Path, tmp_path: Path) -> None:
    found = survey(pictures, Options(with_looks=True))
    again = read_pictures(prepare(found, tmp_path / "set.zip"), with_looks=True)
    assert (again.class_names, again.look_names) == (found.pictures.class_names, found.pictures.look_names)
    assert again.hashes == found.pictures.hashes and again.looks == ("dark", "light")
    assert not read_pictures(prepare(survey(pictures), tmp_path / "plain.zip")).look_names


def test_too_many_looks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures_in(tmp_path, {"cross/1": 1, "cross/2": 2, "cross/3": 3, "stripe": 4})
    monkeypatch.setattr(reading, "SETTINGS", replace(reading.SETTINGS, max_classes=2))
    assert len(read_pictures(data)) == 32
    with pytest.raises(DataRejected, match=r"3 looks; the limit is 2$"):
        read_pictures(data, with_looks=True)


def test_labels_of_a_batch(pictures: Path, tmp_path: Path) -> None:
    """Each picture has its class or none, and its look or none."""
    schedule = replace(SCHEDULE, batch_size=64, class_dropout=0.3)
    with start_run(tmp_path / "run", pictures, schedule=schedule, preset="debug", colours=9) as trainer:
        labels = torch.cat([trainer.batches.draw(step)[1].class_weights for step in range(8)])
    classes, looks = labels[:, :2].sum(1), labels[:, 2:].sum(1)
    assert labels.shape[1] == 4 and set(labels.unique().tolist()) == {0.0, 1.0}
    assert set(classes.tolist()) == {0.0, 1.0} and set(looks.tolist()) == {0.0, 1.0}
    told, untold = (float(looks[known].mean()) for known in (classes > 0, classes == 0))
    assert 0.5 < told < 0.7 and 0.1 < untold < 0.35, "three of four have a look; 80 and 30 % of these are told"
    assert not (labels[:, 1] * labels[:, 3]).any(), "no stripe is light"


def test_a_run_may_emphasise_a_look(pictures: Path, tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, batch_size=64, emphasis="light=100")
    with start_run(tmp_path / "run", pictures, schedule=schedule, preset="debug", colours=9) as trainer:
        labels = torch.cat([trainer.batches.draw(step)[1].class_weights for step in range(4)])
    assert float(labels[:, 3].mean()) > 0.7, "nearly all are light, and four of five are told"


@pytest.mark.parametrize("looks", [True, False])
def test_emphasis_on_what_no_training_picture_has_is_refused_and_nothing_is_made(
    pictures: Path, tmp_path: Path, looks: bool
) -> None:
    for name in ("mine", *(() if looks else ("light",))):
        schedule = replace(SCHEDULE, looks=looks, emphasis=f"{name}=2")
        with (
            pytest.raises(RequestRejected, match=f"no picture of '{name}', only of cross"),
            start_run(tmp_path / "run", pictures, schedule=schedule, preset="debug", colours=9),
        ):
            pass
        assert not (tmp_path / "run").exists()


def test_a_run_with_looks_resumes_with_them(pictures: Path, tmp_path: Path) -> None:
    with start_run(tmp_path / "run", pictures, schedule=SCHEDULE, preset="debug", colours=9) as trainer:
        trainer.train(stop=iter([False, True, True]).__next__)
    assert read_run(tmp_path / "run").looks == ("dark", "light")
    again = resumed(tmp_path / "run", pictures)
    again.train()
    assert again.step == 2


def test_a_checkpoint_tells_its_looks_and_draws_them(checkpoints: Path) -> None:
    engine = Engine(checkpoints, device=CPU)
    assert engine.info("looked").looks == ("dark", "light")
    for look, dark in (("dark", True), ("light", False)):
        for drawing in engine.generate(Request("looked", {"cross": 1.0}, count=3, look=look)):
            assert drawing.settings["look"] == look
            assert all((int(colour[:2], 16) < 100) == dark for colour in drawing.settings["colours"])
    assert "look" not in engine.generate(Request("looked"))[0].settings
    with pytest.raises(RequestRejected, match=r"^look 'grey' is not one of dark, light$"):
        engine.generate(Request("looked", look="grey"))
    for wrong in (5, None, ["dark"]):
        with pytest.raises(RequestRejected, match=r"^look .*: must be the name of a look, or empty$"):
            engine.generate(Request("looked", look=wrong))  # pyright: ignore[reportArgumentType]


def test_a_look_without_a_class_takes_no_palette_of_another_look(checkpoints: Path) -> None:
    drawn = Engine(checkpoints, device=CPU).generate(Request("looked", count=8, look="light"))
    assert all(int(colour[:2], 16) >= 100 for drawing in drawn for colour in drawing.settings["colours"])


def test_log_p_is_given_the_look_also_of_a_seamless_picture(checkpoints: Path) -> None:
    engine = Engine(checkpoints, device=CPU)
    loaded = engine.library.load("looked")
    for seamless in ("", "x"):
        (drawing,) = engine.generate(Request("looked", {"cross": 1.0}, look="light", seamless=seamless))
        colours = np.array([list(bytes.fromhex(colour)) for colour in drawing.settings["colours"]], np.uint8)
        assert isinstance(loaded.codec, Paletted)
        codec = loaded.codec.with_colours(colours)
        weights = loaded.class_weights("cross", "light")
        assert drawing.log_prob == pytest.approx(log_likelihood(loaded, codec, drawing.picture, weights), abs=1e-3)


def test_questions_about_a_picture_are_answered_by_a_model_with_looks(checkpoints: Path) -> None:
    engine = Engine(checkpoints, device=CPU)
    (drawing,) = engine.generate(Request("looked", {"cross": 1.0}, look="light"))
    assert {*engine.inspect("looked", drawing.picture).class_probabilities} == {"cross", "stripe"}
    loaded = engine.library.load("looked")
    packed = compress(loaded, [NamedPicture("a.png", drawing.picture)])
    (back,) = decompress(packed, engine.library.load)
    assert np.array_equal(back.picture, drawing.picture)


def test_many_palettes_stay_within_the_limit_of_their_file(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded, "MAX_BYTES", 600)
    how: dict[str, Any] = {"model": "sketch_pixelcnn", "preset": "debug", "colours": 9}
    with start_run(tmp_path / "run", pictures, schedule=SCHEDULE, **how) as trainer:
        trainer.train()
    data = (tmp_path / "run" / CLASS_PALETTES_FILE).read_bytes()
    found = read_class_palettes(tmp_path / "run", ("cross", "stripe"))
    assert len(data) <= 600 and {one.look for one in found["cross"]} == {"dark", "light"}


def test_a_model_without_looks_refuses_one(tiny_checkpoints: Path) -> None:
    with pytest.raises(RequestRejected, match=r"^look 'dark': tiny knows no looks$"):
        Engine(tiny_checkpoints, device=CPU).generate(Request("tiny", look="dark"))


def test_the_weights_of_class_and_look(checkpoints: Path) -> None:
    loaded = Library(checkpoints, device=CPU, memory_bytes=1 << 30).load("looked")
    assert loaded.class_weights("stripe", "light").tolist() == [0, 1, 0, 1]
    assert loaded.class_weights({"cross": 1, "stripe": 3}, "dark").tolist() == [0.25, 0.75, 1, 0]
    assert loaded.class_weights({}, "dark").tolist() == [0, 0, 1, 0] and not loaded.class_weights({}).any()


def test_palettes_are_of_the_look(checkpoints: Path) -> None:
    found = read_class_palettes(checkpoints / "looked", ("cross", "stripe"))
    assert {(one.look, one.size) for one in found["stripe"]} == {("dark", (8, 8)), ("", (8, 8))}
    assert {one.look for one in found["cross"]} == {"dark", "light"}


def test_what_has_no_looks_is_written_as_before(tiny_checkpoints: Path, checkpoints: Path) -> None:
    config = (tiny_checkpoints / "tiny" / CONFIG_FILE).read_bytes()
    assert b'"looks": false' in config and parse_config(config, "tiny").looks == ()
    assert "looks" not in json.loads(parse_config(config, "tiny").to_json())
    assert parse_config((checkpoints / "looked" / CONFIG_FILE).read_bytes(), "looked").looks == ("dark", "light")


@pytest.mark.parametrize("looks", [["dark"], ["dark", "dark"], ["dark", ""], ["dark", 5], 7])
def test_a_config_with_wrong_looks_is_refused(checkpoints: Path, looks: Any) -> None:
    values = json.loads((checkpoints / "looked" / CONFIG_FILE).read_bytes()) | {"looks": looks}
    with pytest.raises(WeightsRejected, match=r"^looked"):
        parse_config(json.dumps(values).encode(), "looked")


def test_a_base_gets_new_classes_and_looks_and_predicts_as_before(checkpoints: Path, tmp_path: Path) -> None:
    more = pictures_in(tmp_path / "more", {"cross/odd": 60, "ring/light": 150}, first=1)
    with start_run(tmp_path / "run", more, schedule=SCHEDULE, base=checkpoints / "looked") as trainer:
        config = trainer.config
        assert (config.classes, config.looks) == (("cross", "stripe", "ring"), ("dark", "light", "odd"))
        grown = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        trainer.train()
    old = Library(checkpoints, device=CPU, memory_bytes=1 << 30).load("looked").model.state_dict()
    changed = [name for name, value in grown.items() if value.shape != old[name].shape]
    assert changed
    for name in changed:  # columns: classes, looks, mirrored
        before, after = old[name], grown[name]
        assert torch.equal(after[:, [0, 1, 3, 4, 6]], before)
        assert torch.allclose(after[:, 2], before[:, :2].mean(1)) and not after[:, 5].any()
    export_run(tmp_path / "run", tmp_path / "checkpoints" / "grown")
    assert read_config(tmp_path / "checkpoints" / "grown").looks == ("dark", "light", "odd")


def test_pictures_without_looks_leave_those_of_the_base(checkpoints: Path, tmp_path: Path) -> None:
    more = pictures_in(tmp_path / "more", {"cross": 60}, first=2)
    schedule = replace(SCHEDULE, looks=False)
    with start_run(tmp_path / "run", more, schedule=schedule, base=checkpoints / "looked") as trainer:
        assert trainer.config.looks == ("dark", "light")
        trainer.train()
    found = read_class_palettes(tmp_path / "run", ("cross",))
    assert {one.look for one in found["cross"]} == {"dark", "light", ""}, "those of the base stay"
    export_run(tmp_path / "run", tmp_path / "checkpoints" / "more")
    drawn = Engine(tmp_path / "checkpoints", device=CPU).generate(Request("more", {"cross": 1.0}, count=8))
    own = {tuple(bytes(colour).hex() for colour in one.colours.tolist()) for one in found["cross"] if not one.look}
    assert all("look" not in d.settings and tuple(d.settings["colours"]) in own for d in drawn), "as the new pictures"


def test_a_damaged_look_of_a_palette_is_refused(checkpoints: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints / "looked", tmp_path / "looked")
    for wrong in (["dark"], ["dark", "8x8 000000", "more"], [5, "8x8 000000 ffffff"]):
        (folder / CLASS_PALETTES_FILE).write_text(json.dumps({"cross": [wrong]}))
        with pytest.raises(WeightsRejected, match=CLASS_PALETTES_FILE):
            read_class_palettes(folder, ("cross",))
