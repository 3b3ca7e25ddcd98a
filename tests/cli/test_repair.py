"""`python -m pixelart repair` finds pixels that nothing around them explains, and draws them anew after a yes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from pixelart.cli import repair as module
from pixelart.cli.repair import SCALE
from pixelart.engine import ColourChance, Engine, Fault
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png, read_picture
from tests.cli.conftest import Run


@pytest.fixture
def dusty(tiny_pictures: dict[str, Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture in which two pixels are found to be faults."""
    file, black = tmp_path / "dusty.png", ColourChance((0, 0, 0, 255), 0.9)
    file.write_bytes(encode_png(tiny_pictures["cross"][0]))

    def faults(self: Engine, checkpoint: str, picture: Picture, *, count: int | None, **how: object) -> list[Fault]:
        found = [Fault(1, 2, 12.5, ColourChance((9, 8, 7, 255), 0.01), black), Fault(6, 5, 9.0, black, black)]
        return found[:count]

    monkeypatch.setattr(Engine, "faults", faults)
    return file


def test_nothing_is_written_without_a_yes(run: Run, tiny_checkpoints: Path, dusty: Path, tmp_path: Path) -> None:
    words = ("repair", dusty, "--checkpoint tiny --out", tmp_path / "to", "--checkpoints", tiny_checkpoints)
    told = run(*words)
    assert told.code == 0 and "row 1, column 2: 090807 takes 12.5 bits; most probable 000000 (90%)" in told.out
    assert "--yes draws them anew" in told.out and not (tmp_path / "to").exists()
    assert run(*words, "--json").json["images"] == [] and not (tmp_path / "to").exists()


@pytest.mark.parametrize(("answer", "count"), [("y\n", 2), ("n\n", 0), ("\n", 0), ("", 0)])
def test_a_yes_draws_these_pixels_and_no_other(
    answer: str, count: int, run: Run, tiny_checkpoints: Path, dusty: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(module.sys, "stdin", terminal)
    out = tmp_path / "to"
    told = run("repair", dusty, "--checkpoint tiny --out", out, "--checkpoints", tiny_checkpoints)
    assert "draw 2 pixels anew? [y/N]" in told.out
    assert len(list(out.glob("*"))) == count
    if count:
        before, after = read_picture(dusty), read_picture(out / "dusty-repaired.png")
        changed = np.argwhere((before != after).any(-1)).tolist()
        assert all(place in ([1, 2], [6, 5]) for place in changed)
        sides = read_picture(out / "dusty-before-after.png")
        assert sides.shape == (8 * SCALE, 17 * SCALE, 4)
        assert np.array_equal(sides[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE][:, :8], before)
        assert np.array_equal(sides[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE][:, 9:], after)


def test_a_count_may_be_given(run: Run, tiny_checkpoints: Path, dusty: Path, tmp_path: Path) -> None:
    words = ("repair", dusty, "--checkpoint tiny --yes --json --checkpoints", tiny_checkpoints, "--out", tmp_path)
    told = run(*words, "--count 1").json
    assert [fault["row"] for fault in told["faults"]] == [1] and len(told["images"]) == 2
