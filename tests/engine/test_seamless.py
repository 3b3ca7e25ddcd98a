"""Pictures that tile: the band, the rolling, what is drawn anew and what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pixelart.engine import Engine, Preview, Request
from pixelart.engine.completion import run_lengths
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.coercion import map_settings
from pixelart.images.tiling import Repair, back, join_steps, rolled, seam_band, seam_repairs, shift_to_join

pytestmark = pytest.mark.usefixtures("one_thread")

ROLLED = {"x": (0, 4), "y": (4, 0), "xy": (4, 4)}


# --- where ----------------------------------------------------------------------------------------------------------


def test_the_band_lies_on_both_sides_of_the_edges_that_meet() -> None:
    assert np.flatnonzero(seam_band(32, 40, "x").all(0)).tolist() == [0, 1, 2, 3, 36, 37, 38, 39]
    assert np.flatnonzero(seam_band(32, 40, "y").all(1)).tolist() == [0, 1, 2, 29, 30, 31]
    assert np.array_equal(seam_band(9, 8, "xy"), seam_band(9, 8, "x") | seam_band(9, 8, "y"))
    assert not seam_band(9, 8, "").any() and seam_band(1, 1, "xy").all()


@pytest.mark.parametrize("size", [(32, 32), (8, 8), (33, 17), (20, 41)])
@pytest.mark.parametrize("axes", ["x", "y", "xy"])
def test_every_pair_that_meets_in_a_tile_is_once_seen_together(size: tuple[int, int], axes: str) -> None:
    """The last repair of the one or the other pixel finds them side by side, not at opposite edges: along each axis
    that tiles, every two neighbours round the end of which one is drawn anew."""
    for axis, name in enumerate("yx"):
        if name not in axes:
            continue
        assert not _drawn_apart(seam_repairs(*size, axes), axis).any()


def _drawn_apart(steps: list[Repair], axis: int) -> NDArray[np.bool_]:
    """Where a pixel and the next one along an axis, of which the last step that draws one of them sees them at opposite
    edges, (H, W)."""
    apart = np.zeros(steps[0].mask.shape, np.bool_)
    for mask, shift in steps:
        either = mask | np.roll(mask, -1, axis)
        edge = np.zeros(mask.shape, np.bool_)
        np.moveaxis(edge, axis, 0)[-1] = True
        apart = np.where(either, rolled(edge, back(shift)), apart)
    return apart


MASKS = {name: np.zeros((48, 40), np.bool_) for name in ("all", "frame", "row", "hole", "cross", "one side")}
MASKS["all"][:] = MASKS["frame"][:] = True
MASKS["frame"][8:-8, 8:-8] = False
MASKS["row"][20:23] = MASKS["hole"][5:9, 30:34] = MASKS["one side"][:, :8] = True
MASKS["cross"][:, 9:12] = MASKS["cross"][30:33] = True


@pytest.mark.parametrize("axes", ["x", "y", "xy"])
@pytest.mark.parametrize("name", MASKS)
def test_a_mask_that_crosses_the_picture_is_drawn_as_one_that_meets(name: str, axes: str) -> None:
    steps = join_steps(MASKS[name], axes)
    assert np.array_equal(steps[0].mask, MASKS[name]) and all(not (one.mask & ~MASKS[name]).any() for one in steps)
    assert (len(steps) > 1) == (
        name in {"all", "frame", "cross"}
        or (name, "x" in axes) in {("row", True)}
        or (name == "one side" and "y" in axes)
    )
    for axis in (axis for axis, other in enumerate("yx") if other in axes):
        assert not _drawn_apart(steps, axis).any()


@pytest.mark.parametrize("axes", ["x", "y", "xy"])
def test_repairs_stay_in_the_band(axes: str) -> None:
    first, *others = seam_repairs(32, 32, axes)
    assert np.array_equal(first.mask, seam_band(32, 32, axes)) and len(others) == (axes == "xy")
    assert all(not (mask & ~first.mask).any() for mask, _ in others)


def test_rolling_back_undoes_rolling() -> None:
    array = np.random.default_rng(0).integers(0, 9, (5, 7, 4))
    assert np.array_equal(rolled(rolled(array, (2, 3)), back((2, 3))), array)
    assert np.array_equal(rolled(array, (1, 0))[0], array[-1])


def test_a_mask_is_rolled_away_from_the_edges_that_meet_and_only_then() -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:5, 3:6] = True
    assert shift_to_join(mask, "xy") == (0, 0)
    mask[:, 7] = True
    assert shift_to_join(mask, "y") == (0, 0), "no row is better"
    down, right = shift_to_join(mask, "x")
    assert down == 0 and not rolled(mask, (0, right))[:, [0, -1]].any()
    assert shift_to_join(mask, "") == (0, 0)
    assert shift_to_join(np.ones((8, 8), np.bool_), "xy") == (0, 0)


# --- what is drawn --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", ["x", "y", "xy"])
def test_the_rolled_picture_is_completed_and_rolled_back(engine: Engine, painting: Picture, axes: str) -> None:
    request = Request("tiny", class_weights={"cross": 1.0}, count=3, seed=9, temperature=2.0)
    mended = {d.seed: d.picture for d in engine.mend_seam(replace(request, seamless=axes), painting)}
    shift, wanted = ROLLED[axes], {}
    for drawing in engine.complete(request, rolled(painting, shift), rolled(seam_band(8, 8, axes), shift)):
        wanted[drawing.seed] = rolled(drawing.picture, back(shift))
    if axes == "xy":
        ends = np.zeros((8, 8), np.bool_)
        ends[3:5, [0, 7]] = ends[[0, 7], 3:5] = True
        for seed, picture in wanted.items():
            again = replace(request, count=1, seed=seed)
            drawn = engine.complete(again, rolled(picture, (2, 2)), rolled(ends, (2, 2)))[0].picture
            wanted[seed] = rolled(drawn, (-2, -2))
    assert sorted(mended) == sorted(wanted) == [9, 10, 11]
    assert all(np.array_equal(mended[s], wanted[s]) for s in wanted)
    assert any(not np.array_equal(m, painting) for m in mended.values())


@pytest.mark.parametrize("axes", ["x", "y", "xy"])
def test_every_pixel_outside_the_band_stays_and_log_p_is_that_of_the_result(
    engine: Engine, painting: Picture, axes: str
) -> None:
    request = Request("tiny", class_weights={"stripe": 1.0}, count=4, seamless=axes)
    drawings = engine.mend_seam(request, painting)
    band = seam_band(8, 8, axes)
    for drawing in drawings:
        assert np.array_equal(drawing.picture[~band], painting[~band])
        assert drawing.log_prob == engine.log_likelihood("tiny", drawing.picture, class_weights={"stripe": 1.0})
        assert drawing.settings["seamless"] == axes and drawing.settings["seed"] == drawing.seed
        assert drawing.settings["mask"] == run_lengths(band)
        assert drawing.settings["log_prob"] == pytest.approx(drawing.log_prob, abs=1e-3)
    assert [d.log_prob for d in drawings] == sorted((d.log_prob for d in drawings), reverse=True)


@pytest.mark.parametrize("axes", ["x", "y", "xy"])
def test_a_completion_of_everything_tiles_as_a_new_picture_does(engine: Engine, painting: Picture, axes: str) -> None:
    request = Request("tiny", count=3, seed=4, temperature=3.0, seamless=axes)
    new = {drawing.seed: drawing for drawing in engine.generate(request)}
    for drawing in engine.complete(request, painting, np.ones((8, 8), np.bool_)):
        assert np.array_equal(drawing.picture, new[drawing.seed].picture)
        assert drawing.log_prob == pytest.approx(new[drawing.seed].log_prob)
        assert drawing.settings["mask"] == [0, 64]


def test_generate_draws_and_then_mends_each(engine: Engine) -> None:
    request = Request("tiny", count=3, seed=4, temperature=3.0)
    plain, tiles = engine.generate(request), engine.generate(replace(request, seamless="xy"))
    assert "seamless" not in plain[0].settings
    for before, after in zip(plain, tiles, strict=True):
        assert before.seed == after.seed and after.settings["mask"] == [0, 64]
        one = replace(request, count=1, seed=before.seed, seamless="xy")
        assert np.array_equal(engine.mend_seam(one, before.picture)[0].picture, after.picture)
    assert any(not np.array_equal(a.picture, b.picture) for a, b in zip(plain, tiles, strict=True))


def test_a_seamless_completion_keeps_every_unmasked_pixel_and_sees_over_the_edge(
    engine: Engine, painting: Picture
) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6, [0, 7]] = True
    request = Request("tiny", count=4, seed=3, temperature=2.0, seamless="x")
    drawings = {d.seed: d for d in engine.complete(request, painting, mask)}
    shift = shift_to_join(mask, "x")
    plain = engine.complete(replace(request, seamless=""), rolled(painting, shift), rolled(mask, shift))
    assert shift == (0, -4)
    for drawing in plain:
        mine = drawings[drawing.seed]
        assert np.array_equal(mine.picture, rolled(drawing.picture, back(shift)))
        assert np.array_equal(mine.picture[~mask], painting[~mask]) and mine.settings["mask"] == run_lengths(mask)
        assert mine.log_prob == engine.log_likelihood("tiny", mine.picture)


@pytest.mark.parametrize("sampler", ["cached", "fixed_point"])
def test_rows_and_passes_are_shown_where_they_will_be_and_temperatures_move_along(
    engine: Engine, painting: Picture, sampler: str
) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[[0, 7]] = True
    heat = np.full((8, 8), 0.01)
    heat[7] = 3.0
    shown: list[Picture] = []
    passes: list[int] = []

    def on_row(done: int, rows: int, pictures: Preview) -> None:
        shown.append(pictures())
        passes.append(pictures.passes)
        assert engine.is_drawing

    request = Request("tiny", count=6, temperature=heat, seamless="y", sampler=sampler)
    drawings = engine.complete(request, painting, mask, on_row=on_row)
    for frame in shown:
        assert all(np.array_equal(p[~mask], painting[~mask]) for p in frame)
    assert {p.tobytes() for p in shown[-1]} == {d.picture.tobytes() for d in drawings}
    assert drawings[0].settings["temperature"] == map_settings(heat) and not engine.is_drawing
    assert passes == [*range(1, len(passes) + 1)] if sampler == "fixed_point" else not any(passes)


def test_stopping_and_refusals(engine: Engine, painting: Picture) -> None:
    with pytest.raises(Cancelled):
        engine.mend_seam(Request("tiny", seamless="x"), painting, cancel=lambda: True)
    with pytest.raises(RequestRejected, match="choose x, y or xy"):
        engine.mend_seam(Request("tiny"), painting)
    with pytest.raises(RequestRejected, match="draws 8 x 8"):
        engine.mend_seam(Request("tiny", seamless="x"), painting[:4])
    with pytest.raises(RequestRejected, match="only a completion can keep shape or sketch"):
        engine.mend_seam(Request("tiny", seamless="x", keep="shape"), painting)
    wrong: Any
    for wrong in ("yx", "z", None, 1, ["x"]):
        for ask in (engine.generate, lambda r: engine.complete(r, painting, np.ones((8, 8), np.bool_))):
            with pytest.raises(RequestRejected, match="seamless"):
                ask(Request("tiny", seamless=wrong))
