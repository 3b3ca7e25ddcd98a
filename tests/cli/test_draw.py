"""`python -m pixelart generate` and `complete`: the pictures that are written, and what is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.engine import Engine
from pixelart.images.codec import Picture
from pixelart.images.coercion import as_mask
from pixelart.images.io import decode_picture, encode_png, read_picture
from tests.cli.conftest import Run

# --- generate -----------------------------------------------------------------------------------------------------


def test_generate_writes_numbered_pictures_and_nothing_else(run: Run, tiny_checkpoints: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "heroes"
    options = "generate --checkpoint tiny --class cross --count 3 --temperature 0.9 --seed 5 --scale 4 --json"
    result = run(options, "--checkpoints", tiny_checkpoints, "--out", out).json
    assert [Path(i["file"]) for i in result["images"]] == [out / f"{i}.png" for i in range(3)]
    assert [i["seed"] for i in result["images"]] == [5, 6, 7]
    assert all(i["log_prob"] < 0 for i in result["images"])
    assert sorted(p.name for p in out.iterdir()) == ["0.png", "1.png", "2.png"]
    engine = Engine(tiny_checkpoints, device=torch.device("cpu"))
    drawn = engine.generate(engine.request("tiny", class_weights={"cross": 1.0}, count=3, temperature=0.9, seed=5))
    for i, drawing in enumerate(drawn):
        large = drawing.picture.repeat(4, 0).repeat(4, 1)
        assert np.array_equal(read_picture(out / f"{i}.png"), large)
        assert drawing.log_prob == result["images"][i]["log_prob"]


def test_a_sheet_and_its_json_are_written_beside_the_pictures(run: Run, tiny_checkpoints: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheets" / "stripes.png"
    where = ("--checkpoints", tiny_checkpoints, "--out", tmp_path, "--sheet", sheet)
    told = run("generate --checkpoint tiny --class stripe --count 5 --seed 7 --scale 2 --json", *where).json
    assert told["sheet"] == {"file": str(sheet), "data": str(sheet.with_suffix(".json")), "columns": 3, "rows": 2}
    frames = json.loads(sheet.with_suffix(".json").read_text(encoding="utf-8"))
    assert list(frames["frames"]) == [f"stripe_{seed}" for seed in range(7, 12)]
    assert frames["meta"]["image"] == "stripes.png" and frames["meta"]["size"] == {"w": 48, "h": 32}
    picture = read_picture(sheet)
    for i, frame in enumerate(frames["frames"].values()):
        x, y = frame["frame"]["x"], frame["frame"]["y"]
        assert np.array_equal(picture[y : y + 16, x : x + 16], read_picture(tmp_path / f"{i}.png"))


def test_a_preset_gives_what_is_not_said(run: Run, own_checkpoints: Path, tmp_path: Path) -> None:
    file = own_checkpoints / "tiny" / "config.json"
    config = json.loads(file.read_text())
    values = {"temperature": 0.5, "top_p": 0.8, "top_k": 3, "guidance": 2.0}
    middle = {"temperature": 0.7, "top_p": 1.0, "top_k": 0, "guidance": 1.5}
    config["training"]["presets"] = {"calm": values, "balanced": middle, "wild": {**values, "temperature": 2}}
    file.write_text(json.dumps(config))

    def settings(options: str) -> dict[str, Any]:
        out = tmp_path / "out"
        drawn = "generate --checkpoint tiny --class cross --checkpoints"
        assert run(f"{drawn} {own_checkpoints} --out {out} {options}").code == 0
        with Image.open(out / "0.png") as picture:
            text = json.loads(picture.info["pixelart"])
        return {name: text[name] for name in values}

    assert settings("") == settings("--preset balanced") == middle
    assert settings("--preset calm") == values
    assert settings("--preset wild --top-k 0 --guidance 1") == {**values, "temperature": 2, "top_k": 0, "guidance": 1}
    assert settings("--temperature 1 --top-p 0.9") == {**middle, "temperature": 1, "top_p": 0.9}


def test_generate_prints_a_line_a_picture(run: Run, tiny_checkpoints: Path, tmp_path: Path) -> None:
    shown = run("generate --checkpoint tiny --count 2 --checkpoints", tiny_checkpoints, "--out", tmp_path / "out")
    assert shown.code == 0 and shown.err == "" and shown.out.count("\n") == 2
    assert re.match(r".*0\.png  seed 0  log p -\d", shown.out)


def test_a_checkpoint_may_be_a_folder(
    run: Run, own_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_checkpoints)
    results = [
        run(f"generate --count 1 --json --out {tmp_path / str(i)} --checkpoint", folder).json["images"][0]["log_prob"]
        for i, folder in enumerate([own_checkpoints / "tiny", "./tiny", "tiny", "../checkpoints/tiny/", "tiny/."])
    ]
    assert len(set(results)) == 1


def test_every_sampler_writes_the_same(run: Run, tiny_checkpoints: Path, tmp_path: Path) -> None:
    options = "generate --checkpoint tiny --temperature 2 --seed 3 --json --checkpoints"
    names = ("auto", "cached", "graph", "persistent", "fixed_point", "naive")
    for name in names:
        assert run(options, tiny_checkpoints, "--sampler", name, "--out", tmp_path / name).code == 0
    assert len({(tmp_path / name / "0.png").read_bytes() for name in names}) == 1


def test_only_allowed_colours_are_drawn(run: Run, tiny_checkpoints: Path, tmp_path: Path) -> None:
    options = "generate --checkpoint tiny --allow transparent,#C81E1E --temperature 5 --count 2 --checkpoints"
    assert run(options, tiny_checkpoints, "--out", tmp_path).code == 0
    seen = {tuple(c) for i in range(2) for c in read_picture(tmp_path / f"{i}.png").reshape(-1, 4).tolist()}
    assert seen == {(0, 0, 0, 0), (200, 30, 30, 255)}


def test_what_is_written_is_a_picture_of_its_settings(run: Run, tiny_checkpoints: Path, tmp_path: Path) -> None:
    options = "generate --checkpoint tiny --class stripe --checkpoints"
    assert run(options, tiny_checkpoints, "--out", tmp_path).code == 0
    data = (tmp_path / "0.png").read_bytes()
    assert decode_picture(data, name="0.png").shape == (8, 8, 4)
    assert b"stripe" in data and str(tmp_path).encode() not in data and str(tiny_checkpoints).encode() not in data


def test_an_interrupt_elsewhere_ends_quietly(
    run: Run, tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "generate", interrupted)
    result = run("generate --checkpoint tiny --checkpoints", tiny_checkpoints, "--out", tmp_path / "out")
    assert result.code == 130 and result.err == "" and not (tmp_path / "out").exists()


# --- complete -----------------------------------------------------------------------------------------------------


def test_complete_keeps_every_unmasked_pixel(run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path) -> None:
    foreign = np.random.default_rng(0).integers(0, 256, (8, 8, 4)).astype(np.uint8)
    foreign[0, :4] = [(9, 9, 9, 0), (7, 8, 9, 0), (1, 2, 3, 127), (1, 2, 3, 200)]
    Image.fromarray(foreign).save(sprite / "in.png")
    options = "complete --checkpoint tiny --class cross --count 4 --seed 1 --json --checkpoints"
    result = run(options, tiny_checkpoints, "--image", sprite / "in.png", "--mask", sprite / "mask.png",
                 "--out", tmp_path / "done").json  # fmt: skip
    assert sorted(p.name for p in (tmp_path / "done").iterdir()) == [f"{i}.png" for i in range(4)]
    scores = [i["log_prob"] for i in result["images"]]
    assert scores == sorted(scores, reverse=True)
    assert sorted(i["seed"] for i in result["images"]) == [1, 2, 3, 4]
    known = np.ones((8, 8), np.bool_)
    known[2:6, 2:6] = False
    for i in range(4):
        done = read_picture(tmp_path / "done" / f"{i}.png")
        assert np.array_equal(done[known], foreign[known])
        assert np.isin(done[~known][:, 3], (0, 255)).all()


def test_own_colours_are_those_of_the_picture(
    run: Run, tiny_checkpoints: Path, tiny_pictures: dict[str, Picture], tmp_path: Path
) -> None:
    picture = tiny_pictures["cross"][3].copy()
    picture[..., :3][picture[..., 3] > 0] ^= 1
    mask = np.zeros((8, 8, 4), np.uint8)
    mask[2:6, 3:] = 255
    for name, data in (("in", picture), ("mask", mask)):
        (tmp_path / f"{name}.png").write_bytes(encode_png(data))
    common = ["complete", "--checkpoint", "tiny", "--checkpoints", tiny_checkpoints, "--image", tmp_path / "in.png"]
    common += ["--mask", tmp_path / "mask.png", "--seed", 4]
    drawn = []
    for name, words in (("plain", []), ("own", ["--own-colours"])):
        assert run(*common, *words, "--out", tmp_path / name).code == 0
        drawn.append(read_picture(tmp_path / name / "0.png")[2:6, 3:].reshape(-1, 4))
    kept = {tuple(c) for c in picture.reshape(-1, 4).tolist()}
    plain, own = ({tuple(c) for c in part.tolist()} for part in drawn)
    assert own & kept - {(0, 0, 0, 0)} and not plain & kept - {(0, 0, 0, 0)}


@pytest.mark.parametrize("colour", [(0, 0, 0, 0), (30, 200, 30, 255)], ids=["clear", "opaque"])
def test_completed_pixels_are_of_the_palette(
    run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path, colour: tuple[int, ...]
) -> None:
    word = "transparent" if colour[3] == 0 else "1ec81e"
    options = ("--image", sprite / "in.png", "--mask", sprite / "mask.png", "--out", tmp_path)
    assert run(f"complete --checkpoint tiny --allow {word} --checkpoints", tiny_checkpoints, *options).code == 0
    assert (read_picture(tmp_path / "0.png")[2:6, 2:6] == colour).all()


def test_a_mask_is_white_on_black_or_on_clear(tmp_path: Path) -> None:
    mask = np.zeros((1, 6, 4), np.uint8)
    mask[0] = [
        (255, 255, 255, 255), (255, 255, 255, 0), (0, 0, 0, 255), (128, 128, 128, 255), (127, 127, 127, 255),
        (255, 0, 0, 255),
    ]  # fmt: skip
    (tmp_path / "mask.png").write_bytes(encode_png(mask))
    assert as_mask(tmp_path / "mask.png").tolist() == [[True, False, False, True, False, False]]


# --- both ---------------------------------------------------------------------------------------------------------


def test_seamless_pictures_come_from_the_terminal_too(
    run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path
) -> None:
    engine, picture = Engine(tiny_checkpoints), read_picture(sprite / "in.png")
    mask = read_picture(sprite / "mask.png")[..., 0] > 0
    request = engine.request("tiny", seed=5, seamless="xy")
    where = ("--checkpoints", tiny_checkpoints, "--out", tmp_path)
    run("generate --checkpoint tiny --seed 5 --seamless xy --json", *where)
    assert np.array_equal(read_picture(tmp_path / "0.png"), engine.generate(request)[0].picture)
    files = ("--image", sprite / "in.png", "--mask", sprite / "mask.png")
    run("complete --checkpoint tiny --seed 5 --seamless xy --json", *files, *where)
    assert np.array_equal(read_picture(tmp_path / "0.png"), engine.complete(request, picture, mask)[0].picture)
    assert run("generate --checkpoint tiny --seamless z", *where).code == 2
