"""A folder may be named only from the machine where the program runs, and only while it serves no other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pixelart.jobs import Jobs
from pixelart.ui.security.hosting import Hosting
from pixelart.ui.security.local_request import from_own_machine
from pixelart.ui.train.dataset_step import FOLDER_NOT_HERE
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving
from tests.ui.visitor import Visitor

DESKTOP = Hosting("desktop")


def request_of(headers: dict[str, str], client: str | None = "127.0.0.1") -> Any:
    """A request as a handler gets it."""
    return SimpleNamespace(headers=headers, client=client and SimpleNamespace(host=client, port=5))


HERE = request_of({"host": "127.0.0.1:7860"})


@pytest.mark.parametrize("host", ["localhost", "localhost:7860", "127.0.0.1:7860", "[::1]:7860", "LocalHost:1"])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_a_request_from_here_by_a_name_of_this_machine(host: str, client: str) -> None:
    assert from_own_machine(request_of({"Host": host, "user-agent": "x", "accept": "*/*"}, client))


@pytest.mark.parametrize("client", ["192.168.0.7", "203.0.113.5", "testclient", "", None])
def test_a_request_from_elsewhere(client: str | None) -> None:
    assert not from_own_machine(request_of({"host": "localhost:7860"}, client))


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "CF-Connecting-IP",
        "cf-ray", "True-Client-IP", "Fly-Client-IP", "Via", "X-Original-Forwarded-For",
    ],
)  # fmt: skip
def test_a_request_that_was_passed_on(header: str) -> None:
    assert not from_own_machine(request_of({"host": "localhost", header: "127.0.0.1"}))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "x.gradio.live",
        "localhost:80:80",
        "0.0.0.0",
    ],
)
def test_a_page_that_was_opened_by_another_name(host: str) -> None:
    assert not from_own_machine(request_of({"host": host}))


def test_no_request_at_all() -> None:
    assert not from_own_machine(None) and not from_own_machine(request_of({}))


@pytest.mark.slow
@pytest.mark.filterwarnings(*GRADIO_WARNINGS)
def test_a_served_app_looks_at_each_request(tiny_data: Path, tmp_path: Path) -> None:
    engine: Any = FakeEngine(size=8)
    form = [None, "Folder", "", str(tiny_data), "As the base model", False, False, False, 0, 0, 0, 0, "tiny", ""]
    with (
        Jobs(tmp_path / "jobs", checkpoints=tmp_path) as jobs,
        serving(engine, jobs, hosting=DESKTOP) as url,
    ):
        assert "40 pictures" in Visitor(url).post("check_pictures", form).told()
        for header in ({"X-Forwarded-For": "203.0.113.5"}, {"CF-Ray": "1"}):
            visitor = Visitor(url, headers=header)
            assert FOLDER_NOT_HERE in visitor.post("check_pictures", form).told(), header
            assert "Folder" not in str(visitor.post("offer_folder", [None]).data)
        assert "Folder" in str(Visitor(url).post("offer_folder", [None]).data)
