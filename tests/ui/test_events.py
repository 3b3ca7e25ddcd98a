"""The page's events: what their scripts post, and which of several quick ones are answered."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from inspect import iscode, signature, unwrap
from typing import Any, NamedTuple

import gradio as gr
import pytest

from pixelart.jobs import Jobs
from pixelart.ui import build
from pixelart.ui.newest import newest_only
from pixelart.ui.security.hosting import Hosting
from pixelart.ui.session import Session
from tests.jobs.waiting import until
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import OFF, without_resource_warnings

NODE = shutil.which("node")


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    """The events of the page, as gradio describes them."""
    with without_resource_warnings():
        app = build(FakeEngine(), OFF)  # pyright: ignore[reportArgumentType]
        config: Any = app.get_config_file()
        del app
    return config["dependencies"]


def run(script: str) -> Any:
    """What a script of Node prints, as JSON."""
    if NODE is None:
        pytest.skip("needs Node")
    printed = subprocess.run([NODE, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    return json.loads(printed.stdout)


def test_every_script_is_javascript(events: list[dict[str, Any]]) -> None:
    written = [event["js"] for event in events if event["js"]]
    assert len(written) > 20
    kinds = run(f"console.log(JSON.stringify({json.dumps(written)}.map((text) => typeof eval(text))))")
    assert kinds == ["function"] * len(written)


@pytest.mark.parametrize(("picture", "posted"), [("Canvas", ["canvas", None]), ("Selection", [None, "selected"])])
def test_a_download_posts_one_picture(events: list[dict[str, Any]], picture: str, posted: list[Any]) -> None:
    (download,) = (event for event in events if event["api_name"] == "download")
    inputs = ["session", "canvas", "model", "work", picture, "PNG indexed", 1, True, "#ffffff", 4, False, "canvas"]
    given = "globalThis.window = { drawings: { selected: () => 'selected' }, work: { results: () => 'results' } };"
    found = run(f"{given} console.log(JSON.stringify(await ({download['js']})(...{json.dumps(inputs)})))")
    assert [found[1], found[-1]] == posted and found[3] == "results"
    assert [found[i] for i in (0, 2, *range(4, 11))] == [inputs[i] for i in (0, 2, *range(4, 11))]


BY_HAND = {"change", "input", "select", "blur", "upload", "lock", "palette"}
"""Gradio's names of what a visitor does with an input."""
ONE_AT_A_TIME = ("page_more_like", "offer_bases", "undo_numbers", "receive_part", "add_model")
"""A drawing, what reads no choice, and the parts of a file, each of which is sent after the answer to the last one."""


class TrainingPage(NamedTuple):
    """The events of a page with trainings by id, those whose handlers get data, and those that may show a message."""

    events: dict[int, dict[str, Any]]
    carry: set[int]
    show: set[int]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> TrainingPage:
    place = tmp_path_factory.mktemp("page")
    with without_resource_warnings(), Jobs(place / "jobs", checkpoints=place) as jobs:
        app = build(FakeEngine(), jobs, hosting=Hosting("desktop"))  # pyright: ignore[reportArgumentType]
        config: Any = app.get_config_file()
        handlers = {number: fn.fn for number, fn in app.fns.items() if fn.fn}
        carry = {number for number, handler in handlers.items() if "gr.EventData" in str(signature(handler))}
        show = {number for number, handler in handlers.items() if _names_in(handler) & {"Info", "Warning"}}
        del app, handlers
    return TrainingPage({event["id"]: event for event in config["dependencies"]}, carry, show)


def _names_in(handler: Callable[..., Any]) -> set[str]:
    """The names in the code of a handler, functions inside it included."""
    code = unwrap(handler).__code__
    inside = [constant for constant in code.co_consts if iscode(constant)]
    return {name for one in (code, *inside) for name in one.co_names}


def test_an_event_that_shows_a_message_is_queued(page: TrainingPage) -> None:
    """gradio prints the messages of others on the terminal."""
    shown = {page.events[number]["api_name"]: page.events[number]["queue"] for number in page.show}
    assert {"use_model", "delete_job", "delete_uploaded", "resume_training"} <= {*shown} and all(shown.values()), shown


def test_the_last_of_several_quick_choices_is_answered(page: TrainingPage) -> None:
    """gradio drops it in the mode "once", and in "always_last" repeats the data that the first event carried."""
    events, checked = page.events, list[str]()
    for event in events.values():
        first = event
        while first["trigger_after"] is not None:
            first = events[first["trigger_after"]]
        is_by_hand = bool({kind for _, kind in first["targets"]} & BY_HAND)
        if not event["backend_fn"] or not is_by_hand or first["api_name"].startswith(ONE_AT_A_TIME):
            continue
        checked.append(event["api_name"])
        assert event["trigger_mode"] != "once", event["api_name"]
        if event["id"] in page.carry:
            assert event["trigger_mode"] == "multiple", event["api_name"]
    assert {"select_model", "preset_values", "choose", "choose_1", "import_picture", "lock", "look_at"} <= {*checked}


class Slow:
    """A handler that waits until it is told to go on."""

    def __init__(self) -> None:
        self.ran, self.go_on = list[str](), threading.Event()

    def choose(self, name: str, event: gr.EventData) -> str:
        self.ran.append(name)
        assert self.go_on.wait(10)
        return f"shown: {name}"


def test_of_several_events_with_data_only_the_newest_is_answered() -> None:
    slow, page, other = Slow(), Session(), Session()
    call = newest_only(slow.choose)
    data = gr.EventData(None, {})
    with ThreadPoolExecutor() as threads:
        first = threads.submit(call, "first", data, page=page, moment=10)
        until(lambda: slow.ran == ["first"])
        waiting = [threads.submit(call, str(moment), data, page=page, moment=moment) for moment in (30, 20)]
        alone = threads.submit(call, "alone", data, page=other, moment=1)
        until(lambda: len(slow.ran) == 2 and not page.turn(slow.choose.__qualname__).is_newest(20))
        slow.go_on.set()
        assert first.result() == gr.skip() and alone.result() == "shown: alone"
        assert [each.result() for each in waiting] == ["shown: 30", gr.skip()]
    assert slow.ran.count("20") == 0 and call("again", data, page=page, moment=30) == "shown: again"
    assert "gr.EventData" in str(signature(call)), "gradio finds it by its type"
