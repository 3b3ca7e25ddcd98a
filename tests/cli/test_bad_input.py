"""Bad input to any command gets one plain line, and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from pixelart.cli import draw as commands
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.training.data.pictures import is_validation, read_pictures
from tests.cli.conftest import TRAIN, Run

CK = "--checkpoint tiny --checkpoints {checkpoints}"
DRAW = "generate " + CK + " --out {out}"
COMPLETE = "complete " + CK + " --out {out} --image {input}/in.png --mask {input}/mask.png"
INTO_INPUT = COMPLETE.replace("{out}", "{input}") + " --count 2"
INSPECT = "inspect " + CK + " --image {input}/in.png"
EVALUATE = "evaluate " + CK + " --data {data}"
START = TRAIN + " --data {data} --out {out}"
BAD = {
    "no command": ("", "required: COMMAND"),
    "no such command": ("paint", "invalid choice: 'paint'"),
    "no such option": (DRAW + " --colour red", "unrecognized arguments: --colour red"),
    "no checkpoint": ("generate --out {out}", "required: --checkpoint"),
    "no out": ("generate " + CK, "required: --out"),
    "unknown checkpoint": (DRAW.replace("tiny", "huge"), "checkpoint 'huge' not found; checkpoints/ holds: tiny"),
    "checkpoint by path": (DRAW.replace("tiny", "../x"), "checkpoint '../x' not found"),
    "a folder that is no checkpoint": (DRAW.replace("tiny", "{input}"), "not found"),
    "no checkpoints at all": (DRAW.replace("{checkpoints}", "{input}"), "holds: none"),
    "unknown class": (DRAW + " --class dragon", "class 'dragon' is not one of cross, stripe"),
    "no such sampler": (DRAW + " --sampler best", "invalid choice: 'best'"),
    "count 0": (DRAW + " --count 0", "count 0: must be from 1 to 64"),
    "count 65": (COMPLETE + " --count 65", "count 65: must be from 1 to 64"),
    "count a word": (DRAW + " --count many", "invalid int value: 'many'"),
    "count of 5,000 digits": (DRAW + " --count " + "9" * 5000, "invalid int value"),
    "seed -1": (DRAW + " --seed -1", "seed -1: must be from 0 to"),
    "seed 1.5": (DRAW + " --seed 1.5", "invalid int value: '1.5'"),
    "seed 10^30": (DRAW + " --seed 1" + "0" * 30, "must be from 0 to"),
    "no such preset": (DRAW + " --preset loud", "invalid choice: 'loud'"),
    "temperature 0": (DRAW + " --temperature 0", "temperature 0: must be from 0.01 to 10"),
    "temperature NaN": (DRAW + " --temperature nan", "temperature nan: must be from"),
    "temperature inf": (DRAW + " --temperature inf", "temperature inf: must be from"),
    "temperature a word": (DRAW + " --temperature hot", "invalid float value: 'hot'"),
    "top-k 9": (DRAW + " --top-k 9", "top_k 9: must be from 0 to 5"),
    "top-p 0": (DRAW + " --top-p 0", "top_p 0: must be above 0"),
    "guidance 99": (DRAW + " --guidance 99", "guidance 99: must be from 0 to 10"),
    "scale 0": (DRAW + " --scale 0", "scale 0: must be from 1 to 32"),
    "a sheet of another kind": (DRAW + " --sheet {out}.json", "out.json: must end in .png"),
    "columns 65": (DRAW + " --sheet {input}/a.png/b.png --columns 65", "columns 65: must be from 0 to 64"),
    "columns of no sheet": (DRAW + " --columns 2", "columns needs --sheet"),
    "scale 33": (DRAW + " --scale 33", "scale 33: must be from 1 to 32"),
    "no colour": (DRAW + " --allow red", "colour 'red': write six hexadecimal digits"),
    "a colour outside the palette": (DRAW + " --allow c81e1e,123456", "colour '123456' is not in the palette"),
    "out is a file": (DRAW.replace("{out}", "{input}/in.png"), "in.png: is a file, not a folder"),
    "out is below a file": (DRAW.replace("{out}", "{input}/in.png/x"), "in.png is a file, not a folder"),
    "no image": (COMPLETE.replace("in.png", "gone.png"), "gone.png: No such file or directory"),
    "image is a folder": (COMPLETE.replace("/in.png", ""), "input: Is a directory"),
    "image is text": (COMPLETE.replace("in.png", "text.png"), "text.png: not a readable picture; the formats are PNG"),
    "image is TIFF": (COMPLETE.replace("in.png", "tiff.png"), "tiff.png: not a readable picture; the formats are PNG"),
    "image is too large": (COMPLETE.replace("in.png", "wide.png"), "wide.png: 2000 x 1 pixels; the limit is 1024"),
    "image of another size": (COMPLETE.replace("in.png", "small.png"), "picture is 4 x 5; tiny draws 8 x 8"),
    "a name of two lines": (COMPLETE.replace("in.png", "two\nlines.png"), "two lines.png: not a readable picture"),
    "mask is text": (COMPLETE.replace("mask.png", "text.png"), "text.png: not a readable picture"),
    "mask of another size": (COMPLETE.replace("mask.png", "small.png"), "mask is 4 x 5; the picture is 8 x 8"),
    "a result would replace the image": (INTO_INPUT.replace("in.png", "1.png"), "1.png: is the same file as --image"),
    "a result would replace the mask": (INTO_INPUT.replace("mask.png", "1.png"), "1.png: is the same file as --mask"),
    "the sheet would replace the image": (COMPLETE + " --sheet {input}/in.png", "in.png: is the same file as --image"),
    "the sheet would replace a picture": (DRAW + " --sheet {out}/0.png", "0.png: is also the name of a picture"),
    "an extension would replace the picture": (
        "extend " + CK + " --left 1 --image {input}/1.png --count 2 --out {input}",
        "1.png: is the same file as --image",
    ),
    "a tile would replace the picture": (
        "tileset " + CK + " --image {input}/in.png --outside {input}/1.png --out {input}",
        "1.png: is the same file as --outside",
    ),
    "a frame would replace the picture": (
        "animate " + CK + " --image {input}/1.png --mask {input}/mask.png --out {input}",
        "1.png: is the same file as --image",
    ),
    "empty mask": (COMPLETE.replace("mask.png", "black.png"), "the mask is empty"),
    "no mask": (COMPLETE.replace(" --mask {input}/mask.png", ""), "required: --mask"),
    "inspect no image": ("inspect " + CK, "required: --image"),
    "inspect a picture of another size": (INSPECT.replace("in.png", "small.png"), "picture is 4 x 5; tiny draws 8 x 8"),
    "inspect for an unknown class": (INSPECT + " --class dragon", "class 'dragon' is not one of cross, stripe"),
    "a row outside": (INSPECT + " --out {out} --pixel 8,0", "row 8: must be a whole number from 0 to 7"),
    "a column outside": (INSPECT + " --out {out} --pixel 0,-1", "column -1: must be a whole number from 0 to 7"),
    "half a pixel": (INSPECT + " --pixel 3", "argument --pixel: '3': write ROW,COLUMN such as 12,7"),
    "a pixel and a half": (INSPECT + " --pixel 1,2,3", "'1,2,3': write ROW,COLUMN such as 12,7"),
    "a pixel in words": (INSPECT + " --pixel one,two", "'one,two': write ROW,COLUMN such as 12,7"),
    "a pixel of 5,000 digits": (INSPECT + " --pixel 1," + "9" * 5000, "write ROW,COLUMN such as 12,7"),
    "top 0": (INSPECT + " --out {out} --top 0", "top 0: must be a whole number from 1 to 256"),
    "top 257": (INSPECT + " --top 257", "top 257: must be a whole number from 1 to 256"),
    "heat map of scale 33": (INSPECT + " --out {out} --scale 33", "scale 33: must be from 1 to 32"),
    "heat map over the picture": (INSPECT + " --out {input}/in.png", "in.png: is the same file as --image"),
    "a table over the picture": (
        "rank {input}/in.png " + CK + " --out {input}/in.png",
        "in.png: is the same file as the picture",
    ),
    "heat map to a folder": (INSPECT + " --out {input}", "is a folder; name a file"),
    "heat map to this folder": (INSPECT + " --out .", "out .: is a folder; name a file"),
    "heat map below a file": (INSPECT + " --out {input}/in.png/heat.png", "in.png is a file, not a folder"),
    "no data": (EVALUATE.replace("{data}", "{input}/gone"), "neither a folder nor a .zip"),
    "data is no archive": (EVALUATE.replace("{data}", "{input}/in.png"), "neither a folder nor a .zip"),
    "data is a damaged archive": (
        EVALUATE.replace("{data}", "{input}/cut.zip"),
        "cut.zip: the end of the .zip is missing",
    ),
    "data holds a fake": (EVALUATE.replace("{data}", "{input}/fake"), "1.png: not a readable picture"),
    "data of another size": (EVALUATE.replace("{data}", "{input}/sizes"), "1.png: 4 x 5 pixels; must be 8 x 8"),
    "data of unknown classes": (EVALUATE.replace("{data}", "{input}/classes"), "tiny has no class dragon"),
    "data that was all trained on": (EVALUATE.replace("{data}", "{trained}"), "pictures were trained on"),
    "no such holes": (EVALUATE + " --holes heart", "invalid choice: 'heart'"),
    "no such fit": (EVALUATE + " --fit crop", "invalid choice: 'crop'"),
    "neither steps nor minutes": (START.replace("--steps 4 ", ""), "set either steps or minutes"),
    "steps and minutes": (START + " --minutes 1", "set either steps or minutes"),
    "steps -1": (START + " --steps -1", "steps -1: must be from 0 to"),
    "minutes NaN": (START + " --steps 0 --minutes nan", "minutes nan: must be from"),
    "batch size 0": (START + " --batch-size 0", "batch_size 0: must be from 1 to"),
    "learning rate 9": (START + " --learning-rate 9", "learning_rate 9.0: must be from"),
    "accumulate 0": (START + " --accumulate 0", "accumulate 0: must be from 1 to"),
    "samples at no step": (START + " --sample-every -1", "sample_every -1: must be from 0 to"),
    "the worst to be kept": (START + " --keep worst", "keep 'worst': must be last or best"),
    "a palette to keep and no base": (START + " --palette keep", "palette keep: needs a base"),
    "a new class that is not wanted": (
        "train --steps 4 --data {input}/classes --out {out} --base tiny --checkpoints {checkpoints}"
        " --new-classes refuse",
        "classes: the base has no class dragon",
    ),
    "precision fp16": (START + " --precision fp16", "precision 'fp16': must be auto, fp32 or bf16"),
    "a machine that is not rented": (START + " --flavor a10g-small", "--flavor: only for a rented machine"),
    "a limit of no rented machine": (START + " --limit 5", "--limit: only for a rented machine"),
    "unknown model": (START + " --model vae", "model 'vae' is not one of diagonal_bilstm, gated_pixelcnn"),
    "unknown preset": (START + " --preset huge", "preset 'huge' of gated_pixelcnn is not one of default, debug"),
    "unknown codec": (START + " --codec cmyk", "codec 'cmyk' is not one of indexed, palette, rgb, gray, binary"),
    "colours 1": (START + " --colours 1", "colours 1: must be from 2 to 256"),
    "training on nothing": (START.replace("{data}", "{input}/empty"), "holds no picture"),
    "a run that exists": (START.replace("{out}", "{run}"), "already holds a run (--resume continues it)"),
    "a run that goes on with another seed": (
        START.replace("{out}", "{run}") + " --resume --steps 60 --batch-size 8 --save-every 40 --seed 2",
        "seed 2: this run was started with 1",
    ),
    "a run that goes on with other pictures": (
        "train --data {input}/classes --out {run} --resume",
        "the pictures are not the ones this run was started with",
    ),
    "a run that is not there": (
        "train --data {data} --out {out} --resume",
        "there is no run to continue; a new one needs --steps or --minutes",
    ),
    "a base and a model": (START + " --base tiny --checkpoints {checkpoints}", "model gated_pixelcnn: cannot be set"),
    "a base and a palette size": (
        "train --steps 4 --data {data} --out {out} --base tiny --checkpoints {checkpoints} --colours 9",
        "colours 9: cannot be set with a base, which decides it",
    ),
    "train out is a file": (START.replace("{out}", "{input}/in.png"), "in.png: is a file, not a folder"),
    "export of no run": ("export {input} --name x --checkpoints {out}", "not a run folder"),
    "export to a name that exists": ("export {run} --name tiny --checkpoints {checkpoints}", "tiny: exists already"),
    "export to a path": ("export {run} --name ../x --checkpoints {out}", "name '../x': use 1 to 64 letters"),
    "export to a hidden name": ("export {run} --name .x --checkpoints {out}", "name '.x': use 1 to 64 letters"),
    "export to a long name": ("export {run} --name " + "x" * 65 + " --checkpoints {out}", "use 1 to 64 letters"),
}


@pytest.fixture(scope="module")
def hostile(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory, tiny_pictures: dict[str, Picture]) -> Path:
    """A folder of inputs, good and bad. To be read only."""
    place = tmp_path_factory.mktemp("hostile") / "input"
    for name in ("empty", "fake/a", "sizes/cross", "classes/cross", "classes/dragon", "trained/cross"):
        (place / name).mkdir(parents=True)
    for name in ("in.png", "1.png"):
        (place / name).write_bytes(encode_png(tiny_pictures["cross"][2]))
    Image.new("L", (8, 8), 255).save(place / "mask.png")
    Image.new("L", (8, 8), 0).save(place / "black.png")
    Image.new("L", (4, 5), 255).save(place / "small.png")
    Image.new("L", (2000, 1), 255).save(place / "wide.png")
    Image.new("RGB", (8, 8)).save(place / "tiff.png", "TIFF")
    for name in ("text.png", "two\nlines.png", "fake/a/1.png"):
        (place / name).write_text("hello")
    shutil.make_archive(str(place / "whole"), "zip", tiny_data)
    (place / "cut.zip").write_bytes((place / "whole.zip").read_bytes()[:-200])
    shutil.copy(place / "small.png", place / "sizes" / "cross" / "1.png")
    for number, name in enumerate(["classes/cross", "classes/dragon"]):
        (place / name / "1.png").write_bytes(encode_png(255 - tiny_pictures["cross"][number]))
    hashes, names = read_pictures(tiny_data).hashes, sorted(p for p in tiny_data.rglob("*.png"))
    seen = next(p for p, h in zip(names, hashes, strict=True) if not is_validation(h, share=0.1))
    shutil.copy(seen, place / "trained" / "cross" / "1.png")
    return place


def _tree(*folders: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for folder in folders for p in [folder, *folder.rglob("*")]}


@pytest.mark.parametrize(("command", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("as_json", [False, True], ids=["plain", "json"])
def test_bad_input_is_told_in_one_line_and_changes_nothing(
    run: Run,
    hostile: Path,
    tiny_checkpoints: Path,
    tiny_run: Path,
    tiny_data: Path,
    tmp_path: Path,
    command: str,
    message: str,
    as_json: bool,
) -> None:
    places = {
        "checkpoints": tiny_checkpoints, "input": hostile, "run": tiny_run, "data": tiny_data,
        "trained": hostile / "trained", "out": tmp_path / "out",
    }  # fmt: skip
    words = [Path(word.format(**places)) for word in command.split(" ") if word]
    before = _tree(hostile, tiny_checkpoints, tiny_run)
    result = run(*words, *(["--json"] if as_json and words else []))
    assert result.code == 2 and result.out == ""
    assert result.err.count("\n") == 1 and result.err.endswith("\n") and "Traceback" not in result.err
    assert message in result.err and result.err.startswith("pixelart")
    assert _tree(hostile, tiny_checkpoints, tiny_run) == before
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint_is_told_in_one_line(run: Run, own_checkpoints: Path, tmp_path: Path) -> None:
    (own_checkpoints / "tiny" / "model.safetensors").write_bytes(b"\x80\x02}q\x00.")
    result = run("generate --checkpoint tiny --checkpoints", own_checkpoints, "--out", tmp_path / "out")
    assert result.code == 2 and result.err.count("\n") == 1 and "not a safetensors file" in result.err


def test_an_unknown_checkpoint_beside_a_damaged_one_is_told_in_one_line(
    run: Run, own_checkpoints: Path, tmp_path: Path
) -> None:
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "torn")
    (own_checkpoints / "torn" / "config.json").write_text("{")
    result = run("generate --checkpoint huge --checkpoints", own_checkpoints, "--out", tmp_path / "out")
    assert result.code == 2 and result.err.count("\n") == 1 and "holds: tiny\n" in result.err


@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line(
    run: Run, tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(commands, "write_file", full)
    result = run("generate --checkpoint tiny --checkpoints", tiny_checkpoints, "--out", tmp_path / "out")
    assert (
        result.code == 2 and result.err == f"pixelart generate: {tmp_path / 'out' / '0.png'}: No space left on device\n"
    )
