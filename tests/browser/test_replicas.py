"""A page behind nginx whose replica is killed: it is told to try again, and nothing of its work is lost."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from playwright.sync_api import expect

from benchmarks.page_client import Client
from benchmarks.replicas import proxy
from tests.browser.conftest import OpenStudio, missing
from tests.browser.studio_page import StudioPage
from tests.browser.test_kept_work import came_back, kept
from tests.ui.serving import GRADIO_WARNINGS, serving_apart

pytestmark = [pytest.mark.filterwarnings(*GRADIO_WARNINGS), pytest.mark.slow]


@pytest.fixture
def replicas() -> Iterator[tuple[str, dict[str, int]]]:
    """The URL of nginx before two replicas that draw a row every 20 ms; and their processes, by the id of the app."""
    if shutil.which("nginx") is None:
        missing("no nginx on PATH (Debian: apt-get install nginx)")
    with ExitStack() as stack:
        apps = [stack.enter_context(serving_apart("tiny", size=32, row_seconds=0.02)) for _ in range(2)]
        url = stack.enter_context(proxy([address.split("/")[2] for address, _ in apps]))
        yield url, {urllib.request.urlopen(f"{a}gradio_api/app_id").read().decode(): pid for a, pid in apps}


def replica_of(studio: StudioPage) -> str:
    return studio.page.evaluate("fetch('gradio_api/app_id').then((answer) => answer.text())")


def test_a_page_whose_replica_is_killed_while_it_draws_comes_back_on_another(
    open_studio: OpenStudio, replicas: tuple[str, dict[str, int]]
) -> None:
    url, processes = replicas
    studio = open_studio(url)
    studio.choose_class("hero")
    studio.set_number("seed", "40")
    studio.set_number("images", "3")
    studio.stroke((3, 3), (9, 9))
    studio.generate()
    drawn, captions, mine = studio.picture(), studio.captions(), replica_of(studio)
    assert {replica_of(studio) for _ in range(5)} == {mine}, "a visitor stays on one replica"
    kept(studio, "results")
    studio.page.click("#generate")
    expect(studio.page.locator("#status")).to_contain_text("Row", timeout=20_000)
    os.kill(processes[mine], signal.SIGKILL)
    expect(studio.page.locator(".toast-body").first).to_contain_text("Connection to the server was lost")
    came_back(studio)
    studio.wait_for_picture(drawn)
    assert studio.captions() == captions and replica_of(studio) == (set(processes) - {mine}).pop()
    assert studio.errors, "the page said that its replica was gone"
    studio.errors.clear()
    expect(studio.page.locator("#seed input")).to_have_value("40")
    studio.page.locator("#results .thumbnail-item").nth(1).click()
    studio.wait_for_status("Seed 41 is on the canvas")
    studio.generate()
    assert studio.captions() == captions and np.array_equal(studio.picture(), drawn)


def test_what_nginx_tells_when_no_replica_is_there_and_what_it_hides() -> None:
    if shutil.which("nginx") is None:
        missing("no nginx on PATH (Debian: apt-get install nginx)")
    with proxy(["127.0.0.1:9"]) as url:
        for path, status, text in (("", 503, "Please try again."), ("metrics", 404, "Not Found")):
            with pytest.raises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(url + path)
            with raised.value as answer:
                assert answer.code == status and text in answer.read().decode()


class _Empty(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()


def test_each_visit_renews_the_cookie_that_chooses_the_replica() -> None:
    if shutil.which("nginx") is None:
        missing("no nginx on PATH (Debian: apt-get install nginx)")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with proxy([f"127.0.0.1:{server.server_port}"]) as url:

            def cookie(path: str, **headers: str) -> str | None:
                with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers)) as answer:
                    return answer.headers["Set-Cookie"]

            first = cookie("")
            assert first and re.match("studio_visitor=[0-9a-f]{32}; .*HttpOnly; SameSite=Lax; Max-Age=", first)
            mine = first.partition(";")[0]
            assert cookie("", Cookie=mine) == first and cookie("config", Cookie=mine) is None
            assert cookie("config") is None and cookie("", Cookie="studio_visitor=x") not in (None, first)
        server.shutdown()


def test_events_and_bodies_pass_nginx(replicas: tuple[str, dict[str, int]]) -> None:
    """Rows of a drawing arrive while it is drawn, a body over the limit is refused, the page's own origin is allowed,
    and a foreign one is not."""
    url, _ = replicas
    client = Client(url)
    client.join("page_generate", client.values("page_generate", ticket=1, model="tiny"))
    times = list[float]()
    with client.stream() as stream:
        times += [time.monotonic() for line in stream if line.startswith(b"data:")]
    assert times[-1] - times[0] > 0.3 and len(times) > 4
    for origin, size, status in ((url[:-1], 11 << 20, 413), ("https://elsewhere.example", 2, 403), (url[:-1], 2, 422)):
        asked = urllib.request.Request(f"{url}gradio_api/queue/join", b" " * (size - 2) + b"{}")
        asked.add_header("Origin", origin)
        asked.add_header("Content-Type", "application/json")
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(asked)
        with raised.value as answer:
            assert answer.code == status
