"""The benchmark of quality: real tiles keep to their parts, the judge is one and the same, and all is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.quality import __main__ as program
from benchmarks.quality import drawing
from benchmarks.quality import judge as judging
from benchmarks.quality.drawing import draw_classes
from benchmarks.quality.judge import Judge, find_judge, judge_digest
from benchmarks.quality.measure import Measure, ceiling, quality
from benchmarks.quality.report import means
from benchmarks.quality.tiles import Tiles, of_class, read_tiles
from pixelart.checkpoint.format import CONFIG_FILE, LIMITS_KEY, read_config
from pixelart.checkpoint.presets import PRESET_NAMES
from pixelart.engine import Drawing, Engine, Request
from pixelart.engine.redrawing import without_defects
from pixelart.errors import RequestRejected
from pixelart.images.defects import DefectLimits
from pixelart.images.example_palettes import CLASS_PALETTES_FILE, ExamplePalette, class_palettes_json
from pixelart.sampling import Controls
from pixelart.training.data.pictures import is_validation
from tests.conftest import COLOURS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many small pictures of two classes that are easily told apart: so many that every part has some of both."""
    folder, random = tmp_path_factory.mktemp("many") / "data", np.random.default_rng(0)
    for name, rows in (("cross", slice(None)), ("stripe", slice(None, None, 2))):
        (folder / name).mkdir(parents=True)
        for i in range(120):
            indices = np.zeros((8, 8), np.int64)
            indices[rows, random.integers(1, 5) :] = random.integers(1, 5)
            indices[random.integers(8), :] = random.integers(1, 5)
            indices[:, random.integers(8)] = random.integers(1, 5)
            Image.fromarray(COLOURS[indices]).save(folder / name / f"{i:03}.png")
    return folder


@pytest.fixture(scope="module")
def short() -> Iterator[None]:
    """Training of the judge that takes a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "EPOCHS", 10)
        patch.setattr(judging, "EPOCH", 640)
        yield


@pytest.fixture(scope="module")
def tiles(data: Path) -> Tiles:
    return read_tiles(data)


@pytest.fixture(scope="module")
def kept(short: None, tiles: Tiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds the judge."""
    file = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    find_judge(tiles, file)
    return file


@pytest.fixture(scope="module")
def judge(tiles: Tiles, kept: Path) -> Judge:
    return find_judge(tiles, kept)


def test_tiles_are_in_one_part_each_by_their_content(tiles: Tiles) -> None:
    parts = (tiles.held_out, tiles.validation, tiles.training)
    for part, least, most in zip(parts, (0, 0.1, 0.15), (0.1, 0.15, 1), strict=True):
        assert len(part) and all(least <= int(h[:8], 16) / 2**32 < most for h in part.hashes)
    assert all(is_validation(h, share=0.1) for h in tiles.held_out.hashes)
    assert tiles.part("validation") is tiles.validation and tiles.part("held_out") is tiles.held_out


