"""The tab Train in a real browser: from a .zip of pictures to a model that draws, over a page that was closed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pixelart.engine import Engine
from pixelart.errors import Cancelled
from pixelart.jobs import Jobs
from pixelart.jobs import process as child
from pixelart.ui.train import dataset_step as images
from pixelart.ui.train.dataset_step import CHANGED, CHECK_AGAIN, CHECK_STOPPED, START
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
PATIENT = 90_000
"""Milliseconds for what a child process takes to begin, or to save, beside other tests."""
READY = "40 pictures of 8 x 8 in 2 classes. Ready to train."
VEGA = "The input spec uses Vega-Lite"  # what the plot of gradio says of itself


@pytest.fixture
def url(own_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The app over the checkpoint "tiny" and real trainings."""
    monkeypatch.setattr(child, "LOWEST", 0)
    with (
        Jobs(tmp_path / "jobs", checkpoints=own_checkpoints) as jobs,
        serving(Engine(own_checkpoints, on_drawing=jobs.pause_for_drawing), jobs) as address,
    ):
        yield address


@pytest.fixture
def archive(tiny_data: Path, tmp_path: Path) -> Path:
    """Forty pictures in two classes, and a file that is none."""
    folder = shutil.copytree(tiny_data, tmp_path / "pictures")
    (folder / "stripe" / "broken.png").write_bytes(b"not a picture")
    return Path(shutil.make_archive(str(tmp_path / "my sprites"), "zip", folder))


def open_train(studio: StudioPage) -> Page:
    studio.page.get_by_role("tab", name="Train").click()
    expect(studio.page.locator("#base input")).to_have_value(re.compile("^tiny "), timeout=PATIENT)
    return studio.page


def step_of(page: Page) -> int:
    """The step that the status line tells of."""
    status = page.locator("#run-status")
    expect(status).to_contain_text(re.compile(r"step \d+"), timeout=PATIENT)
    found = re.search(r"step (\d+)", status.inner_text())
    assert found
    return int(found[1])


def test_an_artist_trains_reloads_stops_goes_on_and_draws_with_the_model(
    open_studio: OpenStudio, url: str, archive: Path
) -> None:
    studio = open_studio(url, side=8)
    page = open_train(studio)
    page.set_input_files("#train-zip input", archive)
    expect(page.locator("#images-status")).to_have_text(READY, timeout=PATIENT)
    expect(page.locator("#report td", has_text="cross")).to_be_visible()
    expect(page.locator("#report li")).to_contain_text("broken.png")
    expect(page.locator("#job-name input, #job-name textarea")).to_have_value("my-sprites", timeout=PATIENT)
    page.get_by_role("button", name="Advanced").last.click()
    page.get_by_label("Steps", exact=True).fill("100000")
    page.get_by_label("Save every").fill("100")
    page.click("#start")
    first = step_of(page)

    page.reload()  # the tab is closed, the training goes on, and the page finds it again
    open_train(studio)
    expect(page.locator("#job input")).to_have_value("my-sprites (training)", timeout=PATIENT)
    expect(page.locator("#curve canvas, #curve svg").first).to_be_visible(timeout=PATIENT)
    expect(page.locator("#samples img").first).to_be_visible(timeout=PATIENT)
    expect(page.locator("#samples .verdict")).to_be_visible(timeout=PATIENT)
    expect(page.locator("#use")).to_be_visible(timeout=PATIENT)  # whatever the verdict is
    assert step_of(page) > first

    page.click("#train-stop")
    expect(page.locator("#run-status")).to_contain_text("Stopped", timeout=PATIENT)
    stopped = step_of(page)
    page.click("#resume")
    expect(page.locator("#run-status")).to_contain_text("Training", timeout=PATIENT)
    expect(page.locator("#run-status progress[value]")).to_be_visible(timeout=PATIENT)
    assert step_of(page) >= stopped
    page.click("#train-stop")
    expect(page.locator("#run-status")).to_contain_text("Stopped", timeout=PATIENT)

    page.click("#use")
    expect(page.locator("#model input")).to_have_value(re.compile("^my-sprites "), timeout=PATIENT)
    page.get_by_role("tab", name="Create").click()
    studio.choose_class("stripe")
    studio.generate()
    studio.errors[:] = [error for error in studio.errors if VEGA not in error]


