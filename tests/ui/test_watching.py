"""Trainings that a visitor starts, watches, stops and uses; the child is a stub that trains nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Jobs, child
from pixelart.training.dataset import prepare
from pixelart.training.survey import survey
from pixelart.ui.training.form import TrainForm
from pixelart.ui.training.images import Images, Ready
from pixelart.ui.training.watching import OUTPUTS, Watching
from tests.jobs.conftest import STUB
from tests.jobs.waiting import ended, until
from tests.ui.fake_engine import FakeEngine
from tests.ui.test_train_form import FORM

NEW = replace(FORM, base="new:row_rnn", steps=100_000)
ANN, BOB = ({"owner": letter * 32, "job": ""} for letter in "ab")


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setattr(child, "LOWEST", 0)
    with Jobs(tmp_path / "jobs", checkpoints=tmp_path / "checkpoints", program=STUB) as jobs:
        yield jobs


def fake() -> Any:
    return FakeEngine()


@pytest.fixture
def watching(jobs: Jobs) -> Watching:
    return Watching(fake(), jobs)


@pytest.fixture
def images(tiny_data: Path, tmp_path: Path) -> Images:
    images = Images()
    images.ready = Ready(prepare(survey(tiny_data), tmp_path / "pictures.zip"), (8, 8), 40, "sprites.zip")
    return images


def start(watching: Watching, images: Images, form: TrainForm = NEW, memory: Any = None) -> tuple[Any, ...]:
    return watching.start_training(memory or ANN, images, *astuple(form))


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
    watching: Watching, images: Images, jobs: Jobs
) -> None:
    shown = start(watching, images)
    memory, choices, *_ = shown
    job = memory["job"]
    assert memory["owner"] == ANN["owner"] and choices.value == job and "mine" in choices.choices[0][0]
    stop, resume, use, download, delete, timer = shown[6:12]
    assert seen(stop) and timer.active and not any(map(seen, (resume, use, download, delete)))
    until(lambda: "bits/dim" in told(("", *watching.tick(ANN, job, None))))
    stopping = watching.stop_training(ANN, job)
    assert "Saving, then it stops" in told(stopping) or "Stopped" in told(stopping)
    ended(jobs, jobs.get(ANN["owner"], job))
    view = watching.tick(ANN, job, None)
    assert "Stopped" in told(("", *view)) and not seen(view[5]) and not view[10].active
    assert [seen(button) for button in view[6:10]] == [True, False, False, True]  # nothing was saved by the stub
    assert seen(watching.resume_training(ANN, job)[6])
    watching.stop_training(ANN, job)
    ended(jobs, jobs.get(ANN["owner"], job))
    assert "Nothing is being trained" in told(watching.delete_job(ANN, job)) and jobs.list(ANN["owner"]) == []


def test_a_tick_brings_nothing_that_the_page_has(watching: Watching, images: Images, jobs: Jobs) -> None:
    job = start(watching, images)[0]["job"]
    jobs.stop(ANN["owner"], job)
    ended(jobs, jobs.get(ANN["owner"], job))
    first = watching.tick(ANN, job, None)
    again = watching.tick(ANN, job, first[-1])
    skipped = [value for value in again if isinstance(value, dict) and value.get("__type__") == "update"]
    assert len(first) == len(again) == OUTPUTS and len(skipped) == OUTPUTS - 2  # but for the status, and what is shown


def test_a_page_finds_its_job_again_and_no_other(watching: Watching, images: Images) -> None:
    job = start(watching, images)[0]["job"]
    memory, _, choices, *_ = watching.recall({**ANN, "job": job})
    assert memory == {**ANN, "job": job} and choices.value == job
    memory, _, choices, *_ = watching.recall({**BOB, "job": job})
    assert memory == {**BOB, "job": ""} and choices.choices == [] and not choices.visible


def test_a_job_of_another_is_as_one_that_does_not_exist(watching: Watching, images: Images, jobs: Jobs) -> None:
    job = start(watching, images)[0]["job"]
    asked: list[Callable[[Any, Any], tuple[Any, ...]]] = [
        watching.stop_training, watching.resume_training, watching.delete_job
    ]  # fmt: skip
    for act in (*asked, watching.use_model, watching.download_model):
        assert refusal(act, BOB, job).replace(job, "x") == refusal(act, BOB, "f" * 16).replace("f" * 16, "x")
        assert "not found" in refusal(act, BOB, job) and "not found" in refusal(act, BOB, None)
    assert "Nothing is being trained" in told(watching.look_at(BOB, job))
    assert jobs.get(ANN["owner"], job).state in ("queued", "running")
    with pytest.raises(RequestRejected, match="not found"):
        jobs.get(BOB["owner"], job)


@pytest.mark.parametrize(
    ("form", "ready", "memory", "wanted"),
    [
        (NEW, False, ANN, "There are no pictures yet"),
        (NEW, True, {}, "Reload the page"),
        (replace(NEW, name=""), True, ANN, "use 1 to 64 letters"),
        (replace(FORM, base="tiny"), True, ANN, "The pictures are 8 x 8; tiny draws 16 x 16"),
        (replace(FORM, base="gone"), True, ANN, "not found"),
    ],
)
def test_what_cannot_be_started_says_why(
    watching: Watching, images: Images, form: TrainForm, ready: bool, memory: Any, wanted: str
) -> None:
    if not ready:
        images.ready = None
    assert wanted in refusal(watching.start_training, memory, images, *astuple(form))


def test_a_full_queue_is_told(watching: Watching, images: Images, jobs: Jobs) -> None:
    lines = [told(start(watching, images, replace(NEW, name=f"m{i}"))) for i in range(3)]
    assert "before it" in lines[2]
    with pytest.raises(gr.Error, match="1 running and 3 queued are all that may be"):
        for i in range(3, 6):
            start(watching, images, replace(NEW, name=f"m{i}"))
    assert len(jobs.list(ANN["owner"])) < 6
