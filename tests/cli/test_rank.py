"""`python -m pixelart classify`, `rank` and `outliers` print what the engine finds for each picture of a folder."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from pixelart.engine import Engine
from pixelart.engine.outliers import Judged, with_surprise
from pixelart.images.io import encode_png, read_picture
from tests.cli.conftest import Run
from tests.cli.test_compress import folder

__all__ = ["folder"]  # a fixture


def test_classify_prints_every_probability(run: Run, tiny_checkpoints: Path, folder: Path, tmp_path: Path) -> None:
    engine, out = Engine(tiny_checkpoints), tmp_path / "deep" / "classes.csv"
    told = run("classify", folder, "--checkpoint tiny --checkpoints", tiny_checkpoints)
    head, *rows = csv.reader(told.out.splitlines())
    assert head == ["name", "class", "cross", "stripe"] and len(rows) == 4
    for name, best, *chances in rows:
        expected = engine.inspect("tiny", folder / name).class_probabilities
        assert best == max(expected, key=lambda one: expected[one])
        assert [float(one) for one in chances] == pytest.approx([expected["cross"], expected["stripe"]], abs=1e-6)
    assert [best for name, best, *_ in rows if "/" in name] == ["cross", "cross", "stripe"]
    run("classify", folder, "--checkpoint tiny --checkpoints", tiny_checkpoints, "--out", out)
    assert out.read_text().splitlines() == told.out.splitlines()


def test_rank_orders_by_bits_of_visible_pixels(run: Run, tiny_checkpoints: Path, folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)
    (folder / "cross" / "noise.png").write_bytes(encode_png(noise))
    engine, where = Engine(tiny_checkpoints), ("--checkpoint tiny --json --checkpoints", tiny_checkpoints)
    rows = run("rank", folder, *where).json
    assert [row["bits_per_pixel"] for row in rows] == sorted(row["bits_per_pixel"] for row in rows)
    for row in rows:
        picture = read_picture(folder / row["name"])
        bits = engine.inspect("tiny", picture, class_weights=row["class"]).bits
        assert row["bits"] == pytest.approx(bits.sum())
        assert row["bits_per_pixel"] == pytest.approx(bits[picture[..., 3] >= 128].mean())
    assert rows[-1]["name"] == "cross/noise.png"
    assert run("outliers", folder, *where).json[0]["name"] == "cross/noise.png"


def test_surprise_is_counted_within_a_class() -> None:
    judged = [Judged(str(i), "low" if i < 3 else "high", 0, bits) for i, bits in enumerate((1, 1, 4, 8, 8, 8))]
    found = with_surprise([*judged, Judged("alone", None, 0, 99)])
    assert [one.surprise for one in found] == pytest.approx([-(0.5**0.5), -(0.5**0.5), 2**0.5, 0, 0, 0, 0])


def test_a_name_that_no_table_can_hold_is_refused(run: Run, tiny_checkpoints: Path, folder: Path) -> None:
    picture = next(folder.rglob("*.png"))
    wrong = Path(os.fsdecode(os.fsencode(folder) + b"/h\xe9ros.png"))
    try:
        wrong.write_bytes(picture.read_bytes())
    except OSError:
        pytest.skip("this file system only takes UTF-8")
    told = run("classify", folder, "--checkpoint tiny --checkpoints", tiny_checkpoints)
    assert told.code == 2 and r"'h\udce9ros.png': the name is not UTF-8" in told.err


def test_a_picture_of_another_size_is_named(run: Run, tiny_checkpoints: Path, folder: Path) -> None:
    (folder / "wide.png").write_bytes(encode_png(np.zeros((8, 9, 4), np.uint8)))
    for command in ("classify", "rank", "outliers"):
        told = run(command, folder, "--checkpoint tiny --checkpoints", tiny_checkpoints)
        assert told.code == 2 and "wide.png is 9 x 8; tiny draws 8 x 8" in told.err
