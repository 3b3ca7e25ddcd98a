"""What is made of several completions: extended pictures, tilesets and animations."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.engine import Call, Drawing, Engine, Preview, Request
from pixelart.engine.completion import run_lengths
from pixelart.engine.margins import Margins, growth
from pixelart.engine.variations import REDRAWN
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.corner_tiles import CHANGES, edges_of, sheet_order
from pixelart.images.io import decode_picture

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def completions(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Request, list[Drawing]]]:
    """Each call of `engine.complete` and its result."""
    calls, plain = list[tuple[Request, list[Drawing]]](), engine.complete

    def complete(request: Request, *of: Any, **how: Any) -> list[Drawing]:
        calls.append((request, plain(request, *of, **how)))
        return calls[-1][1]

    monkeypatch.setattr(engine, "complete", complete)
    return calls


def test_a_remote_backend_needs_to_know_completions_only(tiny_checkpoints: Path, painting: Picture) -> None:
    asked = list[str]()

    def remote(call: Call, *_: Any) -> None:
        asked.append(call.method)

    engine = Engine(tiny_checkpoints, device=torch.device("cpu"), remote=remote)
    engine.extend("tiny", painting, left=6)
    engine.tileset("tiny", painting)
    engine.animate("tiny", painting, np.eye(8, dtype=np.bool_))
    assert asked == ["complete"] * (2 + 18 + 1)


# --- extend ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [(8, 8), (32, 32), (9, 40)])
@pytest.mark.parametrize("case", range(10))
def test_a_picture_grows_by_half_a_window_at_most(window: tuple[int, int], case: int) -> None:
    random = np.random.default_rng(case)
    size = int(random.integers(3, 50)), 20
    while True:  # until the result is at least a window
        margins = Margins(*random.integers(0, 60, 4).tolist())
        if any(margins) and all(side >= least for side, least in zip(margins.size(*size), window, strict=True)):
            break
    total, grown = Margins(), size
    for number, step in enumerate(growth(margins, size, window)):
        total, before, grown = total.plus(step), grown, step.size(*grown)
        assert any(step) and min(step) >= 0
        assert grown[0] >= window[0] and grown[1] >= window[1], "each step can be drawn"
        if number or (before[0] >= window[0] and before[1] >= window[1]):
            assert max(step[:2]) <= max(1, window[1] // 2) and max(step[2:]) <= max(1, window[0] // 2)
    assert total == margins


def test_narrow_margins_are_one_completion_of_the_larger_picture(engine: Engine, painting: Picture) -> None:
    request = engine.request("tiny", count=2, seed=3, class_weights="cross", seamless="y")
    larger, mask = np.pad(painting, ((2, 0), (4, 1), (0, 0))), np.ones((10, 13), np.bool_)
    mask[2:, 4:12] = False
    expected = engine.complete(request, larger, mask)
    drawn = engine.extend(request, painting, left=4, right=1, up=2)
    assert [one.seed for one in drawn] == [one.seed for one in expected]
    for one, other in zip(drawn, expected, strict=True):
        assert np.array_equal(one.picture, other.picture) and one.log_prob == other.log_prob
        assert np.array_equal(one.picture[2:, 4:12], painting)
        assert one.settings["extended"] == {"left": 4, "right": 1, "up": 2, "down": 0}
        assert one.settings["mask"] == run_lengths(mask) and one.settings["size"] == "13x10"


def test_wide_margins_are_drawn_outward_and_every_pixel_stays(
    engine: Engine, painting: Picture, completions: list[tuple[Request, list[Drawing]]]
) -> None:
    request, seen = Request("tiny", count=2, seed=5, seamless="x"), list[tuple[int, int, Picture]]()

    def on_row(done: int, rows: int, pictures: Preview) -> None:
        seen.append((done, rows, pictures()))
        undrawn = pictures.undrawn()
        assert undrawn.shape == (9, 18) and not undrawn[:8, :8].any()
        assert done > rows / 5 or undrawn[:, 12:].all(), "the margins of a later step wait"

    drawn = engine.extend(request, painting, right=10, down=1, on_row=on_row)
    assert [len(result) for _, result in completions] == [2, 1, 1, 1, 1], "the first step for both at once"
    assert len({(asked.seed + i) for asked, result in completions for i in range(len(result))}) == 6, "other noise"
    assert [asked.seamless for asked, _ in completions] == ["", "", "", "x", "x"]
    first, second = sorted(drawn, key=lambda one: one.seed)
    assert (first.seed, second.seed) == (5, 6) and not np.array_equal(first.picture, second.picture)
    for one, parts in ((first, (1, 3)), (second, (2, 4))):
        assert one.picture.shape == (9, 18, 4) and np.array_equal(one.picture[:8, :8], painting)
        before = next(drawing for drawing in completions[0][1] if drawing.seed == one.seed)
        assert np.array_equal(one.picture[:9, :12], before.picture), "what is finished stays"
        summed = before.log_prob + sum(completions[part][1][0].log_prob for part in parts)
        assert one.log_prob == pytest.approx(summed) and one.settings["seed"] == one.seed
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert seen[-1][0] == seen[-1][1] and {shown.shape[1:] for _, _, shown in seen} == {(9, 18, 4)}
    (alone,) = engine.extend(replace(request, count=1, seed=6), painting, right=10, down=1)
    assert np.array_equal(alone.picture, second.picture), "alone and among others"


def test_a_temperature_map_has_the_size_of_the_extended_picture(engine: Engine, painting: Picture) -> None:
    cold = np.full((8, 20), 0.01)
    cold[:, :5] = 1.0
    request = Request("tiny", seed=1, temperature=cold)
    (mapped,), (plain,) = (engine.extend(one, painting, left=12) for one in (request, Request("tiny", seed=1)))
    assert np.array_equal(mapped.picture[:, 12:], painting) and not np.array_equal(mapped.picture, plain.picture)
    with pytest.raises(RequestRejected, match="temperature"):
        engine.extend(replace(request, temperature=np.ones((8, 8))), painting, left=12)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({}, "nothing to extend: set left, right, up or down"),
        ({"left": -1}, "left -1: must be a whole number from 0 to 1024"),
        ({"up": 1.5}, "up 1.5: must be a whole number"),
        ({"down": 1025}, "down 1025: must be a whole number from 0 to 1024"),
        ({"right": 1020}, "picture is 1028 x 8; the limit is 1024 pixels a side"),
    ],
)
def test_margins_outside_the_limits_are_refused(engine: Engine, painting: Picture, how: Any, reason: str) -> None:
    with pytest.raises(RequestRejected, match=reason):
        engine.extend("tiny", painting, **how)


def test_an_extension_keeps_nothing_of_its_margins_and_can_be_stopped(engine: Engine, painting: Picture) -> None:
    with pytest.raises(RequestRejected, match="only a completion can keep"):
        engine.extend(Request("tiny", keep="shape"), painting, left=1)
    with pytest.raises(RequestRejected, match="picture is 7 x 6; tiny draws 8 x 8"):
        engine.extend("tiny", painting[:6, :5], left=2)
    with pytest.raises(Cancelled):
        engine.extend("tiny", painting, left=1, cancel=lambda: True)


# --- tileset --------------------------------------------------------------------------------------------------------


def _edge(tile: Picture, name: str) -> Picture:
    return {"left": tile[:, :1], "right": tile[:, -1:], "upper": tile[:1], "lower": tile[-1:]}[name]


@pytest.mark.parametrize("given", [False, True], ids=["transparent", "outside"])
def test_all_tiles_that_may_lie_side_by_side_meet(
    engine: Engine,
    painting: Picture,
    tiny_pictures: dict[str, Picture],
    completions: list[tuple[Request, list[Drawing]]],
    given: bool,
) -> None:
    """Both border strips of each pair are those of one picture, in which they were drawn together."""
    outside = tiny_pictures["stripe"][1] if given else np.zeros_like(painting)
    tiles = engine.tileset(Request("tiny", seed=4), painting, outside=outside if given else None)
    assert np.array_equal(tiles.pictures[0], outside) and np.array_equal(tiles.pictures[15], painting)
    assert len(completions) == len(CHANGES) + 14 and len({asked.seed for asked, _ in completions}) == 18
    together = {kind: result[0].picture for kind, (_, result) in zip(CHANGES, completions[:4], strict=True)}
    pairs = 0
    for first, second in product(range(16), range(16)):
        for axis, before, after in ((1, "right", "left"), (0, "lower", "upper")):
            kind = edges_of(first)[before]
            if kind != edges_of(second)[after]:
                continue
            pairs += 1
            met = np.concatenate([_edge(tiles.pictures[first], before), _edge(tiles.pictures[second], after)], axis)
            source = painting if kind.first else outside
            joined = together[kind] if kind in together else np.roll(source, 4, axis)
            assert np.array_equal(met, joined.take([3, 4], axis))
    assert pairs == 128


def test_the_sheet_holds_each_tile_once_and_drawn_tiles_say_how(engine: Engine, painting: Picture) -> None:
    tiles = engine.tileset(Request("tiny", seed=4), painting)
    sheet, order = tiles.sheet(), sheet_order()
    for row, column in product(range(4), range(4)):
        place = sheet[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert np.array_equal(place, tiles.pictures[order[row, column]])
    assert sorted(tiles.drawings) == list(range(1, 15)) and tiles.drawings[9].settings["tile"] == 9
    for number in (0, 9, 15):
        assert np.array_equal(decode_picture(tiles.png(number), name="tile.png"), tiles.pictures[number])
    assert b'"tile": 9' in tiles.png(9) and b"pixelart" not in tiles.png(15)
    again = engine.tileset(Request("tiny", seed=4), painting)
    assert all(np.array_equal(a, b) for a, b in zip(tiles.pictures, again.pictures, strict=True))


def test_bad_tiles_are_refused(engine: Engine, painting: Picture) -> None:
    cases: list[tuple[Request, Picture, dict[str, Any], str]] = [
        (Request("tiny", count=2), painting, {}, "count 2: a tileset is drawn once"),
        (Request("tiny", seamless="x"), painting, {}, "seamless 'x': the edges of a tileset meet by themselves"),
        (Request("tiny", keep="shape"), painting, {}, "only a completion can keep"),
        (Request("tiny"), painting[:7], {}, "picture is 8 x 7; tiny draws 8 x 8"),
        (Request("tiny"), painting, {"outside": painting[:, :5]}, "outside is 5 x 8; the tile is 8 x 8"),
        (Request("tiny", seed=-1), painting, {}, "seed -1: must be from 0"),
        (Request("tiny", seed=2**63), painting, {}, "must be from 0"),
    ]
    for request, tile, how, reason in cases:
        with pytest.raises(RequestRejected, match=reason):
            engine.tileset(request, tile, **how)


# --- animation ------------------------------------------------------------------------------------------------------


def test_frames_differ_in_the_masked_part_only(engine: Engine, painting: Picture) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6, 3:7] = True
    request = Request("tiny", seed=11, temperature=1.5)
    drawn = engine.animate(request, painting, mask, frames=4)
    assert len(drawn.frames) == 4 and np.array_equal(drawn.frames[0], painting)
    assert [one.seed for one in drawn.drawings] == [11, 12, 13]
    for frame, drawing in zip(drawn.frames[1:], drawn.drawings, strict=True):
        assert np.array_equal(frame, drawing.picture) and np.array_equal(frame[~mask], painting[~mask])
        (alone,) = engine.complete(replace(request, seed=drawing.seed), painting, mask)
        assert np.array_equal(alone.picture, frame) and drawing.settings["animation"] == REDRAWN
    assert len({frame.tobytes() for frame in drawn.frames}) == 4


def test_bad_animations_are_refused(engine: Engine, painting: Picture) -> None:
    small, most = np.zeros((8, 8), np.bool_), np.ones((8, 8), np.bool_)
    small[0, 0], most[:3] = True, False
    for request, mask, frames, reason in (
        (Request("tiny"), small, 1, "frames 1: must be a whole number from 2 to 4"),
        (Request("tiny"), small, 5, "frames 5: must be a whole number from 2 to 4"),
        (Request("tiny"), most, 3, "the mask covers 62% of the picture; an animation redraws at most 50%"),
        (Request("tiny", count=3), small, 3, "count 3: an animation is drawn once"),
        (Request("tiny"), ~most & most, 3, "the mask is empty"),
        (Request("tiny"), small[:4], 3, "mask is 8 x 4; the picture is 8 x 8"),
    ):
        with pytest.raises(RequestRejected, match=reason):
            engine.animate(request, painting, mask, frames=frames)
