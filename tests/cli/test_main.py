"""`python -m pixelart`: its commands, what they print and write, and one plain line on bad input."""

from __future__ import annotations

import json
import logging
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.cli import draw as commands
from pixelart.cli import train as train_command
from pixelart.cli.main import main
from pixelart.engine import Engine
from pixelart.images.codec import Picture
from pixelart.images.coercion import as_mask
from pixelart.images.io import decode_picture, encode_png, read_picture
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import is_validation, read_pictures
from pixelart.training.export import export_run
from pixelart.training.runs import start_run

ROOT = Path(__file__).parents[2]
COMMANDS = ("models", "generate", "complete", "enlarge", "extend", "tileset", "animate", "inspect", "evaluate", "check")
COMMANDS += ("train", "export", "jobs")
Run = Callable[..., "Result"]


class Result:
    """Exit code, and what was printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1 and self.err == ""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> None:
    torch.set_num_threads(1)


@contextmanager
def _fresh_logging() -> Iterator[None]:
    """`main` sets up logging once a process: here as in a new one, so that what is logged to a terminal is seen."""
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """run("models", "--json", ...): words are split unless they hold a path."""

    def call(*words: object) -> Result:
        arguments = [part for word in words for part in (word.split() if isinstance(word, str) else [str(word)])]
        with _fresh_logging():
            try:
                code = main(arguments)
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return call


@pytest.fixture
def sprite(tmp_path: Path, tiny_pictures: dict[str, Picture]) -> Path:
    """in.png beside mask.png (white = repaint: the middle) in a folder of their own."""
    place = tmp_path / "input"
    place.mkdir()
    (place / "in.png").write_bytes(encode_png(tiny_pictures["cross"][2]))
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 255
    Image.fromarray(mask).save(place / "mask.png")
    return place


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


# --- help ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert shown.code == 0 and shown.err == ""
    assert re.search(rf"example:\n  python -m pixelart {command} \S", shown.out)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_uses_options_that_exist(command: str) -> None:
    from pixelart.cli.main import _parser

    subparsers = next(a for a in _parser(command)._actions if isinstance(a.choices, dict))
    assert isinstance(subparsers.choices, dict)
    example = subparsers.choices[command].epilog.split(f"pixelart {command} ")[1]
    options = _parser(command).parse_args([command, *example.split()])
    assert callable(options.run)


def test_the_whole_program_explains_itself(run: Run) -> None:
    shown = run("--help")
    assert shown.code == 0 and all(command in shown.out for command in COMMANDS)


def test_it_runs_as_a_module() -> None:
    """What it does there is shown by tests/training/test_resume.py; here, how it ends."""
    bad = [sys.executable, "-m", "pixelart", "paint"]
    result = subprocess.run(bad, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and result.stdout == "" and result.stderr.count("\n") == 1


# --- models -------------------------------------------------------------------------------------------------------


def test_models_lists_variants_and_checkpoints(run: Run, tiny_checkpoints: Path) -> None:
    listed = run("models --json --checkpoints", tiny_checkpoints).json
    assert listed["checkpoints"] == [
        {"name": "tiny", "model": "gated_pixelcnn", "size": [8, 8], "classes": ["cross", "stripe"], "looks": []}
    ]
    gated = next(v for v in listed["models"] if v["name"] == "gated_pixelcnn")
    assert {"default", "debug"} <= set(gated["presets"]) and gated["parameters"] > 10**6
    plain = run("models --checkpoints", tiny_checkpoints)
    (line,) = [line for line in plain.out.splitlines() if line.startswith("gated_pixelcnn ")]
    size = f"{gated['parameters'] / 1e6:.1f} M parameters (default; 32 x 32, 64 colours, 10 classes)"
    assert line == f"gated_pixelcnn  presets: {', '.join(gated['presets'])}  {size}"
    assert "gated_pixelcnn" in plain.out and "tiny" in plain.out and "cross, stripe" in plain.out


# --- generate and complete ----------------------------------------------------------------------------------------


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


# --- inspect ------------------------------------------------------------------------------------------------------


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


# --- evaluate -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def split_checkpoints(tiny_data: Path) -> Path:
    """Checkpoint "half", trained on about half of the tiny pictures."""
    threads, run = torch.get_num_threads(), tiny_data.parent / "half-run"
    schedule = Schedule(steps=10, batch_size=4, validation_share=0.5, threads=1, learning_rate=5e-3, ema=0.5)
    with start_run(run, tiny_data, preset="debug", colours=8, schedule=schedule) as trainer:
        trainer.train()
    torch.set_num_threads(threads)
    return export_run(run, tiny_data.parent / "half-checkpoints" / "half").parent


@pytest.mark.slow
def test_evaluate_leaves_out_training_pictures(run: Run, split_checkpoints: Path, tiny_data: Path) -> None:
    options = ("evaluate --checkpoint half --json --checkpoints", split_checkpoints, "--data", tiny_data)
    pictures = read_pictures(tiny_data)
    held_out = [is_validation(h, share=0.5) for h in pictures.hashes]
    assert 5 < sum(held_out) < 35
    result, everything = run(*options).json, run(*options, "--include-training").json
    assert result["images"] == sum(held_out) and everything["images"] == 40
    engine = Engine(split_checkpoints, device=torch.device("cpu"))
    nats = [
        -engine.log_likelihood("half", p, class_weights={c: 1.0})
        for p, c, held in zip(pictures.pictures, pictures.class_names, held_out, strict=True)
        if held
    ]
    assert result["nats_per_image"] == pytest.approx(np.mean(nats), rel=1e-4)
    assert result["bits_per_dim"] == pytest.approx(np.mean(nats) / (64 * np.log(2)), rel=1e-4)
    assert everything["bits_per_dim"] != result["bits_per_dim"]


@pytest.mark.slow
def test_evaluate_of_an_archive_is_the_same(run: Run, split_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "data"), "zip", tiny_data)
    options = ("evaluate --checkpoint half --json --checkpoints", split_checkpoints, "--data")
    assert run(*options, Path(archive)).json == run(*options, tiny_data).json


@pytest.mark.parametrize("holes", ["centre8", "centre16", "brush"])
def test_evaluate_measures_holes(run: Run, split_checkpoints: Path, tiny_data: Path, holes: str) -> None:
    options = f"evaluate --checkpoint half --holes {holes} --json --checkpoints"
    result = run(options, split_checkpoints, "--data", tiny_data).json
    seam = ("seam_bits", "seam_bits_without_context", "seam_ratio")
    measured = {"checkpoint", "bits_per_dim", "nats_per_image", "images", "holes"}
    assert set(result) == measured | {"hole_bits", "hole_bits_without_context", *seam}
    assert result["holes"] == holes and result["hole_bits"] > 0
    if holes == "brush":
        assert result["seam_bits"] != result["seam_bits_without_context"] and result["seam_bits"] > 0
        assert result["seam_ratio"] == pytest.approx(result["seam_bits"] / result["seam_bits_without_context"])
    else:  # nothing of an 8 x 8 picture is known, so there is no seam
        assert [result[key] for key in seam] == [None, None, None]
        assert result["hole_bits"] == pytest.approx(result["bits_per_dim"], rel=1e-4)
        assert result["hole_bits"] == result["hole_bits_without_context"]


def test_evaluate_tells_each_class(run: Run, split_checkpoints: Path, tiny_data: Path) -> None:
    options = ("evaluate --checkpoint half --per-class --include-training --json --checkpoints", split_checkpoints)
    result = run(*options, "--data", tiny_data).json
    assert set(result["per_class"]) == {"cross", "stripe"}
    assert np.mean([*result["per_class"].values()]) == pytest.approx(result["bits_per_dim"], rel=1e-6)


def test_a_folder_without_classes_is_judged_for_any_class(
    run: Run, split_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    for file in (tiny_data / "cross").iterdir():
        shutil.copy(file, tmp_path)
    options = "evaluate --checkpoint half --include-training --json --checkpoints"
    result = run(options, split_checkpoints, "--data", tmp_path).json
    engine = Engine(split_checkpoints, device=torch.device("cpu"))
    nats = [-engine.log_likelihood("half", p) for p in read_pictures(tmp_path).pictures]
    assert result["nats_per_image"] == pytest.approx(np.mean(nats), rel=1e-4)


# --- train and export ---------------------------------------------------------------------------------------------

TRAIN = "train --model gated_pixelcnn --preset debug --steps 4 --batch-size 2 --save-every 2 --colours 8 --threads 1"


@pytest.mark.slow
def test_train_export_and_generate(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "try"
    result = run(TRAIN, "--json --seed 1 --data", tiny_data, "--out", out).json
    assert result["run"] == str(out) and result["finished"] is True and result["step"] == 4
    assert result["train_bits"] > 0
    exported = run("export --name mine --json --checkpoints", tmp_path / "checkpoints", out).json
    assert exported == {"checkpoint": str(tmp_path / "checkpoints" / "mine")}
    assert run(
        "generate --checkpoint mine --json --checkpoints", tmp_path / "checkpoints", "--out", tmp_path / "o"
    ).json
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["mine"]


@pytest.mark.slow
def test_resume_without_a_run_starts_one(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    assert run(TRAIN, "--json --resume --data", tiny_data, "--out", tmp_path / "run").json["step"] == 4
    assert run(TRAIN, "--json --resume --data", tiny_data, "--out", tmp_path / "run").json["step"] == 4


@pytest.mark.slow
def test_ctrl_c_saves_and_stops(run: Run, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = train_command.Trainer._train_step

    def step(trainer: Any) -> float:
        if trainer.step == 2:
            signal.raise_signal(signal.SIGINT)
        return original(trainer)

    monkeypatch.setattr(train_command.Trainer, "_train_step", step)
    before = signal.getsignal(signal.SIGINT)
    result = run(TRAIN, "--json --data", tiny_data, "--out", tmp_path / "run").json
    assert result["finished"] is False and result["step"] == 2, "the step in which it was told is given up"
    assert (tmp_path / "run" / "step-00000002").is_dir() and signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_elsewhere_ends_quietly(
    run: Run, tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "generate", interrupted)
    result = run("generate --checkpoint tiny --checkpoints", tiny_checkpoints, "--out", tmp_path / "out")
    assert result.code == 130 and result.err == "" and not (tmp_path / "out").exists()


# --- bad input ----------------------------------------------------------------------------------------------------

CK = "--checkpoint tiny --checkpoints {checkpoints}"
DRAW = "generate " + CK + " --out {out}"
COMPLETE = "complete " + CK + " --out {out} --image {input}/in.png --mask {input}/mask.png"
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
    (place / "in.png").write_bytes(encode_png(tiny_pictures["cross"][2]))
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


def test_what_is_written_is_a_picture_of_its_settings(run: Run, tiny_checkpoints: Path, tmp_path: Path) -> None:
    options = "generate --checkpoint tiny --class stripe --checkpoints"
    assert run(options, tiny_checkpoints, "--out", tmp_path).code == 0
    data = (tmp_path / "0.png").read_bytes()
    assert decode_picture(data, name="0.png").shape == (8, 8, 4)
    assert b"stripe" in data and str(tmp_path).encode() not in data and str(tiny_checkpoints).encode() not in data
