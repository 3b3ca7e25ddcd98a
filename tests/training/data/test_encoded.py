"""The file of example palettes of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelart.images.class_names import Labels
from pixelart.images.codec import Paletted
from pixelart.images.example_palettes import CLASS_PALETTES_FILE
from pixelart.training.data import encoded
from pixelart.training.data.encoded import CodedPictures, code_pictures, write_class_palettes
from tests.training.files import noise

LABELS = Labels(("cross", "stripe"), (), ())


@pytest.fixture
def coded() -> CodedPictures:
    """Forty pictures of each class, in palettes of their own."""
    codec = Paletted(np.arange(24, dtype=np.uint8).reshape(8, 3), levels=9)
    pictures = np.stack([noise(number) for number in range(80)])
    return code_pictures(codec, pictures, torch.arange(80) % 2)


def written(folder: Path, coded: CodedPictures, *, base: str = "") -> dict[str, list[str]]:
    folder.mkdir()
    write_class_palettes(folder, [coded], LABELS, base=base)
    return json.loads((folder / CLASS_PALETTES_FILE).read_bytes())


def test_a_full_file_keeps_fewer_palettes_and_reads_each_picture_once(
    coded: CodedPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, read, convert = written(tmp_path / "whole", coded), list[int](), encoded.from_oklab

    def counted(colours: NDArray[np.float64]) -> NDArray[np.uint8]:
        read.append(len(colours))
        return convert(colours)

    monkeypatch.setattr(encoded, "from_oklab", counted)
    monkeypatch.setattr(encoded, "MAX_BYTES", 400)
    few = written(tmp_path / "few", coded)
    assert [len(whole[name]) for name in LABELS.classes] == [40, 40] and len(read) == 80
    assert [len(few[name]) for name in LABELS.classes] == [4, 4]
    for name in LABELS.classes:
        assert [one for one in whole[name] if one in few[name]] == few[name], "in the order of the pictures"


def test_palettes_of_a_base_that_fill_the_file_are_left_out(
    coded: CodedPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "base", coded)
    monkeypatch.setattr(encoded, "MAX_BYTES", 400)
    (tmp_path / "run").mkdir()
    both = Labels(("ring", *LABELS.classes), (), ())
    only_ring = CodedPictures(coded.x, torch.zeros(80, dtype=torch.long), coded.own)
    write_class_palettes(tmp_path / "run", [only_ring], both, base=str(tmp_path / "base"))
    assert json.loads((tmp_path / "run" / CLASS_PALETTES_FILE).read_bytes()) == {}
