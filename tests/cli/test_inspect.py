"""`python -m pixelart inspect`: bits, classes, the colours of a pixel, and the heat map."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelart.engine import Engine
from pixelart.images.io import encode_png, read_picture
from tests.cli.conftest import Run


def test_inspect_tells_what_the_engine_tells(run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path) -> None:
    heat = tmp_path / "new" / "heat.png"
    options = ("inspect --checkpoint tiny --class cross --top 3 --scale 4 --json --checkpoints", tiny_checkpoints)
    result = run(*options, "--image", sprite / "in.png", "--pixel 4,1 --out", heat).json
    engine, picture = Engine(tiny_checkpoints, device=torch.device("cpu")), read_picture(sprite / "in.png")
    weights = {"cross": 1.0}
    found = engine.inspect("tiny", picture, class_weights=weights)
    told = -engine.log_likelihood("tiny", picture, class_weights=weights) / np.log(2)
    assert result["bits"] == pytest.approx(told, rel=1e-6)
    assert result["bits_per_dim"] == pytest.approx(told / 64, rel=1e-6)
    assert result["snapped"] == 0 and result["checkpoint"] == "tiny"
    assert result["class_probabilities"] == pytest.approx(dict(found.class_probabilities), rel=1e-6)
    assert [p["bits"] for p in result["most_surprising"]] == pytest.approx(np.sort(found.bits, axis=None)[:-4:-1])
    for place in result["most_surprising"]:
        assert place["bits"] == pytest.approx(found.bits[place["row"], place["column"]])
    at = engine.colours_at("tiny", picture, row=4, column=1, top=3, class_weights=weights)
    pixel = result["pixel"]
    assert (pixel["row"], pixel["column"], pixel["exact"]) == (4, 1, True) and len(pixel["colours"]) == 3
    assert [c["probability"] for c in pixel["colours"]] == pytest.approx([c.probability for c in at.likely], rel=1e-5)
    words = {(0, 0, 0, 0): "transparent", (200, 30, 30, 255): "c81e1e", (30, 200, 30, 255): "1ec81e"}
    words |= {(30, 30, 200, 255): "1e1ec8", (240, 240, 240, 255): "f0f0f0"}
    assert [c["colour"] for c in pixel["colours"]] == [words[c.colour] for c in at.likely]
    assert pixel["current"]["colour"] == words[tuple(picture[4, 1].tolist())]
    assert result["heat_map"] == {"file": str(heat), "black_bits": 0.0, "white_bits": pytest.approx(found.bits.max())}
    brightness = read_picture(heat)[::4, ::4, :3].astype(int).sum(-1)
    assert read_picture(heat).shape == (32, 32, 4) and brightness.max() == 765
    assert np.argmax(brightness) == np.argmax(found.bits) and np.argmin(brightness) == np.argmin(found.bits)


def test_inspect_prints_plain_lines_and_writes_only_what_is_asked_for(
    run: Run, tiny_checkpoints: Path, sprite: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    foreign = read_picture(sprite / "in.png")
    foreign[0, 0] = (1, 2, 3, 255)
    (sprite / "in.png").write_bytes(encode_png(foreign))
    options = ("inspect --checkpoint tiny --top 2 --checkpoints", tiny_checkpoints, "--image", sprite / "in.png")
    shown = run(*options)
    lines = shown.out.splitlines()
    assert shown.code == 0 and shown.err == "" and not list(Path().iterdir())
    assert re.fullmatch(r"\d+\.\d bits, \d\.\d{3} bits/dim", lines[0])
    assert lines[1] == "pixels judged as the nearest colour of the checkpoint: 1"
    assert all(re.fullmatch(r"row \d, column \d: \d+\.\d\d bits", line) for line in lines[2:4])
    assert {re.fullmatch(r"class (\w+)  \d+\.\d\d%", line)[1] for line in lines[4:]} == {"cross", "stripe"}  # pyright: ignore[reportOptionalSubscript]
    more = run(*options, "--pixel 7,0 --out heat.png").out.splitlines()
    assert more[:6] == lines and [p.name for p in Path().iterdir()] == ["heat.png"]
    assert re.fullmatch(r"pixel 7,0 is (transparent|[0-9a-f]{6})  \d+\.\d\d%; it could be", more[6])
    assert len(more) == 10 and re.fullmatch(r"heat\.png: black 0 bits, white \d+\.\d\d bits", more[9])
    assert read_picture(Path("heat.png")).shape == (64, 64, 4)
