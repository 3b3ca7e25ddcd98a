"""Previews, cancelling, and what the engine tells while it draws."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.engine import Engine, Request
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Picture

pytestmark = pytest.mark.usefixtures("one_thread")  # tiny layers are fastest so


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
    with pytest.raises(
        RequestRejected, match="sampler 'best': must be one of auto, cached, graph, persistent, fixed_point, naive"
    ):
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
