"""An artist's own picture, larger: what stays, what may be asked, what is refused; with a small chain of scales."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, config_of
from pixelart.checkpoint.weights import pack_weights
from pixelart.engine import Engine, Request
from pixelart.engine.completion import context_of, enlarge_picture, step_to
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Gray, Indexed, Picture, parse_hex_colours
from pixelart.images.io import encode_png, read_picture
from pixelart.layers.context import Context
from pixelart.models import create_model, list_models
from pixelart.models.multiscale import stage
from pixelart.sampling import Controls
from tests.cli.conftest import Run
from tests.cli.conftest import run as run
from tests.conftest import COLOURS
from tests.models.checks import lively_model

CODEC = Indexed(COLOURS[1:, :3])
CLASSES = ("cross", "stripe", "dot")


def write(folder: Path, **config: Any) -> None:
    """A checkpoint of random weights for 8 x 8 pictures in the folder."""
    model = lively_model("multiscale", channels=1, levels=CODEC.levels, shape=(8, 8), **config)
    folder.mkdir(parents=True)
    (folder / CONFIG_FILE).write_bytes(config_of(model, "multiscale", CODEC, CLASSES).to_json())
    (folder / WEIGHTS_FILE).write_bytes(pack_weights(model))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the chain "chain" of three scales: 2 x 2, 4 x 4, 8 x 8. To be read only."""
    folder = tmp_path_factory.mktemp("enlarge")
    write(folder / "chain", stages=(stage("gated_pixelcnn", preset="debug"),) * 3)
    return folder


@pytest.fixture
def engine(checkpoints: Path) -> Engine:
    torch.set_num_threads(1)
    return Engine(checkpoints, device=torch.device("cpu"))


