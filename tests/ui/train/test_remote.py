"""The tab Train with a rented machine: prices, rent by one click, the same view as any training, delete the set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from pixelart.checkpoint.ownership import request_owner
from pixelart.hub.remote import RemoteTraining, read_record
from pixelart.hub.remote.training import MAY_BE_AT_WORK
from pixelart.jobs import Job, Jobs, RemoteTrainer, read_jobs
from pixelart.jobs.remote import RemoteRunner
from pixelart.settings import SETTINGS
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import survey
from pixelart.ui.security.hosting import Hosting
from pixelart.ui.train import remote as page
from pixelart.ui.train.dataset_form import ImagesForm, spec_from
from pixelart.ui.train.remote import (
    CHOOSE,
    HERE,
    NEEDS_SCOPE,
    NOTHING_RENTED,
    RENTED,
    SIGN_IN_ON_DESKTOP,
    RemoteHandlers,
)
from pixelart.ui.train.runs import OUTPUTS, RunHandlers
from pixelart.ui.train.scratch import Scratch
from pixelart.ui.train.times import TimesHandlers
from pixelart.ui.train.uploads import CheckTask, Images, PreparedDataset
from tests.hub.conftest import SECRET
from tests.hub.remote.conftest import QUICK, asleep
from tests.hub.remote.conftest import hub as hub
from tests.hub.remote.watched import finish
from tests.hub_jobs import JobsHub
from tests.hub_server import Answer
from tests.jobs.waiting import ended, until
from tests.ui.security.test_sign_in import HOSTING
from tests.ui.train.test_runs import ANN, NEW, STEP_1, fake

Page = tuple[RemoteHandlers, Images]
REQUEST: Any = object()
PROFILE = {"name": "art", "preferred_username": "art", "profile": "", "picture": ""}
VALUES = {**dict(zip([field.name for field in fields(ImagesForm)], STEP_1, strict=False)), **NEW}


@pytest.fixture(autouse=True)
def here(hub: JobsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests come from this machine, "art" is signed in on it, and its machines run nothing."""
    asleep(hub, monkeypatch)
    monkeypatch.setattr("pixelart.hub.remote.following.CANCEL_PATIENCE", 0.0)
    monkeypatch.setattr(page, "from_own_machine", lambda request: True)
    monkeypatch.setattr(page, "RemoteTraining", partial(RemoteTraining, pace=QUICK))
    monkeypatch.setattr("pixelart.ui.security.hosting.local_token", lambda: SECRET)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    refusal = "Training is off here."
    settings = SETTINGS.for_one_user()
    with Jobs(tmp_path / "jobs", checkpoints=tmp_path / "checkpoints", settings=settings, refusal=refusal) as jobs:
        yield jobs


@pytest.fixture
def images(tiny_data: Path, tmp_path: Path) -> Images:
    images = Images(Scratch(tmp_path / "incoming"))
    path = prepare(survey(tiny_data), images.folder / "ready.zip")
    spec = spec_from(ImagesForm(*STEP_1, "new:row_rnn", ""), fake())
    images.keep(CheckTask(1), PreparedDataset(path, (8, 8), spec, "Ready to train."))
    return images


def handlers_of(jobs: Jobs, hosting: Hosting) -> RemoteHandlers:
    engine = fake()
    return RemoteHandlers(RunHandlers(engine, jobs), TimesHandlers(engine, jobs), hosting)


def shown(update: Any) -> bool:
    return update["visible"] if isinstance(update, dict) else update.visible


def value_of(update: Any, name: str = "value") -> Any:
    return update[name] if isinstance(update, dict) else getattr(update, name)


def rent(handlers: RemoteHandlers, images: Images, **changes: Any) -> tuple[Any, ...]:
    offers = handlers.choose_place(REQUEST, None, None, RENTED, None)[-1]
    values = {"offers": offers, "flavor": "a10g-small", "limit": 60, **VALUES, **changes}
    return handlers.rent_training(REQUEST, None, None, ANN, images, **values)


