"""The engine with a tiny trained checkpoint: what is drawn, what is kept, what is refused, and all of it at once."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image

from pixelart.checkpoint.library import Library
from pixelart.controls import CONTROLS
from pixelart.devices import pick_device
from pixelart.engine import Drawing, Engine, Request, most_probable_first
from pixelart.errors import Cancelled, RequestRejected, WeightsRejected
from pixelart.images.codec import Picture
from pixelart.images.coercion import map_settings
from pixelart.images.io import decode_picture
from pixelart.settings import SETTINGS, VERSION

Mask = NDArray[np.bool_]
CPU = torch.device("cpu")
MAX_SEED = int((CONTROLS["seed"].limits or (0, 0))[1])


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> None:
    """Tiny layers are drawn fastest so; threads are asked for where they matter."""
    torch.set_num_threads(1)


@pytest.fixture
def picture(tiny_pictures: dict[str, Picture]) -> Picture:
    return tiny_pictures["cross"][3].copy()


def _hole(seed: int = 0, share: float = 0.4) -> Mask:
    return np.random.default_rng(seed).random((8, 8)) < share


def _same(some: list[Drawing], others: list[Drawing]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(np.array_equal(a.picture, b.picture) and a.seed == b.seed for a, b in pairs)


def _blank_model(checkpoints: Path, name: str) -> None:
    shutil.copytree(checkpoints / "tiny", checkpoints / name)


# --- generate -----------------------------------------------------------------------------------------------------


def test_generated_pictures_are_of_the_checkpoint(engine: Engine) -> None:
    drawings = engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=5, seed=3))
    colours = engine.info("tiny").colours
    assert colours is not None
    table = {tuple(c) for c in colours}
    assert [d.seed for d in drawings] == [3, 4, 5, 6, 7]
    for drawing in drawings:
        assert drawing.picture.shape == (8, 8, 4) and drawing.picture.dtype == np.uint8
        assert {tuple(c) for c in drawing.picture.reshape(-1, 4)} <= table
    assert len({d.picture.tobytes() for d in drawings}) > 1


def test_the_same_seed_is_the_same_picture_at_any_count(engine: Engine) -> None:
    ask = {"class_weights": {"stripe": 1.0}, "guidance": 1.5}
    twenty = engine.generate(Request("tiny", count=20, seed=100, **ask))
    assert _same(engine.generate(Request("tiny", count=20, seed=100, **ask)), twenty)
    for count, seed in [(1, 100), (3, 105), (16, 100), (4, 116), (1, 119)]:
        assert _same(engine.generate(Request("tiny", count=count, seed=seed, **ask)), twenty[seed - 100 :][:count])


def test_the_same_seed_is_the_same_picture_at_any_number_of_threads(engine: Engine) -> None:
    request = Request("tiny", count=7, seed=5)
    pictures = []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        pictures.append(engine.generate(request))
    assert _same(pictures[0], pictures[1]) and _same(pictures[0], pictures[2])


def test_other_seeds_and_classes_are_other_pictures(engine: Engine) -> None:
    base = engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=8, seed=1))
    assert not _same(base, engine.generate(Request("tiny", class_weights={"stripe": 1.0}, count=8, seed=1)))
    other_seed = engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=8, seed=50))
    assert not any(np.array_equal(a.picture, b.picture) for a, b in zip(base, other_seed, strict=True))


def test_the_extreme_seeds_draw(engine: Engine) -> None:
    assert engine.generate(Request("tiny", seed=MAX_SEED, count=2))[1].seed == MAX_SEED + 1
    assert engine.generate(Request("tiny", seed=0))[0].seed == 0


def test_a_blend_of_classes_is_normalised(engine: Engine) -> None:
    def draw(**weights: float) -> list[Drawing]:
        return engine.generate(Request("tiny", class_weights=weights, count=6, seed=2))

    assert _same(draw(cross=1.0), draw(cross=7.0)) and _same(draw(cross=1.0), draw(cross=1e-30, stripe=0.0))
    assert _same(draw(cross=1.0, stripe=3.0), draw(cross=1e300, stripe=3e300))
    assert _same(draw(), draw(cross=0.0))
    assert not _same(draw(cross=1.0, stripe=1.0), draw(cross=1.0))


def test_blends_sum_to_one_and_name_the_classes_in_order(engine: Engine) -> None:
    loaded = engine.library.load("tiny")
    assert loaded.class_weights({"stripe": 3, "cross": 1}).tolist() == [0.25, 0.75]
    assert loaded.class_weights({}).tolist() == [0.0, 0.0]


def test_top_k_of_one_and_low_temperature_draw_the_most_probable(engine: Engine) -> None:
    best = engine.generate(Request("tiny", top_k=1, count=3))
    assert _same(best, [Drawing(best[0].picture, i, 0.0, {}) for i in range(3)])
    assert _same(best, engine.generate(Request("tiny", temperature=0.01, count=3)))
    assert _same(best, engine.generate(Request("tiny", top_p=1e-6, count=3)))


def test_a_temperature_map_cools_its_area_alone(engine: Engine) -> None:
    heat = np.ones((8, 8))
    heat[:4] = 0.01
    drawings = engine.generate(Request("tiny", temperature=heat, count=8))
    assert len({d.picture[:4].tobytes() for d in drawings}) == 1
    assert len({d.picture[4:].tobytes() for d in drawings}) > 4
    assert json.loads(json.dumps(drawings[0].settings))["temperature"] == map_settings(heat)


@pytest.mark.parametrize("allowed", [(0,), (2,), (1, 3), (0, 4)])
def test_only_allowed_colours_are_drawn(engine: Engine, allowed: tuple[int, ...]) -> None:
    colours = engine.info("tiny").colours
    assert colours is not None
    for drawing in engine.generate(Request("tiny", allowed=allowed, count=6, temperature=3.0)):
        assert {tuple(c) for c in drawing.picture.reshape(-1, 4)} <= {tuple(colours[k]) for k in allowed}


def test_settings_tell_how_a_drawing_was_made(engine: Engine) -> None:
    request = Request("tiny", class_weights={"cross": 1.0}, count=3, seed=4, temperature=0.9, top_k=3, allowed=(0, 1))
    drawing = engine.generate(request)[2]
    assert drawing.settings["seed"] == drawing.seed == 6
    assert drawing.settings["checkpoint"] == "tiny" and drawing.settings["size"] == "8x8"
    assert drawing.settings["class_weights"] == {"cross": 1.0}
    assert drawing.settings["version"] == VERSION and drawing.settings["mask"] == [0, 64]
    weights = (engine.library.folder / "tiny" / "model.safetensors").read_bytes()
    assert drawing.settings["revision"] == hashlib.sha256(weights).hexdigest()[:16]
    colours = engine.info("tiny").colours
    assert colours is not None
    assert drawing.settings["palette"] == hashlib.sha256(colours.tobytes()).hexdigest()[:16]
    image = Image.open(io.BytesIO(drawing.png(scale=3)))
    assert image.mode == "P" and image.size == (24, 24)
    kept = json.loads(getattr(image, "text")["pixelart"])  # noqa: B009
    again = Request(
        kept["checkpoint"],
        class_weights=kept["class_weights"],
        seed=kept["seed"],
        temperature=kept["temperature"],
        top_k=kept["top_k"],
        top_p=kept["top_p"],
        guidance=kept["guidance"],
        allowed=tuple(kept["allowed"]),
    )
    assert np.array_equal(engine.generate(again)[0].picture, drawing.picture)
    assert np.array_equal(decode_picture(drawing.png(), name="a"), drawing.picture)


def test_numbers_of_any_library_are_plain_ones(engine: Engine) -> None:
    """They reach compiled code, seeds and JSON: an integer where a float is meant compiles the kernel once more."""
    request = Request(
        "tiny",
        class_weights={"cross": np.float32(1)},  # pyright: ignore[reportArgumentType]
        count=np.int32(2),  # pyright: ignore[reportArgumentType]
        seed=np.int64(3),  # pyright: ignore[reportArgumentType]
        temperature=np.float32(0.5),  # pyright: ignore[reportArgumentType]
        top_k=np.uint8(3),  # pyright: ignore[reportArgumentType]
        top_p=1,
        guidance=2,
        allowed=np.flatnonzero([1, 0, 1, 1]),  # pyright: ignore[reportArgumentType]
    )
    plain = Request(
        "tiny", class_weights={"cross": 1.0}, count=2, seed=3, temperature=0.5, top_k=3, guidance=2.0, allowed=(0, 2, 3)
    )
    assert request == plain and repr(request) == repr(plain)
    drawn = engine.generate(request)
    assert _same(drawn, engine.generate(plain)) and decode_picture(drawn[0].png(), name="a").shape == (8, 8, 4)


# --- complete -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_unmasked_pixels_come_back_bit_for_bit(engine: Engine, seed: int) -> None:
    """Whatever they are: colours outside the palette, soft alpha, colours under transparent pixels."""
    foreign = np.random.default_rng(seed).integers(0, 256, (8, 8, 4)).astype(np.uint8)
    mask = _hole(seed, share=(0.02, 0.1, 0.4, 0.7, 0.95, 0.99)[seed])
    mask[0, 0], mask[7, 7] = True, False
    given = foreign.copy()
    for drawing in engine.complete(Request("tiny", count=3, seed=seed), foreign, mask):
        assert np.array_equal(drawing.picture[~mask], given[~mask])
        assert engine.snap("tiny", drawing.picture)[1] == int(
            engine.library.load("tiny").codec.snapped(given[None])[0][~mask].sum()
        )
    assert np.array_equal(foreign, given)


def test_settings_tell_what_was_repainted(engine: Engine, picture: Picture) -> None:
    for corners in ([], [(0, 0)], [(7, 7)], [(0, 0), (7, 7)]):
        mask = np.zeros((8, 8), np.bool_)
        mask[2, 3:7] = mask[5:, 1] = True
        for corner in corners:
            mask[corner] = True
        (drawing,) = engine.complete(Request("tiny"), picture, mask)
        runs = json.loads(getattr(Image.open(io.BytesIO(drawing.png())), "text")["pixelart"])["mask"]  # noqa: B009
        assert np.array_equal(np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(8, 8), mask)
        assert all(run > 0 for run in runs[1:])


def test_candidates_come_most_probable_first(engine: Engine, picture: Picture) -> None:
    drawings = engine.complete(Request("tiny", count=20, seed=9), picture, _hole(3))
    scores = [d.log_prob for d in drawings]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) > 5
    assert sorted(d.seed for d in drawings) == list(range(9, 29))
    for drawing in drawings[:4]:
        assert drawing.log_prob == pytest.approx(engine.log_likelihood("tiny", drawing.picture), abs=1e-3)
        assert drawing.settings["log_prob"] == pytest.approx(drawing.log_prob, abs=1e-3)


def test_a_completion_of_a_seed_is_the_same_at_any_count(engine: Engine, picture: Picture) -> None:
    mask = _hole(4)
    by_seed = {d.seed: d.picture for d in engine.complete(Request("tiny", count=18, seed=30), picture, mask)}
    for seed in (30, 37, 46, 47):
        alone = engine.complete(Request("tiny", seed=seed), picture, mask)[0]
        assert np.array_equal(alone.picture, by_seed[seed])


def test_everything_masked_is_generation(engine: Engine, picture: Picture) -> None:
    request = Request("tiny", class_weights={"cross": 1.0}, count=4, seed=8)
    everything = np.ones((8, 8), np.bool_)
    by_seed = sorted(engine.complete(request, picture, everything), key=lambda d: d.seed)
    assert _same(by_seed, engine.generate(request))


def test_what_lies_under_the_mask_does_not_matter(engine: Engine, picture: Picture) -> None:
    mask = _hole(5)
    other = picture.copy()
    other[mask] = 77
    request = Request("tiny", count=4)
    assert _same(engine.complete(request, picture, mask), engine.complete(request, other, mask))


def test_what_lies_around_the_mask_does(engine: Engine, picture: Picture) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:5, 2:5] = True
    below = picture.copy()
    below[5:] = (200, 30, 30, 255)
    request = Request("tiny", count=16)
    assert not _same(engine.complete(request, picture, mask), engine.complete(request, below, mask))


def test_allowed_colours_bind_the_hole_only(engine: Engine, picture: Picture) -> None:
    mask = _hole(6)
    colours = engine.info("tiny").colours
    assert colours is not None
    for drawing in engine.complete(Request("tiny", count=3, allowed=(2,)), picture, mask):
        assert (drawing.picture[mask] == colours[2]).all()
        assert np.array_equal(drawing.picture[~mask], picture[~mask])


# --- judge, snap --------------------------------------------------------------------------------------------------


def test_log_likelihood_is_a_distribution_over_the_training_data(
    engine: Engine, tiny_pictures: dict[str, Picture]
) -> None:
    """Real pictures are far more probable than noise of the same colours, and more so under their own class."""
    real = tiny_pictures["cross"]
    colours = engine.info("tiny").colours
    assert colours is not None
    noise = colours[np.random.default_rng(0).integers(0, len(colours), real.shape[:3])]

    def mean(pictures: Picture, **weights: float) -> float:
        return float(np.mean([engine.log_likelihood("tiny", p, class_weights=weights) for p in pictures]))

    assert mean(real, cross=1.0) > mean(noise, cross=1.0) + 20
    assert mean(real, cross=1.0) > mean(real, stripe=1.0)
    assert mean(real) < 0


def test_log_likelihood_is_what_drawing_saw(engine: Engine) -> None:
    for drawing in engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=3)):
        again = engine.log_likelihood("tiny", drawing.picture, class_weights={"cross": 1.0})
        assert drawing.log_prob == pytest.approx(again, abs=1e-3)


def test_snap_counts_what_is_seen_to_change(engine: Engine, picture: Picture) -> None:
    assert engine.snap("tiny", picture)[1] == 0
    picture[0, 0], picture[0, 1], picture[0, 2] = (1, 2, 3, 255), (9, 9, 9, 0), (200, 30, 30, 200)
    snapped, count = engine.snap("tiny", picture)
    assert count == 1
    assert np.array_equal(snapped[1:], picture[1:]) and snapped[0, 1].tolist() == [0, 0, 0, 0]


# --- call-backs ---------------------------------------------------------------------------------------------------


def test_rows_are_shown_as_they_are_drawn(engine: Engine, picture: Picture) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6, 1:7] = True
    frames: list[tuple[int, int, Picture]] = []
    later: list[Callable[[], Picture]] = []

    def on_row(done: int, rows: int, pictures: Callable[[], Picture]) -> None:
        frames.append((done, rows, pictures()))
        later.append(pictures)

    drawings = engine.complete(Request("tiny", count=3), picture, mask, on_row=on_row)
    by_seed = np.stack([d.picture for d in sorted(drawings, key=lambda d: d.seed)])
    assert [(done, rows) for done, rows, _ in frames] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for (done, _, shown), call in zip(frames, later, strict=True):
        assert shown.shape == (3, 8, 8, 4)
        assert np.array_equal(shown[:, : 2 + done], by_seed[:, : 2 + done])
        assert np.array_equal(shown[:, ~mask], by_seed[:, ~mask])
        assert not shown[:, 2 + done :][:, mask[2 + done :]].any()
        assert np.array_equal(call(), shown)  # also when it is looked at only now


def test_frames_of_many_pictures_hold_all_of_them(engine: Engine) -> None:
    frames: list[tuple[int, int, Picture]] = []
    drawings = engine.generate(
        Request("tiny", count=20), on_row=lambda done, rows, pictures: frames.append((done, rows, pictures()))
    )
    assert [f[0] for f in frames] == list(range(1, 17)) and {f[1] for f in frames} == {16}
    assert {f[2].shape for f in frames} == {(20, 8, 8, 4)}
    assert not frames[3][2][16:].any()
    assert np.array_equal(frames[9][2][:16], np.stack([d.picture for d in drawings[:16]]))
    assert np.array_equal(frames[-1][2], np.stack([d.picture for d in drawings]))


def test_passes_are_shown_whole_and_end_with_the_same_pictures(engine: Engine, picture: Picture) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6, 1:7] = True
    frames: list[tuple[int, int, int, Picture]] = []
    request = Request("tiny", count=3, temperature=3.0)
    drawings = engine.complete(
        replace(request, sampler="fixed_point"),
        picture,
        mask,
        on_row=lambda done, rows, pictures: frames.append((pictures.passes, done, rows, pictures())),
    )
    rows = engine.complete(request, picture, mask)
    assert [(d.seed, d.log_prob) for d in drawings] == [(d.seed, d.log_prob) for d in rows]
    assert all(np.array_equal(one.picture, other.picture) for one, other in zip(drawings, rows, strict=True))
    by_seed = np.stack([d.picture for d in sorted(drawings, key=lambda d: d.seed)])
    assert [f[0] for f in frames] == list(range(1, len(frames) + 1)) and 1 < len(frames) <= 24
    assert frames[-1][1:3] == (4, 4) and np.array_equal(frames[-1][3], by_seed)
    for _, done, _, shown in frames:
        assert np.array_equal(shown[:, ~mask], by_seed[:, ~mask])
        assert np.array_equal(shown[:, : 2 + done], by_seed[:, : 2 + done])
    assert frames[0][3][:, 5][:, mask[5]].any(), "the last rows are to be seen from the first pass on"


def test_the_fastest_sampler_of_a_variant_is_the_default(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def passes(request: Request) -> list[int]:
        seen: list[int] = []
        engine.generate(request, on_row=lambda done, rows, pictures: seen.append(pictures.passes))
        return seen

    model = type(engine.library.load("tiny").model)
    monkeypatch.setattr(model, "fastest_sampler", {})
    assert not any(passes(Request("tiny"))), "row by row where nothing was measured"
    monkeypatch.setattr(model, "fastest_sampler", {"cpu": "fixed_point", "cuda": "naive"})
    assert all(passes(Request("tiny")))
    assert not any(passes(Request("tiny", sampler="cached")))
    with pytest.raises(RequestRejected, match="sampler 'best': must be one of auto, cached, fixed_point, naive"):
        engine.generate(Request("tiny", sampler="best"))


@pytest.mark.parametrize("after", [1, 3, 10])
def test_cancel_stops_within_a_row(engine: Engine, after: int) -> None:
    rows: list[int] = []
    with pytest.raises(Cancelled):
        engine.generate(
            Request("tiny", count=20),
            on_row=lambda done, total, pictures: rows.append(done),
            cancel=lambda: len(rows) >= after,
        )
    assert len(rows) == after
    assert len(engine.generate(Request("tiny"))) == 1


def test_the_engine_says_while_it_draws_however_that_ends(engine: Engine) -> None:
    seen: list[bool] = []

    def on_row(*_: Any) -> None:
        seen.append(engine.is_drawing)
        if len(seen) == 3:
            raise RuntimeError("the browser is gone")

    assert not engine.is_drawing
    with pytest.raises(RuntimeError, match="browser"):
        engine.generate(Request("tiny"), on_row=on_row)
    assert seen == [True] * 3 and not engine.is_drawing
    with pytest.raises(Cancelled):
        engine.generate(Request("tiny"), cancel=lambda: True)
    assert not engine.is_drawing
    engine.generate(Request("tiny"), on_row=on_row)
    assert seen == [True] * 11 and not engine.is_drawing


def test_the_engine_tells_when_drawing_begins_and_when_nobody_draws_any_more(tiny_checkpoints: Path) -> None:
    told: list[bool] = []
    engine = Engine(tiny_checkpoints, device=torch.device("cpu"), on_drawing=told.append)
    engine.generate(Request("tiny", count=2))
    assert told == [True, False]
    with pytest.raises(Cancelled):
        engine.generate(Request("tiny"), cancel=lambda: True)
    assert told == [True, False] * 2
    both = threading.Barrier(2)
    threads = [
        threading.Thread(target=engine.generate, args=(Request("tiny"),), kwargs={"on_row": lambda *_: both.wait()})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [True, False] * 3


def test_an_error_in_a_call_back_reaches_the_caller_and_the_engine_goes_on(engine: Engine) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the browser is gone")

    with pytest.raises(RuntimeError, match="browser"):
        engine.generate(Request("tiny"), on_row=fail)
    assert len(engine.generate(Request("tiny"))) == 1


# --- bad requests -------------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
BAD: dict[str, dict[str, Any]] = {
    "count 0": {"count": 0},
    "count -1": {"count": -1},
    "count 65": {"count": SETTINGS.max_count + 1},
    "count 10^30": {"count": 10**30},
    "seed -1": {"seed": -1},
    "seed too large": {"seed": MAX_SEED + 1},
    "seed 10^30": {"seed": 10**30},
    "unknown class": {"class_weights": {"dragon": 1.0}},
    "unknown class of weight 0": {"class_weights": {"dragon": 0.0}},
    "class with newlines": {"class_weights": {"a\nb": 1.0}},
    "negative weight": {"class_weights": {"cross": -0.1}},
    "NaN weight": {"class_weights": {"cross": NAN}},
    "infinite weight": {"class_weights": {"cross": INF}},
    "NaN temperature": {"temperature": NAN},
    "infinite temperature": {"temperature": INF},
    "temperature 0": {"temperature": 0.0},
    "negative temperature": {"temperature": -1.0},
    "temperature 11": {"temperature": 11.0},
    "temperature map of another size": {"temperature": np.ones((8, 9))},
    "temperature map with NaN": {"temperature": np.full((8, 8), NAN)},
    "temperature map in 3-D": {"temperature": np.ones((1, 8, 8))},
    "empty temperature map": {"temperature": np.ones((0, 8))},
    "top_k -1": {"top_k": -1},
    "top_k beyond the palette": {"top_k": 6},
    "top_p 0": {"top_p": 0.0},
    "top_p 1.1": {"top_p": 1.1},
    "NaN top_p": {"top_p": NAN},
    "guidance -1": {"guidance": -1.0},
    "guidance 10^400": {"guidance": 10**400},
    "NaN guidance": {"guidance": NAN},
    "infinite guidance": {"guidance": INF},
    "no allowed colour": {"allowed": ()},
    "allowed colour outside the palette": {"allowed": (5,)},
    "negative allowed colour": {"allowed": (-1,)},
}


@pytest.mark.parametrize("values", BAD.values(), ids=BAD)
def test_bad_requests_are_refused_in_one_line(engine: Engine, picture: Picture, values: dict[str, Any]) -> None:
    for ask in (
        lambda: engine.generate(Request("tiny", **values)),
        lambda: engine.complete(Request("tiny", **values), picture, _hole()),
    ):
        with pytest.raises(RequestRejected) as refused:
            ask()
        assert str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 300


NAMES = [
    "",
    ".",
    "..",
    "../tiny",
    "./tiny",
    "tiny/",
    "tiny/.",
    "/etc",
    "nope",
    "TINY",
    "tiny\0",
    "tiny\n",
    "*",
    "a" * 5000,
]
NAMES += ["..\\tiny", "tiny/../tiny", "%2e%2e", "~", ".hidden", "tiny ", "\u202etiny"]


@pytest.mark.parametrize("name", NAMES, ids=[repr(n)[:20] for n in NAMES])
def test_only_the_names_of_the_folder_are_checkpoints(own_checkpoints: Path, name: str) -> None:
    """Though whole checkpoints lie where the paths lead: beside the folder, above it, and hidden within."""
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / ".hidden")
    for file in (own_checkpoints / "tiny").iterdir():
        shutil.copy(file, own_checkpoints.parent / file.name)
        shutil.copy(file, own_checkpoints / file.name)
    engine = Engine(own_checkpoints, device=CPU)
    picture = np.zeros((8, 8, 4), np.uint8)
    for ask in (
        lambda: engine.generate(Request(name)),
        lambda: engine.complete(Request(name), picture, _hole()),
        lambda: engine.log_likelihood(name, picture),
        lambda: engine.snap(name, picture),
        lambda: engine.info(name),
        lambda: engine.library.seen_in_training(name),
    ):
        with pytest.raises(RequestRejected, match=r"not found; checkpoints/ holds: tiny$") as refused:
            ask()
        assert "\n" not in str(refused.value) and len(str(refused.value)) < 300
    assert [c.name for c in engine.list_checkpoints()] == ["tiny"]


@pytest.mark.parametrize("shape", [(8, 7, 4), (7, 8, 4), (8, 7, 3), (8, 8), (1, 8, 8, 4), (0, 8, 4)], ids=str)
def test_pictures_of_another_size_are_refused(engine: Engine, shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, np.uint8)
    for ask in (
        lambda: engine.complete(Request("tiny"), picture, np.ones(shape[:2], np.bool_)),
        lambda: engine.log_likelihood("tiny", picture),
    ):
        with pytest.raises(RequestRejected, match=r"tiny draws 8 x 8|needs"):
            ask()


def test_the_size_of_a_picture_is_told_as_width_by_height(engine: Engine) -> None:
    with pytest.raises(RequestRejected, match=r"^picture is 5 x 3; tiny draws 8 x 8$"):
        engine.log_likelihood("tiny", np.zeros((3, 5, 4), np.uint8))


def test_pictures_of_other_numbers_are_refused(engine: Engine) -> None:
    with pytest.raises(RequestRejected):
        engine.log_likelihood("tiny", np.full((8, 8, 4), 256.5, np.float32))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("shape", [(8, 9), (4, 4), (8,), (8, 8, 2), (1, 8, 8), (0, 0)], ids=str)
def test_masks_of_another_size_are_refused(engine: Engine, picture: Picture, shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestRejected, match=r"^mask (is .*the picture is 8 x 8$|of )"):
        engine.complete(Request("tiny"), picture, np.ones(shape, np.bool_))


def test_masks_that_are_empty_or_no_masks_are_refused(engine: Engine, picture: Picture) -> None:
    with pytest.raises(RequestRejected, match="mask is empty"):
        engine.complete(Request("tiny"), picture, np.zeros((8, 8), np.bool_))
    with pytest.raises(RequestRejected):
        engine.complete(Request("tiny"), picture, np.full((8, 8), 7))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("weights", [{"dragon": 1.0}, {"cross": NAN}, {"cross": -1.0}], ids=str)
def test_judging_refuses_bad_classes(engine: Engine, picture: Picture, weights: dict[str, float]) -> None:
    with pytest.raises(RequestRejected):
        engine.log_likelihood("tiny", picture, class_weights=weights)


# --- the folder of checkpoints ------------------------------------------------------------------------------------


def test_info_tells_what_a_checkpoint_draws(engine: Engine) -> None:
    info = engine.info("tiny")
    assert (info.name, info.model, info.height, info.width) == ("tiny", "gated_pixelcnn", 8, 8)
    assert info.classes == ("cross", "stripe")
    assert info.colours is not None and info.colours.shape == (5, 4) and info.colours[0].tolist() == [0, 0, 0, 0]
    assert info.training["trained_steps"] == 60
    assert engine.device_name == "CPU"
    assert pick_device().type in ("cpu", "cuda", "mps")


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "none", device=CPU)
    assert engine.list_checkpoints() == []
    with pytest.raises(RequestRejected, match="none/ holds: none"):
        engine.generate(Request("tiny"))


def test_damaged_checkpoints_are_left_out_and_logged(own_checkpoints: Path, caplog: pytest.LogCaptureFixture) -> None:
    damage: dict[str, Callable[[Path], Any]] = {
        "cut weights": lambda folder: (folder / "model.safetensors").write_bytes(b"\x08" + b"\0" * 7 + b"{}      "),
        "cut values": lambda folder: (folder / "model.safetensors").write_bytes(
            (own_checkpoints / "tiny" / "model.safetensors").read_bytes()[:-4]
        ),
        "no weights": lambda folder: (folder / "model.safetensors").unlink(),
        "no json": lambda folder: (folder / "config.json").write_text("{"),
        "empty": lambda folder: (folder / "config.json").write_text(""),
        "other model": lambda folder: (folder / "config.json").write_text(
            (folder / "config.json").read_text().replace('"hidden": 10', '"hidden": 11')
        ),
    }
    for name, spoil in damage.items():
        _blank_model(own_checkpoints, name)
        spoil(own_checkpoints / name)
    (own_checkpoints / "no config").mkdir()
    (own_checkpoints / "a file").write_text("")
    engine = Engine(own_checkpoints, device=CPU)
    with caplog.at_level(logging.WARNING):
        assert [c.name for c in engine.list_checkpoints()] == ["tiny"]
    assert len(caplog.records) == len(damage)
    for name in damage:
        with pytest.raises((WeightsRejected, RequestRejected)):
            engine.generate(Request(name))
        assert any(name in record.getMessage() for record in caplog.records)
    assert len(engine.generate(Request("tiny"))) == 1


def test_a_checkpoint_that_appears_while_running_is_found(own_checkpoints: Path) -> None:
    engine = Engine(own_checkpoints, device=CPU)
    first = engine.generate(Request("tiny"))
    _blank_model(own_checkpoints, "newer")
    assert [c.name for c in engine.list_checkpoints()] == ["newer", "tiny"]
    assert _same(engine.generate(Request("newer")), first)


def _loads(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the checkpoints that are read from disk from now on."""
    from pixelart.checkpoint import library

    names: list[str] = []
    original = library.load_weights

    def spy(folder: Path, config: Any) -> Any:
        names.append(folder.name)
        return original(folder, config)

    monkeypatch.setattr(library, "load_weights", spy)
    return names