@pytest.mark.slow
def test_the_judge_is_trained_once_and_the_same_from_anew(
    tiles: Tiles, judge: Judge, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judge.recognises(tiles.held_out.array, tiles.held_out.class_names).mean() > 0.8
    assert judge_digest(judging.train_judge(tiles)) == judge_digest(judge)
    features = judge.features(judge.snap(tiles.training.array))
    assert np.square(features).mean() == pytest.approx(1)
    monkeypatch.setattr(judging, "train_judge", lambda *_, **__: pytest.fail("it is kept"))
    again = find_judge(tiles, kept)
    assert np.array_equal(again.features(tiles.held_out.array), judge.features(tiles.held_out.array))
    for changed in (Tiles(tiles.held_out, tiles.validation, tiles.training), tiles):
        kept.write_bytes(kept.read_bytes() if changed is not tiles else b"damaged")
        with pytest.raises(pytest.fail.Exception, match="it is kept"):
            find_judge(changed, kept)


@pytest.mark.slow
def test_the_judge_does_not_change_the_random_numbers_of_others(tiles: Tiles, short: None) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    judging.train_judge(tiles)
    assert torch.equal(torch.rand(2), expected)


def test_drawn_pictures_are_those_of_the_engine_and_kept(
    tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(tiny_checkpoints, device=torch.device("cpu"))
    controls = Controls(temperature=0.7, top_k=3, top_p=0.9, guidance=1.5)
    drawn = draw_classes(engine, "tiny", controls, count=3, first_seed=7, keep=tmp_path)
    assert drawn.class_names == ("cross",) * 3 + ("stripe",) * 3 and drawn.pictures.shape == (6, 8, 8, 4)
    request = Request("tiny", {"stripe": 1.0}, count=3, seed=7, temperature=0.7, top_k=3, top_p=0.9, guidance=1.5)
    stripes = engine.generate(request)
    assert np.array_equal(drawn.of("stripe"), np.stack([d.picture for d in stripes]))
    assert drawn.log_prob[3:].tolist() == [d.log_prob for d in stripes]
    monkeypatch.setattr(engine, "generate", lambda request: pytest.fail("it is kept"))
    assert np.array_equal(
        draw_classes(engine, "tiny", controls, count=3, first_seed=7, keep=tmp_path).pictures, drawn.pictures
    )
    with pytest.raises(pytest.fail.Exception, match="it is kept"):
        draw_classes(engine, "tiny", Controls(temperature=0.8), count=3, first_seed=7, keep=tmp_path)
    with pytest.raises(pytest.fail.Exception, match="it is kept"):
        draw_classes(engine, "tiny", controls, count=3, first_seed=7, redraw=2, keep=tmp_path)


def test_what_changes_the_pictures_has_pictures_of_its_own(own_checkpoints: Path, tmp_path: Path) -> None:
    folder, keep = own_checkpoints / "tiny", tmp_path / "drawn"

    def is_drawn(redraw: int) -> bool:
        before = {*keep.glob("*")}
        engine = Engine(own_checkpoints, device=torch.device("cpu"))
        draw_classes(engine, "tiny", Controls(), count=1, classes=["cross"], redraw=redraw, keep=keep)
        return {*keep.glob("*")} != before

    assert [is_drawn(redraw) for redraw in (0, 2, 0, 2)] == [True, True, False, False]
    config = json.loads((folder / CONFIG_FILE).read_bytes())
    config["training"][LIMITS_KEY] = {"cross": DefectLimits(0.5, 1).values()}
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    assert (is_drawn(0), is_drawn(2)) == (False, True)
    (folder / CLASS_PALETTES_FILE).write_bytes(class_palettes_json({"cross": [ExamplePalette(COLOURS[1:3, :3])]}))
    assert (is_drawn(0), is_drawn(0)) == (True, False)


def test_a_raised_number_drops_all_cached_pictures(
    tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(tiny_checkpoints, device=torch.device("cpu"))
    for number in (0, 1):
        monkeypatch.setattr(drawing, "SAMPLING", number)
        draw_classes(engine, "tiny", Controls(), count=1, classes=["cross"], keep=tmp_path)
    assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.parametrize("count", [40, 70])
def test_a_replacement_is_never_a_picture_of_the_next_request(
    tiny_checkpoints: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every picture counts as empty, so all are replaced."""
    engine, seeds, asked = Engine(tiny_checkpoints, device=torch.device("cpu")), list[int](), list[Request]()

    def generate(request: Request) -> list[Drawing]:
        asked.append(request)
        found = without_defects(request, DefectLimits(1.1, 1), some, None)
        seeds.extend(one.seed for one in found)
        return found

    def some(request: Request, _: object) -> list[Drawing]:
        nothing, first = np.zeros((8, 8, 4), np.uint8), request.seed
        return [Drawing(nothing, first + i, 0.0, {}) for i in range(request.count)]

    monkeypatch.setattr(engine, "generate", generate)
    draw_classes(engine, "tiny", Controls(), count=count, first_seed=5, classes=["cross"], redraw=2)
    assert len(set(seeds)) == len(seeds) == count
    assert [(one.seed, one.count) for one in asked] == [(5, 40)] if count == 40 else [(5, 64), (5 + 3 * 64, 6)]
    asked.clear()
    draw_classes(engine, "tiny", Controls(), count=count, first_seed=5, classes=["cross"])
    assert [one.seed for one in asked] == [*range(5, 5 + count, 16)]


@pytest.mark.slow
def test_real_tiles_measure_as_real_and_noise_does_not(tiles: Tiles, judge: Judge) -> None:
    real = ceiling(judge, tiles)["pooled"]
    random, shape = np.random.default_rng(0), (40, 8, 8)
    names = ["cross"] * 20 + ["stripe"] * 20
    noise = Measure(judge, tiles, "held_out").of(COLOURS[random.integers(0, 5, shape)], names, None, two_sample=True)
    assert real["kernel_distance"]["value"] < noise["pooled"]["kernel_distance"]["value"]
    assert real["precision"]["value"] > noise["pooled"]["precision"]["value"]
    lone = noise["mean_of_classes"]["lone_pixels"]
    assert lone["drawn"] > 2 * lone["real"]
    assert real["near_copies"]["count"] == 0 and real["distinct"]["count"] == real["class_accuracy"]["count"]


@pytest.mark.slow
def test_quality_counts_what_is_drawn(own_checkpoints: Path, tiles: Tiles, judge: Judge) -> None:
    engine = Engine(own_checkpoints, device=torch.device("cpu"))
    seen = own_checkpoints / "tiny" / "training_images.txt"
    seen.write_text("\n".join(tiles.training.hashes))
    figures = quality(engine, "tiny", Controls(), 6, judge, tiles, part="validation")
    assert figures["pictures"] == 12 and figures["controls"]["guidance"] == 1.0
    assert figures["pooled"]["near_copies"]["count"] == 12
    sizes = {name: min(6, len(of_class(tiles.validation, name))) for name in tiles.classes}
    assert figures["pooled"]["two_sample"]["count"] == 2 * sum(sizes.values())
    assert figures["classes"]["cross"]["class_accuracy"]["count"] == 6
    real = of_class(tiles.training, "cross")[:2]
    copies = Measure(judge, tiles, "held_out")
    from benchmarks.quality.measure import Learned

    found = copies.of(real, ["cross"] * 2, Learned(engine, "tiny", tiles), two_sample=False)
    assert found["pooled"]["near_copies"]["value"] == 1.0


@pytest.mark.slow
def test_the_program_chooses_presets_and_writes_all(
    own_checkpoints: Path,
    data: Path,
    tmp_path: Path,
    kept: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["--checkpoint", "tiny", "--checkpoints", str(own_checkpoints), "--data", str(data), "--json"]
    words += ["--judge", str(kept), "--keep", str(tmp_path / "drawn"), "--pictures", "4", "--grid-pictures", "4"]
    words += ["--temperatures", "0.8", "1.2", "--top-ps", "1", "--guidances", "1", "--completions", "1"]
    out = tmp_path / "QUALITY.md"
    monkeypatch.setattr(program, "HOLES", ("brush",))
    asked, draw = list[Any](), program.draw_classes
    monkeypatch.setattr(program, "draw_classes", lambda *a, **k: [asked.append(k.get("classes")), draw(*a, **k)][1])
    assert program.main([*words, "--grid", "--orders", "--write-presets", "--out", str(out)]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(told["held_out"]) == {*PRESET_NAMES, "plain", program.REDRAWN} and len(told["grid"]) == 2
    presets = read_config(own_checkpoints / "tiny").presets
    assert {name: preset.values() for name, preset in presets.items()} == told["presets"]
    assert presets["balanced"].temperature in (0.8, 1.2)
    assert json.loads((tmp_path / "quality" / "results" / "tiny.json").read_bytes()) == told
    text = out.read_text()
    assert "## tiny" in text and "| class gain |" in text and "real training tiles" in text
    with Image.open(tmp_path / "quality-tiny.png") as sheet:
        assert sheet.width > sheet.height
    assert asked and None not in asked, "others than the judge knows may have other sizes"
    before = out.read_bytes()
    assert program.main([*words, "--quick", "--out", str(out)]) == 0
    quick = json.loads(capsys.readouterr().out)
    assert set(quick["validation"]) == set(PRESET_NAMES) and out.read_bytes() == before


def test_each_result_is_written_when_it_is_found(
    own_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(engine: Engine, name: str, *_: Any) -> dict[str, Any]:
        if name == "third":
            raise RequestRejected("its data is missing")
        return {"checkpoint": name}

    monkeypatch.setattr(program, "measure_checkpoint", measure)
    monkeypatch.setattr(program.report, "text", lambda found: ", ".join(one["checkpoint"] for one in found))
    words = ["--checkpoints", str(own_checkpoints), "--out", str(tmp_path / "QUALITY.md")]
    assert program.main([*words, "--checkpoint", "first", "second", "third"]) == 2
    assert (tmp_path / "QUALITY.md").read_text() == "first, second"
    results = tmp_path / "quality" / "results"
    assert sorted(path.name for path in results.iterdir()) == ["first.json", "second.json"]


def test_bad_input_gets_one_line(own_checkpoints: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--checkpoints", str(own_checkpoints), "--data", str(data)]
    for words, reason in (
        (["--checkpoint", "none"], "checkpoint 'none' not found"),
        (["--pictures", "0"], "pictures: must be at least 1"),
        (["--quick", "--write-presets"], "write-presets: not with --quick"),
    ):
        assert program.main([*words, *where]) == 2
        shown = capsys.readouterr().err
        assert reason in shown and shown.count("\n") == 1


def test_orders_are_not_measured_in_palettes_of_its_own(
    sketch_checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["--checkpoint", "any", "--checkpoints", str(sketch_checkpoints), "--orders"]) == 2
    assert "orders: any draws each picture in a palette of its own" in capsys.readouterr().err


def test_colours_are_compared_class_by_class(tiles: Tiles, judge: Judge) -> None:
    crosses, stripes = (of_class(tiles.held_out, name) for name in ("cross", "stripe"))
    drawn = np.concatenate([crosses, stripes[:2]])
    found = Measure(judge, tiles, "held_out").of(
        drawn, ["cross"] * len(crosses) + ["stripe"] * 2, None, two_sample=False
    )
    of_classes = [found["classes"][name]["colours"] for name in ("cross", "stripe")]
    for side in ("drawn", "real"):
        mean = np.mean([one[side]["value"] for one in of_classes])
        assert found["mean_of_classes"]["colours"][side] == pytest.approx(mean, abs=1e-6)
    assert "colours" not in found["pooled"] and "colours, drawn / real" in means([("a", found)])
