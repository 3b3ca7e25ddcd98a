"""A model whose palette is an input, from its training to what the engine and the terminal draw with it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pixelart.checkpoint.format import CHECKPOINT_FILES, CONFIG_FILE, read_config
from pixelart.cli.evaluate import held_out, judge, judge_holes
from pixelart.cli.main import main
from pixelart.engine import Engine, Request
from pixelart.errors import DataRejected, RequestRejected
from pixelart.hub.publish import _beside, card_text, preview_card
from pixelart.hub.repo_files import MAX_FILE_BYTES
from pixelart.images.codec import Picture
from pixelart.images.example_palettes import CLASS_PALETTES_FILE
from pixelart.images.io import encode_png, read_picture
from pixelart.images.masks import named_hole
from pixelart.images.palette_files import gpl_palette
from pixelart.models import create_model
from pixelart.training import copy_count as copies
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import read_pictures
from pixelart.training.export import export_run
from pixelart.training.near_copies import Counted, read_counted
from pixelart.training.runs import resume_run, start_run
from pixelart.training.trainer import Trainer

pytestmark = pytest.mark.trains
RED = ("ff0000", "800000", "400000", "ffffff")


@pytest.fixture
def checkpoints(sketch_checkpoints: Path) -> Path:
    return sketch_checkpoints


def begin(checkpoints: Path, run: Path, **how: Any) -> AbstractContextManager[Trainer]:
    """A run of one step more, from the checkpoint "any"."""
    schedule = Schedule(steps=1, batch_size=2, threads=1, precision="fp32", memory_format="channels_last")
    how = {"data": checkpoints.parent / "data" / "cross", "base": checkpoints / "any", **how}
    return start_run(run, schedule=schedule, **how)


def colours_in(picture: Picture) -> set[str]:
    return {bytes(colour[:3]).hex() for colour in picture.reshape(-1, 4).tolist() if colour[3]}


def test_what_it_can_is_told(checkpoints: Path) -> None:
    info = Engine(checkpoints).info("any")
    assert info.takes_palettes and info.any_size and not info.enlarges
    assert info.training["sizes"] == 2 and info.networks_a_pixel == 2
    assert read_config(checkpoints / "any").codec["name"] == "palette"


def test_palettes_of_its_pictures_come_with_it_colour_for_colour(checkpoints: Path) -> None:
    found = json.loads((checkpoints / "any" / CLASS_PALETTES_FILE).read_bytes())
    data = checkpoints.parent / "data"
    for name in ("cross", "stripe"):
        pictures = pictures_of(data / name)
        wanted = {frozenset([f"{p.shape[1]}x{p.shape[0]}", *colours_in(p)]) for p in pictures}
        assert {frozenset(text.split()) for text in found[name]} == wanted


def pictures_of(folder: Path) -> list[Picture]:
    return [read_picture(path) for path in sorted(folder.iterdir())]


def test_new_pictures_come_in_a_palette_of_their_class_and_say_which(checkpoints: Path) -> None:
    engine = Engine(checkpoints)
    drawn = engine.generate(Request("any", class_weights={"stripe": 1.0}, count=3, seed=4))
    palettes = json.loads((checkpoints / "any" / CLASS_PALETTES_FILE).read_bytes())["stripe"]
    known = {frozenset(text.split()[1:]) for text in palettes}
    for drawing in drawn:
        assert frozenset(drawing.settings["colours"]) in known
        assert colours_in(drawing.picture) <= {*drawing.settings["colours"]}
    again = engine.generate(Request("any", class_weights={"stripe": 1.0}, seed=5, palette=drawn[1].settings["colours"]))
    assert np.array_equal(again[0].picture, drawn[1].picture), "the seed and the palette make the picture"


def test_one_of_many_is_the_one_that_is_drawn_alone(checkpoints: Path) -> None:
    engine = Engine(checkpoints)
    many = engine.generate(Request("any", count=3, seed=4))
    for drawing in many:
        alone = engine.generate(Request("any", seed=drawing.seed))[0]
        assert np.array_equal(alone.picture, drawing.picture) and alone.log_prob == pytest.approx(drawing.log_prob)


@pytest.mark.parametrize("size", [(6, 6), (8, 8), (4, 12), (17, 5)])
def test_it_draws_in_any_size_and_palette(checkpoints: Path, size: tuple[int, int]) -> None:
    drawing = Engine(checkpoints).generate(Request("any", size=size, palette=RED, seed=2))[0]
    assert drawing.picture.shape == (*size, 4) and colours_in(drawing.picture) <= {*RED}
    assert drawing.settings["size"] == f"{size[1]}x{size[0]}"


def test_a_completion_has_the_colours_of_the_picture_and_keeps_the_rest(checkpoints: Path) -> None:
    picture = np.zeros((8, 10, 4), np.uint8)
    picture[..., 3] = 255
    picture[:4, :, 0], picture[4:, :, 1], picture[::2, :, 2], picture[0, 0] = 77, 88, 99, (1, 2, 3, 255)
    mask = np.zeros((8, 10), np.bool_)
    mask[2:6, 3:8] = True
    drawing = Engine(checkpoints).complete(Request("any", seed=3), picture, mask)[0]
    assert np.array_equal(drawing.picture[~mask], picture[~mask])
    assert colours_in(drawing.picture) <= colours_in(picture)


def test_it_judges_and_inspects_in_the_colours_of_the_picture(checkpoints: Path) -> None:
    engine, picture = Engine(checkpoints), pictures_of(checkpoints.parent / "data" / "cross")[0]
    told = engine.inspect("any", picture, class_weights="cross")
    assert told.total_bits == pytest.approx(-engine.log_likelihood("any", picture, class_weights="cross") / np.log(2))
    for place in ((0, 0), (3, 4)):
        chances = engine.colours_at("any", picture, row=place[0], column=place[1], top=20)
        shown = {bytes(c.colour[:3]).hex() for c in chances.likely if c.colour[3]}
        assert shown == colours_in(picture), "every colour of its palette, and no other"
        assert sum(c.probability for c in chances.likely) == pytest.approx(1.0, abs=1e-6)
        assert chances.current.colour == tuple(picture[place].tolist()) or picture[place][3] == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"palette": ("ff0000",)}, "palette of 1 colours: must have 2 to 8"),
        ({"palette": tuple(f"0000{i:02x}" for i in range(9))}, "palette of 9 colours: must have 2 to 8"),
        ({"size": (3, 8)}, "size is 8 x 3; any draws 4 to 64 pixels a side"),
        ({"size": (8, 8.5)}, r"size \(8, 8\.5\): needs a height and a width such as \(32, 48\)"),
        ({"size": 5}, r"size 5: needs a height and a width such as \(32, 48\)"),
        ({"palette": RED, "allowed": (5,)}, "allowed 5: the palette has 4 colours"),
        (
            {"palette": [[1, 2, 3], [1, 2]]},
            r"palette: needs colours \(N, 3\) or \(N, 4\) of whole numbers from 0 to 255",
        ),
        ({"size": (65, 8)}, "size is 8 x 65; any draws 4 to 64 pixels a side"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(checkpoints: Path, values: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestRejected, match=f"^{told}$"):
        Engine(checkpoints).generate(Request("any", **values))


def test_it_tiles_in_any_size(checkpoints: Path) -> None:
    drawing = Engine(checkpoints).generate(Request("any", size=(12, 16), seamless="xy", seed=3))[0]
    assert drawing.picture.shape == (12, 16, 4) and colours_in(drawing.picture) <= {*drawing.settings["colours"]}


def test_its_palettes_go_to_the_hub_and_come_back(checkpoints: Path) -> None:
    assert set(MAX_FILE_BYTES) == set(CHECKPOINT_FILES)
    assert CLASS_PALETTES_FILE in _beside(checkpoints / "any")


def test_another_model_takes_neither(tiny_checkpoints: Path) -> None:
    engine = Engine(tiny_checkpoints)
    with pytest.raises(RequestRejected, match=r"^palette: tiny has a fixed palette$"):
        engine.generate(Request("tiny", palette=RED))
    with pytest.raises(RequestRejected, match=r"^size is 9 x 8; tiny draws 8 x 8$"):
        engine.generate(Request("tiny", size=(8, 9)))


def test_the_terminal_draws_and_evaluates_in_palettes(
    checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = np.array([[*bytes.fromhex(text), 255] for text in RED], np.uint8)
    (tmp_path / "red.gpl").write_bytes(gpl_palette("Red", table))
    where = ["--checkpoints", str(checkpoints), "--checkpoint", "any", "--json"]
    words = ["--size", "12x6", "--palette", str(tmp_path / "red.gpl"), "--out", str(tmp_path / "out")]
    assert main(["generate", *where, *words]) == 0
    drawn = pictures_of(tmp_path / "out")[0]
    assert drawn.shape == (6, 12, 4) and colours_in(drawn) <= {*RED}
    capsys.readouterr()
    data = ["--data", str(checkpoints.parent / "data" / "cross"), "--include-training", "--holes", "brush"]
    bits = []
    for palette in ("common", "own"):
        assert main(["evaluate", *where, *data, "--palette", palette]) == 0
        bits.append(json.loads(capsys.readouterr().out)["bits_per_dim"])
    assert bits[0] != bits[1] and all(0 < each < 20 for each in bits)


def test_any_size_needs_several_sizes_to_have_been_learned(checkpoints: Path, tmp_path: Path) -> None:
    one_size = checkpoints.parent / "data" / "cross"
    how: dict[str, Any] = {"model": "sketch_pixelcnn", "preset": "debug", "base": None, "colours": 9}
    for name, values in {"one": how, "further": {}}.items():
        with begin(checkpoints, tmp_path / name, data=one_size, fit="keep", **values) as trainer:
            trainer.train()
        export_run(tmp_path / name, tmp_path / "models" / name)
    engine = Engine(tmp_path / "models")
    assert not engine.info("one").any_size and engine.info("one").training["sizes"] == 1
    assert engine.info("further").any_size, "its base has learned two sizes"
    with pytest.raises(RequestRejected, match=r"^size is 9 x 8; one draws 8 x 8$"):
        engine.generate(Request("one", size=(8, 9)))
    older = json.loads((tmp_path / "models" / "one" / CONFIG_FILE).read_bytes())
    del older["training"]["sizes"]
    (tmp_path / "models" / "one" / CONFIG_FILE).write_text(json.dumps(older))
    assert engine.info("one").any_size, "an older checkpoint does not record how many"


def test_a_palette_is_fitted_in_as_many_colours_as_are_said(checkpoints: Path, tmp_path: Path) -> None:
    for colours, expected in ((None, 8), (4, 3)):
        with begin(checkpoints, tmp_path / str(colours), palette="fit", colours=colours) as trainer:
            assert len(trainer.config.codec["colours"]) == expected
            assert trainer.model.config.levels == 9, "it still takes palettes of 8 colours"
    told = "^colours 10: the base draws in palettes of at most 9, transparent included$"
    with pytest.raises(RequestRejected, match=told), begin(checkpoints, tmp_path / "x", palette="fit", colours=10):
        pass


def test_near_copies_are_counted_in_the_colours_that_the_pictures_have(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = checkpoints.parent / "run", checkpoints.parent / "data"
    learned = np.stack(pictures_of(data / "cross"))
    random = np.random.default_rng(1)
    others = random.integers(128, 256, learned.shape, np.uint8)
    samples: Picture = np.concatenate([learned, others])
    monkeypatch.setattr(copies, "draw_class_samples", lambda *_, **__: samples)
    with resume_run(run, data) as trainer:
        copies.count_copies(trainer, cancel=lambda: False)
    assert read_counted(run) == Counted(4, 8, 16, 8)
    loaded = Engine(checkpoints).library.load("any")
    text = card_text(
        loaded, checkpoints / "any", "me/any", licence="mit", data_note="", samples=[*samples], learned=learned
    )
    assert "Near copies among 16 such samples: 50.0%." in text


def test_pictures_of_every_size_are_judged_and_each_pixel_counts_once(
    checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--checkpoints", str(checkpoints), "--checkpoint", "any", "--json", "--fit", "keep"]
    data = checkpoints.parent / "data"
    words = ["--data", str(data), "--include-training", "--holes", "brush", "--per-class"]
    assert main(["evaluate", *where, *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 16 and found["sizes"] == {"8x8": 8, "6x6": 8}
    of_class = found["per_class"]
    assert found["bits_per_dim"] == pytest.approx((64 * of_class["cross"] + 36 * of_class["stripe"]) / 100)
    loaded, pictures = Engine(checkpoints).library.load("any"), read_pictures(data, size=(8, 8), fit="keep")
    alone = [judge_holes(loaded, one, "brush") for one in pictures.sizes]
    hidden = [sum(int(brush_of(side, i).sum()) for i in range(8)) for side in (8, 6)]
    pooled = sum(n * one["hole_bits"] for n, one in zip(hidden, alone, strict=True)) / sum(hidden)
    assert found["hole_bits"] == pytest.approx(pooled) and alone[0]["hole_bits"] != alone[1]["hole_bits"]
    for one, bits in zip(pictures.sizes, of_class.values(), strict=True):
        assert judge(loaded, one)["bits_per_dim"] == pytest.approx(bits)


def brush_of(side: int, seed: int) -> NDArray[np.bool_]:
    return named_hole("brush", side, side, seed=seed)


def test_what_cannot_be_judged_is_told_in_one_line(checkpoints: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--checkpoints", str(checkpoints), "--checkpoint", "any", "--fit", "keep"]
    assert main(["evaluate", *where, "--data", str(checkpoints.parent / "data")]) != 0
    assert "data: all 16 pictures were trained on; --include-training uses them" in capsys.readouterr().err
    loaded = Engine(checkpoints).library.load("any")
    pictures = read_pictures(checkpoints.parent / "data", size=(8, 8), fit="keep")
    nothing = replace(pictures.select(np.zeros(len(pictures), np.bool_)), others=())
    for ask in (judge, partial(judge_holes, kind="brush")):
        with pytest.raises(DataRejected, match=r"^there are no pictures to judge$"):
            ask(loaded, nothing)
    shape = {"channels": 1, "levels": 9, "height": 8, "width": 8, "num_classes": 2}
    rows = replace(loaded, model=create_model("row_rnn", preset="debug", **shape))
    with pytest.raises(DataRejected, match=r"^pictures are 6x6; any judges only 8x8$"):
        judge(rows, pictures)


def test_a_set_without_a_picture_of_the_main_size_is_judged(checkpoints: Path) -> None:
    pictures = read_pictures(checkpoints.parent / "data" / "stripe", size=(8, 8), fit="keep")
    left = held_out(pictures, frozenset(pictures.sizes[1].hashes[1:]), Path("stripe"))
    found = judge(Engine(checkpoints).library.load("any"), left)
    assert found["images"] == 1 and found["sizes"] == {"6x6": 1}


def test_its_card_says_any_palette_and_any_size(checkpoints: Path) -> None:
    text = preview_card(Engine(checkpoints), "any", "me/any", licence="mit")
    assert "Pictures of 8 x 8 pixels, any palette of up to 8 colours, and transparent." in text
    assert "It draws 4 to 64 pixels a side in any palette of up to 8 colours, in the style of" in text
    assert "no colours but its own" not in text


def test_inspect_snaps_only_what_exceeds_the_palette(
    checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = pictures_of(checkpoints.parent / "data" / "cross")[0]
    many = np.random.default_rng(3).integers(0, 256, (8, 8, 4), np.uint8) | np.array([0, 0, 0, 255], np.uint8)
    where = ["inspect", "--checkpoints", str(checkpoints), "--checkpoint", "any", "--image", str(tmp_path / "in.png")]
    for picture, told in ((few, ""), (many, "pixels judged as the nearest of 8 colours, the largest palette: 56")):
        (tmp_path / "in.png").write_bytes(encode_png(picture))
        assert main(where) == 0
        said = [line for line in capsys.readouterr().out.splitlines() if "judged" in line]
        assert said == [told] * bool(told)
    seen, snapped = Engine(checkpoints).snap("any", many)
    assert snapped == 56 and len(colours_in(seen)) == 8
