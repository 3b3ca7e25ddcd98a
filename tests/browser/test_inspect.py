"""Inspect on the canvas: the map, the colours of a pixel, and painting them, by mouse, keyboard and touch."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, expect

from pixelart.images.heatmap import heat_map
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import Cell, StudioPage
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
NAMES = ["transparent", *("#" + bytes(c).hex() for c in CODEC.colours.tolist())]


def part(studio: StudioPage, name: str) -> Locator:
    return studio.page.locator(f"#canvas .{name}")


def wait_for_map(studio: StudioPage) -> None:
    """Until the map is that of the picture on the canvas."""
    expect(part(studio, "total")).to_contain_text("Surprise", timeout=10_000)


def map_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the fake engine's bits, the levels, look like."""
    return heat_map(CODEC.encode(picture[None])[0, 0].numpy().astype(np.float64))


def likely(cell: Cell, rank: int = 0) -> int:
    """The level that the fake engine finds most probable at a cell, or the one `rank` places after it."""
    return (sum(cell) + rank) % CODEC.levels


def wait_for_colours(studio: StudioPage, cell: Cell) -> None:
    expect(part(studio, "pixel")).to_have_text(re.compile(rf"^{cell[0]}, {cell[1]}.* now "), timeout=10_000)


def test_the_map_lies_over_the_picture_and_one_click_paints_the_most_probable_colour(studio: StudioPage) -> None:
    studio.colour(3)
    studio.stroke((3, 3), (9, 9))
    before = studio.picture()
    studio.tool("inspect")
    wait_for_map(studio)
    assert np.array_equal(studio.pixels_of("heat"), map_of(before)) and np.array_equal(studio.picture(), before)
    expect(part(studio, "legend")).to_contain_text("expectedsurprising (3.0)")
    expect(part(studio, "total")).to_have_text("Surprise of the picture: 21 as hero")
    expect(part(studio, "classes")).to_have_text("Class: wall 75 % · hero 25 %")

    cell = (5, 7)
    studio.page.mouse.move(*studio.at(cell))
    wait_for_colours(studio, cell)
    expect(part(studio, "pixel")).to_have_text("5, 7 · surprise 0.00 · now transparent 0.8 %")
    assert part(studio, "likely button").all_inner_texts() == ["50 %", "25 %", "13 %", "6.3 %", "3.1 %"]
    expect(part(studio, "likely button").nth(1)).to_have_attribute("title", f"Paint {NAMES[likely(cell, 1)]}, 25 %")

    studio.stroke(cell)
    painted = before.copy()
    painted[7, 5] = CODEC.table[likely(cell)]
    assert np.array_equal(studio.picture(), painted)
    expect(part(studio, "map-state")).to_have_text("Updating: the map shows the previous picture.")
    expect(studio.page.locator("#canvas .stale .heat")).to_be_visible()
    wait_for_map(studio)
    assert np.array_equal(studio.pixels_of("heat"), map_of(painted))
    studio.key("Control+z")
    assert np.array_equal(studio.picture(), before)
    wait_for_map(studio)
    assert np.array_equal(studio.pixels_of("heat"), map_of(before))

    studio.key("Escape")
    expect(part(studio, "heat")).to_be_hidden()
    expect(part(studio, "inspect")).to_be_hidden()
    assert studio.active_tool() == "pencil"


def test_by_keyboard_colours_are_read_out_and_painted(studio: StudioPage) -> None:
    studio.key("s")
    wait_for_map(studio)
    assert studio.page.locator("#canvas [data-tool=inspect]").get_attribute("aria-pressed") == "true"
    studio.page.locator("#canvas [data-do=import]").focus()
    studio.key("Tab")
    studio.key("ArrowRight")
    names = [NAMES[likely((17, 16), rank)] for rank in range(5)]
    chances = zip(names, ("50 %", "25 %", "13 %", "6.3 %", "3.1 %"), strict=True)
    listed = ", ".join(f"{name} {chance}" for name, chance in chances)
    expect(part(studio, "spoken")).to_have_text(f"17, 16, surprise 0.0, transparent. Most probable: {listed}")
    for key, rank in (("Space", 0), ("3", 2)):
        studio.key(key)
        assert studio.picture()[16, 17].tolist() == CODEC.table[likely((17, 16), rank)].tolist()
    studio.key("Control+z")
    studio.key("Control+z")
    assert not studio.picture().any()
    studio.key("s")
    assert studio.active_tool() == "pencil"


