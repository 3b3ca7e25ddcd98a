"""The rules on patterns small enough to draw by hand, and the table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import enlarge
from pixelart.cli.main import main as pixelart
from pixelart.engine import Engine, Request
from pixelart.images.codec import Picture

INK = {".": (0, 0, 0, 0), "r": (200, 30, 30, 255), "g": (30, 200, 30, 255), "b": (30, 30, 200, 255)}


def drawn(*rows: str) -> Picture:
    return np.array([[INK[letter] for letter in row] for row in rows], np.uint8)


def written(picture: Picture) -> list[str]:
    letters = {colour: letter for letter, colour in INK.items()}
    return ["".join(letters[tuple(c)] for c in row) for row in picture.tolist()]


CORNER = drawn("rrr", "rgg", "rgg")
LINE = drawn("g....", ".g...", "..g..", "...g.", "....g")
STEPS = [".ggg......", "..ggg.....", "...ggg....", "....ggg...", ".....ggg..", "......ggg."]
THIN = [".gg.......", "...gg.....", "...gg.....", ".....gg...", ".....gg...", ".......gg."]
BLOCK = drawn("....", ".rr.", ".rr.", "....")
DOT = drawn("...", ".r.", "...")
RULES = list(enlarge.RULES.values())


@pytest.mark.parametrize("rule", RULES)
def test_what_has_no_diagonal_stays_as_it_is(rule: enlarge.Rule) -> None:
    for plain in (drawn("rr", "rr"), drawn("rb", "rb"), drawn("rr", "bb"), drawn("r")):
        assert written(rule(plain)) == written(enlarge.nearest(plain))


def test_nearest_repeats() -> None:
    assert written(enlarge.nearest(drawn("rg", ".b"))) == ["rrgg", "rrgg", "..bb", "..bb"]


def test_scale2x_cuts_corners_of_equal_neighbours() -> None:
    assert written(enlarge.scale2x(CORNER)) == ["rrrrrr", "rrrrrr", "rrrggg", "rrgggg", "rrgggg", "rrgggg"]
    assert written(enlarge.scale2x(LINE))[2:8] == STEPS, "all but the ends, which meet the border"
    assert written(enlarge.scale2x(DOT)) == written(enlarge.nearest(DOT)), "of one pixel nothing is cut"


def test_xbr_smooths_a_diagonal_and_rounds_a_block() -> None:
    assert written(enlarge.xbr(LINE))[2:8] == THIN
    assert written(enlarge.xbr(BLOCK))[2:6] == ["...rr...", "..rrrr..", "..rrrr..", "...rr..."]


NOISE = np.array(list(INK.values()), np.uint8)[np.random.default_rng(2).integers(4, size=(7, 5))]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule is not enlarge.xbr])  # whose ties go to the one side
def test_a_rule_knows_no_directions(rule: enlarge.Rule) -> None:
    for turns in range(4):
        assert np.array_equal(np.rot90(rule(np.rot90(NOISE, turns)), -turns), rule(NOISE))


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_mixes_colours(rule: enlarge.Rule) -> None:
    assert {tuple(c) for c in rule(NOISE).reshape(-1, 4)} <= set(INK.values())


def test_accuracy_is_of_the_pixels_that_were_not_given() -> None:
    true = np.zeros((2, 4, 4, 4), np.uint8)
    guess = true.copy()
    guess[:, ::2, ::2] = 9
    assert enlarge.accuracy(guess, true) == 1
    guess[0, 1] = 9
    assert enlarge.accuracy(guess, true) == pytest.approx(1 - 4 / 24)


@pytest.mark.slow
def test_the_table_holds_rules_and_models(tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    """Of a chain of scales a completion of every other pixel is the enlargement, and its bits are the last stage's."""
    words = ["train", "--model", "multiscale", "--preset", "debug", "--colours", "8", "--steps", "2", "--threads", "1"]
    assert pixelart([*words, "--batch-size", "4", "--data", str(tiny_data), "--out", str(tmp_path / "run")]) == 0
    assert pixelart(["export", str(tmp_path / "run"), "--name", "chain", "--checkpoints", str(tmp_path / "made")]) == 0
    out = tmp_path / "ENLARGE.md"
    given = ["--checkpoint", "chain", "--checkpoints", str(tmp_path / "made"), "--data", str(tiny_data)]
    assert enlarge.main([*given, "--limit", "3", "--out", str(out)]) == 0
    rows = {
        cells[0]: cells[1:] for cells in re.findall(r"^\| (.+?) \| (.*?) \| (.*?) \| (.*?) \|$", out.read_text(), re.M)
    }
    assert set(enlarge.RULES) | {"chain"} <= set(rows) and rows["nearest neighbour"][1:] == ("", "")
    assert all(cell for cell in rows["chain"])
    engine = Engine(tmp_path / "made")
    pictures = enlarge.unseen(engine, ["chain"], tiny_data, limit=3)
    assert len(pictures) == 3
    request = Request("chain", {pictures.class_names[0]: 1.0})
    (one,) = engine.enlarge(request, pictures.pictures[0][::2, ::2])
    (two,) = engine.complete(request, pictures.pictures[0], enlarge.others(8, 8))
    assert np.array_equal(one.picture, two.picture)
    one_picture = pictures.pictures[:1]
    figures = enlarge.judge_model(engine, "chain", one_picture, pictures.class_names[:1])
    truth = engine.log_likelihood("chain", one_picture[0], class_weights={pictures.class_names[0]: 1.0})
    assert figures.bits is not None and 0 < figures.bits * 48 < -truth / np.log(2)


def test_bad_input_is_one_plain_line(
    tiny_checkpoints: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--checkpoints", str(tiny_checkpoints), "--data", str(tiny_data)]
    assert enlarge.main(["--checkpoint", "nope", *words]) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "'nope' not found" in shown