def test_machines_are_shown_with_prices_and_only_when_they_are_asked_for(
    hub: JobsHub, jobs: Jobs, images: Images
) -> None:
    handlers = handlers_of(jobs, Hosting("desktop"))
    start, panel, *_ = handlers.choose_place(REQUEST, None, None, HERE, None)
    assert not shown(panel) and not shown(start) and hub.asked == []  # not here either: training is off
    _, panel, form, notice, flavor, offers = handlers.choose_place(REQUEST, None, None, RENTED, "")
    assert shown(panel) and shown(form) and notice == ""
    assert value_of(flavor) == "a10g-small" and list(offers) == ["a10g-small"]
    cost, button = handlers.show_cost(images, offers, "a10g-small", 30, **VALUES)
    assert "$1.00 an hour" in cost and "at most $0.50" in cost and button == "Rent and train (at most $0.50)"
    for steps, told in ((0, "about $0.25 (10 minutes of training"), (500, "when its steps are done")):
        values = {**VALUES, "minutes": 10, "steps": steps}
        assert told in handlers.show_cost(images, offers, "a10g-small", 30, **values)[0]
    assert CHOOSE in handlers.show_cost(images, None, "a10g-small", 30, **VALUES)[0]
    assert "Time limit" in handlers.show_cost(images, offers, "a10g-small", 10**9, **VALUES)[0]


