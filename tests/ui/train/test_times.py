"""Each effort shows its time on this machine before Start; the timing itself is stubbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pixelart.training.pace import Pace
from pixelart.ui.train.dataset_form import ImagesForm, spec_from
from pixelart.ui.train.scratch import Scratch
from pixelart.ui.train.times import BEST_KEPT, BUSY, MEASURED, MEASURING, NOT_MEASURED, TimesHandlers
from pixelart.ui.train.uploads import CheckTask, Images, PreparedDataset
from tests.ui.fake_engine import FakeEngine
from tests.ui.train.test_form import FORM
from tests.ui.train.test_runs import STEP_1

PACE = Pace(step=2.0, validation=0.1, samples=5.0)


class StubTiming:
    """Answers at once; `asked` are the arguments."""

    def __init__(self, pace: Pace | None = PACE, *, busy: bool = False) -> None:
        self.pace, self.busy, self.asked = pace, busy, list[tuple[str, ...]]()

    def known(self, arguments: tuple[str, ...]) -> Pace | None:
        return None

    def must_wait(self) -> bool:
        return self.busy

    def measure(self, arguments: tuple[str, ...], cancel: Callable[[], bool]) -> Pace | None:
        self.asked.append(arguments)
        return self.pace


@pytest.fixture
def images(tmp_path: Path) -> Images:
    engine: Any = FakeEngine()
    images = Images(Scratch(tmp_path / "incoming"))
    spec = spec_from(ImagesForm(*STEP_1, "new:row_rnn", ""), engine)
    images.keep(CheckTask(1), PreparedDataset(tmp_path / "ready.zip", (8, 12), spec, "Ready.", 100, 3))
    return images


def shown(timing: StubTiming, images: Images, **changes: Any) -> Iterator[Any]:
    engine: Any = FakeEngine()
    jobs: Any = SimpleNamespace(timing=timing, refusal="")
    return TimesHandlers(engine, jobs).show_times(images, **{**FORM, **changes})


def test_every_effort_tells_its_time_with_its_saves(images: Images) -> None:
    timing = StubTiming()
    first, *_, last = shown(timing, images)
    assert first.info == MEASURING and [label for label, _ in first.choices] == ["Quick", "Good", "Best"]
    # 80 steps of 2 s, and 3 saves of 10 validation pictures and 3 classes
    assert last.choices == [
        ("Quick · about 3 min", "Quick"),
        ("Good · about 12 min", "Good"),
        ("Best · about 24 min", "Best"),
    ]
    assert last.info == f"{MEASURED} {BEST_KEPT}" and timing.asked == [("--base=tiny", "--batch-size=0")]
    *_, last = shown(timing, images, base="new:row_rnn", batch_size=8)
    assert timing.asked[-1] == ("--model=row_rnn", "--size=12x8", "--batch-size=8")
    assert last.choices[0][0] == "Quick · about 14 min" and last.info == MEASURED
    *_, last = shown(timing, images, save_every=10)  # 9 saves instead of 3
    assert last.choices[0][0] == "Quick · about 5 min"


def test_numbers_under_advanced_are_told_in_its_place(images: Images) -> None:
    *_, last = shown(StubTiming(), images, steps=1000)
    assert last.info == "1,000 steps, set under Advanced: about 39 min. A choice here undoes that."
    *_, last = shown(StubTiming(), images, steps=1000.0, base="new:row_rnn")  # it saves every 500 steps
    assert last.info == "1,000 steps, set under Advanced: about 34 min. A choice here undoes that."
    *_, last = shown(StubTiming(), images, minutes=90)  # on a rented machine
    assert last.info == "90 min, set under Advanced. A choice here undoes that."
    *_, last = shown(StubTiming(), images, minutes=7.0)
    assert last.info == "7 min, set under Advanced. A choice here undoes that."


@pytest.mark.parametrize(
    ("timing", "changes", "info"),
    [
        (StubTiming(busy=True), {}, BUSY),
        (StubTiming(None), {}, NOT_MEASURED),
        (StubTiming(), {"base": None}, NOT_MEASURED),
        (StubTiming(), {"base": "gone"}, NOT_MEASURED),
        (StubTiming(), {"batch_size": "<b>"}, NOT_MEASURED),
    ],
)
def test_what_cannot_be_timed_says_why(images: Images, timing: StubTiming, changes: dict[str, Any], info: str) -> None:
    *_, last = shown(timing, images, **changes)
    assert last.info == info and [label for label, _ in last.choices] == ["Quick", "Good", "Best"]


def test_a_training_that_begins_meanwhile_is_told(images: Images) -> None:
    timing = StubTiming(None)
    updates = shown(timing, images)
    assert next(updates).info == MEASURING
    timing.busy = True
    assert [update.info for update in updates if hasattr(update, "info")] == [BUSY]


def test_nothing_is_measured_before_the_pictures_are_checked_or_for_others(images: Images) -> None:
    ready, timing = images.ready, StubTiming()
    images.ready = None
    assert len(list(shown(timing, images))) == 1 and timing.asked == []
    images.ready = ready
    updates = shown(timing, images)
    assert next(updates).info == MEASURING
    images.ready = None
    assert not [update for update in updates if hasattr(update, "info")]