def test_a_list_looks_at_each_checkpoint_once_until_it_is_replaced(
    own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixelart.checkpoint import library

    looked: list[str] = []
    original = library.check_weights
    monkeypatch.setattr(
        library, "check_weights", lambda folder, config: (looked.append(folder.name), original(folder, config))
    )
    engine, config = Engine(own_checkpoints, device=CPU), own_checkpoints / "tiny" / "config.json"
    for _ in range(3):
        assert [c.classes for c in engine.list_checkpoints()] == [("cross", "stripe")]
    assert looked == ["tiny"]
    config.write_text(config.read_text().replace('"stripe"', '"stripes"'))
    assert [c.classes for c in engine.list_checkpoints()] == [("cross", "stripes")]
    (own_checkpoints / "tiny" / "model.safetensors").unlink()
    assert engine.list_checkpoints() == []


def test_models_are_loaded_when_first_used_and_once(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(own_checkpoints, device=CPU)
    loads = _loads(engine, monkeypatch)
    engine.list_checkpoints()
    assert loads == []
    for _ in range(3):
        engine.generate(Request("tiny"))
    assert loads == ["tiny"]


def test_a_checkpoint_whose_weights_were_replaced_is_loaded_anew(own_checkpoints: Path) -> None:
    engine, folder = Engine(own_checkpoints, device=CPU), own_checkpoints / "tiny"
    first = engine.generate(Request("tiny", count=4))
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file({name: -tensor for name, tensor in weights.items()}, folder / "model.safetensors")
    changed = engine.generate(Request("tiny", count=4))
    fresh = Engine(own_checkpoints, device=CPU).generate(Request("tiny", count=4))
    assert not _same(first, changed) and _same(changed, fresh)
    assert first[0].settings["revision"] != changed[0].settings["revision"]


def test_a_checkpoint_that_vanishes_is_told_plainly(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(own_checkpoints, device=CPU)
    found = Library.path

    def path(library: Library, name: str) -> Path:
        folder = found(library, name)
        shutil.rmtree(folder)
        return folder

    monkeypatch.setattr(Library, "path", path)
    with pytest.raises(WeightsRejected, match=r"tiny: config\.json: No such file"):
        engine.library.load("tiny")


def test_the_least_recently_used_models_are_dropped(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "c"):
        _blank_model(own_checkpoints, name)
    size = (own_checkpoints / "tiny" / "model.safetensors").stat().st_size
    engine = Engine(own_checkpoints, device=CPU, memory_bytes=2 * size)
    loads = _loads(engine, monkeypatch)
    pictures = {name: engine.generate(Request(name)) for name in ("tiny", "b", "tiny", "c", "tiny", "c", "b")}
    assert loads == ["tiny", "b", "c", "b"]
    assert _same(pictures["tiny"], pictures["b"]) and _same(pictures["b"], pictures["c"])


def test_one_model_is_kept_even_beyond_the_bound(own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _blank_model(own_checkpoints, "b")
    engine = Engine(own_checkpoints, device=CPU, memory_bytes=1)
    loads = _loads(engine, monkeypatch)
    for name in ("tiny", "tiny", "b", "tiny"):
        engine.generate(Request(name))
    assert loads == ["tiny", "b", "tiny"]


# --- threads ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("memory_bytes", [1 << 30, 1], ids=["all kept", "one kept"])
def test_eight_threads_draw_the_serial_pictures(
    own_checkpoints: Path, tiny_pictures: dict[str, Picture], memory_bytes: int
) -> None:
    _blank_model(own_checkpoints, "other")
    engine = Engine(own_checkpoints, device=CPU, memory_bytes=memory_bytes)

    def ask(number: int) -> list[Drawing]:
        request = Request(
            ("tiny", "other")[number % 2],
            class_weights={("cross", "stripe")[number % 3 % 2]: 1.0},
            count=1 + number % 4,
            seed=1000 * number,
            guidance=1.0 + number % 2,
        )
        if number % 5 == 0:
            return engine.generate(request)
        return engine.complete(request, tiny_pictures["stripe"][number % 20], _hole(number))

    serial = [ask(number) for number in range(12)]
    fresh = Engine(own_checkpoints, device=CPU, memory_bytes=memory_bytes)
    engine.library = fresh.library
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(ask, [*range(12)] * 4))
    for number, drawings in enumerate(at_once):
        assert _same(drawings, serial[number % 12])


def test_global_randomness_is_neither_used_nor_changed(engine: Engine) -> None:
    expected = engine.generate(Request("tiny", count=2))
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    assert _same(engine.generate(Request("tiny", count=2)), expected)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_warm_engine_has_its_model_and_draws_as_before(tiny_checkpoints: Path) -> None:
    engine, cold = Engine(tiny_checkpoints), Engine(tiny_checkpoints)
    engine.warm_up("tiny")
    loaded = engine.library.load("tiny")
    assert engine.library.load("tiny") is loaded
    one, two = (e.generate(Request("tiny", seed=4))[0].picture for e in (engine, cold))
    assert np.array_equal(one, two)
    with pytest.raises(RequestRejected, match="not found"):
        engine.warm_up("nope")


def test_the_most_probable_come_first_and_the_nearly_empty_last() -> None:
    full, little, nothing = np.zeros((3, 8, 8, 4), np.uint8)
    full[..., 3], little[0, :4, 3] = 255, 255  # 4 of 64 pixels are more than 5 %
    nothing[0, :3, 3] = 255
    nothing[1:, :, :] = (9, 9, 9, 127)  # not visible
    pictures = [(nothing, -1.0), (full, -30.0), (little, -40.0), (nothing, -2.0), (full, -20.0)]
    drawings = [Drawing(picture, seed, log_prob, {}) for seed, (picture, log_prob) in enumerate(pictures)]
    assert [d.seed for d in most_probable_first(drawings)] == [4, 1, 2, 0, 3]
