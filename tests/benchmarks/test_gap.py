"""Bits of held-out and of as many training pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gap
from pixelart.training.data.pictures import PictureSet, read_pictures


def test_there_are_as_many_training_pictures_of_each_class() -> None:
    names, hashes = ("a",) * 6 + ("b",) * 4, tuple(f"{i}" for i in range(10))
    pictures = PictureSet(np.zeros((10, 1, 1, 4), np.uint8), names, hashes)
    held, learned = gap.as_many_seen(pictures, frozenset("0123678"))
    assert held.hashes == ("4", "5", "9") and learned.class_names == ("a", "a", "b")
    assert {*learned.hashes} <= {*"0123678"}


@pytest.mark.slow
def test_the_figures_of_a_checkpoint(
    own_checkpoints: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str], same_threads: None
) -> None:
    hashes = read_pictures(tiny_data).hashes
    (own_checkpoints / "tiny" / "training_images.txt").write_text("\n".join(hashes[::2]))
    words = ["--checkpoint", "tiny", "--checkpoints", str(own_checkpoints), "--data", str(tiny_data)]
    assert gap.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["gap"] == found["held_out"] - found["training"] and found["images"] == len(hashes) // 2
    assert gap.main(words) == 0 and "gap: " in capsys.readouterr().out
