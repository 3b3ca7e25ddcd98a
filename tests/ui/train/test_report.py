"""What the tab Train shows of a survey and of a job."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import asdict, replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixelart.cli.words import CLI_HINTS
from pixelart.errors import Hint, RequestRejected, tag_hint, untag_hint
from pixelart.images.io import contact_sheet, decode_picture, encode_png
from pixelart.jobs import Job, JobFolder
from pixelart.jobs.job import STATES, State
from pixelart.progress import duration
from pixelart.training.config import Schedule
from pixelart.training.data.survey import survey
from pixelart.training.failures import too_short
from pixelart.training.improvement import Comparison
from pixelart.training.nearest import write_nearest
from pixelart.training.progress_file import CURVE_FILE, PROGRESS_FILE
from pixelart.training.run_config import RUN_FILE, RunConfig
from pixelart.training.sample_sheets import ROWS_FILE, SAMPLES_FOLDER
from pixelart.ui.train.nearest import nearest_html
from pixelart.ui.train.progress import job_label, job_status, pace
from pixelart.ui.train.report import HELD_OUT, PAGE_HINTS, POINTS, TRAINING, log_html, loss_curve, plain, survey_html
from pixelart.ui.train.samples import SHOWN_SAMPLES, samples_html
from pixelart.ui.train.verdict import EARLY, NOT_COMPARED, READY, verdict_html

PROGRESS: dict[str, Any] = {
    "phase": "training", "step": 420, "steps": 2000, "progress": 0.21, "seconds": 65.0, "seconds_left": 360.0,
    "bits": 3.1,
}  # fmt: skip
SHEET = np.random.default_rng(1).integers(0, 2, (34, 51, 4), np.uint8) * np.uint8(255)


def job(state: State, *, reason: str = "") -> Job:
    return Job("0" * 16, "ann", "knights", {}, 0.0, state=state, reason=reason)


RUN = RunConfig(
    model="pixelcnn", preset="", data="", size=(8, 8), fit="refuse", data_fingerprint="", classes=("a",), colours=8,
    palette="keep", codec={}, model_config={}, schedule=Schedule(steps=100),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path)
    folder.run.mkdir()
    (folder.run / PROGRESS_FILE).write_text(json.dumps(PROGRESS))
    lines = "".join(f"{step},{bits}\n" for step, bits in enumerate(np.linspace(4, 1, 1000), start=1))
    (folder.run / CURVE_FILE).write_text("step,train_bits\n" + lines)
    (folder.run / "log.csv").write_text("step,minutes,validation_bits\n100,1,2.5\n200,2,\n300,3,1.5\n")
    (folder.run / "samples").mkdir()
    for step in range(1, SHOWN_SAMPLES + 3):
        (folder.run / "samples" / f"step-{step:08d}.png").write_bytes(encode_png(SHEET))
    return folder


def test_a_survey_is_told_by_class_with_its_problems(tiny_data: Path) -> None:
    html = survey_html(survey(tiny_data))
    assert (
        "<td>cross</td><td>20</td><td>8\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}8</td>" in html
        and "data:image/png;base64," in html
    )


def test_names_from_an_archive_cannot_write_into_the_page(tiny_data: Path, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    (tmp_path / hostile).mkdir()
    (tmp_path / hostile / "a.png").write_bytes((tiny_data / "cross" / "00.png").read_bytes())
    (tmp_path / hostile / "<b>.png").write_bytes(b"none")
    html = survey_html(survey(tmp_path))
    assert "<img src=x" not in html and "<b>" not in html and "&lt;img src=x" in html
    assert "<script>" not in log_html(["<script>"])


def test_a_running_job_tells_how_far_it_is(folder: JobFolder) -> None:
    html = job_status(job("running"), folder, ahead=0)
    text = "Training · step 420 of 2000 · Fit: 40 % better than at the start · about 6 min left"
    assert text in html and 'value="210" max="1000"' in html


def tell(folder: JobFolder, **facts: Any) -> str:
    """The text of a running job that has told this."""
    (folder.run / PROGRESS_FILE).write_text(json.dumps({**PROGRESS, **facts}))
    return re.sub("<[^>]+>", "", job_status(job("running"), folder, ahead=0))


def test_a_job_that_is_slow_or_waits_says_so_and_how_fast_it_is(folder: JobFolder) -> None:
    assert tell(folder, phase="reading", done=120, total=4000) == "Training · reading the pictures, 120 of 4,000"
    assert tell(folder, phase="starting") == "Training · starting the program"
    starved = tell(folder, phase="preparing", cpu=0.12)
    assert starved == "Training · preparing the network · other programs keep the processor busy: it gets 12% of a core"
    slow = tell(folder, cpu=0.9, step_seconds=45.0, since=100.0)
    assert "· 45 s a step · the current step has taken 2 min ·" in slow and "processor" not in slow
    waits = tell(folder, waits=True, cpu=0.0, step_seconds=0.1, since=100.0)
    assert "· paused while a picture is drawn · 10 steps a second ·" in waits and "since" not in waits


def test_what_was_told_before_a_job_was_resumed_is_not_told_again(folder: JobFolder) -> None:
    resumed = replace(job("running"), started=time.time() + 100)
    assert "Training · starting the program" in job_status(resumed, folder, ahead=0)


def test_a_training_that_is_too_short_is_never_done(folder: JobFolder) -> None:
    short = job("interrupted", reason=too_short(3))
    assert short.is_short and job_label(short) == "knights (too short)"
    html = job_status(short, folder, ahead=0)
    assert (
        "Too short to have learned much: 3 steps · Train longer continues for the same time again" in html
        and "Interrupted" not in html
    )


def test_a_job_that_was_stopped_says_what_it_saved(folder: JobFolder) -> None:
    for step in (0, 7):
        (folder.run / f"step-{step:08d}").mkdir()
    assert "Stopped and saved at step 7 · 1 min" in job_status(job("cancelled", reason="stopped"), folder, ahead=0)


PACES = [(0.01, "100 steps a second"), (2, "30 steps a minute"), (45, "45 s a step"), (90, "2 min a step")]


@pytest.mark.parametrize(("seconds", "text"), PACES)
def test_paces(seconds: float, text: str) -> None:
    assert pace(seconds) == text


def test_a_job_that_has_ended_tells_why_and_what_it_gained(folder: JobFolder) -> None:
    html = job_status(job("failed", reason="out of memory"), folder, ahead=0)
    assert "Failed: out of memory · step 420 · 1 min · Fit: 40 % better than at the start." in html


def test_what_the_engine_says_for_the_command_line_is_said_for_the_page(folder: JobFolder) -> None:
    for words in (PAGE_HINTS, CLI_HINTS):
        assert set(words) == set(Hint)
    assert not any("--" in text for text in PAGE_HINTS.values())
    for tagged, page in (
        (tag_hint("small: 8 x 8 pixels", Hint.RESIZE), 'small: 8 x 8 pixels ("Resize the others" resizes)'),
        (tag_hint("step 3: lost", None), "step 3: lost"),
        (
            tag_hint("the server was stopped", Hint.RESUME),
            "the server was stopped (Resume continues from the last save)",
        ),
        ("an older reason [NO_SUCH_HINT]", "an older reason [NO_SUCH_HINT]"),
    ):
        assert untag_hint(tagged, PAGE_HINTS) == page
        assert f"Failed: {page} · step 420" in unescape(job_status(job("failed", reason=tagged), folder, ahead=0))
        assert page in unescape(log_html(["step 2", f"pixelart train: {tagged}"]))
    error = RequestRejected("step 3: not enough memory", hint=Hint.LESS_MEMORY)
    assert plain(error) == "step 3: not enough memory (a smaller batch size needs less)"
    large = np.kron(np.random.default_rng(0).integers(0, 2, (8, 8, 4), np.uint8) * 255, np.ones((2, 2, 1), np.uint8))
    (folder.path / "pictures").mkdir()
    Image.fromarray(large).save(folder.path / "pictures" / "a.png")
    assert "&quot;Undo enlargement&quot; reduces it" in survey_html(survey(folder.path / "pictures"))


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_words_also_before_anything_is_there(tmp_path: Path, state: State) -> None:
    text = re.sub("<[^>]+>", "", job_status(job(state), JobFolder(tmp_path), ahead=2))
    assert text[0].isupper() and job_label(job(state)).startswith("knights (")


def test_the_curve_is_smoothed_thinned_and_ends_at_the_newest_step(folder: JobFolder) -> None:
    frame: Any = loss_curve(folder).dropna()
    training, measured = (frame[frame["of"] == kind] for kind in (TRAINING, HELD_OUT))
    assert list(measured["step"]) == [100, 300] and list(measured["bits"]) == [2.5, 1.5]
    assert POINTS / 2 <= len(training) <= POINTS and training["step"].iloc[-1] == 1000
    assert training["step"].is_monotonic_increasing and training["bits"].is_monotonic_decreasing
    last = np.linspace(4, 1, 1000)[-51:].mean()
    assert training["bits"].iloc[-1] == pytest.approx(last)


def test_a_job_without_a_step_has_an_empty_curve(tmp_path: Path) -> None:
    assert not loss_curve(JobFolder(tmp_path))["bits"].notna().any()


def test_the_newest_samples_come_first(folder: JobFolder) -> None:
    steps = re.findall(r"<figcaption>step (\d+)<", samples_html(folder))
    assert [int(step) for step in steps] == [*range(SHOWN_SAMPLES + 2, 2, -1)]


def test_samples_are_told_by_class_the_base_beside_the_training(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    (folder.run / SAMPLES_FOLDER).mkdir(parents=True)
    rows = np.zeros((2, 4, 8, 8, 4), np.uint8)
    rows[0], rows[1] = (200, 30, 30, 255), (30, 30, 200, 255)
    for step in (0, 50, 100):
        sheet = encode_png(contact_sheet(rows.reshape(-1, 8, 8, 4), columns=4), scale=2)
        (folder.run / SAMPLES_FOLDER / f"step-{step:08d}.png").write_bytes(sheet)
    assert "before-after" not in samples_html(folder), "of a run of an older version it is not known what is what"
    (folder.run / ROWS_FILE).write_text(json.dumps(["a<b", "wall"]))
    html = samples_html(folder)
    heads = re.findall(r"<th>([\w ]+)<span>([^<]*)</span></th>", html)
    assert heads == [("Base model", ""), ("This training", "step 100")] and '<th scope="row">a&lt;b</th>' in html
    assert re.findall(r'alt="(wall[^"]*)" width="(\d+)" height="(\d+)"', html) == [
        ("wall, Base model, step 0", "280", "64"), ("wall, This training, step 100", "280", "64")
    ]  # fmt: skip
    shown = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", html)[:4]]
    colours = [decode_picture(data, name="row")[4, 4].tolist() for data in shown]
    assert colours == [[200, 30, 30, 255]] * 2 + [[30, 30, 200, 255]] * 2
    (folder.run / "log.csv").write_text("step,minutes,validation_bits\n50,1,1.25\n100,2,1.5\n")
    values = {**asdict(RUN), "base": "models/tiny", "schedule": {**asdict(RUN.schedule), "keep": "best"}}
    (folder.run / RUN_FILE).write_text(json.dumps(values))
    assert "<th>This training<span>step 50</span></th>" in samples_html(folder), "the save that Use takes"
    (folder.run / SAMPLES_FOLDER / "step-00000050.png").write_bytes(b"cut")
    assert "before-after" not in samples_html(folder)


def test_pictures_are_shown_a_whole_number_of_times_as_large(folder: JobFolder, tiny_data: Path) -> None:
    assert set(re.findall(r'width="(\d+)" height="(\d+)"', samples_html(folder))) == {("306", "204")}
    assert set(re.findall(r'width="(\d+)" height="(\d+)"', survey_html(survey(tiny_data)))) == {("48", "48")}
    next(iter(folder.samples())).write_bytes(b"cut")
    assert samples_html(folder)


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min"), (360, "6 min"), (7500, "2 h 5 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def plain_verdict(folder: JobFolder) -> str:
    return re.sub("<[^>]+>", "", verdict_html(folder))


def test_a_training_is_ready_once_its_gain_is_larger_than_its_uncertainty(folder: JobFolder) -> None:
    assert verdict_html(folder) == "", "nothing has started"
    RUN.write(folder.run)
    assert verdict_html(folder) == "", "a new network has no base to compare with"
    replace(RUN, base="models/tiny").write(folder.run)
    assert plain_verdict(folder).startswith(NOT_COMPARED), "a run of an older version"
    base = np.linspace(1, 3, 20)
    noise = np.random.default_rng(0).normal(0, 0.3, 20)
    (folder.run / "step-00000300").mkdir()
    for gain, word in ((0.02, EARLY), (0.5, READY), (-0.5, EARLY)):
        comparison = Comparison(folder.run)
        comparison.set_base(base.tolist())
        comparison.add(300, (base - gain - noise + noise.mean()).tolist())
        told = plain_verdict(folder)
        assert told.startswith(word) and f"{abs(50 * gain):.1f} % {'better' if gain > 0 else 'worse'} than" in told
        assert "measured on 20 pictures" in told and ("chance" in told) == (gain == 0.02)
    assert verdict_html(folder) in samples_html(folder)
    (folder.run / "log.csv").write_text("step,minutes\n100,1\n")
    assert plain_verdict(folder).startswith(f"{NOT_COMPARED} No pictures are kept aside")
    (folder.run / "log.csv").unlink()
    assert plain_verdict(folder) == f"{EARLY} Nothing is measured yet."


def test_the_nearest_pictures_stand_beside_each_sample_the_closest_first(folder: JobFolder) -> None:
    assert nearest_html(folder) == ""
    learned = np.random.default_rng(1).integers(0, 2, (9, 8, 8, 4), np.uint8) * np.uint8(255) | np.array(
        [0, 0, 0, 255], np.uint8
    )
    other = 255 - learned[0] | np.array([0, 0, 0, 255], np.uint8)
    write_nearest(folder.run, 3, np.stack([other, learned[4]]), ["a<b", "wall"], learned, cancel=lambda: False)
    html = nearest_html(folder)
    assert "1 of 2 near copies" in html and html in samples_html(folder)
    assert re.findall(r'class="(card(?: copy)?)".*?<figcaption>([^<]*)<', html) == [
        ("card copy", "wall, near copy"), ("card", "a&lt;b")
    ]  # fmt: skip
    shown = [decode_picture(base64.b64decode(data), name="x") for data in re.findall(r"base64,([^\"]+)", html)]
    assert len(shown) == 8 and np.array_equal(shown[0], learned[4]) and np.array_equal(shown[1], learned[4])
    assert np.array_equal(shown[4], other)