def test_without_a_sign_in_the_page_says_how_to_sign_in(
    hub: JobsHub, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelart.ui.security.hosting.local_token", lambda: None)
    _, panel, form, notice, *_ = handlers_of(jobs, Hosting("desktop")).choose_place(REQUEST, None, None, RENTED, "")
    assert shown(panel) and not shown(form) and SIGN_IN_ON_DESKTOP in notice and hub.asked == []
    assert "cannot be rented" in handlers_of(jobs, Hosting()).choose_place(REQUEST, None, None, RENTED, "")[3]


def test_on_a_space_the_visitor_is_asked_for_the_permission_only_then(hub: JobsHub, jobs: Jobs) -> None:
    handlers, profile = handlers_of(jobs, HOSTING), gr.OAuthProfile(PROFILE)
    with request_owner(HOSTING.owner("art", "")):
        assert "Sign in" in handlers.choose_place(REQUEST, None, None, RENTED, "")[3]
        for scope, told in (("contribute-repos", True), ("contribute-repos jobs", False)):
            token = gr.OAuthToken(SECRET, scope, 2**31)
            _, _, form, notice, *_ = handlers.choose_place(REQUEST, profile, token, RENTED, "")
            assert (NEEDS_SCOPE in notice and "rent=1" in notice) == told and shown(form) != told
    with request_owner(HOSTING.owner("bob", "")):  # a page of somebody else
        assert "Sign in" in handlers.choose_place(REQUEST, profile, token, RENTED, "")[3]


def test_a_rented_training_looks_like_any_other_and_its_pictures_are_deleted(
    hub: JobsHub, jobs: Jobs, images: Images, tiny_run: Path, tmp_path: Path
) -> None:
    handlers = handlers_of(jobs, Hosting("desktop"))
    memory, *view = rent(handlers, images)
    assert len(view) == OUTPUTS
    (job,) = jobs.list(ANN["owner"])
    assert memory["job"] == job.id and (job.state, job.place) == ("running", "a10g-small")
    assert "on a10g-small" in view[1] and shown(view[5])  # Stop
    until(lambda: hub.machines)
    assert hub.machines[0].spec["secrets"] == {"HF_TOKEN": SECRET} and hub.machines[0].spec["timeoutSeconds"] == 3600
    folder = jobs.folder(job.owner, job.id)
    finish(hub, folder.run, tiny_run, tmp_path / "there")
    done = ended(jobs, job)
    assert (done.state, done.exported) == ("done", done.name) and (tmp_path / "checkpoints" / done.name).is_dir()
    choices, status, plot, samples, log, stop, resume, use, *_ = handlers.runs.view(job.owner, job.id, None)
    assert "Done" in status and shown(plot) and "<img" in samples and "job 0000" in log and choices
    assert not shown(stop) and shown(use) and value_of(resume) == "Train longer (at most $1.00)"
    record = read_record(folder.run)
    assert record
    button = handlers.runs.view(job.owner, job.id, None)[10]
    assert shown(button) and record.pictures in value_of(button)
    after = handlers.delete_uploaded(REQUEST, None, None, ANN, job.id)
    assert not shown(after[11]) and f"datasets/{record.pictures}" not in hub.repos
    assert SECRET not in (tmp_path / "jobs" / "jobs.db").read_bytes().decode("latin-1")
    written = [path.read_bytes() for path in (tmp_path / "jobs").rglob("*") if path.is_file()]
    assert not [data for data in written if SECRET.encode() in data]

    handlers.resume_training(REQUEST, None, None, ANN, job.id, images)
    until(lambda: len(hub.machines) == 2)
    handlers.runs.stop_training(ANN, job.id)
    hub.machines[1].end("CANCELED")
    assert ended(jobs, job).state == "cancelled"


def test_uploaded_pictures_are_not_deleted_while_the_training_is_at_work(
    hub: JobsHub, jobs: Jobs, images: Images
) -> None:
    handlers, uploading, go_on = handlers_of(jobs, Hosting("desktop")), threading.Event(), threading.Event()

    def on_request(stage: str, when: str) -> None:
        if (stage, when) == ("commit", "before") and not uploading.is_set():
            uploading.set()
            assert go_on.wait(60)

    hub.on_request = on_request
    rent(handlers, images)
    (job,) = jobs.list(ANN["owner"])
    assert uploading.wait(60)
    record, asked = read_record(jobs.folder(job.owner, job.id).run), len(hub.asked)
    try:
        with pytest.raises(gr.Error, match="stop it first"):
            handlers.delete_uploaded(REQUEST, None, None, ANN, job.id)
        assert read_record(jobs.folder(job.owner, job.id).run) == record and len(hub.asked) == asked
    finally:
        go_on.set()
    until(lambda: hub.machines)


def test_what_cannot_be_rented_is_one_line_and_a_training_is_kept(hub: JobsHub, jobs: Jobs, images: Images) -> None:
    handlers = handlers_of(jobs, Hosting("desktop"))
    for changes, told in (
        ({"offers": {}}, CHOOSE), ({"flavor": "h9000"}, CHOOSE), ({"flavor": None}, CHOOSE),
        ({"limit": 1}, "Time limit"), ({"limit": None}, "Time limit"), ({"name": ""}, "name"),
        ({"size": 16}, "Check again"),
    ):  # fmt: skip
        with pytest.raises(gr.Error, match=told):
            rent(handlers, images, **changes)
    with pytest.raises(gr.Error, match="from 0 to 1440"):
        rent(handlers, images, steps=0, minutes=1441)
    with pytest.raises(gr.Error, match="from 0 to 30"):
        handlers.runs.start_training(ANN, images, **{**VALUES, "steps": 0, "minutes": 31})
    with pytest.raises(gr.Error, match="Training is off here"):
        handlers.runs.start_training(ANN, images, **VALUES)
    hub.faults["submit"] = Answer(402)
    rent(handlers, images, steps=0, minutes=31)
    (job,) = jobs.list(ANN["owner"])
    assert job.options["minutes"] == 31
    failed = ended(jobs, job)
    assert failed.state == "interrupted" and "no credit for Jobs" in failed.reason and not hub.machines
    hub.faults.clear()
    handlers.resume_training(REQUEST, None, None, ANN, job.id)
    until(lambda: hub.machines)


@pytest.mark.parametrize("stage", ["commit", "submit"])
def test_a_resume_that_may_rent_shows_and_keeps_to_what_was_confirmed(
    hub: JobsHub, jobs: Jobs, images: Images, stage: str
) -> None:
    handlers = handlers_of(jobs, Hosting("desktop"))
    hub.faults[stage] = Answer(500)  # the upload fails, or nobody knows whether the job was started
    rent(handlers, images, limit=30)
    (job,) = jobs.list(ANN["owner"])
    assert ended(jobs, job).state == "interrupted" and not hub.machines
    hub.faults.clear()
    assert value_of(handlers.runs.view(job.owner, job.id, None)[6]) == "Resume (at most $0.50)"
    handlers.resume_training(REQUEST, None, None, ANN, job.id)
    until(lambda: hub.machines)
    assert hub.machines[0].spec["timeoutSeconds"] == 1800


def test_a_training_whose_start_is_not_known_is_deleted_unless_its_machine_is_at_work(
    hub: JobsHub, jobs: Jobs, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers, warned = handlers_of(jobs, Hosting("desktop")), list[str]()
    monkeypatch.setattr(gr, "Warning", warned.append)
    hub.faults["submit"] = Answer(500)
    hub.lost.add("submit")
    rent(handlers, images)
    (job,) = jobs.list(ANN["owner"])
    assert "may have started" in ended(jobs, job).reason
    with pytest.raises(gr.Error, match="Its machine may still be at work"):
        handlers.delete_job(REQUEST, None, None, ANN, job.id)
    hub.machines[0].end("CANCELED")
    hub.faults["jobs"] = Answer(503)
    handlers.delete_job(REQUEST, None, None, ANN, job.id)
    assert not jobs.list(ANN["owner"]) and len(warned) == 1
    assert "503" in warned[0] and warned[0].endswith(f"; try again later. {MAY_BE_AT_WORK}.")


def test_a_training_whose_first_sign_in_failed_rents_nothing_later(hub: JobsHub, jobs: Jobs, images: Images) -> None:
    handlers = handlers_of(jobs, Hosting("desktop"))
    hub.faults["login"] = Answer(500)
    rent(handlers, images)
    (job,) = jobs.list(ANN["owner"])
    assert ended(jobs, job).state == "interrupted"
    hub.faults.clear()
    with pytest.raises(gr.Error, match=NOTHING_RENTED):
        handlers.resume_training(REQUEST, None, None, ANN, job.id)


def test_a_stop_in_the_moment_of_the_start_rents_nothing(
    hub: JobsHub, jobs: Jobs, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = RemoteRunner.begin

    def stopped_before(runner: RemoteRunner, job: Job, trainer: RemoteTrainer) -> None:
        jobs.stop(job.owner, job.id)
        begin(runner, job, trainer)

    monkeypatch.setattr(RemoteRunner, "begin", stopped_before)
    rent(handlers_of(jobs, Hosting("desktop")), images)
    (job,) = jobs.list(ANN["owner"])
    assert ended(jobs, job).state == "cancelled" and not hub.machines


def test_a_program_that_ends_leaves_the_training_and_the_next_one_follows_it(
    hub: JobsHub, images: Images, tmp_path: Path, tiny_run: Path
) -> None:
    settings, place = SETTINGS.for_one_user(), tmp_path / "jobs"
    with Jobs(place, checkpoints=tmp_path / "checkpoints", settings=settings) as jobs:
        rent(handlers_of(jobs, Hosting("desktop")), images)
        (job,) = jobs.list(ANN["owner"])
        until(lambda: (found := read_record(jobs.folder(job.owner, job.id).run)) and found.job)
    (left,) = read_jobs(place)
    assert left.state == "interrupted" and "goes on there" in left.reason and hub.machines[0].stage == "RUNNING"
    with Jobs(place, checkpoints=tmp_path / "checkpoints", settings=settings) as jobs:
        handlers_of(jobs, Hosting("desktop")).resume_training(REQUEST, None, None, ANN, job.id)
        finish(hub, jobs.folder(job.owner, job.id).run, tiny_run, tmp_path / "there")
        assert ended(jobs, job).state == "done" and len(hub.machines) == 1
