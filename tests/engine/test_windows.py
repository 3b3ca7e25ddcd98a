"""Pictures larger than the model draws: windows see what is finished, and no pixel outside the mask changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pixelart.engine import Checkpoint, Engine, Preview, Request
from pixelart.engine.completion import complete_picture, context_of
from pixelart.engine.windows import (
    DRAWN_AGAIN,
    FINISHED_SEEN,
    Window,
    WindowsFrame,
    chosen_window,
    plan_windows,
    whole_window,
)
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Indexed, Picture
from pixelart.models import create_model, list_models
from pixelart.sampling import SAMPLERS, Controls, draw_noise

RNG = np.random.default_rng(3)
SIZES = [(32, 32), (32, 48), (40, 32)]


def _blob(height: int, width: int) -> NDArray[np.bool_]:
    """A random mask of a few rectangles."""
    mask = np.zeros((height, width), np.bool_)
    for _ in range(RNG.integers(1, 4)):
        top, left = RNG.integers(height), RNG.integers(width)
        mask[top : top + RNG.integers(1, height), left : left + RNG.integers(1, width)] = True
    return mask


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", range(20))
def test_each_masked_pixel_is_kept_once_by_a_window_that_sees_enough(size: tuple[int, int], case: int) -> None:
    mask = _blob(int(RNG.integers(size[0], 150)), int(RNG.integers(size[1], 150)))
    kept, done = np.zeros(mask.shape, np.int64), np.zeros(mask.shape, np.bool_)
    for window in plan_windows(mask, size):
        assert (window.rows[1] - window.rows[0], window.columns[1] - window.columns[0]) == size
        assert window.rows[0] >= 0 and window.rows[1] <= mask.shape[0]
        assert window.columns[0] >= 0 and window.columns[1] <= mask.shape[1]
        assert mask[window.kept].any(), "no window is drawn for nothing"
        kept[window.kept] += 1
        for (first, end), (seen_first, seen_end), side, ahead in (
            (window.kept_rows, window.rows, mask.shape[0], np.any(mask[:, slice(*window.columns)], axis=1)),
            (window.kept_columns, window.columns, mask.shape[1], np.any(mask, axis=0)),
        ):
            assert seen_first <= first < end <= seen_end
            if seen_first > 0 and seen_end < side and ahead[:first].any():
                assert first - seen_first >= FINISHED_SEEN, "finished pixels before it"
            if ahead[end:].any() and seen_end < side:
                assert seen_end - end >= DRAWN_AGAIN, "what could not see ahead is drawn again"
        done[window.kept] = True
    assert (kept[mask] == 1).all() and kept.max() == 1


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (1, 32), (32, 2)], ids=str)
def test_windows_of_few_pixels_reach_the_end(size: tuple[int, int]) -> None:
    mask, kept = np.ones((40, 40), np.bool_), np.zeros((40, 40), np.int64)
    for window in plan_windows(mask, size):
        kept[window.kept] += 1
    assert (kept == 1).all()


def test_a_small_mask_lies_in_the_middle_of_one_window() -> None:
    mask = np.zeros((100, 100), np.bool_)
    mask[50:60, 20:24] = True
    assert plan_windows(mask, (32, 32)) == [Window((39, 71), (6, 38), (50, 60), (20, 24))]
    mask[:] = False
    mask[0, 99] = True
    assert plan_windows(mask, (32, 32)) == [Window((0, 32), (68, 100), (0, 1), (99, 100))]
    assert whole_window(8, 6) == Window((0, 8), (0, 6), (0, 8), (0, 6))
    for wrong in (np.zeros((40, 40), np.bool_), np.ones((16, 40), np.bool_)):
        with pytest.raises(ValueError, match="no windows of"):
            plan_windows(wrong, (32, 32))


def _scene(engine: Engine, height: int, width: int) -> Picture:
    colours = engine.info("tiny").colours
    assert colours is not None
    return colours[RNG.integers(len(colours), size=(height, width))]


def _mask(height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    mask[2 : height - 3, 3 : width - 2] = True
    return mask


def test_a_larger_picture_is_completed_and_every_other_pixel_stays(engine: Engine) -> None:
    picture, mask = _scene(engine, 20, 25), _mask(20, 25)
    drawn = engine.complete(Request("tiny", count=3, seed=5), picture, mask)
    assert len(drawn) == 3 and len({one.picture.tobytes() for one in drawn}) == 3
    for one in drawn:
        assert one.picture.shape == picture.shape and np.array_equal(one.picture[~mask], picture[~mask])
        assert one.settings["size"] == "25x20" and np.isfinite(one.log_prob)
    again = engine.complete(Request("tiny", seed=6), picture, mask)[0]
    assert np.array_equal(again.picture, next(one.picture for one in drawn if one.seed == 6)), "alone and among others"


@pytest.mark.parametrize("sampler", ["naive", "fixed_point"])
def test_every_sampler_draws_the_same_windows(engine: Engine, sampler: str) -> None:
    picture, mask = _scene(engine, 14, 19), _mask(14, 19)
    percent = np.where(np.indices((14, 19)).sum(0) % 3, 160, 50)
    how = {"temperature": 0.7, "bottom_temperature": 1.3, "temperature_percent": percent}
    request = Request("tiny", seed=2, keep="shape", **how)
    fast, slow = (engine.complete(replace(request, sampler=name), picture, mask)[0] for name in ("cached", sampler))
    assert np.array_equal(fast.picture, slow.picture)
    visible = picture[..., 3] > 0
    assert np.array_equal(fast.picture[..., 3] > 0, visible)


def test_a_window_is_the_completion_of_its_part_given_what_is_finished(engine: Engine) -> None:
    """The slow twin: each window by itself, with its part of the noise."""
    picture, mask = _scene(engine, 16, 16), _mask(16, 16)
    drawn = engine.complete(Request("tiny", seed=9), picture, mask)[0].picture
    windows = plan_windows(mask, (8, 8))
    assert len(windows) == 4
    loaded = engine.library.load("tiny")
    noise = draw_noise(9, count=1, channels=loaded.model.noise_channels, height=16, width=16)
    twin, hidden = picture.copy(), mask.copy()
    for window in windows:
        part = _complete_with_noise(loaded, twin[window.seen], hidden[window.seen], noise[(..., *window.seen)])
        twin[window.kept] = part[window.kept_inside]
        hidden[window.kept] = False
    assert np.array_equal(twin, drawn)


def _complete_with_noise(loaded: Checkpoint, picture: Picture, mask: NDArray[np.bool_], noise: torch.Tensor) -> Picture:
    context = context_of(loaded.codec, picture, mask, loaded.class_weights({}), count=1)
    x = SAMPLERS["naive"](loaded.model, context, controls=Controls(), noise=noise).x
    return np.where(mask[..., None], loaded.codec.decode(x)[0], picture)


@pytest.mark.parametrize("sampler", ["cached", "fixed_point"])
def test_previews_show_windows_one_after_the_other(engine: Engine, sampler: str) -> None:
    picture, mask, seen = _scene(engine, 16, 24), _mask(16, 24), list[tuple[int, int, Picture]]()

    def on_row(done: int, rows: int, pictures: Preview) -> None:
        seen.append((done, rows, pictures()[0]))

    (drawn,) = engine.complete(Request("tiny", seed=1, sampler=sampler), picture, mask, on_row=on_row)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen) and len(
        {rows for _, rows, _ in seen}
    ) == 1
    assert seen[-1][0] == seen[-1][1] and np.array_equal(seen[-1][2], drawn.picture)
    undrawn = [int((shown[mask] == 0).all(-1).sum()) for _, _, shown in seen]
    assert undrawn[0] > undrawn[-1]
    for _, _, shown in seen:
        assert np.array_equal(shown[~mask], picture[~mask])
        final = (shown == drawn.picture).all(-1) | (shown == 0).all(-1)
        assert final.all() or sampler == "fixed_point", "what is shown is final or not drawn yet"
    windows = plan_windows(mask, (8, 8))
    early = seen[0][2]
    for window in windows[1:]:
        assert not early[window.kept][mask[window.kept]].any(), "nothing of a window before its turn"


@pytest.mark.parametrize("sampler", ["cached", "fixed_point"])
@pytest.mark.parametrize(("size", "seamless", "count"), [((8, 8), "", 1), ((8, 8), "y", 1), ((16, 24), "", 2)])
def test_the_pixels_that_a_preview_does_not_call_undrawn_are_final(
    engine: Engine, sampler: str, size: tuple[int, int], seamless: str, count: int
) -> None:
    picture, mask, seen = _scene(engine, *size), np.ones(size, np.bool_), list[tuple[Picture, NDArray[np.bool_]]]()
    mask[2:4] = False
    mask[1, 5:] = False

    def on_row(done: int, rows: int, pictures: Preview) -> None:
        seen.append((pictures()[0], pictures.undrawn()))

    request = Request("tiny", seed=1, sampler=sampler, seamless=seamless, count=count)
    first = next(d for d in engine.complete(request, picture, mask, on_row=on_row) if d.seed == 1)
    for shown, undrawn in seen:
        assert np.array_equal(shown[~undrawn], first.picture[~undrawn]) and not undrawn[~mask].any()
    left = [int(undrawn.sum()) for _, undrawn in seen]
    assert left == sorted(left, reverse=True) and left[0] and not left[-1]


def test_the_frame_of_a_sketch_shows_all_rows_of_a_window_at_half_its_rows() -> None:
    mask = np.ones((16, 8), np.bool_)
    windows = plan_windows(mask, (8, 8))
    frame = WindowsFrame(np.zeros((16, 8, 4), np.uint8), mask, np.zeros((16, 8, 4), np.uint8), 2, windows)
    drawn = np.full((1, 16, 8, 4), 7, np.uint8)
    first = windows[0].kept_rows[1]
    assert frame.size == (8, 8) and (frame.after(drawn, 4)[0, :, 0, 0] == 7).sum() == first
    assert (frame.after(drawn, 1, in_passes=True)[0, :, 0, 0] == 7).sum() == first, "a pass draws all of a window"
    assert (
        frame.undrawn(4).all() and frame.undrawn(6)[:, 0].sum() == 16 - 4 and frame.undrawn(8)[:, 0].sum() == 16 - first
    )
    assert frame.is_sketch(3, 24) and not frame.is_sketch(4, 24) and frame.is_sketch(8, 24)
    assert not frame.is_sketch(24, 24), "all is drawn"


def test_a_larger_picture_can_tile_and_be_stopped(engine: Engine) -> None:
    picture, mask = _scene(engine, 16, 20), _mask(16, 20)
    mask[:, 0] = True
    drawn = engine.complete(Request("tiny", seamless="x"), picture, mask)[0]
    assert np.array_equal(drawn.picture[~mask], picture[~mask]) and np.isfinite(drawn.log_prob)
    small = np.zeros((16, 20), np.bool_)
    small[7:9, 9:11] = True
    tiled, plain = (engine.complete(Request("tiny", seamless=axis), picture, small)[0] for axis in ("x", ""))
    assert np.array_equal(tiled.picture, plain.picture)
    assert tiled.log_prob == plain.log_prob, "only the windows that were drawn are scored"
    calls = 0

    def cancel() -> bool:
        nonlocal calls
        calls += 1
        return calls > 3

    with pytest.raises(Cancelled):
        engine.complete(Request("tiny"), picture, mask, cancel=cancel)


def test_sizes_that_no_window_covers_are_refused(engine: Engine) -> None:
    for height, width, reason in (
        (7, 20, "picture is 20 x 7; tiny draws 8 x 8"),
        (8, 1025, "the limit is 1024 pixels"),
    ):
        with pytest.raises(RequestRejected, match=reason):
            engine.complete(Request("tiny"), np.zeros((height, width, 4), np.uint8), np.ones((height, width), np.bool_))


INDEXED = [name for name in list_models() if name not in ("multiscale", "pixelcnn_plus_plus", "sketch_pixelcnn")]


@pytest.mark.parametrize("variant", INDEXED)
def test_windows_of_every_variant_are_the_same_by_both_samplers(variant: str) -> None:
    torch.manual_seed(0)
    codec = Indexed(np.array([[255, 0, 0], [0, 255, 0]], np.uint8))
    size: dict[str, Any] = {"channels": 1, "levels": 3, "height": 8, "width": 8, "num_classes": 2}
    model = create_model(variant, preset="debug", **size).eval()
    picture = codec.table[RNG.integers(3, size=(11, 13))]
    mask = _mask(11, 13)
    given: Any = (model, codec, picture, mask, torch.zeros(2))
    how: dict[str, Any] = {"count": 2, "seed": 4, "controls": Controls(), "windows": plan_windows(mask, (8, 8))}
    fast, slow = (complete_picture(*given, sampler=sampler, **how) for sampler in ("cached", "naive"))
    for one, other in zip(fast, slow, strict=True):
        assert np.array_equal(one.picture, other.picture) and np.array_equal(one.picture[~mask], picture[~mask])


def test_a_chosen_window_is_used_where_the_mask_lies_in_it() -> None:
    mask, size = np.zeros((100, 90), np.bool_), (32, 24)
    mask[50:60, 20:24] = True
    assert chosen_window(mask, size, (30, 1)) == [Window((30, 62), (1, 25), (50, 60), (20, 24))]
    assert chosen_window(mask, size, (28, 0)) == [Window((28, 60), (0, 24), (50, 60), (20, 24))], "at its borders"
    for at in ((27, 0), (51, 20), (30, 21), (69, 0), (-1, 0), (0, 67), None):
        assert chosen_window(mask, size, at) == [], at
    assert chosen_window(np.zeros_like(mask), size, (0, 0)) == []


def test_the_picture_is_completed_by_exactly_the_window_that_was_chosen(engine: Engine) -> None:
    info = engine.info("tiny")
    size, picture = (info.height, info.width), _scene(engine, 24, 20)
    mask, at = np.zeros(picture.shape[:2], np.bool_), (5, 3)
    mask[9:12, 6:11] = True
    request, part = Request(info.name, seed=4, window=at), (slice(5, 5 + size[0]), slice(3, 3 + size[1]))
    previews = list[Picture]()
    (drawn,) = engine.complete(request, picture, mask, on_row=lambda done, rows, shown: previews.append(shown()[0]))
    assert drawn.settings["window"] == at and all(preview.shape == picture.shape for preview in previews)
    assert np.array_equal(previews[-1], drawn.picture) and np.array_equal(drawn.picture[~mask], picture[~mask])

    def surroundings_matter(change: tuple[int, int]) -> bool:
        other = picture.copy()
        other[change] = 255 - other[change]
        (again,) = engine.complete(request, other, mask)
        return not np.array_equal(again.picture[mask], drawn.picture[mask])

    outside = [(y, x) for y in (0, 4, 5 + size[0]) for x in (0, 2, 3 + size[1])]
    assert not any(surroundings_matter(place) for place in outside), "it sees nothing outside the window"
    whole = np.ones_like(mask)
    many = engine.complete(replace(request, window=at), picture, whole)[0]
    assert np.array_equal(many.picture, engine.complete(replace(request, window=None), picture, whole)[0].picture)
    assert "window" not in engine.complete(replace(request, window=None), picture, mask)[0].settings
    (small,) = engine.complete(request, picture[part], mask[part])
    assert "window" not in small.settings, "a picture of the model's size needs none"
    with pytest.raises(RequestRejected, match="window"):
        Request(info.name, window=(1,))  # pyright: ignore[reportArgumentType]