SWEEP = """places => places.forEach(([x, y]) => document.elementFromPoint(x, y).dispatchEvent(
    new PointerEvent("pointermove", {clientX: x, clientY: y, bubbles: true, pointerId: 1, pointerType: "mouse"})))"""
"""The pointer passes over the places faster than any machine is busy."""


def test_a_pixel_is_asked_for_once_where_the_pointer_rests(studio: StudioPage, fake_engine: FakeEngine) -> None:
    studio.tool("inspect")
    wait_for_map(studio)
    fake_engine.asked.clear()
    studio.page.evaluate(SWEEP, [studio.at((x, 5)) for x in range(2, 30)])
    wait_for_colours(studio, (29, 5))
    assert len(fake_engine.asked) <= 2, "a sweep is not asked for pixel by pixel"
    studio.page.mouse.move(*studio.at((29, 8)))
    wait_for_colours(studio, (29, 8))
    fake_engine.asked.clear()
    studio.page.mouse.move(*studio.at((29, 5)))
    wait_for_colours(studio, (29, 5))
    assert not fake_engine.asked
    studio.choose_class("wall")
    expect(part(studio, "total")).to_have_text("Surprise of the picture: 0 as wall")
    assert (29, 5) in fake_engine.asked, "another class, other colours"


def test_inspect_waits_for_a_drawing_and_then_shows_its_result(studio: StudioPage, fake_engine: FakeEngine) -> None:
    fake_engine.row_seconds = 0.05
    studio.tool("inspect")
    wait_for_map(studio)
    studio.page.click("#generate")
    studio.wait_for_status(r"Row \d+ of 32")
    expect(part(studio, "map-state")).to_have_text("Waiting: the model is drawing.")
    expect(part(studio, "heat")).to_be_hidden()
    studio.wait_for_status("4 pictures in")
    wait_for_map(studio)
    assert np.array_equal(studio.pixels_of("heat"), map_of(studio.picture()))


def test_a_fault_and_an_inexact_list_are_told_in_the_panel(
    studio: StudioPage, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a detail nobody should see")

    monkeypatch.setattr(fake_engine, "inspect", broken)
    monkeypatch.setattr(fake_engine, "inexact", True)
    studio.tool("inspect")
    expect(part(studio, "map-state")).to_contain_text("Something went wrong")
    studio.page.mouse.move(*studio.at((4, 4)))
    expect(part(studio, "pixel")).to_contain_text("approximate: others have up to 100 %")
    assert "a detail" not in studio.page.content()


def test_on_a_phone_a_tap_tells_and_a_second_one_paints(
    open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str
) -> None:
    fake_engine.row_seconds, fake_engine.fault = 0.0, None
    page = open_studio(fake_url, width=390, height=844, touch=True)
    page.page.locator("#canvas [data-tool=inspect]").tap()
    wait_for_map(page)
    for cell, rank in (((7, 5), 0), ((8, 5), 1)):
        page.page.touchscreen.tap(*page.at(cell))
        wait_for_colours(page, cell)
        assert not page.picture()[cell[1], cell[0]].any()
        if rank:
            part(page, "likely button").nth(rank).tap()
        else:
            page.page.touchscreen.tap(*page.at(cell))
        assert page.picture()[cell[1], cell[0]].tolist() == CODEC.table[likely(cell, rank)].tolist()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