def test_a_change_after_the_check_turns_start_off_until_it_is_taken_back(
    open_studio: OpenStudio, url: str, archive: Path
) -> None:
    page = open_train(open_studio(url, side=8))
    status, start = page.locator("#images-status"), page.locator("#start")
    expect(start).to_be_disabled()
    page.set_input_files("#train-zip input", archive)
    expect(status).to_have_text(READY, timeout=PATIENT)
    expect(start).to_be_enabled(timeout=PATIENT)
    page.click("#sheets > button")
    page.locator("#resize input").check()
    expect(status).to_have_text(CHANGED, timeout=PATIENT)
    expect(start).to_be_disabled(timeout=PATIENT)
    expect(start).to_have_text(CHECK_AGAIN)
    page.locator("#resize input").uncheck()
    expect(status).to_have_text(READY, timeout=PATIENT)
    expect(start).to_be_enabled(timeout=PATIENT)
    expect(start).to_have_text(START)


def test_a_slow_download_is_shown_and_cancelled(
    open_studio: OpenStudio, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(dataset: str, target: Path, *, cancel: Any, on_progress: Any) -> Path:
        on_progress(120, 4000)
        while not cancel():
            pass
        raise Cancelled

    monkeypatch.setattr(images, "fetch_dataset", fetch)
    page = open_train(open_studio(url, side=8))
    expect(page.locator("#cancel-check")).to_be_hidden()
    page.get_by_role("radio", name="Hugging Face").check()
    page.locator("#dataset :is(input, textarea)").fill("art/sprites")
    page.click("#check")
    expect(page.locator("#images-status")).to_have_text("Downloading 120 of 4,000", timeout=PATIENT)
    page.click("#cancel-check")
    expect(page.locator("#images-status")).to_have_text(CHECK_STOPPED, timeout=PATIENT)
    expect(page.locator("#cancel-check")).to_be_hidden()


def test_the_base_models_follow_what_there_is(open_studio: OpenStudio, url: str, own_checkpoints: Path) -> None:
    page = open_train(open_studio(url, side=8))
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "exported")
    page.get_by_role("tab", name="Create").click()
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#base input")).to_have_value(re.compile("^tiny "), timeout=PATIENT)
    page.locator("#base input").click()
    expect(page.get_by_role("option", name="exported")).to_be_visible(timeout=PATIENT)


DROP = """(kind) => {
    const file = (name) => new File(['x'], name);
    const dropped = {
        text: { files: [], items: [{ webkitGetAsEntry: () => null }] },
        folder: { files: [file('art')], items: [{ webkitGetAsEntry: () => ({ isDirectory: true, name: 'art' }) }] },
        many: { files: [file('a.png'), file('b.png')], items: [] },
        unreadable: { files: [file('gone.zip')], items: [] },
    };
    if (kind === 'unreadable') FileReader.prototype.readAsDataURL = function () { setTimeout(() => this.onerror()); };
    const event = new Event('drop', { bubbles: true, cancelable: true });
    Object.defineProperty(event, 'dataTransfer', { value: dropped[kind] });
    document.querySelector('#train-zip .drop').dispatchEvent(event);
}"""
DROP_TWO = """() => {  // the first takes longer to read than the second
    const read = FileReader.prototype.readAsDataURL;
    FileReader.prototype.readAsDataURL = function (file) {
        setTimeout(() => read.call(this, file), file.name === 'first.zip' ? 500 : 0);
    };
    for (const name of ['first.zip', 'second.zip']) {
        const event = new Event('drop', { bubbles: true, cancelable: true });
        Object.defineProperty(event, 'dataTransfer', { value: { files: [new File(['x'], name)], items: [] } });
        document.querySelector('#train-zip .drop').dispatchEvent(event);
    }
}"""


def test_what_cannot_be_dropped_is_told_in_one_line(open_studio: OpenStudio, url: str) -> None:
    page = open_train(open_studio(url, side=8))
    for kind, told in (
        ("text", "That is not a file. Drop a .zip of pictures."),
        ("folder", "Folders are not accepted. Pack art into a .zip."),
        ("many", "Drop one .zip. Pack the 2 files into it."),
        ("unreadable", "gone.zip cannot be read."),
    ):
        page.evaluate(DROP, kind)
        expect(page.locator("#train-zip .what")).to_have_text(told)


def test_of_two_files_the_last_one_dropped_counts(open_studio: OpenStudio, url: str) -> None:
    page = open_train(open_studio(url, side=8))
    page.evaluate(DROP_TWO)
    expect(page.locator("#images-status")).to_contain_text("second.zip: neither", timeout=PATIENT)
    page.wait_for_timeout(1000)
    expect(page.locator("#images-status")).to_contain_text("second.zip: neither")


def test_on_a_phone_nothing_of_it_scrolls_sideways(open_studio: OpenStudio, url: str, archive: Path) -> None:
    page = open_train(open_studio(url, width=390, height=844, touch=True, side=8))
    page.set_input_files("#train-zip input", archive)
    expect(page.locator("#report table")).to_be_visible(timeout=PATIENT)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
