"""Drawings, stops, errors and other models that cross each other, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


@pytest.fixture(scope="module")
def two_models() -> FakeEngine:
    return FakeEngine(size=32, names=("tiny", "large"))


@pytest.fixture(scope="module")
def two_models_url(two_models: FakeEngine) -> Iterator[str]:
    with serving(two_models) as url:
        yield url


LATEST = "(await window.drawings).latest()"
"""The number of the last press."""


def test_one_stop_ends_what_is_drawn_and_what_waits_but_not_the_next(
    studio: StudioPage, fake_engine: FakeEngine
) -> None:
    fake_engine.row_seconds = 0.1
    studio.tool("mask")
    studio.stroke((3, 3), (9, 3))
    studio.page.click("#generate")
    studio.wait_for_status(r"Row \d+ of 32")
    pressed = studio.page.evaluate(f"async () => {LATEST}")
    studio.page.click("#complete")
    studio.page.wait_for_function(f"async () => {LATEST} > {pressed}")
    studio.page.click("#stop")
    studio.wait_for_status("Stopped before the first row")
    assert not fake_engine.running.is_set() and not studio.captions()
    fake_engine.row_seconds = 0.0
    studio.generate()
    assert len(studio.captions()) == 4


def test_complete_pressed_during_a_preview_completes_what_was_painted(
    studio: StudioPage, fake_engine: FakeEngine
) -> None:
    fake_engine.row_seconds = 0.05
    studio.colour(3)
    studio.stroke((20, 20))
    studio.tool("mask")
    studio.stroke((3, 3), (9, 3))
    painted = studio.picture()
    studio.page.click("#generate")
    studio.wait_for_status(r"Row \d+ of 32")
    sent = studio.mask_sent_by("#complete")
    assert sent.sum() == 7 and sent[3, 3:10].all()
    expect(studio.page.locator("#results .caption-label").first).to_have_text(re.compile("best"), timeout=20_000)
    assert np.array_equal(studio.picture()[~sent], painted[~sent]) and studio.picture()[sent].any()
    assert studio.page.locator(".toast-body").count() == 0


@pytest.mark.parametrize("row", [1, 3])
def test_an_error_keeps_strokes_painted_since_the_press(studio: StudioPage, fake_engine: FakeEngine, row: int) -> None:
    fake_engine.row_seconds, fake_engine.fault, fake_engine.fault_row = 2.0, RuntimeError("inside"), row
    studio.stroke((3, 3), (9, 9))
    studio.page.click("#generate")
    studio.wait_for_status("Loading")
    studio.stroke((12, 3), (20, 3))
    painted = studio.picture()
    assert painted[3, 12:21].any(-1).all()
    studio.wait_for_status("Something went wrong")
    assert np.array_equal(studio.picture(), painted)
    studio.command("undo")
    assert not studio.picture()[3, 12:].any() and studio.picture()[9, 9].any()


def test_another_model_during_a_drawing_keeps_the_painting_and_nothing_comes_back(
    open_studio: OpenStudio, two_models: FakeEngine, two_models_url: str
) -> None:
    two_models.row_seconds = 0.4
    page = open_studio(two_models_url)
    page.colour(3)
    page.stroke((3, 3), (9, 9))
    painted = page.picture()
    page.page.click("#generate")
    page.wait_for_status(r"Row \d+ of 32")
    page.choose("model", "large")
    page.wait_for_status("large · it draws 64 x 64")
    page.page.wait_for_timeout(2500)
    assert not two_models.running.is_set() and not page.captions()
    assert np.array_equal(page.picture(), painted)
    page.wait_for_status("large")
    page.stroke((1, 1))
    assert page.picture()[1, 1].any(), "the canvas is not busy"


def test_frames_go_at_once_however_slow_the_network_is(
    open_studio: OpenStudio, two_models: FakeEngine, two_models_url: str
) -> None:
    two_models.row_seconds = 0.4
    page = open_studio(two_models_url)
    page.stroke((3, 3), (9, 9))
    painted, held = page.picture(), []
    page.page.click("#generate")
    page.wait_for_status(r"Row \d+ of 32")
    page.page.route("**/run/predict*", lambda route: held.append(route))
    page.choose("model", "large")
    for _ in range(8):
        page.page.wait_for_timeout(100)
        assert np.array_equal(page.picture(), painted) and two_models.running.is_set()
    for request in held:
        request.continue_()
    page.wait_for_status("large · it draws 64 x 64")
    assert np.array_equal(page.picture(), painted)


def test_a_result_clicked_during_a_drawing_stays_on_the_canvas(studio: StudioPage, fake_engine: FakeEngine) -> None:
    studio.set_number("images", "2")
    studio.generate()
    studio.page.locator("#results .thumbnail-item").nth(1).click()
    studio.wait_for_status("Seed .* is on the canvas")
    second = studio.picture()
    studio.command("undo")
    fake_engine.row_seconds = 0.06
    studio.page.click("#generate")
    studio.wait_for_status(r"Row \d+ of 32")
    studio.page.locator("#results .thumbnail-item").nth(0).click()
    studio.wait_for_status("Seed .* is on the canvas")
    first = studio.picture()
    studio.page.wait_for_timeout(1500)
    assert np.array_equal(studio.picture(), first) and not np.array_equal(first, second)
    assert not fake_engine.running.is_set()


def test_new_results_begin_at_the_first_and_every_click_puts_one_on_the_canvas(studio: StudioPage) -> None:
    results, chosen = studio.page.locator("#results .thumbnail-item"), studio.page.locator("#results .selected")
    studio.set_number("images", "3")
    studio.set_number("seed", "5")
    studio.generate()
    first = studio.picture()
    results.nth(2).click()
    studio.wait_for_status("Seed 7 is on the canvas")
    third = studio.picture()
    expect(chosen).to_contain_text("seed 7")
    studio.stroke((1, 1), (30, 30))
    assert not np.array_equal(studio.picture(), third)
    results.nth(2).click()
    studio.wait_for_picture(third)
    studio.set_number("seed", "8")
    studio.generate()
    expect(chosen).to_contain_text("seed 8")
    studio.page.wait_for_timeout(300)
    studio.wait_for_status("3 pictures in")
    results.nth(0).click()
    studio.wait_for_status("Seed 8")
    assert not np.array_equal(studio.picture(), first)


def test_the_seed_of_a_stopped_drawing_can_be_used_again(studio: StudioPage, fake_engine: FakeEngine) -> None:
    studio.set_number("seed", "5")
    studio.generate()
    fake_engine.row_seconds = 0.1
    studio.set_number("seed", "77")
    studio.page.click("#generate")
    studio.wait_for_status(r"Row [2-9] of 32")
    studio.page.click("#stop")
    studio.wait_for_status("Stopped")
    studio.set_number("seed", "-1")
    studio.page.click("#reuse")
    expect(studio.page.locator("#seed input")).to_have_value("77")


def test_two_visitors_at_once_see_nothing_of_each_other(
    studio: StudioPage, open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str
) -> None:
    other = open_studio(fake_url)
    fake_engine.row_seconds = 0.08
    studio.set_number("seed", "40")
    studio.page.click("#generate")
    studio.wait_for_status(r"Row \d+ of 32")
    other.page.click("#stop")
    other.wait_for_status("Nothing is being drawn")
    other.page.click("#reuse")
    other.wait_for_status("Draw a picture first")
    studio.wait_for_status("4 pictures in")
    assert studio.captions()[0] == "seed 40" and not other.captions() and not other.picture().any()


def test_a_fault_of_the_program_is_told_plainly(
    studio: StudioPage, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise RuntimeError("a detail nobody should see")

    monkeypatch.setattr(fake_engine, "info", broken)
    studio.page.click("#generate")
    expect(studio.page.locator(".toast-body")).to_contain_text("Something went wrong")
    studio.wait_for_status("Nothing was drawn")
    assert "a detail" not in studio.page.content()
    studio.errors[:] = [error for error in studio.errors if "500" not in error]  # a late event of the page met it too


def test_the_limits_of_an_import_are_said(studio: StudioPage) -> None:
    limits = re.compile(r"at most 1024 x 1024 pixels, 5 MiB")
    expect(studio.page.locator("#canvas [data-do=import]")).to_have_attribute("title", limits)
    large = {"name": "large.png", "mimeType": "image/png", "buffer": bytes(5 * 2**20 + 2**19)}
    studio.page.set_input_files("#canvas .file", large)  # pyright: ignore[reportArgumentType]
    expect(studio.page.locator("#canvas .message")).to_have_text("large.png: 5.5 MiB; the limit is 5 MiB")
