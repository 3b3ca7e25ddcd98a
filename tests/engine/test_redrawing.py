"""Nearly empty pictures and confetti are drawn again, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pixelart.checkpoint.info import CheckpointInfo
from pixelart.engine import Drawing, Engine, Preview, Request
from pixelart.engine.drawing import most_probable_first
from pixelart.engine.redrawing import INSTEAD_OF, count_redrawn, without_defects
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.defects import NO_LIMITS, DefectLimits, limits_of, limits_of_mix, parse_limits

LIMITS = DefectLimits(visible=0.05, lone=0.5)
EMPTY, CONFETTI, PLAIN = "empty", "confetti", "plain"


def picture(kind: str) -> Picture:
    """8 x 8 pixels."""
    made = np.zeros((8, 8, 4), np.uint8)
    if kind == PLAIN:
        made[2:6, 2:6] = (200, 10, 10, 255)
    if kind == CONFETTI:
        made[::2, ::2] = (10, 10, 200, 255)
    return made


class Painter:
    """Draws the kind of each seed; `requests` are those that it got."""

    def __init__(self, kinds: Callable[[int], str]) -> None:
        self.kinds, self.requests = kinds, list[Request]()
        self.cancels_from = 10**9

    def __call__(self, request: Request, on_row: object) -> list[Drawing]:
        self.requests.append(request)
        if len(self.requests) > self.cancels_from:
            raise Cancelled
        seeds = range(request.seed, request.seed + request.count)
        drawings = [Drawing(picture(self.kinds(seed)), seed, 0.0, {"seed": seed}) for seed in seeds]
        if callable(on_row):
            on_row(1, 1, Preview(lambda: np.stack([d.picture for d in drawings]), lambda: np.ones((2, 2), np.bool_)))
        return drawings


def test_replacements_have_their_own_seeds_and_places() -> None:
    painter = Painter(lambda seed: {11: EMPTY, 13: CONFETTI, 14: EMPTY}.get(seed, PLAIN))
    frames, undrawn = list[Picture](), list[bool]()

    def on_row(done: int, rows: int, shown: Preview) -> None:
        frames.append(shown())
        undrawn.append(bool(shown.undrawn().any()))

    drawings = without_defects(Request("tiny", count=4, seed=10, redraw=2), LIMITS, painter, on_row)
    assert undrawn == [True, False, False], "the first picture is not replaced"
    assert [d.seed for d in drawings] == [10, 16, 12, 15], "11 became 14, which was empty too"
    assert [d.settings.get(INSTEAD_OF) for d in drawings] == [None, 11, None, 13]
    assert [d.settings["seed"] for d in drawings] == [10, 16, 12, 15]
    assert count_redrawn(drawings) == 2
    assert [(r.seed, r.count, r.redraw) for r in painter.requests] == [(10, 4, 0), (14, 2, 0), (16, 1, 0)]
    assert all(len(frame) == 4 for frame in frames), "previews show all places"
    assert np.array_equal(frames[-1][0], picture(PLAIN))


def test_it_ends_after_the_rounds_that_were_asked_for() -> None:
    painter = Painter(lambda seed: EMPTY)
    drawings = without_defects(Request("tiny", count=2, seed=0, redraw=2), LIMITS, painter, None)
    assert len(painter.requests) == 3
    assert [d.seed for d in drawings] == [4, 5]
    for redraw, limits in ((0, LIMITS), (2, NO_LIMITS)):
        painter = Painter(lambda seed: EMPTY)
        drawings = without_defects(Request("tiny", count=2, redraw=redraw), limits, painter, None)
        assert [d.seed for d in drawings] == [0, 1]
        assert count_redrawn(drawings) == 0


def test_pictures_that_still_have_a_defect_come_last() -> None:
    painter = Painter(lambda seed: PLAIN if seed in (11, 13, 15) else EMPTY)
    drawings = without_defects(Request("tiny", count=4, seed=10, redraw=2), LIMITS, painter, None)
    assert [d.settings.get(INSTEAD_OF, d.seed) for d in drawings] == [11, 12, 13, 10], "15 replaced 12"
    assert [d.seed for d in drawings] == [11, 15, 13, 16]
    kept = without_defects(Request("tiny", count=4, seed=10), LIMITS, painter, None)
    assert [d.seed for d in kept] == [10, 11, 12, 13], "the order of seeds without redraw"


def test_a_stop_while_drawing_again_keeps_what_was_drawn() -> None:
    painter = Painter(lambda seed: EMPTY)
    painter.cancels_from = 1
    assert [d.seed for d in without_defects(Request("tiny", redraw=2), LIMITS, painter, None)] == [0]
    painter = Painter(lambda seed: EMPTY)
    painter.cancels_from = 0
    with pytest.raises(Cancelled):
        without_defects(Request("tiny", redraw=2), LIMITS, painter, None)


def test_a_request_says_how_often_and_its_settings_do_not() -> None:
    request = Request("tiny", redraw=2)
    assert "redraw" not in request.settings()
    request.check()
    for wrong in (3, -1):
        with pytest.raises(RequestRejected, match="redraw"):
            replace(request, redraw=wrong).check()


@pytest.mark.parametrize(("share", "keep", "judged"), [(0.5, "", True), (0.48, "", False), (1, "shape", False)])
def test_of_completions_those_of_half_the_picture_are_judged(
    share: float, keep: str, judged: bool, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CheckpointInfo, "limits_of", lambda info, classes: DefectLimits(1, 0))
    mask = np.arange(64).reshape(8, 8) < 64 * share
    request = Request("tiny", count=3, seed=7, redraw=2, keep=keep)
    drawings = engine.complete(request, picture(PLAIN), mask)
    assert {drawing.settings.get(INSTEAD_OF) for drawing in drawings} == ({7, 8, 9} if judged else {None})
    assert drawings == most_probable_first(drawings)
    for drawing in drawings:
        alone = replace(request, count=1, seed=drawing.seed, redraw=0)
        assert np.array_equal(engine.complete(alone, picture(PLAIN), mask)[0].picture, drawing.picture)
    assert engine.generate(replace(request, keep=""))[0].settings[INSTEAD_OF] == 7, "new pictures are judged"


def test_what_is_made_of_several_completions_has_the_seeds_that_it_says(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CheckpointInfo, "limits_of", lambda info, classes: DefectLimits(1, 0))
    mask = np.arange(64).reshape(8, 8) < 32
    frames = engine.animate(Request("tiny", seed=5, redraw=1), picture(PLAIN), mask).drawings
    assert [drawing.seed for drawing in frames] == [5, 6]


def test_limits_are_those_of_real_pictures() -> None:
    plain, confetti = np.stack([picture(PLAIN)] * 40), np.stack([picture(CONFETTI)] * 40)
    assert limits_of([plain]) == DefectLimits(0.05, 0.25)
    assert limits_of([plain, confetti]) == DefectLimits(0.05, 1.0), "the class has such pictures"
    assert limits_of([np.stack([picture(EMPTY)] * 40)]).visible == 0, "the class has empty pictures"
    assert limits_of([plain[:5]]) == NO_LIMITS, "too few to tell"
    known = {"hero": DefectLimits(0.05, 0.3), "floor": DefectLimits(0.01, 0.8)}
    assert limits_of_mix(known, ["hero"]) == known["hero"]
    assert limits_of_mix(known, ["hero", "floor"]) == DefectLimits(0.01, 0.8)
    assert limits_of_mix(known, ["hero", "new"]) == limits_of_mix(known, []) == NO_LIMITS


@pytest.mark.parametrize(
    "values", [[], {"hero": {}}, {"hero": {"visible": 0.1, "lone": 2}}, {"hero": {"visible": True, "lone": 0.5}}]
)
def test_damaged_limits_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match=r"defect limits|must be from 0 to 1"):
        parse_limits(values)
    assert parse_limits({"hero": {"visible": 0.05, "lone": 0.5}}) == {"hero": LIMITS}
