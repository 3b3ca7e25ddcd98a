"""To the Hub and from it in a real browser, on a desktop and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pixelart.training.export import exported_archive
from pixelart.ui.hub import load
from pixelart.ui.security.hosting import Hosting
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.hub_server import HubServer
from tests.ui.hub_apps import hub_of, make_models, serving_models
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
PATIENT = 90_000
TOKEN = "hf_canaryCanary"
WIDTHS = pytest.mark.parametrize("width", [1280, 390])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with hub_of({TOKEN: "ann"}) as hub:
        yield hub


@pytest.fixture
def folder(tiny_run: Path, tmp_path: Path) -> Path:
    make_models(tiny_run, tmp_path / "checkpoints", {"tiny": ""})
    return tmp_path / "checkpoints"


@pytest.fixture
def url(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(load, "PART_BYTES", 20_000)  # so that a small model arrives in several parts
    with serving_models(folder, folder.parent / "jobs", Hosting("desktop")) as url:
        yield url


def opened(open_studio: OpenStudio, url: str, width: int) -> StudioPage:
    return open_studio(url, width=width, height=900, touch=width < 500, side=8)


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@WIDTHS
def test_an_artist_pushes_a_model_and_sees_where_it_is(
    open_studio: OpenStudio, url: str, hub: HubServer, folder: Path, width: int
) -> None:
    page = opened(open_studio, url, width).page
    page.get_by_role("tab", name="Train").click()
    page.click("#push-panel > button")
    repository = page.locator("#push-repository :is(input, textarea)")
    expect(repository).to_have_value("ann/tiny", timeout=PATIENT)
    expect(page.locator("#push-model input")).to_have_value("tiny")
    page.click("#push")
    expect(page.locator("#push-status")).to_contain_text("Choose a licence", timeout=PATIENT)
    page.locator("#push-licence input").click()
    page.get_by_role("option", name="CC BY 4.0").click()
    page.locator("#push-note textarea").fill("Mine. <img src=x onerror=\"document.title='run'\">")
    page.click("#preview-card")
    expect(page.locator("#card h1")).to_have_text("tiny", timeout=PATIENT)
    expect(page.locator("#card")).to_contain_text("<img src=x")
    assert page.locator("#card img").count() == 0 and page.title() != "run" and fits(page)
    page.click("#push")
    link = page.locator("#push-status a")
    expect(link).to_have_text("ann/tiny", timeout=PATIENT)
    assert link.get_attribute("href") == f"{hub.url}/ann/tiny/commit/{hub.repos['ann/tiny'].commits[-1].oid}"
    assert hub.repos["ann/tiny"].private and TOKEN not in page.content() and fits(page)


@WIDTHS
def test_a_model_of_the_hub_or_in_a_zip_is_loaded_chosen_and_named(
    open_studio: OpenStudio, url: str, hub: HubServer, folder: Path, width: int, tiny_run: Path, tmp_path: Path
) -> None:
    commit = hub.add("art/heroes", {path.name: path.read_bytes() for path in (folder / "tiny").iterdir()}).commits[-1]
    studio = opened(open_studio, url, width)
    page = studio.page
    expect(page.locator("#load-line")).to_be_hidden()
    page.click("#load-open")
    repository = page.locator("#load-repository :is(input, textarea)")
    expect(repository).to_be_focused()
    repository.fill("art/none")
    page.click("#load")
    expect(page.locator("#load-status")).to_contain_text("it does not exist", timeout=PATIENT)
    repository.fill("art/heroes")
    repository.press("Enter")
    expect(page.locator("#model input")).to_have_value(re.compile("^art--heroes "), timeout=PATIENT)
    expect(page.locator("#origin")).to_have_text(f"art/heroes{commit.oid[:7]}", timeout=PATIENT)
    assert fits(page)

    page.set_input_files("#load-zip input", {"name": "none.zip", "mimeType": "", "buffer": b"none"})
    expect(page.locator("#load-status")).to_contain_text("none.zip: the archive cannot be read", timeout=PATIENT)
    (tmp_path / "my heroes.zip").write_bytes(exported_archive(tiny_run, "any"))
    page.set_input_files("#load-zip input", tmp_path / "my heroes.zip")
    expect(page.locator("#model input")).to_have_value(re.compile("^my-heroes "), timeout=PATIENT)
    expect(page.locator("#load-status")).to_have_text("my-heroes is loaded and chosen.")
    expect(page.locator("#origin")).to_be_hidden()
    assert fits(page) and (folder / "my-heroes" / "model.safetensors").is_file()
    studio.choose_class("stripe")
    studio.generate()
