"""`python -m pixelart extend`, `tileset` and `animate`: what they write is what the engine draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelart.engine import Engine
from pixelart.images.codec import Picture
from pixelart.images.io import decode_frames, encode_png, read_picture
from tests.cli.conftest import Run


def test_extend_writes_larger_pictures(run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path) -> None:
    engine, out = Engine(tiny_checkpoints), tmp_path / "out"
    where = ("--checkpoints", tiny_checkpoints, "--image", sprite / "in.png", "--out", out)
    told = run("extend --checkpoint tiny --left 3 --down 2 --count 2 --seed 5 --json", *where).json
    expected = engine.extend(engine.request("tiny", count=2, seed=5), sprite / "in.png", left=3, down=2)
    assert [image["seed"] for image in told["images"]] == [one.seed for one in expected]
    for i, one in enumerate(expected):
        drawn = read_picture(out / f"{i}.png")
        assert drawn.shape == (10, 11, 4) and np.array_equal(drawn, one.picture)
        assert np.array_equal(drawn[:8, 3:], read_picture(sprite / "in.png"))


def test_tileset_writes_16_tiles_and_a_sheet(
    run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path, tiny_pictures: dict[str, Picture]
) -> None:
    (sprite / "outside.png").write_bytes(encode_png(tiny_pictures["stripe"][0]))
    engine, out = Engine(tiny_checkpoints), tmp_path / "out"
    where = ("--checkpoints", tiny_checkpoints, "--image", sprite / "in.png", "--outside", sprite / "outside.png")
    told = run("tileset --checkpoint tiny --seed 2 --scale 2 --json", *where, "--out", out).json
    tiles = engine.tileset(engine.request("tiny", seed=2), sprite / "in.png", outside=sprite / "outside.png")
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*(f"{n}.png" for n in range(16)), "tileset.json", "tileset.png"]
    )
    for number, tile in enumerate(tiles.pictures):
        assert np.array_equal(read_picture(told["images"][number])[::2, ::2], tile)
    assert np.array_equal(read_picture(out / "tileset.png")[::2, ::2], tiles.sheet())
    frames = json.loads((out / "tileset.json").read_text(encoding="utf-8"))["frames"]
    sheet = read_picture(out / "tileset.png")
    for number in range(16):
        at = frames[f"tile_{number}"]["frame"]
        assert np.array_equal(
            sheet[at["y"] : at["y"] + 16, at["x"] : at["x"] + 16], read_picture(out / f"{number}.png")
        )


def test_animate_writes_a_gif_and_a_strip(run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path) -> None:
    engine, out = Engine(tiny_checkpoints), tmp_path / "out"
    files = ("--image", sprite / "in.png", "--mask", sprite / "mask.png", "--checkpoints", tiny_checkpoints)
    shown = run("animate --checkpoint tiny --frames 4 --seed 3 --frame-ms 150 --scale 2", *files, "--out", out)
    assert shown.code == 0 and "the model plans no movement" in shown.out
    expected = engine.animate(engine.request("tiny", seed=3), sprite / "in.png", sprite / "mask.png", frames=4).frames
    with Image.open(out / "animation.gif") as gif:
        assert gif.info["duration"] == 150 and gif.info["loop"] == 0
    moving = list(decode_frames((out / "animation.gif").read_bytes(), name="animation.gif"))
    strip = read_picture(out / "strip.png")
    assert len(moving) == 4 and strip.shape == (16, 64, 4)
    for i, frame in enumerate(expected):
        large = frame.repeat(2, 0).repeat(2, 1)
        for written in (read_picture(out / f"{i}.png"), moving[i], strip[:, 16 * i : 16 * i + 16]):
            assert np.array_equal(written, large)
    told = json.loads((out / "strip.json").read_text(encoding="utf-8"))
    assert list(told["frames"]) == ["in", "any_3", "any_4", "any_5"]
    assert {frame["duration"] for frame in told["frames"].values()} == {150}
    assert told["meta"]["frameTags"] == [{"name": "animation", "from": 0, "to": 3, "direction": "forward"}]


def test_frames_that_no_gif_can_hold_are_written_all_the_same(
    run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path
) -> None:
    picture, out = read_picture(sprite / "in.png"), tmp_path / "out"
    picture[0, 0] = 1, 2, 3, 100
    (sprite / "in.png").write_bytes(encode_png(picture))
    files = ("--image", sprite / "in.png", "--mask", sprite / "mask.png", "--checkpoints", tiny_checkpoints)
    told = run("animate --checkpoint tiny --seed 3", *files, "--out", out)
    assert told.code == 0 and "no animation.gif: a GIF cannot hold half-transparent pixels" in told.out
    assert {path.name for path in out.iterdir()} == {"0.png", "1.png", "2.png", "strip.png", "strip.json"}
    assert np.array_equal(read_picture(out / "0.png"), picture)
    assert run("animate --checkpoint tiny --json", *files, "--out", out).json["gif"] is None


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("extend", "nothing to extend: set left, right, up or down"),
        ("extend --left -2", "left -2: must be a whole number from 0 to 1024"),
        ("extend --right many", "invalid int value: 'many'"),
        ("tileset --outside {input}/small.png", "outside is 4 x 5; the tile is 8 x 8"),
        ("tileset --count 2", "unrecognized arguments: --count 2"),
        ("animate --mask {input}/mask.png --frames 9", "frames 9: must be a whole number from 2 to 4"),
        ("animate --mask {input}/mask.png --frame-ms 5", "frame-ms 5: must be from 20 to 10000"),
        ("animate", "required: --mask"),
    ],
)
def test_bad_values_are_told_in_one_line(
    run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path, command: str, reason: str
) -> None:
    (sprite / "small.png").write_bytes(encode_png(np.zeros((5, 4, 4), np.uint8)))
    words = [*command.replace("{input}", str(sprite)).split(" "), "--checkpoint", "tiny", "--image", sprite / "in.png"]
    result = run(*(Path(word) for word in words), "--checkpoints", tiny_checkpoints, "--out", tmp_path / "out")
    assert result.code == 2 and reason in result.err and result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
