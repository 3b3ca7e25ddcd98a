"""Trainings that a visitor starts, watches, stops and uses; the child is a stub that trains nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Jobs
from pixelart.jobs import process as child
from pixelart.jobs.store import DATABASE
from pixelart.settings import SETTINGS
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import survey
from pixelart.ui.train.dataset_form import ZIP, ImagesForm, spec_from
from pixelart.ui.train.runs import OUTPUTS, RunHandlers
from pixelart.ui.train.scratch import Scratch
from pixelart.ui.train.uploads import CheckTask, Images, PreparedDataset, Source
from tests.jobs.conftest import STUB
from tests.jobs.saved import saved_job
from tests.jobs.waiting import ended, until
from tests.ui.fake_engine import FakeEngine
from tests.ui.train.test_form import FORM

NEW = FORM | dict(base="new:row_rnn", steps=100_000)
STEP_1 = (ZIP, "", "", 8, False, False, False, 0, 0, 0, 0)
ANN, BOB = ({"owner": letter * 32, "job": ""} for letter in "ab")


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setattr(child, "LOWEST", 0)
    settings = SETTINGS.for_one_user()
    with Jobs(tmp_path / "jobs", checkpoints=tmp_path / "checkpoints", settings=settings, program=STUB) as jobs:
        yield jobs


def fake(*names: str) -> Any:
    return FakeEngine(names=names or ("tiny",))


@pytest.fixture
def handlers(jobs: Jobs) -> RunHandlers:
    return RunHandlers(fake(), jobs)


@pytest.fixture
def images(tiny_data: Path, tmp_path: Path) -> Images:
    images = Images(Scratch(tmp_path / "incoming"))
    path = prepare(survey(tiny_data), images.folder / "ready.zip")
    spec = spec_from(ImagesForm(*STEP_1, "new:row_rnn", ""), fake())
    images.keep(CheckTask(1), PreparedDataset(path, (8, 8), spec, "Ready to train."))
    return images


def start(
    handlers: RunHandlers,
    images: Images,
    form: dict[str, Any] = NEW,
    memory: Any = ANN,
    step_1: tuple[Any, ...] = STEP_1,
) -> tuple[Any, ...]:
    names = [field.name for field in fields(ImagesForm)]  # base and name are in the form
    chosen = dict(zip(names, step_1, strict=False))
    return handlers.start_training(memory, images, **chosen, **form)


def told(shown: tuple[Any, ...]) -> str:
    """The text of the status line, of what goes to [memory, *view]."""
    return re.sub("<[^>]+>", "", shown[2])


def refusal(act: Callable[..., Any], *given: Any) -> str:
    """The text of the error that it ends with."""
    with pytest.raises(gr.Error) as raised:
        act(*given)
    return str(raised.value.message)


def seen(update: Any) -> bool:
    """Whether a component that was changed can be seen."""
    return update.visible


def test_a_training_is_started_watched_stopped_gone_on_with_and_removed(
    handlers: RunHandlers, images: Images, jobs: Jobs
) -> None:
    shown = start(handlers, images)
    memory, choices, *_ = shown
    job = memory["job"]
    assert memory["owner"] == ANN["owner"] and choices.value == job and "mine" in choices.choices[0][0]
    (stop, resume, use, download, delete), timer = shown[6:11], shown[-2]
    assert seen(stop) and timer.active and not any(map(seen, (resume, use, download, delete)))
    until(lambda: " of 100000" in told(("", *handlers.tick(ANN, job, None))))
    stopping = handlers.stop_training(ANN, job)
    assert "Saving and stopping" in told(stopping) or "Stopped" in told(stopping)
    ended(jobs, jobs.get(ANN["owner"], job))
    view = handlers.tick(ANN, job, None)
    assert "Stopped" in told(("", *view)) and not seen(view[5]) and not view[-2].active
    assert [seen(button) for button in view[6:10]] == [True, False, False, True]  # nothing was saved by the stub
    assert seen(handlers.resume_training(ANN, job)[6])
    handlers.stop_training(ANN, job)
    ended(jobs, jobs.get(ANN["owner"], job))
    assert "Nothing is being trained" in told(handlers.delete_job(ANN, job)) and jobs.list(ANN["owner"]) == []


def test_a_tick_brings_nothing_that_the_page_has(handlers: RunHandlers, images: Images, jobs: Jobs) -> None:
    job = start(handlers, images)[0]["job"]
    jobs.stop(ANN["owner"], job)
    ended(jobs, jobs.get(ANN["owner"], job))
    first = handlers.tick(ANN, job, None)
    again = handlers.tick(ANN, job, first[-1])
    skipped = [value for value in again if isinstance(value, dict) and value.get("__type__") == "update"]
    assert len(first) == len(again) == OUTPUTS and len(skipped) == OUTPUTS - 2  # but for the status, and what is shown


def test_a_page_finds_its_job_again_and_no_other(handlers: RunHandlers, images: Images) -> None:
    job = start(handlers, images)[0]["job"]
    memory, _, choices, *_ = handlers.recall({**ANN, "job": job})
    assert memory == {**ANN, "job": job} and choices.value == job
    memory, _, choices, *_ = handlers.recall({**BOB, "job": job})
    assert memory == {**BOB, "job": ""} and choices.choices == [] and not choices.visible


def test_a_job_of_another_is_as_one_that_does_not_exist(handlers: RunHandlers, images: Images, jobs: Jobs) -> None:
    job = start(handlers, images)[0]["job"]
    asked: list[Callable[[Any, Any], tuple[Any, ...]]] = [
        handlers.stop_training, handlers.resume_training, handlers.delete_job
    ]  # fmt: skip
    for act in (*asked, handlers.use_model, handlers.download_model):
        assert refusal(act, BOB, job).replace(job, "x") == refusal(act, BOB, "f" * 16).replace("f" * 16, "x")
        assert "not found" in refusal(act, BOB, job) and "not found" in refusal(act, BOB, None)
    assert "Nothing is being trained" in told(handlers.look_at(BOB, job))
    assert jobs.get(ANN["owner"], job).state in ("queued", "running")
    with pytest.raises(RequestRejected, match="not found"):
        jobs.get(BOB["owner"], job)


@pytest.mark.parametrize(
    ("form", "ready", "memory", "wanted"),
    [
        (NEW, False, ANN, "There are no pictures yet"),
        (NEW, True, {}, "Reload it, or sign in"),
        (NEW | dict(name=""), True, ANN, "use 1 to 64 letters"),
        (FORM | dict(base="tiny"), True, ANN, "The pictures are 8 x 8; tiny draws 16 x 16"),
        (FORM | dict(base="gone"), True, ANN, "not found"),
    ],
)
def test_what_cannot_be_started_says_why(
    handlers: RunHandlers, images: Images, form: dict[str, Any], ready: bool, memory: Any, wanted: str
) -> None:
    if not ready:
        images.ready = None
    assert wanted in refusal(start, handlers, images, form, memory)


@pytest.mark.parametrize(
    ("place", "value"), [(0, "Folder"), (3, 16), (4, True), (6, True), (7, 4), (9, "x"), (3, "As the base model")]
)
def test_what_was_changed_since_the_check_is_not_trained_on(
    handlers: RunHandlers, images: Images, jobs: Jobs, place: int, value: Any
) -> None:
    changed = (*STEP_1[:place], value, *STEP_1[place + 1 :])
    assert "Step 1 has changed since the check" in refusal(start, handlers, images, NEW, ANN, changed)
    assert jobs.list(ANN["owner"]) == []


def test_a_training_leaves_no_copy_of_what_was_dropped_and_can_be_started_again(
    handlers: RunHandlers, images: Images
) -> None:
    dropped = images.folder / "upload.zip"
    dropped.write_bytes(b"x")
    images.put(CheckTask(1), Source(ZIP, "", "sprites.zip", dropped))
    start(handlers, images)
    assert not dropped.exists() and images.handed_over
    start(handlers, images, NEW | dict(name="again"))


def test_the_base_models_are_those_that_there_are_now(jobs: Jobs) -> None:
    engine: Any = FakeEngine(names=("tiny", "other"))
    handlers = RunHandlers(engine, jobs)
    assert "value" not in handlers.offer_bases("other").constructor_args, "what is chosen is not touched"
    engine.names = ("tiny", "mine")
    offered = handlers.offer_bases("other")
    assert offered.value == "tiny" and "mine" in [value for _, value in offered.choices]
    assert handlers.offer_bases(None).constructor_args["value"] == "tiny"
    assert "value" not in handlers.offer_bases("new:row_rnn").constructor_args


def test_a_model_that_is_used_again_is_chosen_again(
    jobs: Jobs, tiny_data: Path, tiny_run: Path, tmp_path: Path
) -> None:
    handlers, pictures = RunHandlers(fake("tiny", "mine"), jobs), prepare(survey(tiny_data), tmp_path / "pictures.zip")
    job = saved_job(jobs, pictures, tiny_run, owner=ANN["owner"])
    for _ in range(2):
        status, models = handlers.use_model(ANN, job.id)
        assert models.value == "mine" and "mine is ready" in status


def test_records_that_cannot_be_read_are_told_and_what_is_shown_stays(
    handlers: RunHandlers, images: Images, tmp_path: Path
) -> None:
    shown = start(handlers, images)[-1]
    with closing(sqlite3.connect(tmp_path / "jobs" / DATABASE)) as records:
        records.execute("ALTER TABLE jobs RENAME TO lost")
        for view in (handlers.tick(ANN, shown[0], shown), handlers.look_at(ANN, shown[0])[1:]):
            assert len(view) == OUTPUTS and "records of jobs" in view[1] and view[0] == view[2] == gr.skip()
        assert view[-2].active and view[-1] is None, "the next tick tries again, and shows all"
        memory, _, *view = handlers.recall({**ANN, "job": shown[0]})
        assert memory["job"] == shown[0] and "records of jobs" in view[1]
        assert "The disk" in refusal(handlers.stop_training, ANN, shown[0])
        records.execute("ALTER TABLE lost RENAME TO jobs")
    view = handlers.tick(ANN, shown[0], None)
    assert "records of jobs" not in view[1] and isinstance(view[-2], gr.Timer) and view[-1][0] == shown[0]


def test_a_full_queue_is_told(handlers: RunHandlers, images: Images, jobs: Jobs) -> None:
    lines = [told(start(handlers, images, NEW | dict(name=f"m{i}"))) for i in range(3)]
    assert "before it" in lines[2]
    with pytest.raises(gr.Error, match="1 running and 3 queued trainings are the limit"):
        for i in range(3, 6):
            start(handlers, images, NEW | dict(name=f"m{i}"))
    assert len(jobs.list(ANN["owner"])) < 6
