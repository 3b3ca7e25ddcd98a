"""Calm, Balanced and Wild: one press sets what Advanced shows, and own values are of none of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenStudio
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(FakeEngine(names=("tiny",), size=32)) as url:
        yield url


def test_a_preset_sets_the_values_and_own_values_are_of_none(open_studio: OpenStudio, url: str) -> None:
    page = open_studio(url).page
    page.click("#advanced > button")
    radio = {name: page.get_by_role("radio", name=name) for name in ("Calm", "Balanced", "Wild")}
    expect(page.locator("#temperature input[type=number]")).to_have_value("0.9")
    expect(radio["Balanced"]).to_be_checked()
    radio["Wild"].check(force=True)
    expect(page.locator("#temperature input[type=number]")).to_have_value("1")
    page.locator("#temperature input[type=number]").fill("1.3")
    page.keyboard.press("Tab")
    expect(radio["Wild"]).not_to_be_checked()
    page.wait_for_timeout(1000)  # the page keeps its values
    page.reload()
    page.click("#advanced > button")
    expect(page.locator("#temperature input[type=number]")).to_have_value("1.3")
    expect(radio["Balanced"]).not_to_be_checked()
    radio["Calm"].check(force=True)
    expect(page.locator("#temperature input[type=number]")).to_have_value("0.8")