def sprite(height: int = 4, width: int = 4, seed: int = 0) -> Picture:
    """Colours outside the palette, soft alpha, and hidden colours under transparency."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)


# --- the engine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("size", [(4, 4), (1, 1), (3, 4), (2, 1)], ids=str)
def test_every_given_pixel_stays_bit_for_bit(engine: Engine, size: tuple[int, int], factor: int) -> None:
    picture = sprite(*size)
    drawings = engine.enlarge(Request("chain", {"dot": 1.0}, count=3, seed=5), picture, factor=factor)
    for drawing in drawings:
        assert drawing.picture.shape == (factor * size[0], factor * size[1], 4)
        assert np.array_equal(drawing.picture[::factor, ::factor], picture)
        others = np.ones(drawing.picture.shape[:2], np.bool_)
        others[::factor, ::factor] = False
        assert {tuple(c) for c in drawing.picture[others]} <= {tuple(c) for c in CODEC.table}
    assert [d.log_prob for d in drawings] == sorted((d.log_prob for d in drawings), reverse=True)
    assert sorted(d.seed for d in drawings) == [5, 6, 7] and drawings[0].settings["factor"] == factor
    assert drawings[0].settings["size"] == f"{factor * size[1]}x{factor * size[0]}"


def test_of_its_own_size_it_draws_what_a_completion_draws(engine: Engine) -> None:
    """A picture whose every second pixel is known: the chain has nothing to draw but the last scale."""
    picture, request = CODEC.table[np.random.default_rng(1).integers(5, size=(4, 4))], Request("chain", count=4, seed=2)
    mask = np.ones((8, 8), np.bool_)
    mask[::2, ::2] = False
    completed = {d.seed: d.picture for d in engine.complete(request, picture.repeat(2, 0).repeat(2, 1), mask)}
    for drawing in engine.enlarge(request, picture):
        assert np.array_equal(drawing.picture, completed[drawing.seed])


def test_its_log_p_is_of_the_pixels_that_were_not_given(engine: Engine) -> None:
    picture = CODEC.table[np.random.default_rng(1).integers(5, size=(4, 4))]
    (best, *_) = engine.enlarge(Request("chain", count=2), picture)
    whole = engine.log_likelihood("chain", best.picture)
    model = engine.library.load("chain").model
    x = CODEC.encode(picture[None])
    small = 0.0
    for network, scale in zip(model.stages()[:2], (2, 1), strict=True):
        given = Context(torch.zeros(1, 3), x[..., ::scale, ::scale], torch.ones(1, 4 // scale, 4 // scale).bool())
        given = given if scale == 2 else given.with_low_res(x[..., ::2, ::2])
        small += float((network.log_prob(given.pixels, given) * given.mask[:, None]).sum())
    assert best.log_prob == pytest.approx(whole - small, abs=1e-3)


def test_a_seed_is_a_picture_at_any_count(engine: Engine) -> None:
    for factor in (2, 4):
        many = {d.seed: d for d in engine.enlarge(Request("chain", count=18, seed=3), sprite(), factor=factor)}
        for seed in (3, 11, 20):
            (one,) = engine.enlarge(Request("chain", seed=seed), sprite(), factor=factor)
            assert np.array_equal(one.picture, many[seed].picture)
            assert one.log_prob == pytest.approx(many[seed].log_prob, abs=1e-4)
    assert len({d.picture.tobytes() for d in many.values()}) > 1


def test_controls_are_kept_to(engine: Engine) -> None:
    picture = CODEC.table[np.ones((4, 4), np.int64)]
    (only,) = engine.enlarge(Request("chain", allowed=(1, 3)), picture, factor=4)
    assert {tuple(c) for c in only.picture.reshape(-1, 4)} <= {tuple(CODEC.table[k]) for k in (1, 3)}
    heat = np.full((8, 8), 0.01)
    cold = engine.enlarge(Request("chain", count=3, temperature=heat), picture)
    assert len({d.picture.tobytes() for d in cold}) == 1, "at no temperature every seed draws the most probable picture"
    with pytest.raises(RequestRejected, match="temperature map is 4 x 4; the picture is 8 x 8"):
        engine.enlarge(Request("chain", temperature=np.ones((4, 4))), picture)
    with pytest.raises(RequestRejected, match="count 0"):
        engine.enlarge(Request("chain", count=0), picture)
    with pytest.raises(RequestRejected, match="class 'dragon'"):
        engine.enlarge(Request("chain", {"dragon": 1.0}), picture)


def test_rows_are_shown_over_the_picture_enlarged_plainly(engine: Engine) -> None:
    picture, frames = sprite(), list[tuple[int, int, Picture]]()

    def on_row(done: int, rows: int, pictures: Any) -> None:
        frames.append((done, rows, pictures()[0]))

    (drawing,) = engine.enlarge(Request("chain"), picture, on_row=on_row)
    assert [(done, rows) for done, rows, _ in frames] == [(i, 8) for i in range(1, 9)]
    for done, _, shown in frames:
        assert np.array_equal(shown[:done], drawing.picture[:done])
        assert np.array_equal(shown[done:], picture.repeat(2, 0).repeat(2, 1)[done:])


def test_a_stop_ends_it(engine: Engine) -> None:
    with pytest.raises(Cancelled):
        engine.enlarge(Request("chain"), sprite(), cancel=lambda: True)


@pytest.mark.parametrize("factor", [0, 1, 3, 8, -2, 2.0, True, "2", None])
def test_a_factor_is_two_or_four(engine: Engine, factor: Any) -> None:
    with pytest.raises(RequestRejected, match=r"factor .*: must be one of 2, 4"):
        engine.enlarge(Request("chain"), sprite(), factor=factor)


@pytest.mark.parametrize("axes", ["x", "y", "xy", "z"])
def test_a_seamless_request_is_refused(engine: Engine, axes: str) -> None:
    with pytest.raises(RequestRejected, match=f"seamless '{axes}'"):
        engine.enlarge(Request("chain", seamless=axes), sprite())


def test_sizes_have_limits(engine: Engine) -> None:
    assert engine.enlarge(Request("chain"), sprite(8, 8))[0].picture.shape == (16, 16, 4)
    for size, factor in [((9, 8), 2), ((8, 9), 2), ((5, 4), 4)]:
        with pytest.raises(RequestRejected, match="chain enlarges to at most 16 x 16"):
            engine.enlarge(Request("chain"), sprite(*size), factor=factor)
    for picture in (sprite()[..., :2], sprite()[0], sprite()[:0]):
        with pytest.raises(RequestRejected, match="needs"):
            engine.enlarge(Request("chain"), picture)


def test_the_step_for_the_nearest_size_is_taken(engine: Engine) -> None:
    model = engine.library.load("chain").model
    taken = {size: step_to(model, size, size).config.height for size in (2, 4, 5, 6, 8, 16)}
    assert taken == {2: 4, 4: 4, 5: 4, 6: 8, 8: 8, 16: 8}


def test_a_network_of_one_width_is_not_asked_for_another() -> None:
    stages = tuple(stage(name, preset="debug") for name in ("gated_pixelcnn", "row_rnn"))
    model = create_model("multiscale", preset="debug", channels=1, levels=4, height=8, width=8, num_classes=1,
                         stages=stages)  # fmt: skip
    assert step_to(model, 8, 8) is model.stages()[1]
    with pytest.raises(RequestRejected, match="enlarges only to 8 x 8, not to 16 x 8"):
        step_to(model, 8, 16)


@pytest.mark.slow
@pytest.mark.parametrize("variant", sorted(set(list_models()) - {"multiscale", "row_rnn", "sketch_pixelcnn"}))
def test_any_variant_enlarges_pictures_of_any_size(variant: str) -> None:
    first = variant if variant == "pixelcnn_plus_plus" else "pixelcnn"
    stages = tuple(stage(name, preset="debug") for name in (first, variant))
    data = {"channels": 1, "levels": 256, "height": 8, "width": 8, "num_classes": 3}
    torch.manual_seed(0)
    model = create_model("multiscale", preset="debug", **data, stages=stages)
    for size in ((2, 5), (6, 3)):
        given = (model, Gray(), sprite(*size), torch.zeros(3))
        (drawn,) = enlarge_picture(*given, factor=2, count=1, seed=0, controls=Controls())
        assert drawn.picture.shape == (2 * size[0], 2 * size[1], 4)
        uniform = -3 * size[0] * size[1] * np.log(256)
        assert 1.5 * uniform < drawn.log_prob < 0.5 * uniform


@pytest.mark.parametrize("place", [(0, 0), (4, 2), (6, 6), (1, 0), (3, 3), (7, 7)], ids=str)
def test_the_colours_at_a_pixel_are_what_its_completion_draws_from(engine: Engine, place: tuple[int, int]) -> None:
    """Whichever scale it belongs to: a larger one that sees it does not tell its colour."""
    picture = CODEC.table[np.random.default_rng(6).integers(5, size=(8, 8))]
    told = engine.colours_at("chain", picture, row=place[0], column=place[1])
    assert sum(chance.probability for chance in told.likely) == pytest.approx(1)
    mask = np.zeros((8, 8), np.bool_)
    mask[place] = True
    loaded = engine.library.load("chain")
    context = context_of(loaded.codec, picture, mask, torch.zeros(3), count=1)
    p = float(loaded.model.log_prob(context.pixels, context)[0, 0][place].exp())
    assert told.current.probability == pytest.approx(p, rel=1e-4)
    drawings = engine.complete(Request("chain", count=64), picture, mask)
    share = np.mean([np.array_equal(d.picture, picture) for d in drawings])
    assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / 64) + 1e-3


def test_a_checkpoint_without_scales_is_refused_and_told_which_will_do(
    engine: Engine, checkpoints: Path, own_checkpoints: Path
) -> None:
    assert engine.info("chain").enlarges and not Engine(own_checkpoints).info("tiny").enlarges
    with pytest.raises(RequestRejected, match=r"tiny does not enlarge: .*; these do: none"):
        Engine(own_checkpoints).enlarge(Request("tiny"), sprite())
    write(own_checkpoints / "larger")
    with pytest.raises(RequestRejected, match=r"these do: larger"):
        Engine(own_checkpoints).enlarge(Request("tiny"), sprite())


# --- the terminal -------------------------------------------------------------------------------------------------


def test_the_command_writes_what_the_engine_draws(run: Run, checkpoints: Path, engine: Engine, tmp_path: Path) -> None:
    picture = sprite()
    (tmp_path / "in.png").write_bytes(encode_png(picture))
    words = "enlarge --factor 2 --count 4 --seed 1 --class dot --temperature 0.8 --json --checkpoints"
    told = run(words, checkpoints, "--image", tmp_path / "in.png", "--out", tmp_path / "out").json
    request = engine.request("chain", class_weights={"dot": 1.0}, count=4, seed=1, temperature=0.8)
    expected = engine.enlarge(request, picture)
    assert told["checkpoint"] == "chain" and told["snapped"] == engine.snap("chain", picture)[1] > 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{i}.png" for i in range(4)]
    for image, drawing in zip(told["images"], expected, strict=True):
        assert np.array_equal(read_picture(Path(image["file"])), drawing.picture)
        assert (image["seed"], image["log_prob"]) == (drawing.seed, drawing.log_prob)
    shown = run(words.replace("--json ", ""), checkpoints, "--image", tmp_path / "in.png", "--out", tmp_path / "out")
    assert shown.code == 0 and shown.out.count("\n") == 5 and "nearest colour" in shown.out


@pytest.mark.parametrize(
    ("words", "reason"),
    [("--factor 3", "factor 3: must be one of 2, 4"), ("--factor two", "invalid int"), ("--count 0", "count 0"),
     ("--checkpoint nope", "'nope' not found"), ("--image none.png", "none.png"), ("--scale 99", "scale 99")],
)  # fmt: skip
def test_bad_input_is_one_plain_line(run: Run, checkpoints: Path, tmp_path: Path, words: str, reason: str) -> None:
    (tmp_path / "in.png").write_bytes(encode_png(sprite()))
    answer = run("enlarge --checkpoints", checkpoints, "--image", tmp_path / "in.png", "--out", tmp_path / "o", words)
    assert answer.code == 2 and answer.err.count("\n") == 1 and reason in answer.err
    assert not (tmp_path / "o").exists()


def test_without_a_checkpoint_that_enlarges_the_command_says_what_is_missing(
    run: Run, tiny_checkpoints: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.png").write_bytes(encode_png(sprite()))
    answer = run("enlarge --checkpoints", tiny_checkpoints, "--image", tmp_path / "in.png", "--out", tmp_path / "o")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert re.search("no checkpoint in .* enlarges; train one: --model multiscale", answer.err)


def test_a_palette_of_hex_words_can_be_allowed(run: Run, checkpoints: Path, tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(encode_png(CODEC.table[np.ones((2, 2), np.int64)]))
    words = "enlarge --checkpoint chain --factor 4 --allow c81e1e,transparent --json --checkpoints"
    told = run(words, checkpoints, "--image", tmp_path / "in.png", "--out", tmp_path / "out").json
    drawn = read_picture(Path(told["images"][0]["file"]))
    red = parse_hex_colours(["c81e1e"])[0].tolist()
    assert {tuple(c) for c in drawn.reshape(-1, 4).tolist()} <= {(*red, 255), (0, 0, 0, 0)}


@pytest.mark.slow
def test_evaluate_tells_each_scale(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    options = "train --model multiscale --preset debug --colours 8 --threads 1 --steps 40 --batch-size 8"
    options += " --learning-rate 5e-3 --ema 0.9 --data"
    assert run(options, tiny_data, "--out", tmp_path / "run").code == 0
    assert run("export", tmp_path / "run", "--name chain --checkpoints", tmp_path / "made").code == 0
    told = run("evaluate --checkpoint chain --json --checkpoints", tmp_path / "made", "--data", tiny_data).json
    assert [s["size"] for s in told["stages"]] == [[4, 4], [8, 8]]
    bits = sum(s["bits_per_dim"] * s["size"][0] * s["size"][1] for s in told["stages"])
    assert bits / 64 == pytest.approx(told["bits_per_dim"])
    assert all(s["bits_per_drawn"] < 0.9 * np.log2(5) for s in told["stages"]), "every scale has learned"
